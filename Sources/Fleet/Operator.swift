/// What an operator asks of a coordinator.
public enum OperatorRequest: Sendable, Hashable {
  case hosts
  case host(HostID)
  /// Guests of one host or of all.
  case guests(host: HostID?)
  /// A guest by id, name, or `HOST/NAME`.
  case guest(String)
  /// What is wrong: on all hosts, on one, or with one guest, named as any command names it.
  case findings(of: String?)
  /// Places a running guest anew; `cells` fixes host cells in order of guest cells.
  case placeGuest(PlaceGuest)
  /// Finds the best place for a new guest and keeps nothing.
  case placeShape(Shape, explain: Bool)
  /// Places nothing new on a host from now on, or again.
  case drain(HostID, Bool)
  /// Forgets a host that is gone for good.
  case forgetHost(ForgetHost)
  /// Finds places for many new guests at once and keeps nothing.
  case placeShapes(PlaceShapes)
  /// How many more guests of that shape fit, now and once such a plan is carried out.
  case capacity(Shape, byHost: Bool, after: PlanRequest? = nil)
  /// Defines and starts a guest of that shape on the best host.
  case start(StartGuest)
  /// A manual change of one guest: `numafleet pin`, `numatune`, `cputune`.
  case change(ManualChange)
  case makePlan(PlanRequest)
  case plans
  case plan(PlanID)
  case applyPlan(PlanID, throughWave: Int? = nil)
  case jobs(active: Bool)
  case job(JobID)
  /// Events after a sequence; with `follow` later ones are sent as they happen.
  case events(after: UInt64, follow: Bool)
  case keys
  case authorizeKey(AuthorizedKey)
  case revokeKey(publicKey: String)
  case policy
  /// Switches automation on or off, or pauses it.
  case automate(Automate)
  /// What automation does.
  case automation
  case status
  /// Takes what guests show as what is wanted of them.
  case adopt(Adopt)
  /// Sets what a host's KSM merges.
  case switchKSM(SwitchKSM)
  /// Ends a job or a plan before its time.
  case cancel(Cancel)
}

extension OperatorRequest {
  /// The name of the command that this is; nil for what changes nothing, dry runs among it.
  public var commandName: String? {
    switch self {
    case .placeGuest(let wish): wish.dryRun ? nil : "place"
    case .start(let wish): wish.dryRun ? nil : "start"
    case .change(let change): change.dryRun ? nil : "change"
    case .makePlan: "plan"
    case .applyPlan: "apply"
    case .drain(_, let isDraining): isDraining ? "drain" : "resume"
    case .forgetHost: "forget"
    case .authorizeKey: "authorize"
    case .revokeKey: "revoke"
    case .automate: "auto"
    case .adopt(let wish): wish.dryRun ? nil : "adopt"
    case .switchKSM(let wish): wish.dryRun ? nil : "ksm"
    case .cancel: "cancel"
    case .hosts, .host, .guests, .guest, .findings, .plans, .plan, .jobs, .job, .events, .keys, .policy, .status,
      .automation:
      nil
    case .placeShape, .placeShapes, .capacity: nil
    }
  }
}

/// `numafleet place GUEST` and `numafleet migrate GUEST --to HOST`.
public struct PlaceGuest: Sendable, Hashable, Codable {
  public var guest: String
  public var cells: [Int]?
  public var scope: Scope?
  public var driver: DriverChoice?
  /// The host to migrate it to; nil leaves it on its own.
  public var to: HostID?
  public var dryRun: Bool
  public var explain: Bool
  public init(
    guest: String, cells: [Int]? = nil, scope: Scope? = nil, driver: DriverChoice? = nil, to: HostID? = nil,
    dryRun: Bool, explain: Bool
  ) {
    self.to = to
    self.guest = guest
    self.cells = cells
    self.scope = scope
    self.driver = driver
    self.dryRun = dryRun
    self.explain = explain
  }
}

/// `numafleet host forget`.
public struct ForgetHost: Sendable, Hashable, Codable {
  public var host: HostID
  /// Whether guests that ran there and jobs in flight are lost with the machine; otherwise they forbid it.
  public var evenWithGuests: Bool
  public init(host: HostID, evenWithGuests: Bool) {
    self.host = host
    self.evenWithGuests = evenWithGuests
  }
}

/// `numafleet host ksm`.
public struct SwitchKSM: Sendable, Hashable, Codable {
  public var host: HostID
  public var mergeAcrossNodes: Bool
  public var dryRun: Bool
  public init(host: HostID, mergeAcrossNodes: Bool, dryRun: Bool) {
    self.host = host
    self.mergeAcrossNodes = mergeAcrossNodes
    self.dryRun = dryRun
  }
}

/// `numafleet job cancel` and `numafleet plan cancel`.
public enum Cancel: Sendable, Hashable {
  case job(JobID)
  /// The rest of the plan, and its jobs that have not ended.
  case plan(PlanID)
}

/// `numafleet place --batch`.
public struct PlaceShapes: Sendable, Hashable, Codable {
  /// 1 to `shapesMax`.
  public var shapes: [Shape]
  /// Refuses all when one fits nowhere.
  public var allOrNothing: Bool
  public var explain: Bool

  /// More would keep the coordinator from its hosts for too long.
  public static let shapesMax = 1000

  public init(shapes: [Shape], allOrNothing: Bool, explain: Bool) {
    self.shapes = shapes
    self.allOrNothing = allOrNothing
    self.explain = explain
  }
}

/// `numafleet start`.
public struct StartGuest: Sendable, Hashable, Codable {
  /// The UUID in the domain's XML.
  public var guest: GuestID
  /// The name in the domain's XML, by which it is a member of groups; empty where a client did not say.
  public var guestName: String
  public var shape: Shape
  /// The domain's XML as the operator gave it; the agent's host gets it with the placement merged in.
  public var domainXML: String
  public var dryRun: Bool
  public init(guest: GuestID, guestName: String = "", shape: Shape, domainXML: String, dryRun: Bool) {
    self.guest = guest
    self.guestName = guestName
    self.shape = shape
    self.domainXML = domainXML
    self.dryRun = dryRun
  }
}

/// One manual change over the same path as a planned one.
public struct ManualChange: Sendable, Hashable, Codable {
  public var guest: String
  public var desired: Pinning
  public var scope: Scope?
  public var driver: DriverChoice?
  public var dryRun: Bool
  public init(guest: String, desired: Pinning, scope: Scope? = nil, driver: DriverChoice? = nil, dryRun: Bool) {
    self.guest = guest
    self.desired = desired
    self.scope = scope
    self.driver = driver
    self.dryRun = dryRun
  }
}

/// A public key that may speak to the coordinator.
public struct AuthorizedKey: Sendable, Hashable, Codable {
  /// Z85, 40 characters.
  public var publicKey: String
  /// The host or operator it belongs to.
  public var owner: String
  public var role: Role
  /// Milliseconds since 1970.
  public var since: Int
  public var revoked: Bool
  public init(publicKey: String, owner: String, role: Role, since: Int = 0, revoked: Bool = false) {
    self.publicKey = publicKey
    self.owner = owner
    self.role = role
    self.since = since
    self.revoked = revoked
  }
}

/// What a key or a local user may do; each includes the one before among operators.
public enum Role: String, Sendable, Hashable, Codable, CaseIterable {
  /// May report for the host of its name and nothing else.
  case agent
  /// May read.
  case viewer
  /// May also change guests.
  case `operator`
  /// May also change keys.
  case admin
}

/// What the coordinator answers. Every request has exactly one answer, but `events` with `follow`, which has many.
public enum OperatorReply: Sendable, Hashable {
  case hosts([HostView])
  case host(HostView)
  case guests([PlacedGuest])
  case guest(PlacedGuest)
  case findings([Finding])
  case decision(Decision)
  /// In the order of the shapes.
  case decisions([Decision])
  case capacity(Capacity)
  case plans([Plan])
  case plan(Plan)
  case jobs([JobRecord])
  case events([FleetEvent])
  case keys([AuthorizedKey])
  case policy(Policy)
  case automation(AutomationStatus)
  case status(CoordinatorStatus)
  /// Durable before this was sent.
  case accepted(Accepted)
  case refused(Refusal)
}

/// A guest with its host.
public struct PlacedGuest: Sendable, Hashable, Codable {
  public var host: HostID
  public var guest: Guest
  /// What is wanted of it; only asked for by `guest show`.
  public var wish: Wish?
  public init(host: HostID, guest: Guest, wish: Wish? = nil) {
    self.host = host
    self.guest = guest
    self.wish = wish
  }
}

/// What came of a command.
public struct Accepted: Sendable, Hashable, Codable {
  public var plan: PlanID?
  public var jobs: [JobID]
  public var text: String
  public init(plan: PlanID? = nil, jobs: [JobID] = [], text: String) {
    self.plan = plan
    self.jobs = jobs
    self.text = text
  }
}

/// A job with its history, as the ledger has it.
public struct JobRecord: Sendable, Hashable, Codable {
  public var job: Job
  public var plan: PlanID?
  public var state: JobState
  public var report: JobReport?
  /// Milliseconds since 1970.
  public var created: Int
  public var ended: Int?
  /// True from when somebody did not want it any more, whatever became of it then; nil where nobody said so.
  public var isCancelled: Bool?
  public init(
    job: Job, plan: PlanID?, state: JobState, report: JobReport? = nil, created: Int, ended: Int? = nil,
    isCancelled: Bool? = nil
  ) {
    self.isCancelled = isCancelled
    self.job = job
    self.plan = plan
    self.state = state
    self.report = report
    self.created = created
    self.ended = ended
  }
}

/// Where a job is in its life.
public enum JobState: String, Sendable, Hashable, Codable, CaseIterable {
  /// Its wave has not begun.
  case waiting
  /// Sent and not yet answered, or sent again.
  case sent
  case running
  case verified, refused, diverged

  public var isFinal: Bool { self == .verified || self == .refused || self == .diverged }
}

/// The coordinator about itself.
public struct CoordinatorStatus: Sendable, Hashable, Codable {
  public var softwareVersion: String
  public var epoch: Epoch
  public var hosts: Int
  public var hostsUnreachable: Int
  public var guests: Int
  public var jobsInFlight: Int
  public var lastEvent: UInt64
  /// Present while the store takes no writes.
  public var storeOutage: StoreOutage?
  public init(
    softwareVersion: String, epoch: Epoch, hosts: Int, hostsUnreachable: Int, guests: Int, jobsInFlight: Int,
    lastEvent: UInt64, storeOutage: StoreOutage? = nil
  ) {
    self.softwareVersion = softwareVersion
    self.epoch = epoch
    self.hosts = hosts
    self.hostsUnreachable = hostsUnreachable
    self.guests = guests
    self.jobsInFlight = jobsInFlight
    self.lastEvent = lastEvent
    self.storeOutage = storeOutage
  }
}

/// A time in which the store takes no writes: questions are answered, nothing is changed.
public struct StoreOutage: Sendable, Hashable, Codable {
  /// Why, and what to do about it.
  public var refusal: Refusal
  /// When it began, in milliseconds since 1970.
  public var since: Int
  /// Events that would have been logged since.
  public var eventsNotLogged: UInt64
  public init(refusal: Refusal, since: Int, eventsNotLogged: UInt64) {
    self.refusal = refusal
    self.since = since
    self.eventsNotLogged = eventsNotLogged
  }
}
