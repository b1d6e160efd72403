import Fleet

/// Starting a guest, which has no way back: a guest that runs is never ended for having been started in the wrong way.
extension JobRun {
  var startsGuest: Bool {
    if case .start = job.action { return true }
    return false
  }

  /// What libvirt says of a failed start is not what it did: the guest is looked for, save where another has its UUID.
  mutating func failedToStart(_ index: Int, _ refusal: Refusal, now: Instant) -> Next {
    if index > 0 { return .end(mayRun(refusal), observed: nil) }
    if refusal.code == .duplicate { return .end(.refused(refusal), observed: nil) }
    phase = .checkingStart(because: refusal)
    stepBegan = now
    return .run(.observeGuest(job.guest, incarnation: nil), deadlineMilliseconds: 30_000)
  }

  func checkedStart(_ because: Refusal, _ outcome: CommandOutcome, _ guest: Guest?) -> Next {
    guard case .observedGuest = outcome, !libvirtIsDown else { return .end(mayRun(because), observed: nil) }
    if let guest, guest.state == .running || guest.state == .paused {
      return .end(
        .diverged(Refusal(.diverged, "it runs, but \(because.message)", remedy: "use numafleet place")), observed: guest
      )
    }
    // A call that libvirt did not answer may lie in its queue, whether the deadline or the connection ended first.
    let isOpen = because.code == .libvirtTimeout || because.code == .libvirtDown
    return .end(isOpen ? mayRun(because) : .refused(because), observed: nil)
  }

  private func mayRun(_ refusal: Refusal) -> JobOutcome {
    .diverged(
      Refusal(
        .diverged, "\(refusal.message), and guest \(job.guestName) may start yet",
        remedy: "look at numafleet guest list before you start it again"))
  }
}
