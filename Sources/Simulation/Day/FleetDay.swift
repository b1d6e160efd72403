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
  public private(set) var stale = 0

  private var queue: Heap<DayEvent>
  private var order: Int

  public init(_ eve: DayEve, automation isOn: Bool) {
    let settings = eve.settings
    hosts = settings.hosts
    queue = Heap(eve.events)
    order = eve.events.count
    var fleet = eve.fleet
    verdict = DayJudge(settings.judged, hosts: settings.hosts)
    var automation = isOn ? DayAutomation(settings) : nil
    if isOn { push(0, .tick) }
    while let event = queue.popMin(), event.at < settings.milliseconds {
      happen(event, &fleet, &automation, eve)
    }
    var judge = verdict
    var sum = DayDigest()
    for record in fleet.records {
      judge.see(record)
      sum.add(record)
    }
    for count in counts { sum.add(count.placed) }
    verdict = judge
    digest = sum.value
    plans = automation?.plans ?? 0
    stale = automation?.stale ?? 0
  }

  private mutating func push(_ at: Int, _ kind: DayEvent.Kind) {
    queue.insert(DayEvent(at: at, order: order, kind))
    order += 1
  }

  private mutating func work(_ automation: inout DayAutomation?, _ fleet: inout DayFleet, at now: Int) {
    for begun in automation?.tick(&fleet, at: now) ?? [] { push(now + begun.milliseconds, .moveEnd(begun.number)) }
  }

  private mutating func happen(
    _ event: DayEvent, _ fleet: inout DayFleet, _ automation: inout DayAutomation?, _ eve: DayEve
  ) {
    let now = event.at
    switch event.kind {
    case .arrival(let number):
      let arrival = eve.arrivals[number - eve.residents]
      counts[arrival.shape].asked += 1
      guard fleet.admit(number, shape: arrival.shape, isFixed: arrival.isFixed, at: now) else { return }
      counts[arrival.shape].placed += 1
      if let guest = fleet.guest(number) { automation?.disturb(guest.host, at: now) }
      if let milliseconds = arrival.milliseconds { push(now + milliseconds, .departure(number)) }
    case .departure(let number):
      guard let guest = fleet.guest(number), fleet.dismiss(number, at: now) else { return }
      _ = automation?.end(number, isMoved: false, at: now)
      automation?.disturb(guest.host, at: now)
    case .hand(let number):
      guard fleet.repin(number, at: now), let guest = fleet.guest(number) else { return }
      handRepins += 1
      automation?.disturb(guest.host, at: now)
    case .moveEnd(let number):
      guard let move = automation?.end(number, isMoved: true, at: now) else { return }
      fleet.finish(move, number, at: now)
      automation?.disturb(DayHost.number(of: move.placement.host), at: now)
      work(&automation, &fleet, at: now)
    case .tick:
      work(&automation, &fleet, at: now)
      push(now + DayAutomation.tickMilliseconds, .tick)
    case .sample:
      samples += 1
      used += fleet.cpusUsed
      guests += fleet.present.count
      for (index, shape) in DayShape.all.enumerated() {
        if case .success(let capacity) = fleet.placer.capacity(for: shape.shape) { fits[index] += capacity.fits }
      }
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
