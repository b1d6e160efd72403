import Fleet
import HeapModule
import NUMA
import PlacementEngine

/// One day of a fleet, with automation or without.
public struct FleetDay: Sendable {
  public struct Count: Sendable, Hashable {
    public var asked = 0
    public var placed = 0
  }

  /// By shape, in the order of `DayShape.all`.
  public private(set) var counts = DayShape.all.map { _ in Count() }
  /// How many more of each shape would have fitted, means over samples an hour apart, to be divided by `samples`.
  public private(set) var fits = DayShape.all.map { _ in 0 }
  public private(set) var samples = 0
  /// Sums over the samples: CPUs in use, and guests.
  private var used = 0
  private var guests = 0
  public private(set) var handRepins = 0
  public let hosts: Int
  public private(set) var verdict: DayJudge
  public private(set) var digest: UInt64 = 0
  public private(set) var plans = 0
  /// Plans that ended before their last wave.
  public private(set) var stopped = 0

  private var queue: Heap<DayEvent>
  private var order: Int
  /// When the coordinator is woken next.
  private var tick = Int.max

  public init(_ eve: DayEve, automation isOn: Bool) {
    let settings = eve.settings
    hosts = settings.hosts
    queue = Heap(eve.events)
    order = eve.events.count
    verdict = DayJudge(settings.judged, hosts: settings.hosts)
    var agents = DayAgents(eve)
    if isOn { agents.switchAutomation(.on, at: 0) }
    schedule(&agents)
    while let event = queue.popMin(), event.at < settings.milliseconds {
      happen(event, &agents, eve)
      schedule(&agents)
    }
    var judge = verdict
    var sum = DayDigest()
    for record in agents.fleet.records {
      judge.see(record)
      sum.add(record)
    }
    for count in counts { sum.add(count.placed) }
    verdict = judge
    digest = sum.value
    plans = agents.coordinator.plans
    stopped = agents.coordinator.stopped
  }

  private mutating func push(_ at: Int, _ kind: DayEvent.Kind) {
    queue.insert(DayEvent(at: at, order: order, kind))
    order += 1
  }

  /// Puts down what follows from what has happened, and when the coordinator is to be woken.
  private mutating func schedule(_ agents: inout DayAgents) {
    for entry in agents.takeLater() { push(entry.milliseconds, entry.kind) }
    guard let deadline = agents.deadline, deadline < tick else { return }
    tick = deadline
    push(deadline, .tick)
  }

  private mutating func happen(_ event: DayEvent, _ agents: inout DayAgents, _ eve: DayEve) {
    let now = event.at
    switch event.kind {
    case .arrival(let number):
      let arrival = eve.arrivals[number - eve.residents]
      counts[arrival.shape].asked += 1
      guard agents.arrive(number, arrival, at: now) else { return }
      counts[arrival.shape].placed += 1
      if let milliseconds = arrival.milliseconds { push(now + milliseconds, .departure(number)) }
    case .departure(let number): agents.depart(number, at: now)
    case .hand(let number):
      if agents.repin(number, at: now) { handRepins += 1 }
    case .tick:
      guard now == tick else { return }
      tick = .max
      agents.tick(at: now)
    case .planned(let plan, let token): agents.planned(plan, token, at: now)
    case .jobEnd(let number, let job): agents.end(job, of: number, at: now)
    case .sample: sample(agents.fleet)
    }
  }

  private mutating func sample(_ fleet: DayFleet) {
    samples += 1
    used += fleet.cpusUsed
    guests += fleet.present.count
    var placer = fleet.placer
    for (index, shape) in DayShape.all.enumerated() {
      if case .success(let capacity) = placer.capacity(for: shape.shape) { fits[index] += capacity.fits }
    }
  }
}

extension FleetDay {
  /// Of wide guests.
  public var wide: Count {
    zip(DayShape.all, counts).reduce(into: Count()) { sum, entry in
      guard entry.0.isWide else { return }
      sum.asked += entry.1.asked
      sum.placed += entry.1.placed
    }
  }

  /// In percent of all CPUs, on average.
  public var fillPercent: Double { 100 * Double(used) / Double(max(samples * hosts * DayHost.cpus, 1)) }
  /// On average.
  public var meanGuests: Double { Double(guests) / Double(max(samples, 1)) }
  public var movesPerGuest: Double { Double(verdict.moves) / max(meanGuests, 1) }
}

extension DaySettings {
  /// What the judge holds a day against.
  var judged: DayJudge.Limits {
    DayJudge.Limits(
      cpusPerCell: DayHost.cpusPerCell, cells: DayHost.cells,
      memoryPerCell: DayHost.memoryPerCell - policy.reserve.memoryPerCell, rules: policy.automation)
  }
}
