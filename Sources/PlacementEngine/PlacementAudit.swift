import Fleet
import NUMA

/// Checks one placement against one state of its host.
struct PlacementAudit {
  private(set) var found: [Violation] = []
  let host: AuditedHost
  let policy: Policy

  init(host: AuditedHost, policy: Policy) {
    self.host = host
    self.policy = policy
  }

  /// A guest cell as it is checked, of a shape or of a running guest.
  struct Wanted {
    let id: Int
    let vcpus: [Int]
    /// Those that must have a CPU of their own.
    let owners: CPUSet
    let memory: Int
    /// KiB that have to be copied or allocated on the new cell.
    let arriving: Int
  }

  // MARK: A new guest

  mutating func check(_ placement: Placement, of shape: Shape) {
    var next = 0
    let wanted = shape.guestCells.enumerated().map { index, cell in
      let vcpus = Array(next..<(next + max(cell.vcpus, 0)))
      next += vcpus.count
      var owners = CPUSet()
      if shape.cpuClass == .dedicated { owners = CPUSet(vcpus) }
      if shape.cpuClass == .mixed { owners = CPUSet(vcpus.prefix(max(cell.dedicatedVCPUs, 0))) }
      return Wanted(
        id: index, vcpus: vcpus, owners: owners, memory: cell.memory.count, arriving: cell.memory.count)
    }
    if host.view.liveness != .connected { report(nil, "liveness", "the host is not heard of") }
    if !shape.hosts.isEmpty, !shape.hosts.contains(placement.host) {
      report(nil, "hosts", "the shape names other hosts")
    }
    checkCells(placement, wanted, guest: nil, mayShare: policy.foldGuestCells)
    checkCPUs(placement, wanted, guest: nil)
    checkMemory(placement, wanted, guest: nil, pageSize: shape.pageSize)
    checkDevices(placement, near: shape.near)
    if placement.pinning.memory != holding(placement, wanted) {
      report(nil, "memory", "the pinning's memory is not on its cells")
    }
    if shape.cpuClass != .floating { checkThreads(placement, wanted, smt: shape.smt) }
    let own = placement.pinning.emulator ?? []
    if shape.cpuClass != .floating, shape.emulatorPCPUs > 0,
      own.count != shape.emulatorPCPUs || !own.isSubset(of: placement.dedicated)
    {
      report(nil, "emulator", "the emulator has \(own) and not \(shape.emulatorPCPUs) pcpus of its own")
    }
    if placement.pinning.iothreads.count != shape.iothreads { report(nil, "iothreads", "not every iothread is pinned") }
    checkCrowding(placement, wanted, guest: nil)
    checkScore(placement, guest: nil)
  }

  // MARK: A running guest

  mutating func check(_ move: Move, _ guest: AuditedGuest) {
    let placement = move.placement
    let targets = placement.pinning.memory
    let online = guest.guest.vcpusOnline
    let wanted = guest.cells.enumerated().map { index, cell in
      let target = targets.first { $0.guestCell == cell.id }
      let vcpus = cell.vcpus.members.filter { online.isEmpty || online.contains($0) }
      return Wanted(
        id: cell.id, vcpus: placement.pinning.vcpus.isEmpty ? [] : vcpus, owners: guest.owners,
        memory: AuditedGuest.sane(cell.memory.count),
        arriving: target.map { guest.away(index, from: $0.cell) } ?? 0)
    }
    checkMovability(move, guest)
    checkCells(placement, wanted, guest: guest.id, mayShare: policy.foldGuestCells || targets.isEmpty)
    checkCPUs(placement, wanted, guest: guest.id)
    if placement.pinning.vcpus.isEmpty, guest.masks.isEmpty == false, placement.pinning.emulator == nil {
      report(guest.id, "pins", "no thread gets a pin")
    }
    var pinned = CPUSet(0..<max(min(guest.guest.vcpusMaximum, 4096), 0))
    // A vcpu of a process that is not plugged has no thread, and no libvirt remembers a pin for it.
    if case .process = guest.guest.kind { pinned = guest.guest.vcpusOnline }
    for vcpu in pinned.members where !placement.pinning.vcpus.isEmpty {
      if placement.pinning.cpuset(ofVCPU: vcpu) == nil { report(guest.id, "pins", "vcpu \(vcpu) has no pin") }
    }
    if !targets.isEmpty {
      if targets != holding(placement, wanted) {
        report(guest.id, "memory", "the pinning's memory is not on its cells")
      }
      checkMemory(placement, wanted, guest: guest.id, pageSize: guest.pageSize)
      checkDevices(
        placement,
        near: guest.guest.vfio.filter { address in
          host.view.topology.devices.contains { $0.address == address }
        })
    } else {
      for (index, cell) in guest.cells.enumerated() {
        let place = placement.cells.first { $0.guestCell == cell.id }?.cell
        if let home = guest.home(of: index), home != place {
          report(
            guest.id, "memory", "guest cell \(cell.id)'s threads go to cell \(place ?? -1), its memory stays on \(home)"
          )
        }
      }
    }
    checkNumatune(move, guest)
    checkScore(placement, guest: guest.id)
    // The guest touches and frees memory all the time, so what was planned need not be exact, only not another matter.
    let copy = wanted.reduce(0) { $0 + $1.arriving }
    let memory = wanted.reduce(0) { $0 + $1.memory }
    if abs(AuditedGuest.sane(move.copy.count) - copy) * 4 > max(memory, 4096) {
      report(guest.id, "copy", "\(move.copy) are said to be copied, it is \(KiB(copy))")
    }
  }

  private mutating func checkMovability(_ move: Move, _ guest: AuditedGuest) {
    let movability = guest.guest.movability
    if move.movability.class != movability.class { report(guest.id, "movability", "planned on another movability") }
    if movability.class == .fixed || movability.class == .migrateOnly {
      report(guest.id, "movability", "a guest that is \(movability.class.rawValue) cannot be moved while it runs")
      return
    }
    let targets = move.placement.pinning.memory
    if targets.isEmpty { return }
    let byPages = policy.livePages.contains { $0 == "*" || $0 == guest.guest.name || $0 == guest.id.text }
    switch movability.class {
    case .liveMemory where guest.cells.count == 1: break
    case .liveMemory, .livePages:
      if !byPages { report(guest.id, "movability", "its memory moves by livePages only, which is off for it") }
      let named = guest.cells.allSatisfy { cell in guest.guest.regions.contains { $0.guestCell == cell.id } }
      if guest.cells.count > 1, !named {
        report(guest.id, "movability", "its mappings cannot be told apart by guest cell")
      }
      checkMixing(targets, guest)
    default: report(guest.id, "movability", "its memory cannot move: it is \(movability.class.rawValue)")
    }
  }

  /// libnuma moves all that a guest has on a cell, so two guest cells must never meet on one on the way.
  private mutating func checkMixing(_ targets: [GuestCellPlacement], _ guest: AuditedGuest) {
    for (index, cell) in guest.cells.enumerated() {
      guard let home = guest.home(of: index), let target = targets.first(where: { $0.guestCell == cell.id })?.cell,
        target != home
      else { continue }
      for (other, otherCell) in guest.cells.enumerated() where other != index {
        let otherTarget = targets.first { $0.guestCell == otherCell.id }?.cell
        if guest.home(of: other) == home || guest.home(of: other) == target || otherTarget == target {
          report(guest.id, "mixing", "pages of guest cells \(cell.id) and \(otherCell.id) would mix on the way")
        }
      }
    }
  }

  private mutating func checkNumatune(_ move: Move, _ guest: AuditedGuest) {
    let pinning = move.placement.pinning
    guard let tune = pinning.numatune else { return }
    if pinning.memory.isEmpty { return report(guest.id, "numatune", "its memory stays, and its numatune would change") }
    let nodes = NodeSet(
      pinning.memory.filter { target in
        guest.cells.contains { $0.id == target.guestCell && $0.memory.count > 0 }
      }.map(\.cell).filter { host.has($0) })
    if tune.nodeset != nodes { report(guest.id, "numatune", "its nodeset is not the cells of its memory, \(nodes)") }
    if guest.guest.movability.class == .liveMemory, guest.cells.count == 1, tune.mode != .restrictive {
      report(guest.id, "numatune", "libvirt takes a new nodeset of a running guest in mode restrictive only")
    }
    for memnode in tune.memnodes {
      let target = pinning.memory.first { $0.guestCell == memnode.guestCell }?.cell
      if memnode.nodeset.count != 1 || memnode.nodeset.first != target {
        report(guest.id, "numatune", "memnode \(memnode.guestCell) is not on the guest cell's host cell")
      }
    }
  }

  mutating func report(_ guest: GuestID?, _ rule: String, _ text: String) {
    found.append(Violation(host: host.view.id, guest: guest, rule: rule, text: text))
  }
}
