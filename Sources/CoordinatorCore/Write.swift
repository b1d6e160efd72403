public import Fleet

/// One durable change. All writes of one step are committed in one transaction before anything else of that
/// step's output leaves the process.
public enum Write: Sendable, Hashable {
  /// Appended; sequences ascend without gaps.
  case event(FleetEvent)
  /// Inserted, or its state replaced.
  case plan(Plan)
  /// Inserted, or its state and report replaced.
  case job(JobRecord)
  /// Taken before the job is sent. Two claims may not hold the same dedicated pcpu of a host.
  case claim(Claim)
  /// Released when the job's effect, or its absence, was observed.
  case releaseClaim(JobID)
  /// The newest generation of a guest; it may only rise.
  case generation(GuestID, Generation)
  /// Inserted, or its revocation recorded. Revocations are never undone.
  case key(AuthorizedKey)
  /// Whether nothing new is placed on a host.
  case draining(HostID, Bool)
  /// Appended; each that was ever in force is kept.
  case policy(PolicyRevision)
  case automation(AutomationState)
  /// Inserted when a move was verified, replaced when its effect was measured; the newest are kept.
  case moved(MoveRecord)
  /// Inserted before the first host that refers to it; it goes with the last.
  case topology(TopologyRecord)
  /// Inserted or replaced.
  case host(HostRecord)
  /// Inserted or replaced; its host is there already.
  case sighting(Sighting)
  /// The guest is no longer on that host.
  case vanished(GuestID, from: HostID)
  /// Inserted or replaced; its host is there already.
  case wish(Wish)
  /// Nothing is wanted any more of a guest that has gone from that host.
  case forgottenWish(GuestID, on: HostID)
  /// Removed with its sightings and wishes, by an operator's word.
  case forgottenHost(HostID)
  /// Inserted; the newest `CommandRecord.keptMax` are kept.
  case command(CommandRecord)
  /// The oldest events, up to a sequence, are no longer kept; the event that tells of it is.
  case forgottenEvents(upTo: UInt64)
}

/// What a coordinator starts from: everything durable, read once at the start of its term.
public struct Restored: Sendable, Hashable {
  /// This term; the store has already raised and committed it.
  public var epoch: Epoch
  public var lastEvent: UInt64
  /// Events up to this sequence are no longer kept.
  public var eventFloor: UInt64
  public var plans: [Plan]
  /// All jobs that are not final or whose claims are held, and the newest final ones.
  public var jobs: [JobRecord]
  public var claims: [Claim]
  /// Ascending by guest.
  public var generations: [GuestGeneration]
  public var keys: [AuthorizedKey]
  /// Ascending.
  public var draining: [HostID]
  /// The newest; nil where none was kept yet.
  public var policy: PolicyRevision?
  public var automation: AutomationState
  /// The newest, oldest first.
  public var moves: [MoveRecord]
  public var topologies: [TopologyRecord]
  /// Ascending by id.
  public var hosts: [HostRecord]
  /// Ascending by host, then by guest.
  public var sightings: [Sighting]
  /// Ascending by host, then by guest.
  public var wishes: [Wish]
  /// Oldest first.
  public var commands: [CommandRecord]
  /// The highest numbers ever given out.
  public var lastPlan: PlanID
  public var lastJob: JobID

  public init(
    epoch: Epoch, lastEvent: UInt64 = 0, eventFloor: UInt64 = 0, plans: [Plan] = [], jobs: [JobRecord] = [],
    claims: [Claim] = [],
    generations: [GuestGeneration] = [], keys: [AuthorizedKey] = [], draining: [HostID] = [],
    policy: PolicyRevision? = nil, automation: AutomationState = AutomationState(), moves: [MoveRecord] = [],
    topologies: [TopologyRecord] = [], hosts: [HostRecord] = [],
    sightings: [Sighting] = [], wishes: [Wish] = [],
    commands: [CommandRecord] = [], lastPlan: PlanID = 0, lastJob: JobID = 0
  ) {
    self.epoch = epoch
    self.lastEvent = lastEvent
    self.eventFloor = eventFloor
    self.plans = plans
    self.jobs = jobs
    self.claims = claims
    self.generations = generations
    self.keys = keys
    self.draining = draining
    self.policy = policy
    self.automation = automation
    self.moves = moves
    self.topologies = topologies
    self.hosts = hosts
    self.sightings = sightings
    self.wishes = wishes
    self.commands = commands
    self.lastPlan = lastPlan
    self.lastJob = lastJob
  }
}

/// The newest generation of one guest.
public struct GuestGeneration: Sendable, Hashable {
  public var guest: GuestID
  public var generation: Generation
  public init(guest: GuestID, generation: Generation) {
    self.guest = guest
    self.generation = generation
  }
}
