import Testing

@testable import PlacementEngine

@Suite struct CapacityTests {
  private func space(_ random: inout RandomFleet, _ range: ClosedRange<Int>) -> CellSpace {
    CellSpace(cpus: random.number(range), memory: random.number(range))
  }

  /// The most guests by trying every way to place one after another.
  private func most(_ demand: SlotDemand, on host: [CellSpace]) -> Int {
    var best = 0
    func place(_ guestCell: Int, _ free: [CellSpace], _ used: [Int]) {
      if guestCell == demand.cells.count {
        best = max(best, 1 + most(demand, on: free))
        return
      }
      for cell in free.indices where !used.contains(cell) && free[cell].holds(demand.cells[guestCell]) {
        var left = free
        left[cell] = left[cell] - demand.cells[guestCell]
        place(guestCell + 1, left, used + [cell])
      }
    }
    place(0, host, [])
    return best
  }

  @Test(arguments: 0..<120) func countsAsManyAsCanBePlaced(seed: Int) throws {
    var random = RandomFleet(seed: seed)
    let hosts = (0..<random.number(1...3)).map { _ in
      FleetIndex.Host(rack: 0, free: (0..<random.number(1...4)).map { _ in space(&random, 0...5) })
    }
    let cells = (0..<random.number(1...3)).map { _ in space(&random, 1...3) }
    let demand = try #require(
      SlotDemand(cells: random.number(0...1) == 0 ? cells : cells.map { _ in cells[0] }))
    let expected = hosts.reduce(0) { $0 + most(demand, on: $1.free) }
    #expect(FleetIndex(hosts).capacity(for: demand) == expected)
  }

  /// Two kinds that compete for the same cells: three guests fit although each host cell alone would take more.
  @Test func kindsShareCells() throws {
    let host = [CellSpace(cpus: 9, memory: 9), CellSpace(cpus: 6, memory: 9), CellSpace(cpus: 6, memory: 9)]
    let demand = try #require(SlotDemand(cells: [CellSpace(cpus: 4, memory: 1), CellSpace(cpus: 2, memory: 1)]))
    #expect(FleetIndex([FleetIndex.Host(rack: 0, free: host)]).capacity(for: demand) == most(demand, on: host))
  }

  @Test func whatWouldTakeTooLongIsNotCounted() throws {
    let cell = CellSpace(cpus: 500, memory: 500)
    let demand = try #require(SlotDemand(cells: (1...6).map { CellSpace(cpus: $0, memory: 1) }))
    let fleet = FleetIndex([FleetIndex.Host(rack: 0, free: Array(repeating: cell, count: 8))])
    #expect(fleet.capacity(for: demand) == nil)
  }
}
