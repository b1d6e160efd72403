import PlacementTrials
import Testing

@testable import PlacementEngine

/// The index against `ExhaustiveSearch`, which shares no code with it but the numbers of the score.
@Suite struct FleetIndexTests {
  /// `placement-benchmark --fleets 100000` looks at many more.
  @Test(arguments: 0..<100) func decidesAsAnExhaustiveSearchDoes(seed: Int) {
    #expect(ExactnessTrial(seed: seed).differences == [])
  }

  /// Hosts come, go and are given to guests in any order; the index answers as one that was just made.
  @Test(arguments: 0..<40) func hostsComeAndGo(seed: Int) {
    var random = RandomFleet(seed: seed &+ 640)
    func space(_ range: ClosedRange<Int>) -> CellSpace {
      CellSpace(cpus: random.number(range), memory: random.number(range) << 20)
    }
    func host() -> FleetIndex.Host {
      FleetIndex.Host(rack: 0, free: (0..<random.number(1...5)).map { _ in space(0...9) })
    }
    let measure = ShapeMix().measure(onto: [CellSpace(cpus: 4, memory: 8 << 20)])
    var hosts = (0..<3).map { _ in host() }
    var index = FleetIndex(hosts, measure: measure)
    for step in 0..<40 {
      switch random.number(0...3) {
      case 0:
        let (new, position) = (host(), random.number(0...hosts.count))
        hosts.insert(new, at: position)
        index.insert(new, at: position)
      case 1 where !hosts.isEmpty:
        let position = random.number(0...(hosts.count - 1))
        hosts.remove(at: position)
        index.remove(at: position)
      default: break
      }
      guard let demand = SlotDemand(cells: (0..<random.number(1...3)).map { _ in space(1...3) }) else { continue }
      var fresh = FleetIndex(hosts, measure: measure)
      let slot = index.place(demand)
      #expect(slot == fresh.place(demand), "step \(step)")
      #expect(index.capacity(for: demand) == fresh.capacity(for: demand), "step \(step)")
      guard let slot else { continue }
      index.take(slot, for: demand)
      hosts[slot.host] = FleetIndex.Host(rack: 0, free: index.free(on: slot.host))
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
        let expected = ExhaustiveSearch(demand, on: free, index.measure).best
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
