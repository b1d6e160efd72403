import Fleet
import NUMA

/// From cells to CPUs: the placement and its full pinning, made once for the winner.
extension FitTable {
  /// The placement of an assignment that fits, by host cell indices in order of guest cells.
  func placement(_ cells: [Int]) -> Placement {
    var hosts = CellCPUs(vcpus: [], emulator: [], dedicated: [])
    for cell in room.cells.indices {
      let group = cells.indices.filter { cells[$0] == cell }
      if !group.isEmpty { hosts.append(cpus(of: group, at: cell)) }
    }
    let emulator = hosts.emulator.isEmpty ? emulatorCPUs(cells, own: hosts.dedicated) : hosts.emulator
    var vcpus = hosts.vcpus
    // Without libvirt nobody keeps a pin for a vcpu that has no thread yet.
    for (guestCell, cell) in cells.enumerated() where demand.running?.guest.isProcess != true {
      vcpus += offlinePins(of: guestCell, at: cell, among: hosts, emulator: emulator)
    }
    let workersOnly = demand.running?.guest.hasOnlyWorkers ?? false
    let all = vcpus.reduce(into: CPUSet()) { $0.formUnion($1.cpuset) }
    let placed = zip(demand.cells, cells).map { GuestCellPlacement(guestCell: $0.guestCell, cell: room.cells[$1].id) }
    let pinning = Pinning(
      vcpus: workersOnly ? [] : vcpus, emulator: workersOnly ? all : emulator,
      iothreads: demand.iothreads.map { IOThreadPin(iothread: $0, cpuset: emulator) }, numatune: numatune(placed),
      memory: demand.running.map(\.memoryMoves) ?? true ? holding(placed) : [])
    let terms = terms(of: cells)
    return Placement(
      host: room.view.id, cells: placed, pinning: pinning, dedicated: hosts.dedicated,
      score: terms.reduce(0) { $0 + $1.value }, terms: terms)
  }

  /// CPUs of guest cells, of one host cell or of several.
  private struct CellCPUs {
    var vcpus: [VCPUPin]
    /// CPUs for the emulator alone; empty where it shares.
    var emulator: CPUSet
    var dedicated: CPUSet

    mutating func append(_ other: CellCPUs) {
      vcpus += other.vcpus
      emulator.formUnion(other.emulator)
      dedicated.formUnion(other.dedicated)
    }
  }

  private func cpus(of group: [Int], at index: Int) -> CellCPUs {
    let floating = group.flatMap { demand.cells[$0].floating }
    var cpus = ownCPUs(of: group, at: index)
    let open = room.cells[index].shared.subtracting(cpus.dedicated)
    cpus.vcpus += floating.map { VCPUPin(vcpu: $0, cpuset: open) }
    cpus.vcpus.sort { $0.vcpu < $1.vcpu }
    return cpus
  }

  /// What vcpus and the emulator have for themselves.
  private func ownCPUs(of group: [Int], at index: Int) -> CellCPUs {
    let cell = room.cells[index]
    let vcpus = group.flatMap { demand.cells[$0].dedicated }
    let topology = room.view.topology
    if keepsPins(group, on: cell), let running = demand.running {
      let wanted = CPUSet(vcpus)
      let pins = running.pins.filter { wanted.contains($0.vcpu) }
      let own = pins.reduce(into: CPUSet()) { $0.formUnion($1.cpuset) }
      return CellCPUs(
        vcpus: pins, emulator: [], dedicated: CoreChoice.withIdleThreads(own, smt: demand.smt, on: topology))
    }
    let cores = cell.coresForOwn(vcpus.count, smt: demand.smt)
    let choice = CoreChoice(vcpus.count, smt: demand.smt, from: cores, topology: topology)
    let pins = zip(vcpus, choice?.cpus ?? []).map { VCPUPin(vcpu: $0, cpuset: [$1]) }
    invariant(pins.count == vcpus.count, "a guest cell that fits found no cpus")
    var own = choice?.dedicated ?? []
    var emulator = CPUSet()
    if group.contains(0), demand.emulatorPCPUs > 0 {
      let rest = cell.cores.map {
        CellRoom.Core(threads: $0.threads.subtracting(own), whole: $0.whole && $0.threads.isDisjoint(with: own))
      }
      let extra = CoreChoice(
        demand.emulatorPCPUs, smt: .prefer, from: rest.filter { !$0.threads.isEmpty }, topology: topology)
      emulator = extra?.dedicated ?? []
      invariant(emulator.count == demand.emulatorPCPUs, "a guest cell that fits found no cpus for its emulator")
      own.formUnion(emulator)
    }
    return CellCPUs(vcpus: pins, emulator: emulator, dedicated: own)
  }

  /// Shared CPUs of the guest's cells; the reserve where nothing is shared; its own as the last resort.
  private func emulatorCPUs(_ cells: [Int], own: CPUSet) -> CPUSet {
    func union(_ set: (CellRoom) -> CPUSet) -> CPUSet {
      cells.reduce(into: CPUSet()) { $0.formUnion(set(room.cells[$1])) }.subtracting(own)
    }
    let shared = union(\.shared)
    if !shared.isEmpty { return shared }
    let undedicated = union(\.undedicated)
    return undedicated.isEmpty ? own : undedicated
  }

  /// Where vcpus go that are plugged later: floating ones to the shared CPUs, dedicated ones to those of their cell.
  private func offlinePins(of guestCell: Int, at index: Int, among hosts: CellCPUs, emulator: CPUSet) -> [VCPUPin] {
    let cell = room.cells[index]
    var set = cell.shared.subtracting(hosts.dedicated)
    if demand.isDedicated {
      let siblings = CPUSet(demand.cells[guestCell].online)
      set = hosts.vcpus.reduce(into: CPUSet()) { if siblings.contains($1.vcpu) { $0.formUnion($1.cpuset) } }
    }
    if set.isEmpty { set = emulator }
    return demand.cells[guestCell].offline.map { VCPUPin(vcpu: $0, cpuset: set) }
  }

  /// Guest cells that have memory.
  private func holding(_ placed: [GuestCellPlacement]) -> [GuestCellPlacement] {
    zip(demand.cells, placed).filter { $0.0.memory > 0 }.map(\.1)
  }

  /// A whole numatune for a new guest and for one whose memory moves; nil where memory stays or libvirt has no part.
  private func numatune(_ placed: [GuestCellPlacement]) -> NUMATune? {
    let holding = holding(placed)
    let nodeset = NodeSet(holding.map(\.cell))
    guard !holding.isEmpty else { return nil }
    guard let running = demand.running else {
      let memnodes = holding.map { MemNode(guestCell: $0.guestCell, mode: demand.mode, nodeset: [$0.cell]) }
      return NUMATune(mode: demand.mode, nodeset: nodeset, memnodes: placed.count > 1 ? memnodes : [])
    }
    guard running.memoryMoves, !running.guest.isProcess else { return nil }
    // libvirt takes a new nodeset of a running guest in this mode only, and remembers a guest without any as strict.
    if !running.byPages { return NUMATune(mode: .restrictive, nodeset: nodeset) }
    let hasCells = !running.guest.guestCells.isEmpty
    let present = running.guest.live.numatune ?? running.guest.config?.numatune
    let memnodes = holding.map { cell in
      let own = present?.memnodes.first { $0.guestCell == cell.guestCell }?.mode ?? demand.mode
      let mode = demand.mode == .restrictive ? demand.mode : own
      return MemNode(guestCell: cell.guestCell, mode: mode, nodeset: [cell.cell])
    }
    let named = hasCells && (placed.count > 1 || !(present?.memnodes.isEmpty ?? true))
    return NUMATune(mode: demand.mode, nodeset: nodeset, memnodes: named ? memnodes : [])
  }
}
