import Fleet
import NUMA

/// One job being carried out: which step is in flight, what was done, and how to go back.
///
///     inspecting ──► acting(0) ──► … ──► acting(n) ──► ended(verified)
///         │              │ failure or difference
///         ▼              ▼
///   ended(refused)   undoing(k) ──► checkingUndo ──► ended(refused: rolledBack | diverged)
struct JobRun: Sendable, Hashable {
  enum Phase: Sendable, Hashable {
    case inspecting
    case acting(Int)
    case undoing(Int, because: Refusal)
    case checkingUndo(because: Refusal)
    /// A start was told to have failed: whether the guest runs all the same.
    case checkingStart(because: Refusal)
    /// What became of a migration is not known: it must come to an end before anything can be said.
    case settling(because: Refusal)
    /// A migration was told to have failed: whether the guest is here still.
    case checkingDeparture(because: Refusal)
  }

  /// What the run wants next.
  enum Next {
    case run(Effect, deadlineMilliseconds: Int)
    case end(JobOutcome, observed: Guest?)
  }

  /// Rounds of moving what is left before the job gives up.
  static let memoryRoundsMax = 3

  var job: Job
  let desired: Pinning
  private(set) var driver: DriverChoice
  /// True when a restarted agent takes up a job from its journal: the guest may be half way.
  let resumed: Bool
  /// True when the agent itself puts back pages that went astray; the job was verified before.
  let isUpkeep: Bool
  var before: Pinning?
  /// The persistent definition's pinning before the first step; nil when it is not known any more.
  var configBefore: Pinning?
  /// KSM's settings before the first step of a run that switches them.
  var ksmBefore: KSMState?
  /// How often a run that switches KSM has begun again.
  var ksmRounds = 0
  var phase = Phase.inspecting
  var steps: [JobStep] = []
  var records: [StepRecord] = []
  private(set) var pagesLeft = 0
  var stepBegan: Instant
  private var memoryRounds = 0
  /// Whether libvirt answered at the inspection, so that the steps write the persistent definition.
  private var writesConfig = false
  /// What the kernel gives a cgroup that nobody has set.
  var defaultShares = 100
  /// Guest cells whose memory lay on several cells before, so that "where it was" cannot be checked.
  var spread: [Int] = []
  /// CPUs that are online: the kernel gives a thread no other, whatever libvirt's record says.
  var online = CPUSet()
  /// How far the effect in flight is, where it tells.
  var effectProgress: String?
  /// Whether the guest was paused before it was to leave; nil when it is not known any more.
  var wasPaused: Bool?
  /// Whether nobody wants it any more.
  var isCancelled = false
  /// Whether libvirt did not answer at the newest reading, so that a guest that is not seen is not known to be gone.
  var libvirtIsDown = false

  init(
    job: Job, desired: Pinning, driver: DriverChoice, before: Pinning?, configBefore: Pinning? = nil,
    ksmBefore: KSMState? = nil, isUpkeep: Bool, now: Instant
  ) {
    self.configBefore = configBefore
    self.ksmBefore = ksmBefore
    self.job = job
    self.desired = desired
    self.driver = driver
    self.before = before
    resumed = before != nil
    self.isUpkeep = isUpkeep
    stepBegan = now
  }

  /// Whether the run moves memory or takes some, of which a host does one at a time.
  var movesMemory: Bool { switchesKSM || !desired.memory.isEmpty || desired.numatune?.nodeset != nil }

  /// The first thing to do: read the guest as it is now, or start it.
  mutating func begin(now: Instant) -> Next {
    if resumed, migrates { return settle(because: interruption, now: now) }
    if switchesKSM { return .run(look, deadlineMilliseconds: 30_000) }
    guard case .start(let domainXML, let shape, let placement) = job.action else {
      return .run(look, deadlineMilliseconds: 30_000)
    }
    steps = [
      JobStep(
        "define and start", .act(.start(domainXML: domainXML, shape: shape, placement: placement)),
        deadlineMilliseconds: 120_000),
      JobStep("verify", .verify, deadlineMilliseconds: 30_000),
    ]
    // An agent before this one may have started it; starting it twice would fail and hide that it runs.
    return start(resumed ? 1 : 0, now: now)
  }

  /// Reads what the job is about as it is now.
  var look: Effect { switchesKSM ? .observeKSM : .observeGuest(job.guest, incarnation: job.incarnation) }

  /// Fixes who carries the run out.
  mutating func choose(_ driver: DriverChoice) { self.driver = driver }

  /// Where the run is, for people.
  var progress: String {
    switch phase {
    case .inspecting: switchesKSM ? "reading KSM's settings" : "reading the guest"
    case .acting(let index):
      "step \(index + 1) of \(steps.count): \(steps[index].name)" + (effectProgress.map { ", \($0)" } ?? "")
    case .undoing(let index, _): "going back: \(steps[index].name)"
    case .checkingUndo: "checking that it is back"
    case .checkingStart: "checking that it did not start"
    case .settling: "waiting for libvirt to end the migration"
    case .checkingDeparture: "checking whether it is still here"
    }
  }

  // MARK: Inspecting

  /// The guest was read before anything was touched.
  mutating func inspected(_ guest: Guest?, preflight: Preflight, libvirtAnswers: Bool, now: Instant) -> Next {
    guard let guest else {
      guard !libvirtIsDown || job.guest.isProcess else {
        let blind = Refusal(
          .libvirtDown, "guest \(job.guestName) cannot be seen while libvirt does not answer", remedy: "start libvirtd")
        return .end(outcome(refusedBy: blind), observed: nil)
      }
      return .end(
        .refused(
          Refusal(.guestGone, "guest \(job.guestName) is no longer there", remedy: "look at numafleet guest list")),
        observed: nil)
    }
    if let refusal = staleness(of: guest) {
      // The next run of a guest has begun with what an agent before this one has written of its definition.
      let isMixed = resumed && job.scope.touchesConfig && isDefinedByHalf(guest)
      return .end(isMixed ? outcome(refusedBy: refusal) : .refused(refusal), observed: guest)
    }
    if migrates { return beginMigration(of: guest, now: now) }
    defaultShares = preflight.facts.cgroupVersion == 1 ? 1024 : 100
    writesConfig = libvirtAnswers
    let refusal = preflight.refusal(of: desired, for: guest, scope: job.scope) ?? driverRefusal ?? blindness(to: guest)
    if let refusal, !resumed { return .end(.refused(refusal), observed: guest) }
    if before == nil {
      var pinning = guest.livePinning(for: desired, on: online)
      pinning.memory = guest.cellsToPlace.compactMap { cell in
        guest.majorityCell(ofGuestCell: cell.id).map { GuestCellPlacement(guestCell: cell.id, cell: $0) }
      }
      before = pinning
      configBefore = guest.config
      spread = pinning.memory.filter { cell in
        !Verification(desired: Pinning(memory: [cell]), scope: .live, checksRecords: false).memoryDifferences(guest)
          .isEmpty
      }.map(\.guestCell)
    }
    steps = JobSteps(
      guest: guest, desired: desired, before: before ?? guest.live, scope: job.scope, driver: driver,
      libvirtAnswers: libvirtAnswers, isHalfWay: resumed, configBefore: configBefore,
      defaultShares: defaultShares
    ).all()
    // What an agent before this one has begun and can no longer be done is taken back.
    if let refusal { return undo(from: steps.count - 1, because: refusal, now: now) }
    return start(0, now: now)
  }

  /// What the kernel driver cannot do: a nodeset of several cells is a cpuset of libvirt's, and pages move to one cell.
  private var driverRefusal: Refusal? {
    guard driver == .kernel, job.scope.touchesLive, desired.memory.isEmpty, let nodeset = desired.numatune?.nodeset
    else { return nil }
    return Refusal(
      .unsupported, "the kernel driver moves pages to one cell for each guest cell, not to nodeset \(nodeset)",
      remedy: "use --driver libvirt while libvirtd runs, or name one cell")
  }

  /// Without its threads nothing done to a running guest could be proved; libvirt's test driver has none.
  private func blindness(to guest: Guest) -> Refusal? {
    guard job.scope.touchesLive, guest.threads.isEmpty, guest.kind != .domain(type: "test") else { return nil }
    return Refusal(
      .kernelRefused, "the threads of guest \(job.guestName) cannot be read, so nothing could be verified",
      remedy: "look at the agent's log, and whether libvirt answers")
  }

  /// How the run ends when nothing can be tried: a job taken up again may be half way, so refused would not be true.
  func outcome(refusedBy refusal: Refusal) -> JobOutcome {
    guard resumed else { return .refused(refusal) }
    return .diverged(
      Refusal(
        .diverged, "the agent was stopped in the middle of this job, and now \(refusal.message)",
        remedy: refusal.remedy))
  }

  private func staleness(of guest: Guest) -> Refusal? {
    if let wanted = job.incarnation, guest.incarnation != wanted, job.scope.touchesLive {
      return Refusal(
        .incarnationChanged, "guest \(job.guestName) was restarted since this was decided",
        remedy: "ask again; the decision was for process \(wanted)")
    }
    guard !resumed, !isUpkeep, let expected = job.expected else { return nil }
    var now = guest.live
    now.memory = []
    var then = expected
    then.memory = []
    return now == then
      ? nil
      : Refusal(
        .stalePlan, "the live pins of guest \(job.guestName) have changed since this was decided",
        remedy: "look at numafleet guest show \(job.guestName) and plan again")
  }

  // MARK: Acting

  mutating func start(_ index: Int, now: Instant) -> Next {
    effectProgress = nil
    phase = .acting(index)
    stepBegan = now
    let step = steps[index]
    if step.work == .verify, !SafetyCheck.verifyBeforeReport.isOn { return .end(.verified, observed: nil) }
    switch step.work {
    case .act(let effect): return .run(effect, deadlineMilliseconds: step.deadlineMilliseconds)
    case .checkMemory, .verify: return .run(look, deadlineMilliseconds: step.deadlineMilliseconds)
    }
  }

  mutating func record(_ name: String, _ detail: String, now: Instant) {
    records.append(
      StepRecord(name: name, milliseconds: now.milliseconds - stepBegan.milliseconds, detail: detail))
  }

  /// The effect in flight has ended.
  mutating func completed(_ outcome: CommandOutcome, guest: Guest?, now: Instant) -> Next {
    switch phase {
    case .inspecting:
      guard case .failed(let refusal) = outcome else { return .end(self.outcome(refusedBy: unexpected), observed: nil) }
      return .end(self.outcome(refusedBy: refusal), observed: nil)
    case .acting(let index): return acted(index, outcome, guest, now: now)
    case .undoing(let index, let because): return undone(index, because, outcome, now: now)
    case .checkingUndo(let because): return checkedUndo(because, guest)
    case .checkingStart(let because): return checkedStart(because, outcome, guest)
    case .settling(let because): return settled(because, outcome, now: now)
    case .checkingDeparture(let because): return checkedDeparture(because, outcome, guest, now: now)
    }
  }

  private mutating func acted(_ index: Int, _ outcome: CommandOutcome, _ guest: Guest?, now: Instant) -> Next {
    let step = steps[index]
    switch (step.work, outcome) {
    case (_, .failed(let refusal)):
      record(step.name, "failed: \(refusal.message)", now: now)
      if startsGuest { return failedToStart(index, refusal, now: now) }
      if migrates { return failedToLeave(refusal, now: now) }
      // An agent before this one may have done later steps than this one has come to.
      return undo(from: resumed ? steps.count - 1 : index, because: refusal, now: now)
    case (.act, .done(let detail, let left)):
      pagesLeft += left
      record(step.name, detail, now: now)
      return start(index + 1, now: now)
    case (.checkMemory, .observedGuest):
      return checkedMemory(index, guest, now: now)
    case (.verify, .observedGuest) where migrates:
      return checkedDeparture(nil, outcome, guest, now: now)
    case (.verify, .observedGuest):
      return verified(index, guest, now: now)
    default:
      if startsGuest { return failedToStart(index, unexpected, now: now) }
      if migrates { return failedToLeave(unexpected, now: now) }
      return undo(from: index, because: unexpected, now: now)
    }
  }

  private mutating func checkedMemory(_ index: Int, _ guest: Guest?, now: Instant) -> Next {
    guard let guest = present(guest) else { return gone() }
    let verification = Verification(desired: desired, scope: job.scope, checksRecords: false)
    let differences = verification.memoryDifferences(guest)
    let placed = guest.mibByCell.map { "cell \($0.cell): \($0.mib) MiB" }.joined(separator: ", ")
    record("check memory", differences.isEmpty ? placed : differences.joined(separator: "; "), now: now)
    if differences.isEmpty { return start(index + 1, now: now) }
    memoryRounds += 1
    guard memoryRounds <= Self.memoryRoundsMax else {
      return undo(
        from: index,
        because: Refusal(
          .kernelRefused, differences.joined(separator: "; "), remedy: "see the job's steps for the counts"),
        now: now)
    }
    pagesLeft = 0
    // What cpuset migration left behind is moved by libnuma: the kernel does not promise to move everything.
    let again = JobSteps(
      guest: guest, desired: desired, before: before ?? guest.live, scope: .live, driver: .kernel, libvirtAnswers: false
    ).memorySteps()
    steps.insert(
      contentsOf: again + [JobStep("check memory", .checkMemory, deadlineMilliseconds: 30_000)], at: index + 1)
    return start(index + 1, now: now)
  }

  private mutating func verified(_ index: Int, _ guest: Guest?, now: Instant) -> Next {
    guard let guest = present(guest) else { return gone() }
    let verification = Verification(
      desired: desired, scope: job.scope, checksRecords: driver == .libvirt, checksConfig: writesConfig)
    let differences = verification.differences(in: guest)
    record("verify", differences.isEmpty ? "as wanted" : differences.joined(separator: "; "), now: now)
    if differences.isEmpty { return .end(.verified, observed: guest) }
    if startsGuest {
      // A guest that runs somewhere is better than none; the operator decides what to do with it.
      return .end(
        .diverged(Refusal(.diverged, "it runs, but \(differences[0])", remedy: "use numafleet place")), observed: guest)
    }
    return undo(
      from: index,
      because: Refusal(.diverged, differences[0], remedy: "see numafleet job show \(job.id)"), now: now)
  }

  /// The guest, if it is still the run that the job began on: one that ended has no page in a wrong place.
  func present(_ guest: Guest?) -> Guest? {
    guard let guest, job.scope.touchesLive else { return guest }
    guard guest.state == .running || guest.state == .paused else { return nil }
    return job.incarnation == nil || guest.incarnation == job.incarnation ? guest : nil
  }

  func gone() -> Next {
    if libvirtIsDown, !job.guest.isProcess {
      // Not seeing it says nothing of it.
      return .end(
        .diverged(
          Refusal(
            .diverged, "guest \(job.guestName) cannot be seen while libvirt does not answer",
            remedy: "look at it when libvirt answers")), observed: nil)
    }
    return .end(
      .refused(
        Refusal(.guestGone, "guest \(job.guestName) vanished while the job ran", remedy: "look at numafleet guest list")
      ),
      observed: nil)
  }

  var unexpected: Refusal {
    Refusal(.kernelRefused, "a step ended in an unexpected way", remedy: "see the agent's log")
  }
}
