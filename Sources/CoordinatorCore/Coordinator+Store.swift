import Fleet
import NUMA
import PlacementEngine

/// A time in which the store takes no writes, and when to try it again.
struct Outage: Sendable, Hashable {
  var shown: StoreOutage
  var began: Instant
  var retryDue: Instant
  var retryMilliseconds = Self.retryMillisecondsMin
  /// The event that says it is over, once that was put out. Whether it was stored shows when the store fails again.
  var endedBy: UInt64?
  /// The guests that the store holds, by host and guest.
  var sightings: [Sighting] = []

  static let retryMillisecondsMin = 1000
  static let retryMillisecondsMax = 10_000

  init(_ refusal: Refusal, eventsNotLogged: UInt64, _ now: Instant) {
    shown = StoreOutage(refusal: refusal, since: now.wallMilliseconds, eventsNotLogged: eventsNotLogged)
    began = now
    retryDue = now.advanced(byMilliseconds: Self.retryMillisecondsMin)
  }
}

/// Living without the store: what hosts report is folded and questions are answered, but nothing is decided, for
/// nothing that was not written may leave.
extension Coordinator {
  /// Why nothing may be written now; nil while the store takes writes.
  var storeRefusal: Refusal? { outage.flatMap { $0.endedBy == nil ? $0.shown.refusal : nil } }

  /// The writes of the outputs since the last carried-out ones were not stored, so what they decided never happened.
  mutating func storeFailed(_ refusal: Refusal, _ restored: Restored, _ now: Instant, _ output: inout Output) {
    var lost = lastEvent - min(lastEvent, restored.lastEvent)
    if var known = outage, known.endedBy.map({ $0 > restored.lastEvent }) ?? true {
      // It was never over: the event that said so is among what was lost, and no event of the fleet.
      if known.endedBy != nil { lost -= 1 }
      known.endedBy = nil
      known.shown.refusal = refusal
      known.shown.eventsNotLogged += lost
      outage = known
    } else {
      outage = Outage(refusal, eventsNotLogged: lost, now)
    }
    outage?.sightings = restored.sightings
    takeBackHosts(restored, now)
    takeBack(restored, now)
    // Their plans would have to be written, and some were never begun.
    let waiting = pending.map(\.question) + inquiring
    pending = []
    inquiring = []
    for question in waiting { refuse(question, refusal, now, &output) }
  }

  mutating func storeRecovered(_ now: Instant, _ output: inout Output) {
    guard let outage, outage.endedBy == nil else { return }
    self.outage?.endedBy = lastEvent + 1
    let lasted = now.milliseconds - outage.began.milliseconds
    log(
      .storeRecovered, actor: "coordinator",
      "the store took no writes for \(lasted) ms, \(outage.shown.eventsNotLogged) events were not logged: "
        + outage.shown.refusal.message, now, &output)
    keepPolicy(now, &output)
    rememberAll(after: outage.sightings, &output)
    self.outage?.sightings = []
    goOnWithPlans(now, &output)
    for index in deliveries.indices { deliveries[index].due = now }
  }

  /// Has the store tried when that is due, less and less often.
  mutating func retryStore(_ now: Instant, _ output: inout Output) {
    guard let due = storeRetryDue, due <= now, var outage else { return }
    outage.retryMilliseconds = min(2 * outage.retryMilliseconds, Outage.retryMillisecondsMax)
    outage.retryDue = now.advanced(byMilliseconds: outage.retryMilliseconds)
    self.outage = outage
    output.retriesStore = true
  }

  /// When to try the store again; nil while it takes writes.
  var storeRetryDue: Instant? { outage.flatMap { $0.endedBy == nil ? $0.retryDue : nil } }

  /// Takes up what is durable, in place of what was decided since then; what hosts reported stays, for it was
  /// observed.
  mutating func takeBack(_ restored: Restored, _ now: Instant) {
    claims = restored.claims
    unobserved = Self.unobserved(restored, now: now)
    generations = restored.generations
    plans = restored.plans
    jobs = restored.jobs.sorted { $0.job.id < $1.job.id }
    copyRates = ratesOfCopies()
    keys = restored.keys
    draining = restored.draining
    keptPolicy = restored.policy
    automation = Automation(
      state: restored.automation, moves: restored.moves, repins: automation.repins, asks: automation.asks)
    reviewAll("the store takes writes again", now)
    commands = restored.commands
    lastPlan = restored.lastPlan
    lastJob = restored.lastJob
    lastEvent = restored.lastEvent
    eventFloor = restored.eventFloor
    arrivals = jobs.compactMap { Arrival($0, now) }
    deliveries = jobs.filter { !$0.state.isFinal && !$0.isArriving }.map { Delivery(job: $0.job.id, due: now) }
    placer = Placer(inventory: inventory(now), policy: policy)
  }
}

extension OperatorRequest {
  /// Whether the answer needs no write. Each request says so here, so that a new one is not forgotten.
  var onlyAsks: Bool {
    switch self {
    case .hosts, .host, .guests, .guest, .findings, .placeShape, .placeShapes, .capacity, .plans, .plan, .jobs, .job,
      .events, .keys, .policy, .status, .automation:
      true
    case .placeGuest(let wish): wish.dryRun
    case .start(let wish): wish.dryRun
    case .change(let change): change.dryRun
    case .adopt(let wish): wish.dryRun
    case .switchKSM(let wish): wish.dryRun
    case .drain, .forgetHost, .automate, .makePlan, .applyPlan, .cancel, .authorizeKey, .revokeKey: false
    }
  }
}
