public import PlacementEngine

/// Shapes of a churn: `f,vcpus,ram,cells,p`, of which `p`, the share of arrivals, is not told to the engine.
public struct TrialShapes: Sendable {
  public let shapes: [Int: SlotDemand]

  public init(_ bytes: [UInt8], file: String) throws(TableError) {
    var table = try Table(bytes, file: file)
    try table.require(["f", "vcpus", "ram", "cells", "p"])
    var shapes: [Int: SlotDemand] = [:]
    while let row = try table.next() {
      let id = try row.number(0, in: Limits.ids)
      guard shapes[id] == nil else { throw table.fault("shape \(id) is there already") }
      let vcpus = try row.number(1, in: 1...Limits.cpus)
      let gib = try row.number(2, in: 0...Limits.gib)
      let cells = try row.number(3, in: 1...SlotDemand.cellsMaximum)
      guard let demand = SlotDemand(vcpus: vcpus, gib: gib, cells: cells) else {
        throw table.fault("\(vcpus) vcpus and \(gib) GiB cannot be spread evenly over \(cells) cells")
      }
      shapes[id] = demand
    }
    self.shapes = shapes
  }
}

/// Arrivals and departures: `t,op,vm,f`, `op` `+` or `-`, `t` in seconds, below 0 for guests that are there already.
public struct TrialEvents: Sendable {
  public struct Event: Sendable {
    public let time: Double
    public let guest: Int
    /// Nil when the guest leaves.
    public let demand: SlotDemand?
  }

  public let events: [Event]

  public init(_ bytes: [UInt8], file: String, shapes: TrialShapes) throws(TableError) {
    var table = try Table(bytes, file: file)
    try table.require(["t", "op", "vm", "f"])
    var events: [Event] = []
    var arrived: Set<Int> = []
    while let row = try table.next() {
      let time = try row.seconds(0)
      if let last = events.last, time < last.time { throw table.fault("time goes back from \(last.time) to \(time)") }
      let guest = try row.number(2, in: Limits.ids)
      switch row.word(1) {
      case "+":
        let shape = try row.number(3, in: Limits.ids)
        guard let demand = shapes.shapes[shape] else { throw table.fault("there is no shape \(shape)") }
        guard arrived.insert(guest).inserted else { throw table.fault("guest \(guest) is there already") }
        events.append(Event(time: time, guest: guest, demand: demand))
      case "-":
        guard arrived.remove(guest) != nil else { throw table.fault("guest \(guest) leaves, but is not there") }
        events.append(Event(time: time, guest: guest, demand: nil))
      case let other: throw table.fault("op \"\(other.prefix(20))\" is neither + nor -")
      }
    }
    self.events = events
  }
}

/// Guests that come and go on a fleet; who fits nowhere when it comes is refused for good.
public struct ChurnTrial: Sendable {
  /// Of arrivals from time 0 on.
  public private(set) var vcpusAsked = 0
  public private(set) var vcpusRefused = 0
  /// Means over samples an hour apart, from time 0 on; see `Sample`.
  public private(set) var meanFragmentRate = 0.0
  public private(set) var meanWideSlots = 0.0
  /// Of each event from time 0 on: decision and update, in the unit of the clock.
  public private(set) var durations: [UInt64] = []

  /// Between samples, in seconds.
  private static let sampleSeconds = 3600.0

  public init(_ events: [TrialEvents.Event], on hosts: [FleetIndex.Host], clock: () -> UInt64) {
    var index = FleetIndex(hosts)
    var places: [Int: (slot: FleetIndex.Slot, demand: SlotDemand)] = [:]
    var samples: [Sample] = []
    var nextSample = 0.0
    for event in events {
      while event.time >= nextSample {
        samples.append(Sample(index))
        nextSample += Self.sampleSeconds
      }
      let begun = clock()
      var isRefused = false
      if let demand = event.demand {
        index.learn(demand)
        if let slot = index.place(demand) {
          index.take(slot, for: demand)
          places[event.guest] = (slot, demand)
        } else {
          isRefused = true
        }
      } else if let place = places.removeValue(forKey: event.guest) {
        index.giveBack(place.slot, of: place.demand)
      }
      guard event.time >= 0 else { continue }
      durations.append(clock() - begun)
      vcpusAsked += event.demand?.total.cpus ?? 0
      if isRefused { vcpusRefused += event.demand?.total.cpus ?? 0 }
    }
    let count = Double(max(samples.count, 1))
    meanFragmentRate = samples.reduce(0) { $0 + $1.fragmentRate } / count
    meanWideSlots = samples.reduce(0) { $0 + Double($1.wideSlots) } / count
  }

  public var refusedPercent: Double { 100 * Double(vcpusRefused) / Double(max(vcpusAsked, 1)) }

  /// How broken up the free CPUs are.
  struct Sample {
    /// The part of free CPUs that is in no whole 16 on a cell.
    let fragmentRate: Double
    /// Guests of 32 vcpus on two cells that would fit by CPUs.
    let wideSlots: Int

    init(_ index: FleetIndex) {
      var (free, whole, slots) = (0, 0, 0)
      for host in 0..<index.count {
        let blocks = index.free(on: host).map { $0.cpus / 16 }
        free += index.free(on: host).reduce(0) { $0 + $1.cpus }
        let sum = blocks.reduce(0, +)
        whole += sum
        slots += min(sum / 2, sum - (blocks.max() ?? 0))
      }
      fragmentRate = free == 0 ? 0 : 1 - 16 * Double(whole) / Double(free)
      wideSlots = slots
    }
  }
}
