import NUMA

extension Guest {
  /// Why it cannot go to another host while it runs, whatever that host has; nil when it can.
  public var refusalToLeave: Refusal? {
    guard state == .running || state == .paused else {
      return Refusal(.notRunning, "guest \(name) does not run", remedy: "start it where it shall be")
    }
    if case .process = kind {
      return Refusal(
        .notMovable, "guest \(name) cannot be migrated: libvirt does not know it", remedy: "run it as a libvirt domain")
    }
    // Agents of the previous release say nothing of migration, but name the devices that forbid it.
    guard let reason = movability.staysBecause ?? vfio.first.map({ "VFIO device \($0) does not travel" }) else {
      return nil
    }
    return Refusal(
      .notMovable, "guest \(name) cannot be migrated: \(reason)", remedy: "shut it down and start it elsewhere")
  }
}

extension Preflight {
  /// Why a guest of another host may not come to this one with that placement; nil when it may.
  public func refusal(ofArrival placement: Placement, of guest: Guest) -> Refusal? {
    guard facts.migrationURI != nil else {
      return Refusal(
        .unsupported, "host \(placement.host) takes no guests from other hosts",
        remedy: "set migration_uri in its agent.yaml")
    }
    let pinning = placement.pinning
    if pinning.vcpus.isEmpty, guest.vcpusMaximum > 0 {
      return Refusal(.malformed, "the placement of guest \(guest.name) pins no vcpu", remedy: "plan again")
    }
    let sets = pinning.vcpus.map(\.cpuset) + pinning.iothreads.map(\.cpuset) + (pinning.emulator.map { [$0] } ?? [])
    return sets.lazy.compactMap { refusal(of: $0) }.first ?? nodeRefusal(pinning) ?? roomRefusal(pinning, guest)
  }

  /// All of an arriving guest's memory must be free on its cells: what is short there would come from elsewhere, or
  /// its QEMU would be killed.
  private func roomRefusal(_ pinning: Pinning, _ guest: Guest) -> Refusal? {
    for cell in NodeSet(pinning.memory.map(\.cell)).members {
      let needed = guest.cellsToPlace.reduce(KiB(0)) { sum, guestCell in
        pinning.cell(ofGuestCell: guestCell.id) == cell ? sum + guestCell.memory : sum
      }
      guard let free = topology.cell(cell)?.free(guest.pageSize), needed > free else { continue }
      return Refusal(
        .noPages,
        "cell \(cell) has \(free) free in pages of \(guest.pageSize), guest \(guest.name) brings \(needed) there",
        remedy: "free pages on cell \(cell), or choose another cell or host")
    }
    return nil
  }
}
