import Testing

@testable import PlacementEngine

/// The index against an exhaustive search that shares no code with it but the numbers of the score.
@Suite struct FleetIndexTests {
  /// Small hosts and guests collide often: ties, refusals and cells that fit barely are the rule.
  private struct World {
    var random: RandomFleet
    var index: FleetIndex
    var free: [[CellSpace]]
    var placed: [(slot: FleetIndex.Slot, demand: SlotDemand)] = []
    let demands: [SlotDemand]

    init(seed: Int) {
      var random = RandomFleet(seed: seed)
      let hosts = (0..<random.number(1...5)).map { _ in
        FleetIndex.Host(rack: 0, free: (0..<random.number(1...5)).map { _ in Self.space(&random, 0...12) })
      }
      demands = (0..<4).compactMap { _ in
        SlotDemand(cells: (0..<random.number(1...4)).map { _ in Self.space(&random, 1...4) })
      }
      index = FleetIndex(hosts)
      free = hosts.map(\.free)
      self.random = random
    }

    private static func space(_ random: inout RandomFleet, _ range: ClosedRange<Int>) -> CellSpace {
      CellSpace(cpus: .random(in: range, using: &random), memory: .random(in: range, using: &random) << 20)
    }
  }

  @Test(arguments: 0..<100) func decidesAsAnExhaustiveSearchDoes(seed: Int) {
    var world = World(seed: seed)
    for _ in 0..<30 {
      if !world.placed.isEmpty, Int.random(in: 0..<3, using: &world.random) == 0 {
        let guest = world.placed.remove(at: .random(in: 0..<world.placed.count, using: &world.random))
        world.index.giveBack(guest.slot, of: guest.demand)
        for (cell, need) in guest.demand.cells.enumerated() {
          world.free[guest.slot.host][guest.slot.cells[cell]] =
            world.free[guest.slot.host][guest.slot.cells[cell]] + need
        }
      }
      let demand = world.demands[.random(in: 0..<world.demands.count, using: &world.random)]
      world.index.learn(demand)
      let slot = world.index.place(demand)
      let expected = Exhaustive(demand, world.free, world.index.measure).best
      #expect(slot?.host == expected?.host)
      #expect(slot?.cost == expected?.cost)
      #expect(slot.map { slot in demand.cells.indices.map { slot.cells[$0] } } == expected?.cells)
      guard let slot else { continue }
      world.index.take(slot, for: demand)
      world.placed.append((slot, demand))
      for (cell, need) in demand.cells.enumerated() {
        world.free[slot.host][slot.cells[cell]] = world.free[slot.host][slot.cells[cell]] - need
      }
      #expect(world.index.free(on: slot.host) == world.free[slot.host])
    }
  }

  @Test func aCopyMayTryThingsAndBeThrownAway() throws {
    let demand = try #require(SlotDemand(cells: [CellSpace(cpus: 2, memory: 1)]))
    let index = FleetIndex([FleetIndex.Host(rack: 0, free: [CellSpace(cpus: 2, memory: 1)])])
    var copy = index
    let found = copy.place(demand)
    let slot = try #require(found)
    copy.take(slot, for: demand)
    #expect(copy.place(demand) == nil)
    var original = index
    #expect(original.place(demand) == slot)
  }

  /// Hosts go through more states than are kept; what is forgotten is worked out again.
  @Test func statesWithoutHostsAreForgotten() throws {
    let wide = CellSpace(cpus: 60, memory: 200 << 20)
    var index = FleetIndex((0..<2).map { _ in FleetIndex.Host(rack: 0, free: [wide, wide]) }, statesSpare: 100)
    var free = [[wide, wide], [wide, wide]]
    let demands = try (1...3).map { try #require(SlotDemand(cells: [CellSpace(cpus: $0 * 2, memory: $0 << 20)])) }
    for demand in demands { index.learn(demand) }
    var most = 0
    for step in 0..<600 {
      let demand = demands[step % 3]
      // Each step leaves less memory, so no state comes back.
      let tiny = try #require(SlotDemand(cells: [CellSpace(cpus: 0, memory: 1 + step % 7)]))
      let slot = index.place(demand)
      if step % 20 == 0 {
        let expected = Exhaustive(demand, free, index.measure).best
        #expect(slot?.host == expected?.host && slot?.cost == expected?.cost)
      }
      let place = try #require(slot)
      index.take(place, for: tiny)
      free[place.host][place.cells[0]] = free[place.host][place.cells[0]] - tiny.cells[0]
      most = max(most, index.states.count)
    }
    #expect(most <= 110)
  }

  /// A guest of unequal cells on the only host, whose cells fit it in one order only.
  @Test func unequalCellsFindTheirOnlyOrder() throws {
    let host = [CellSpace(cpus: 2, memory: 8), CellSpace(cpus: 4, memory: 2), CellSpace(cpus: 8, memory: 4)]
    let demand = try #require(SlotDemand(cells: [host[1], host[2], host[0]]))
    var index = FleetIndex([FleetIndex.Host(rack: 0, free: host)])
    index.learn(demand)
    let found = index.place(demand)
    let slot = try #require(found)
    #expect((0..<3).map { slot.cells[$0] } == [1, 2, 0])
  }

  /// Sixteen like cells have 12,870 ways for eight like guest cells; told apart once, there is one.
  @Test func likeCellsAreToldApartOnce() throws {
    let demand = try #require(SlotDemand(cells: Array(repeating: CellSpace(cpus: 4, memory: 4), count: 8)))
    var index = FleetIndex([
      FleetIndex.Host(rack: 0, free: Array(repeating: CellSpace(cpus: 8, memory: 8), count: 16))
    ])
    index.learn(demand)
    let found = index.place(demand)
    let slot = try #require(found)
    #expect((0..<8).map { slot.cells[$0] } == Array(0..<8))
  }

  @Test func whatNeedsNothingOrTooManyCellsIsNoDemand() {
    let cell = CellSpace(cpus: 1, memory: 1)
    #expect(SlotDemand(cells: []) == nil)
    #expect(SlotDemand(cells: Array(repeating: cell, count: 9)) == nil)
    #expect(SlotDemand(cells: [cell, CellSpace(cpus: 0, memory: 0)]) == nil)
    #expect(SlotDemand(cells: [CellSpace(cpus: -1, memory: 4)]) == nil)
  }
}

/// Every host and every way to give guest cells cells of their own, in order.
private struct Exhaustive {
  private(set) var best: (host: Int, cells: [Int], cost: Int)?
  private let demand: SlotDemand
  private let measure: AvailableSpace

  init(_ demand: SlotDemand, _ hosts: [[CellSpace]], _ measure: AvailableSpace) {
    self.demand = demand
    self.measure = measure
    for (host, free) in hosts.enumerated() { search(host, free, []) }
  }

  private mutating func search(_ host: Int, _ free: [CellSpace], _ chosen: [Int]) {
    guard chosen.count < demand.cells.count else {
      var after = free
      for (cell, need) in zip(chosen, demand.cells) { after[cell] = after[cell] - need }
      let empty = AvailableSpace.emptiness * free.reduce(0) { $0 + $1.cpus }
      let cost = max(worth(free) + empty - worth(after), 0)
      if cost < best?.cost ?? .max { best = (host, chosen, cost) }
      return
    }
    let need = demand.cells[chosen.count]
    for cell in free.indices where !chosen.contains(cell) {
      if free[cell].cpus >= need.cpus, free[cell].memory >= need.memory { search(host, free, chosen + [cell]) }
    }
  }

  private func worth(_ free: [CellSpace]) -> Int {
    var sum = 0
    for (index, entry) in measure.entries.enumerated() {
      let slots = free.map { min($0.cpus / entry.cell.cpus, $0.memory / entry.cell.memory) }
      // Guests are taken off one by one, each from the cells with the most slots left.
      var left = slots
      var count = 0
      while left.filter({ $0 > 0 }).count >= entry.cells {
        let most = left.indices.sorted { (-left[$0], $0) < (-left[$1], $1) }.prefix(entry.cells)
        for cell in most { left[cell] -= 1 }
        count += 1
      }
      sum += measure.value(of: count, entry: index)
    }
    return sum
  }
}
