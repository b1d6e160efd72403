import CoordinatorCore
import Fleet
import NUMA

/// The coordinator of a day: the real core, on no store and no network. Agents answer at once and never die; what a
/// fleet does to programs is `FleetUnderFaults`'.
struct DayCoordinator: Sendable {
  /// What the core wants done outside of itself.
  enum Task: Sendable {
    case job(Job)
    /// A host is to be read anew, after the look of that number where one was asked for.
    case report(HostID, look: UInt64?)
    case plan(Coordinator.PlanningTask)
    case inquire(Coordinator.Inquiry)
  }

  private var core: Coordinator
  /// Messages of each host.
  private var sequences: [UInt64]
  /// The newest look of each host.
  private var looks: [UInt64]
  private(set) var plans = 0
  /// Plans that ended before their last wave, because something had changed.
  private(set) var stopped = 0

  private static let epoch: Epoch = 1

  init(_ settings: DaySettings, at now: Instant) {
    // Agents of a day send no heartbeats, because none is ever lost.
    let forever = settings.milliseconds * 2
    core = Coordinator(
      settings: Coordinator.Settings(
        softwareVersion: "0.1.0", boot: "day", heartbeatMilliseconds: forever, unreachableMilliseconds: forever,
        hostsMax: settings.hosts),
      policy: settings.policy, restoring: Restored(epoch: Self.epoch), now: now)
    sequences = Array(repeating: 0, count: settings.hosts)
    looks = Array(repeating: 0, count: settings.hosts)
    _ = core.begin(at: now)
  }

  /// When it wants to be woken; nil while nothing is due.
  var deadline: Int? { core.nextDeadline?.milliseconds }

  mutating func step(_ event: Coordinator.Event, at now: Instant) -> [Task] {
    var tasks: [Task] = []
    for step in core.step(event, at: now).steps {
      switch step {
      case .commit(let writes): count(writes)
      case .send(let message):
        switch message.payload {
        case .job(let job): tasks.append(.job(job))
        case .welcome, .sendReport: tasks.append(.report(message.host, look: nil))
        case .look(let number): tasks.append(.report(message.host, look: number))
        case .jobAcknowledged, .refused, .alive, .cancel: break
        }
      case .plan(let task):
        plans += 1
        tasks.append(.plan(task))
      case .inquire(let inquiry): tasks.append(.inquire(inquiry))
      case .reply, .admitKeys, .note, .read, .tryStore: break
      }
    }
    return tasks
  }

  private mutating func count(_ writes: [Write]) {
    for case .plan(let plan) in writes where plan.state == .failed { stopped += 1 }
  }

  // MARK: What agents say

  mutating func hello(of host: Int, _ hash: UInt64, at now: Instant) -> [Task] {
    say(
      .hello(Hello(softwareVersion: "0.1.0", topologyHash: hash, highestEpoch: 0, capabilities: [.alive, .looks])),
      of: host, at: now)
  }

  mutating func report(_ view: HostView, _ hash: UInt64, withTopology: Bool, look: UInt64?, at now: Instant) -> [Task] {
    let host = DayHost.number(of: view.id)
    looks[host] = max(looks[host], look ?? 0)
    let cells = view.topology.cells.map { CellState(cell: $0.id, memoryFree: $0.memoryFree, pages: $0.pages) }
    return say(
      .report(
        HostReport(
          facts: view.facts, topologyHash: hash, topology: withTopology ? view.topology : nil, cells: cells,
          guests: view.guests, libvirtAnswers: true, looked: looks[host])), of: host, at: now)
  }

  mutating func report(
    _ outcome: JobOutcome, of job: Job, took milliseconds: Int = 0, observed: Guest? = nil, at now: Instant
  ) -> [Task] {
    var report = JobReport(job: job.id, guest: job.guest, generation: job.generation, outcome: outcome)
    report.observed = observed
    if milliseconds > 0 { report.steps = [StepRecord(name: "copy", milliseconds: milliseconds, detail: "")] }
    return say(.jobReport(report), of: DayHost.number(of: job.host), at: now)
  }

  private mutating func say(_ payload: ToCoordinator, of host: Int, at now: Instant) -> [Task] {
    sequences[host] += 1
    let envelope = Envelope(
      messageID: sequences[host], epoch: Self.epoch, boot: "agent", sequence: sequences[host], payload: payload)
    return step(.received(envelope, from: DayHost.id(host)), at: now)
  }
}
