import Fleet
import NUMA

/// Checks the placement of a running guest that comes from another host: nothing of it is there yet.
extension PlacementAudit {
  mutating func checkArrival(of move: Move, _ guest: AuditedGuest) {
    let placement = move.placement
    let online = guest.guest.vcpusOnline
    let wanted = guest.cells.map { cell in
      let memory = AuditedGuest.sane(cell.memory.count)
      let vcpus = cell.vcpus.members.filter { online.isEmpty || online.contains($0) }
      return Wanted(id: cell.id, vcpus: vcpus, owners: guest.owners, memory: memory, arriving: memory)
    }
    if host.view.liveness != .connected { report(guest.id, "liveness", "the host is not heard of") }
    checkCells(placement, wanted, guest: guest.id, mayShare: policy.foldGuestCells)
    checkCPUs(placement, wanted, guest: guest.id)
    for vcpu in 0..<max(min(guest.guest.vcpusMaximum, 4096), 0) where placement.pinning.cpuset(ofVCPU: vcpu) == nil {
      report(guest.id, "pins", "vcpu \(vcpu) has no pin")
    }
    if placement.pinning.iothreads.map(\.iothread) != guest.guest.iothreads.sorted() {
      report(guest.id, "iothreads", "not every iothread is pinned")
    }
    if placement.pinning.memory != holding(placement, wanted) {
      report(guest.id, "memory", "the pinning's memory is not on its cells")
    }
    checkMemory(placement, wanted, guest: guest.id, pageSize: guest.pageSize)
    checkTune(placement.pinning, guest)
    checkCrowding(placement, wanted, guest: guest.id)
    checkScore(placement, guest: guest.id)
    if move.copy.count < wanted.reduce(0, { $0 + $1.memory }) {
      report(guest.id, "copy", "\(move.copy) are said to be copied, the guest has more memory")
    }
  }

  /// On another host nothing of the old numatune may stay; restrictive binds no guest cell of several to its cell.
  private mutating func checkTune(_ pinning: Pinning, _ guest: AuditedGuest) {
    let nodes = NodeSet(pinning.memory.map(\.cell).filter { host.has($0) })
    guard !nodes.isEmpty else { return }
    guard let tune = pinning.numatune, tune.nodeset == nodes, !tune.automatic else {
      return report(guest.id, "numatune", "its nodeset is not the cells of its memory, \(nodes)")
    }
    guard guest.cells.count > 1 else { return }
    if tune.mode == .restrictive { report(guest.id, "numatune", "restrictive binds none of its guest cells") }
    for target in pinning.memory {
      let memnode = tune.memnodes.first { $0.guestCell == target.guestCell }
      if memnode?.nodeset.members != [target.cell] {
        report(guest.id, "numatune", "memnode \(target.guestCell) is not on the guest cell's host cell")
      }
    }
  }
}
