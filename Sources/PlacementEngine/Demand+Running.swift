import Fleet
import NUMA

extension Demand {
  /// A running guest on its host, as if it were taken off and placed anew.
  ///
  /// Which vcpus have CPUs of their own is what its pins show; its cells are open only as far as its memory may move.
  init(_ guest: Guest, _ footprint: Footprint, on room: HostRoom, policy: Policy) {
    let guestCells = guest.boundedCells
    let masks = footprint.vcpus
    let dedicated = footprint.dedicated
    name = guest.name
    cells = guestCells.enumerated().map { index, cell in
      // An offline vcpu that is pinned to a CPU of its own keeps one; others wait on the cell's CPUs.
      let own = masks.filter { cell.vcpus.contains($0.vcpu) }
      let active = own.filter { $0.online || $0.owns(of: dedicated) }.map(\.vcpu)
      let waiting = cell.vcpus.subtracting(CPUSet(active)).intersection(CPUSet(own.map(\.vcpu)))
      return DemandCell(
        guestCell: cell.id, online: active, dedicated: own.filter { $0.owns(of: dedicated) }.map(\.vcpu),
        offline: waiting.members,
        memory: Amounts.bounded(cell.memory), resident: footprint.resident[index])
    }
    let pins = masks.compactMap { $0.owns(of: dedicated) ? VCPUPin(vcpu: $0.vcpu, cpuset: $0.mask ?? []) : nil }
    // A guest says nothing of hardware threads; one that meets the policy today keeps to it, others prefer whole cores.
    smt = CoreChoice.satisfies(policy.smt, footprint.dedicated ?? [], on: room.view.topology) ? policy.smt : .prefer
    pageSize = guest.pageSize
    mode = Self.mode(of: guest)
    emulatorPCPUs = 0
    iothreads = guest.iothreads.sorted()
    hosts = [room.view.id]
    use = room.uses.reduce(HostStrain.Use(), +)
    (labels, tolerates) = ([], [])
    let homes = guestCells.indices.map { footprint.home(ofGuestCellAt: $0) }
    let (moves, byPages, reason) = Self.memoryMoves(of: guest, homes: homes, policy: policy)
    near = moves ? guest.vfio : []
    let fixed: [Int?] = moves ? guestCells.map { _ in nil } : homes
    running = RunningDemand(
      guest: guest, fixed: fixed, memoryMoves: moves, memoryReason: reason, byPages: byPages, homes: homes, pins: pins)
    // Where memory already shares a cell and stays, its threads must be allowed to share it too.
    let known = homes.compactMap { $0 }
    sharing = policy.foldGuestCells || (!moves && CPUSet(known).count < known.count)
  }

  /// The mode stays what it is: libvirt changes none while a guest runs, and a numatune is either all restrictive or
  /// not at all. Without any, restrictive leaves the next start as movable as this one.
  static func mode(of guest: Guest) -> NUMAMode {
    let (live, config) = (guest.live.numatune, guest.config?.numatune)
    return live?.mode ?? live?.memnodes.first?.mode ?? config?.mode ?? config?.memnodes.first?.mode ?? .restrictive
  }

  /// Whether its memory can go to other cells of its host, by pages or as a whole, and why it can or cannot.
  static func memoryMoves(
    of guest: Guest, homes: [Int?], policy: Policy
  ) -> (moves: Bool, byPages: Bool, reason: String) {
    let movability = guest.movability
    let cells = guest.boundedCells.count
    switch movability.class {
    case .liveMemory where cells == 1: return (true, false, movability.reason)
    case .liveMemory, .livePages:
      guard policy.allowsLivePages(of: guest) else {
        let why =
          movability.class == .livePages
          ? movability.reason : "libvirt moves a guest to one nodeset only, and it has \(cells) guest cells"
        return (false, true, "\(why); livePages is off for it")
      }
      let known = homes.compactMap { $0 }
      guard cells == 1 || CPUSet(known).count == known.count else {
        return (false, true, "guest cells share a host cell, and page migration moves all that is on a cell")
      }
      let named = guest.boundedCells.allSatisfy { cell in guest.regions.contains { $0.guestCell == cell.id } }
      guard cells == 1 || named else { return (false, true, "its mappings cannot be told apart by guest cell") }
      return (true, true, movability.reason)
    case .cpuOnly, .migrateOnly, .fixed: return (false, false, movability.reason)
    }
  }
}
