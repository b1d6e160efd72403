import Fleet
import NUMA

/// Sending a guest to another host. There is no way back and none is needed: until libvirt has handed the guest over
/// it runs here as before, and afterwards it is the other host's, whose own report proves where it is.
///
///     inspecting ──► acting(migrate) ──► acting(verify) ──► ended(verified: it is gone)
///                         │ failed             │ cannot be seen
///                         ▼                    ▼
///            [settling ──►] checkingDeparture ──► ended(refused: it is here | verified: it is gone)
extension JobRun {
  var migrates: Bool { job.destination != nil }

  /// A guest whose memory changes faster than this is sent does not converge, and is called off.
  static let slowestMillisecondsPerMiB = 20
  /// For what is not copying: connecting, starting QEMU there, which may have to clear all of the guest's pages first,
  /// and handing over.
  static let migrationFloorMilliseconds = 180_000
  /// What an agent before this one has begun is left so long to end by itself.
  static let patienceMilliseconds = 600_000
  /// libvirt waits longer for nothing, and a call that was called off ends sooner.
  static let settlingMilliseconds = 60_000

  /// Why a run that was taken up from the journal looks at what has become of it.
  var interruption: Refusal {
    Refusal(.diverged, "the agent was stopped in the middle of this migration", remedy: "ask again")
  }

  mutating func beginMigration(of guest: Guest, now: Instant) -> Next {
    if let refusal = guest.refusalToLeave { return .end(.refused(refusal), observed: guest) }
    guard case .migrate(let uri, _, _) = job.action else { return .end(.refused(interruption), observed: guest) }
    before = guest.live
    configBefore = guest.config
    wasPaused = guest.state == .paused
    let converge = Self.migrationFloorMilliseconds + guest.memory.mib * Self.slowestMillisecondsPerMiB
    steps = [
      JobStep(
        "migrate to \(job.destination?.text ?? "")",
        .act(.migrate(domain: guest.id.text, uri: uri, desired, converge: converge)),
        deadlineMilliseconds: converge + Self.settlingMilliseconds),
      JobStep("verify", .verify, deadlineMilliseconds: 30_000),
    ]
    return start(0, now: now)
  }

  /// libvirt's error is no proof that the guest stays; and without an answer the call may still be carried out.
  mutating func failedToLeave(_ refusal: Refusal, now: Instant) -> Next {
    let isOpen = refusal.code == .libvirtTimeout || refusal.code == .libvirtDown
    return isOpen ? settle(because: refusal, now: now) : look(because: refusal, now: now)
  }

  /// Waits until libvirt has ended what it was asked, however long it takes to answer: the guest may leave meanwhile.
  mutating func settle(because refusal: Refusal, now: Instant) -> Next {
    phase = .settling(because: refusal)
    stepBegan = now
    // What an agent before this one has begun may well be about to succeed.
    let patience = steps.isEmpty ? Self.patienceMilliseconds : 0
    return .run(
      .settleMigration(domain: job.guest.text, patience: patience),
      deadlineMilliseconds: patience + Self.settlingMilliseconds)
  }

  mutating func settled(_ because: Refusal, _ outcome: CommandOutcome, now: Instant) -> Next {
    guard case .done(let detail, _) = outcome else { return settle(because: because, now: now) }
    record("settle", detail, now: now)
    return look(because: because, now: now)
  }

  private mutating func look(because refusal: Refusal, now: Instant) -> Next {
    phase = .checkingDeparture(because: refusal)
    stepBegan = now
    return .run(.observeGuest(job.guest, incarnation: nil), deadlineMilliseconds: 30_000)
  }

  /// Whether the guest is here is seen, never concluded from what libvirt said; `because` is nil when it said that all
  /// went well.
  mutating func checkedDeparture(
    _ because: Refusal?, _ outcome: CommandOutcome, _ guest: Guest?, now: Instant
  ) -> Next {
    guard case .observedGuest = outcome, !libvirtIsDown else { return settle(because: because ?? blind, now: now) }
    guard let guest else {
      record("verify", "it is gone from this host", now: now)
      return .end(.verified, observed: nil)
    }
    guard let present = present(guest) else {
      record("verify", "it is \(guest.state.rawValue) here", now: now)
      return .end(notMigrated(guest), observed: guest)
    }
    record("verify", "it is here", now: now)
    guard let because else {
      return .end(
        .diverged(
          Refusal(
            .diverged, "libvirt says that guest \(job.guestName) has left, and it is here still",
            remedy: "look at it on both hosts")), observed: present)
    }
    if present.state == .paused, wasPaused != true {
      return .end(
        .diverged(
          Refusal(
            .diverged, "\(because.message); guest \(job.guestName) is still here, but paused",
            remedy: "if it does not run on \(job.destination?.text ?? "the other host"), resume it: virsh resume")),
        observed: present)
    }
    return .end(
      .refused(
        Refusal(
          because.code == .cancelled ? .cancelled : .rolledBack, because.message,
          remedy: "the guest runs on where it was; \(because.remedy)")),
      observed: present)
  }

  /// What a guest is that neither runs here as it did nor has left no trace.
  private func notMigrated(_ guest: Guest) -> JobOutcome {
    if guest.state == .running || guest.state == .paused {
      return .diverged(
        Refusal(
          .incarnationChanged, "guest \(job.guestName) was started again here while it was to be migrated",
          remedy: "look at it on both hosts"))
    }
    return .refused(
      Refusal(
        .guestGone, "guest \(job.guestName) was shut down while it was to be migrated",
        remedy: "start it where it shall be"))
  }

  private var blind: Refusal {
    Refusal(
      .libvirtDown, "guest \(job.guestName) cannot be seen while libvirt does not answer", remedy: "start libvirtd")
  }
}
