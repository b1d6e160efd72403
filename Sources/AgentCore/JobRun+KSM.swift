import Fleet
import NUMA

/// Setting what the host's KSM merges: the kernel takes it only while nothing is merged, so all is unmerged for it, and
/// then KSM runs as before.
///
///     inspecting ──► unmerge ──► set ──► run again ──► verify ──► ended(verified)
///         │            ▲  │       │ busy                 │ somebody writes meanwhile
///         │            └──┼───────┴───────◄──────────────┘ (some rounds)
///         ▼               ▼
///   ended(refused)     undoing(run as before) ──► checkingUndo ──► ended(refused: rolledBack | verified | diverged)
///
/// The only way back is `run`: either value of the setting is whole. What the kernel shows ends the job, never that a
/// call went well.
extension JobRun {
  var switchesKSM: Bool { job.guestIfAny == nil }

  /// Others write `run` too, ksmtuned among them; so often it is tried again before that is told.
  static let ksmRoundsMax = 3
  /// The kernel copies page by page; 50 MiB a second is slow, and the floor covers the rest.
  static let unmergingMillisecondsPerMiB = 20
  static let unmergingFloorMilliseconds = 60_000

  /// Places of the steps.
  private static let (unmerging, setting, running, verifying) = (0, 1, 2, 3)

  private var merges: Bool {
    guard case .switchKSM(let mergeAcrossNodes) = job.action else { return true }
    return mergeAcrossNodes
  }

  mutating func completedKSM(_ outcome: CommandOutcome, guests: [Guest], now: Instant) -> Next {
    switch (phase, outcome) {
    case (.inspecting, .observedKSM(let state, let cells)):
      return inspected(state, cells: cells, guests: guests, now: now)
    case (.inspecting, .failed(let refusal)):
      return .end(self.outcome(refusedBy: refusal), observed: nil)
    case (.acting(let index), .done(let detail, _)):
      record(steps[index].name, detail, now: now)
      return start(index + 1, now: now)
    case (.acting(let index), .failed(let refusal)):
      record(steps[index].name, "failed: \(refusal.message)", now: now)
      return failedKSM(index, refusal, now: now)
    case (.acting, .observedKSM(let state, _)):
      return verified(state, now: now)
    case (.undoing(let index, let because), .failed(let refusal)) where refusal.code == .libvirtTimeout:
      // The kernel is still unmerging, and takes no other word before it has ended.
      return undo(from: index, because: because, now: now)
    case (.undoing(let index, let because), _):
      return undone(index, because, outcome, now: now)
    case (.checkingUndo(let because), .observedKSM(let state, _)):
      return .end(end(of: state, because), observed: nil)
    case (.checkingUndo(let because), .failed(let refusal)):
      return .end(notBack(because, "KSM's settings cannot be read: \(refusal.message)"), observed: nil)
    default:
      return steps.isEmpty ? .end(self.outcome(refusedBy: unexpected), observed: nil) : giveUp(unexpected, now: now)
    }
  }

  private mutating func inspected(
    _ state: KSMState?, cells: [CellState], guests: [Guest], now: Instant
  ) -> Next {
    if resumed { return resume(at: state, now: now) }
    let refusal = KSMSwitch(host: job.host, mergeAcrossNodes: merges).refusal(state, cells: cells, guests: guests)
    guard let state, refusal == nil else { return .end(.refused(refusal ?? unexpected), observed: nil) }
    if state.mergeAcrossNodes == merges {
      record("verify", "\(state.words) already", now: now)
      return .end(.verified, observed: nil)
    }
    before = Pinning()
    ksmBefore = state
    steps = steps(from: state)
    return start(Self.unmerging, now: now)
  }

  /// An agent before this one was stopped half way, perhaps for want of memory: the kernel takes the one who unmerges
  /// first. What it had set is finished, what it had not is not tried again, and KSM runs as it did.
  private mutating func resume(at state: KSMState?, now: Instant) -> Next {
    guard let ksmBefore, let state else { return .end(self.outcome(refusedBy: unexpected), observed: nil) }
    steps = steps(from: ksmBefore)
    if state.mergeAcrossNodes == merges { return start(Self.running, now: now) }
    return giveUp(
      Refusal(.rolledBack, "the agent was stopped while it switched KSM", remedy: "ask again"), now: now)
  }

  private func steps(from state: KSMState) -> [JobStep] {
    let patience =
      Self.unmergingFloorMilliseconds + (state.saved ?? KiB(0)).mib * Self.unmergingMillisecondsPerMiB
    return [
      JobStep(
        "unmerge all pages\(state.saved.map { " (\($0))" } ?? "")", .act(.setKSM(.run(2))),
        undo: .setKSM(.run(state.run)), deadlineMilliseconds: patience),
      JobStep("merge_across_nodes \(merges ? 1 : 0)", .act(.setKSM(.mergeAcrossNodes(merges)))),
      JobStep("run \(state.run)", .act(.setKSM(.run(state.run)))),
      JobStep("verify", .verify, deadlineMilliseconds: 30_000),
    ]
  }

  private mutating func failedKSM(_ index: Int, _ refusal: Refusal, now: Instant) -> Next {
    // Whether the call that failed did it all the same is seen, and it is made again where it did not.
    if index == Self.running { return start(Self.verifying, now: now) }
    if index == Self.setting, refusal.code == .busy, isNewRound() { return start(Self.unmerging, now: now) }
    return giveUp(refusal, now: now)
  }

  private mutating func verified(_ state: KSMState?, now: Instant) -> Next {
    guard let state, let ksmBefore else { return giveUp(unexpected, now: now) }
    record("verify", state.words, now: now)
    if state.mergeAcrossNodes == merges, state.run == ksmBefore.run { return .end(.verified, observed: nil) }
    if isNewRound() {
      return start(state.mergeAcrossNodes == merges ? Self.running : Self.unmerging, now: now)
    }
    return giveUp(
      Refusal(
        .busy, "somebody else writes KSM's settings: \(state.words)",
        remedy: "stop who does, for example ksmtuned, and ask again"), now: now)
  }

  private mutating func isNewRound() -> Bool {
    ksmRounds += 1
    return ksmRounds < Self.ksmRoundsMax
  }

  private mutating func giveUp(_ refusal: Refusal, now: Instant) -> Next {
    undo(from: Self.unmerging, because: refusal, now: now)
  }

  /// After `run` was written back.
  private func end(of state: KSMState?, _ because: Refusal) -> JobOutcome {
    guard let state, let ksmBefore else { return notBack(because, "KSM's settings are gone") }
    guard state.run == ksmBefore.run else { return notBack(because, "it is at \(state.words)") }
    if state.mergeAcrossNodes == merges { return .verified }
    return .refused(Refusal(.rolledBack, because.message, remedy: "KSM runs as before; \(because.remedy)"))
  }

  private func notBack(_ because: Refusal, _ found: String) -> JobOutcome {
    let run = ksmBefore?.run ?? 1
    return .diverged(
      Refusal(
        .diverged, "\(because.message); and \(found), where run was \(run)",
        remedy: "echo \(run) >/sys/kernel/mm/ksm/run on host \(job.host)"))
  }
}

extension KSMState {
  /// For a job's steps.
  fileprivate var words: String {
    "run \(run), merge_across_nodes \(mergeAcrossNodes ? 1 : 0), \(pagesShared) pages shared"
  }
}
