public import Fleet
import NUMA
import PlacementEngine

/// The coordinator's state machine: it folds reports into an inventory, plans, commits, sends jobs and follows them
/// to their end.
///
/// It does no IO and reads no clock. Its loop waits for an event or `nextDeadline`, calls `step`, and carries the
/// output out in order: writes in one durable transaction, then messages and replies, then planning.
/// Invariants: nothing leaves before the write it depends on; a guest has at most one job that is not final; a
/// claim is taken before its job is sent and released by an observation; generations only rise; what hosts report
/// is believed over what was written; nothing is planned on a host that has not reported in this term.
public struct Coordinator: Sendable {
  /// What happened.
  public enum Event: Sendable, Hashable {
    /// From the agent whose key is registered for that host.
    case received(Envelope<ToCoordinator>, from: HostID)
    /// From an operator; `actor` is the name its key or user is registered under. A command of an id that was asked
    /// before has the same answer and no effect.
    case asked(OperatorRequest, actor: String, token: Token, id: RequestID? = nil)
    /// The operator of that token is gone.
    case left(Token)
    /// A plan that an output asked for.
    case planned(Plan, token: Token)
    /// The answer to an inquiry that an output asked for.
    case answered(OperatorReply, token: Token)
    /// The policy was read again, from that text.
    case reloaded(Policy, text: String?)
    /// Nothing of the outputs since the last carried-out ones could be stored, but later ones may be. With it comes
    /// what is durable, read in this term. Their messages and replies must not have left.
    case storeFailed(Refusal, Restored)
    /// A trial that an output asked for has been stored.
    case storeRecovered
    case tick
  }

  /// Carried out in this order: `writes` in one transaction, durable; then `messages`, `replies` and `queries`;
  /// then `planning` and `inquiries`, off the loop.
  public struct Output: Sendable, Equatable {
    public var writes: [Write] = []
    public var messages: [Message] = []
    public var replies: [Reply] = []
    public var queries: [EventQuery] = []
    public var planning: [PlanningTask] = []
    public var inquiries: [Inquiry] = []
    /// Whether the table of admitted keys must be made anew from `keys`.
    public var keysChanged = false
    /// Whether to try if the store takes writes again; when it does, that is the event `.storeRecovered`.
    public var retriesStore = false
    public var notes: [Note] = []
    public init() {}
  }

  /// Names one question of one operator; made by the loop, unique while the loop runs.
  public struct Token: Counter {
    public let number: UInt64
    public init(_ number: UInt64) { self.number = number }
  }

  /// A message to the agent of one host.
  public struct Message: Sendable, Hashable {
    public var host: HostID
    public var payload: ToAgent
    /// The message that this answers.
    public var answering: UInt64?
  }

  /// An answer to one question.
  public struct Reply: Sendable, Hashable {
    public var token: Token
    public var payload: OperatorReply
    public init(token: Token, payload: OperatorReply) {
      self.token = token
      self.payload = payload
    }
  }

  /// Past events to read from the store and send: those after one sequence, up to and with another, as many as one
  /// reply holds; who sees a gap asks again. Later ones reach a follower as replies.
  public struct EventQuery: Sendable, Hashable {
    public var token: Token
    public var after: UInt64
    public var upTo: UInt64
  }

  /// A plan to make; it returns as `.planned` with the same token.
  public struct PlanningTask: Sendable, Hashable {
    public var token: Token
    public var input: PlanningInput
  }

  /// How the coordinator is set up; see `cluster-config/coordinator.yaml`.
  public struct Settings: Sendable, Hashable {
    public var softwareVersion: String
    /// This run of the coordinator, as its envelopes name it.
    public var boot: BootID
    public var heartbeatMilliseconds: Int
    public var unreachableMilliseconds: Int
    public var hostsMax: Int
    /// The newest events that are kept; 0 keeps all.
    public var keepEvents: UInt64
    public init(
      softwareVersion: String, boot: BootID = "", heartbeatMilliseconds: Int = 2000,
      unreachableMilliseconds: Int = 6000, hostsMax: Int = 10_000, keepEvents: UInt64 = 1_000_000
    ) {
      self.softwareVersion = softwareVersion
      self.boot = boot
      self.heartbeatMilliseconds = heartbeatMilliseconds
      self.unreachableMilliseconds = unreachableMilliseconds
      self.hostsMax = hostsMax
      self.keepEvents = keepEvents
    }
  }

  let settings: Settings
  let epoch: Epoch
  var policy: Policy
  /// What `policy` was read from; nil when it was not read, and then it is not kept.
  var policyText: String?
  /// The newest policy that the store holds.
  var keptPolicy: PolicyRevision?
  /// Ascending by id; those of earlier terms are among them.
  var hosts: [HostEntry]
  var shelf: TopologyShelf
  /// No host has been silent for too long before this; nil while none is connected.
  var silenceDue: Instant?
  var placer: Placer
  var claims: [Claim] = []
  /// Those of jobs that are over.
  var unobserved: [UnobservedClaim] = []
  /// The number of the newest look that a host was asked for.
  var lastLook: UInt64 = 0
  /// Guests that have left one host and were not seen on the other yet.
  var arrivals: [Arrival] = []
  /// Hosts that an operator drains, ascending; those that the policy drains are not among them.
  var draining: [HostID] = []
  /// Ascending by guest.
  var generations: [GuestGeneration] = []
  var plans: [Plan] = []
  /// Ascending by id.
  var jobs: [JobRecord] = []
  var deliveries: [Delivery] = []
  /// How fast memory is copied, by the newest moves.
  var copyRates = CopyRates()
  var lastPlan: PlanID = 0
  var lastJob: JobID = 0
  var lastEvent: UInt64 = 0
  /// Events up to this sequence are no longer kept.
  var eventFloor: UInt64 = 0
  /// No more events are let go before this.
  var forgettingDue: Instant?
  var pending: [PendingPlan] = []
  /// The newest commands with their answers, oldest first.
  var commands: [CommandRecord] = []
  /// Whose inquiries are being answered.
  var inquiring: [Question] = []
  var followers: [Token] = []
  var automation: Automation
  /// The last time in which the store took no writes; it lasts until it has its `endedBy`.
  var outage: Outage?
  /// Every key that was ever authorized, revoked ones included.
  public internal(set) var keys: [AuthorizedKey] = []

  /// A coordinator at the start of a term.
  public init(
    settings: Settings, policy: Policy, policyText: String? = nil, restoring restored: Restored, now: Instant
  ) {
    self.settings = settings
    self.policy = policy
    self.policyText = policyText
    epoch = restored.epoch
    automation = Automation(state: restored.automation, moves: restored.moves)
    shelf = TopologyShelf(restored.topologies)
    hosts = Self.entries(restored, shelf, now: now)
    placer = Placer(policy: policy)
    takeBack(restored, now)
    reviewAll("the coordinator was started", now)
  }

  /// When to be stepped with `.tick` if nothing happens before.
  public var nextDeadline: Instant? {
    [deliveries.lazy.map(\.due).min(), silenceDue, storeRetryDue, automationDue].lazy.compactMap(\.self).min()
  }

  /// Takes one event and says what to do about it.
  public mutating func step(_ event: Event, at now: Instant) -> Output {
    var output = Output()
    switch event {
    case .received(let envelope, let host): received(envelope, from: host, now, &output)
    case .asked(let request, let actor, let token, let id):
      let question = Question(
        request: request, actor: actor, token: token, id: id, wallMilliseconds: now.wallMilliseconds)
      if !recall(question, &output) { asked(question, now, &output) }
    case .left(let token): left(token)
    case .answered(let reply, let token): answered(reply, token, now, &output)
    case .planned(let plan, let token) where token.isAutomation: reviewed(plan, token, now, &output)
    case .planned(let plan, let token): planned(plan, token, now, &output)
    case .reloaded(let policy, let text): reload(policy, text: text, now, &output)
    case .storeFailed(let refusal, let restored): storeFailed(refusal, restored, now, &output)
    case .storeRecovered: storeRecovered(now, &output)
    case .tick: break
    }
    noticeSilence(now, &output)
    forgetEvents(exceeding: Self.eventsPortion - 1, now, &output)
    automate(now, &output)
    deliver(now, &output)
    retryStore(now, &output)
    tellFollowers(&output)
    // Or the loop would fail to store it and say so for ever.
    invariant(storeRefusal == nil || output.writes.isEmpty, "something is written while the store takes no writes")
    return output
  }

  private mutating func left(_ token: Token) {
    followers.removeAll { $0 == token }
    inquiring.removeAll { $0.token == token }
    for index in pending.indices { pending[index].question.waiting.removeAll { $0 == token } }
    pending.removeAll { $0.question.waiting.isEmpty }
  }

  /// The first event of a term.
  public mutating func begin(at now: Instant) -> Output {
    var output = Output()
    log(
      .coordinatorStarted, actor: "coordinator", "term \(epoch) began, version \(settings.softwareVersion)", now,
      &output)
    keepPolicy(now, &output)
    forgetEvents(exceeding: 0, now, &output)
    return output
  }

  // MARK: Events

  mutating func log(
    _ kind: FleetEvent.Kind, host: HostID? = nil, guest: GuestID? = nil, job: JobID? = nil, actor: String,
    _ text: String, _ now: Instant, _ output: inout Output
  ) {
    guard storeRefusal == nil else {
      outage?.shown.eventsNotLogged += 1
      return
    }
    lastEvent += 1
    output.writes.append(
      .event(
        FleetEvent(
          sequence: lastEvent, wallMilliseconds: now.wallMilliseconds, kind: kind, host: host, guest: guest, job: job,
          actor: actor, text: text)))
  }

  /// Events that are let go at once, so that no transaction lasts long.
  static let eventsPortion: UInt64 = 10_000

  /// Lets the oldest events go once there are more than so many beyond those that are kept, a portion each second.
  private mutating func forgetEvents(exceeding slack: UInt64, _ now: Instant, _ output: inout Output) {
    guard storeRefusal == nil, settings.keepEvents > 0, lastEvent - eventFloor > settings.keepEvents + slack else {
      return
    }
    if let due = forgettingDue, now < due { return }
    forgettingDue = now.advanced(byMilliseconds: 1000)
    let first = eventFloor + 1
    eventFloor = min(lastEvent - settings.keepEvents, eventFloor + Self.eventsPortion)
    log(
      .eventsForgotten, actor: "coordinator",
      "events \(first) to \(eventFloor) are no longer kept, as keep_events is \(settings.keepEvents)", now, &output)
    output.writes.append(.forgottenEvents(upTo: eventFloor))
  }

  private func tellFollowers(_ output: inout Output) {
    guard !followers.isEmpty else { return }
    let events = output.writes.compactMap { write -> FleetEvent? in
      if case .event(let event) = write { return event }
      return nil
    }
    guard !events.isEmpty else { return }
    for follower in followers { output.replies.append(Reply(token: follower, payload: .events(events))) }
  }
}

/// One question of one operator.
struct Question: Sendable, Hashable {
  var request: OperatorRequest
  var actor: String
  var token: Coordinator.Token
  /// What the sender calls it, if anything.
  var id: RequestID?
  var wallMilliseconds: Int
  /// Who waits for the answer: whoever asked, and the same again over another connection.
  var waiting: [Coordinator.Token]

  init(request: OperatorRequest, actor: String, token: Coordinator.Token, id: RequestID?, wallMilliseconds: Int) {
    self.request = request
    self.actor = actor
    self.token = token
    self.id = id
    self.wallMilliseconds = wallMilliseconds
    waiting = [token]
  }
}

/// A plan that is being made, and what to do with it.
struct PendingPlan: Sendable, Hashable {
  enum Purpose: Sendable, Hashable {
    case propose
    case place(PlaceGuest)
  }
  var question: Question
  var purpose: Purpose
}
