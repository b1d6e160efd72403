public import Fleet

/// The agent's state machine: it watches one host, carries out one job at a time per guest, verifies it from the
/// kernel, goes back when it cannot, and reports.
///
/// It does no IO and reads no clock. Its loop waits for an event or `nextDeadline`, calls `step`, and carries the
/// output out in order: the journal durably, then messages, then commands. Every command ends in exactly one
/// `.completed` event. Invariants: at most one run per guest; at most one run that moves memory; no effect before
/// the journal that names it, and no word that shows what only the journal remembers; nothing enters `guests` but
/// what was read back.
public struct Agent: Sendable {
  /// What happened.
  public enum Event: Sendable, Hashable {
    /// A link to the coordinator of that index was made, or lost.
    case connected(link: Int)
    case disconnected(link: Int)
    case received(Envelope<ToAgent>, link: Int)
    /// A message that could not be understood, and the job that its envelope names.
    case unreadable(messageID: UInt64?, job: JobID?, Refusal, link: Int)
    case completed(CommandID, CommandOutcome)
    /// How far the command is that has not completed yet, in words.
    case progressed(CommandID, String)
    /// The journal of the output before could not be written, and so nothing of that output was carried out. Comes
    /// before any other event; every other one says that the journal is durable.
    case journalFailed(Refusal)
    /// libvirt said that some domain changed; look sooner than planned.
    case poked
    case tick
  }

  /// Carried out in this order: the journal, durably; then messages; then commands, and what is called off of them;
  /// notes at any time.
  public struct Output: Sendable, Equatable {
    public var journal: Journal?
    public var messages: [Message] = []
    public var commands: [Command] = []
    /// UUIDs of domains whose migration is to be called off, so that the command that sends or awaits it ends sooner.
    public var calledOff: [String] = []
    public var notes: [Note] = []
    public init() {}
  }

  /// A message to the coordinator of one link.
  public struct Message: Sendable, Hashable {
    public var link: Int
    public var envelope: Envelope<ToCoordinator>
  }

  /// How the agent is set up; see `cluster-config/agent.yaml`.
  public struct Settings: Sendable, Hashable {
    public var softwareVersion: String
    /// Names the host until a coordinator has told its name.
    public var hostname: HostID
    /// One run of this agent.
    public var boot: BootID
    public var links: Int
    public var threadsMilliseconds: Int
    public var residencyMilliseconds: Int
    public var topologyMilliseconds: Int
    /// Between readings while a job is under way, or a placement is kept that may silently go back.
    public var watchMilliseconds: Int
    public init(
      softwareVersion: String, hostname: HostID, boot: BootID, links: Int, threadsMilliseconds: Int = 5000,
      residencyMilliseconds: Int = 60_000, topologyMilliseconds: Int = 30_000, watchMilliseconds: Int = 2000
    ) {
      self.softwareVersion = softwareVersion
      self.hostname = hostname
      self.boot = boot
      self.links = links
      self.threadsMilliseconds = threadsMilliseconds
      self.residencyMilliseconds = residencyMilliseconds
      self.topologyMilliseconds = topologyMilliseconds
      self.watchMilliseconds = watchMilliseconds
    }
  }

  let settings: Settings
  var journal: Journal
  var host: HostID
  var links: [Link]
  var view = HostView()
  var runs: [JobRun] = []
  var waiting: [JobRun] = []
  var inFlight: [CommandID: Owner] = [:]  // lookup only
  var lastCommand: CommandID = 0
  var lastSequence: UInt64 = 0
  var schedule: Schedule
  var upkeep: [GuestID: UpkeepMark] = [:]  // lookup only
  var journalChanged = false
  /// The journal as it is on the disk.
  var written: Journal
  var pendingWrite: PendingWrite?
  var journalTrouble: JournalTrouble?

  /// Whom a completion belongs to.
  enum Owner: Sendable, Hashable {
    case host(residency: Bool, topology: Bool)
    case run(JobID)
  }

  /// An agent with what its journal remembers; jobs that were in hand are taken up once the host was read.
  public init(settings: Settings, journal: Journal, now: Instant) {
    self.settings = settings
    self.journal = journal
    written = journal
    host = settings.hostname
    links = Array(repeating: Link(), count: settings.links)
    schedule = Schedule(now: now)
    for entry in journal.inHand {
      waiting.append(JobRun(resuming: entry, now: now))
    }
  }

  /// The guests as last observed, ascending by id.
  public var guests: [Guest] { view.guests }

  /// When to be stepped with `.tick` if nothing happens before.
  public var nextDeadline: Instant {
    let next = schedule.next(links: links)
    return journalTrouble.map { min($0.retryDue, next) } ?? next
  }

  /// Takes one event and says what to do about it.
  public mutating func step(_ event: Event, at now: Instant) -> Output {
    var output = Output()
    let pending = pendingWrite
    pendingWrite = nil
    if case .journalFailed(let refusal) = event {
      if let pending { failed(pending, refusal, now, &output) }
      return output
    }
    if let pending { settle(pending, now, &output) }
    switch event {
    case .connected(let link):
      links[link] = Link(connected: true)
      links[link].heartbeatDue = now

    case .disconnected(let link):
      links[link] = Link()
    case .received(let envelope, let link):
      received(envelope, link, now, &output)
    case .unreadable(let messageID, let job, let refusal, let link):
      refuse(messageID, job, refusal, link, &output)
    case .completed(let id, let outcome):
      completed(id, outcome, now, &output)
    case .progressed(let id, let detail):
      progressed(id, detail, &output)
    case .poked:
      schedule.threadsDue = now
    case .tick, .journalFailed:
      break
    }
    lookIfDue(now, &output)
    beatIfDue(now, &output)
    writeJournal(now, &output)
    return output
  }

  mutating func command(
    _ effect: Effect, of run: Incarnation? = nil, owner: Owner, deadlineMilliseconds: Int, _ output: inout Output
  ) {
    lastCommand = lastCommand.next
    inFlight[lastCommand] = owner
    output.commands.append(
      Command(id: lastCommand, effect: effect, run: run, deadlineMilliseconds: deadlineMilliseconds))
  }
}
