public import Fleet
import NUMA

extension Claim {
  /// What a move reserves until its effect is observed: the CPUs it dedicates and the memory of its new cells.
  ///
  /// What the guest holds now stays counted by the guest itself, so that old and new are both taken while it moves; a
  /// migration reserves on the host that it goes to. `host` is the one where the guest is.
  public static func of(_ move: Move, job: JobID, in host: HostView) -> Claim {
    let guest = host.guests.first { $0.id == move.guest }
    let cells = guest?.boundedCells ?? []
    let memory = move.placement.pinning.memory.compactMap { target in
      cells.first { $0.id == target.guestCell }.map {
        MemoryClaim(cell: target.cell, pageSize: guest?.pageSize ?? .base, amount: KiB(Amounts.bounded($0.memory)))
      }
    }
    let pinning = move.placement.pinning
    let floating = move.placement.cells.map { place in
      let vcpus = cells.first { $0.id == place.guestCell }?.vcpus.members ?? []
      let online = guest?.vcpusOnline ?? []
      let sharing = vcpus.count { vcpu in
        guard online.isEmpty || online.contains(vcpu), let mask = pinning.cpuset(ofVCPU: vcpu) else { return false }
        return !mask.isSubset(of: move.placement.dedicated)
      }
      return FloatingClaim(cell: place.cell, vcpus: sharing)
    }
    return Claim(
      job: job, host: move.placement.host, guest: move.guest, guestName: move.guestName,
      dedicated: move.placement.dedicated,
      memory: summed(memory), floating: summed(floating))
  }

  /// What a guest that is about to be started reserves until it is observed.
  public static func of(_ placement: Placement, shape: Shape, guest: GuestID, job: JobID) -> Claim {
    let memory = zip(placement.cells, shape.guestCells).map { place, cell in
      MemoryClaim(cell: place.cell, pageSize: shape.pageSize, amount: KiB(Amounts.bounded(cell.memory)))
    }
    let floating = zip(placement.cells, shape.guestCells).map { place, cell in
      FloatingClaim(cell: place.cell, vcpus: cell.vcpus - cell.dedicated(shape.cpuClass))
    }
    return Claim(
      job: job, host: placement.host, guest: guest, guestName: shape.name, dedicated: placement.dedicated,
      memory: summed(memory), floating: summed(floating))
  }

  /// One entry a cell, ascending; nothing for cells that get no floating vcpus.
  private static func summed(_ claims: [FloatingClaim]) -> [FloatingClaim] {
    var result: [FloatingClaim] = []
    for claim in claims.sorted(by: { $0.cell < $1.cell }) where claim.vcpus > 0 {
      if let last = result.indices.last, result[last].cell == claim.cell {
        result[last].vcpus += claim.vcpus
      } else {
        result.append(claim)
      }
    }
    return result
  }

  /// One entry a cell, ascending; nothing for cells that get no memory.
  private static func summed(_ claims: [MemoryClaim]) -> [MemoryClaim] {
    var result: [MemoryClaim] = []
    for claim in claims.sorted(by: { $0.cell < $1.cell }) where claim.amount > 0 {
      if let last = result.indices.last, result[last].cell == claim.cell {
        result[last].amount += claim.amount
      } else {
        result.append(claim)
      }
    }
    return result
  }
}
