import PlacementEngine

/// The index against an exhaustive search on small random fleets: ties, refusals and cells that fit barely are the
/// rule, and guests of unlike cells have to find the order in which host cells fit them.
public struct ExactnessTrial {
  /// What was decided otherwise than by the exhaustive search, a line for each.
  public private(set) var differences: [String] = []
  /// Decisions that were looked at, those with a place, and those of guests with unlike cells among these.
  public private(set) var decisions = 0
  public private(set) var placed = 0
  public private(set) var unlike = 0

  private static let stepsMaximum = 30

  /// Guests come to and leave one fleet.
  public init(seed: Int) {
    var world = World(seed: seed)
    for step in 0..<Self.stepsMaximum {
      if !world.guests.isEmpty, world.random.below(3) == 0 { world.leave() }
      let demand = world.demands[world.random.below(world.demands.count)]
      if world.learns { world.index.learn(demand) }
      let slot = world.index.place(demand)
      let expected = ExhaustiveSearch(demand, on: world.free, world.index.measure).best
      let cells = slot.map { slot in demand.cells.indices.map { slot.cells[$0] } }
      decisions += 1
      if slot?.host != expected?.host || slot?.cost != expected?.cost || cells != expected?.cells {
        differences.append(
          "fleet \(seed), step \(step): host \(slot?.host ?? -1), cells \(cells ?? []), cost \(slot?.cost ?? -1); "
            + "expected \(expected?.host ?? -1), \(expected?.cells ?? []), \(expected?.cost ?? -1)")
      }
      guard let slot else { continue }
      placed += 1
      unlike += demand.cells.allSatisfy { $0 == demand.cells[0] } ? 0 : 1
      world.come(slot, demand)
      if world.index.free(on: slot.host) != world.free[slot.host] {
        differences.append("fleet \(seed), step \(step): host \(slot.host) has not what was left of it")
      }
    }
  }

  private struct World {
    var random: Draw
    var index: FleetIndex
    private(set) var free: [[CellSpace]]
    private(set) var guests: [(slot: FleetIndex.Slot, demand: SlotDemand)] = []
    let demands: [SlotDemand]
    /// Whether the mix is learned, and not drawn.
    let learns: Bool

    init(seed: Int) {
      var random = Draw(seed: seed)
      let hosts = (0..<random.within(1...5)).map { _ in
        FleetIndex.Host(rack: 0, free: (0..<random.within(1...5)).map { _ in Self.space(&random, 0...12) })
      }
      demands = (0..<4).compactMap { _ in
        let cells = (0..<random.within(1...4)).map { _ in Self.space(&random, 1...4) }
        return SlotDemand(cells: random.below(3) == 0 ? cells.map { _ in cells[0] } : cells)
      }
      // What is learned in so few steps has guests of one cell and of two only.
      learns = random.below(3) == 0
      index = learns ? FleetIndex(hosts) : FleetIndex(hosts, measure: Self.measure(&random))
      free = hosts.map(\.free)
      self.random = random
    }

    /// A mix of small guests of 1 to 6 cells.
    private static func measure(_ random: inout Draw) -> AvailableSpace {
      AvailableSpace(
        (0..<random.within(1...20)).map { _ in
          AvailableSpace.Entry(
            cell: Self.space(&random, 1...4), cells: random.within(1...6), weight: random.within(1...40_000))
        })
    }

    private static func space(_ random: inout Draw, _ range: ClosedRange<Int>) -> CellSpace {
      CellSpace(cpus: random.within(range), memory: random.within(range) << 20)
    }

    mutating func come(_ slot: FleetIndex.Slot, _ demand: SlotDemand) {
      index.take(slot, for: demand)
      guests.append((slot, demand))
      for (cell, need) in demand.cells.enumerated() {
        free[slot.host][slot.cells[cell]] = free[slot.host][slot.cells[cell]] - need
      }
    }

    mutating func leave() {
      let guest = guests.remove(at: random.below(guests.count))
      index.giveBack(guest.slot, of: guest.demand)
      for (cell, need) in guest.demand.cells.enumerated() {
        let host = guest.slot.host
        free[host][guest.slot.cells[cell]] = free[host][guest.slot.cells[cell]] + need
      }
    }
  }
}
