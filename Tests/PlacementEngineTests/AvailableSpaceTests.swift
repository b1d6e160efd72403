import Testing

@testable import PlacementEngine

/// The parts of the index, each against the plain way to get its result.
@Suite struct AvailableSpaceTests {
  /// How many guests of so many cells fit, found by taking them off one by one, from the cells with the most slots.
  static func guests(_ slots: [Int], cells: Int) -> Int {
    var left = slots
    var count = 0
    while left.count(where: { $0 > 0 }) >= cells {
      let most = left.indices.sorted { (-left[$0], $0) < (-left[$1], $1) }.prefix(cells)
      for cell in most { left[cell] -= 1 }
      count += 1
    }
    return count
  }

  @Test(arguments: 0..<40) func sixteenShapesAreCountedAsOneByOne(seed: Int) {
    var random = RandomFleet(seed: seed)
    let entries = (0..<AvailableSpace.entriesMaximum).map { _ in
      AvailableSpace.Entry(
        cell: CellSpace(cpus: random.number(0...4), memory: random.number(1...4)), cells: random.number(1...8),
        weight: random.number(1...1000))
    }
    let measure = AvailableSpace(entries)
    #expect(measure.entries.map(\.cells) == entries.map(\.cells).sorted())
    for _ in 0..<20 {
      let cells = (0..<random.number(1...16)).map { _ in
        CellSpace(cpus: random.number(0...20), memory: random.number(0...20))
      }
      var lanes: [Lanes] = []
      for cell in cells {
        for block in 0..<AvailableSpace.blockCount { lanes.append(measure.slots(of: cell, block: block)) }
      }
      var expected = 0
      for (index, entry) in measure.entries.enumerated() {
        let slots = cells.map {
          min(entry.cell.cpus == 0 ? 2047 : $0.cpus / entry.cell.cpus, $0.memory / entry.cell.memory)
        }
        let count = Self.guests(slots, cells: entry.cells)
        #expect(AvailableSpace.slots(entry.cell, entry.cells, in: cells) == count)
        expected += measure.value(of: count, entry: index)
      }
      #expect(measure.worth(of: lanes, cells: cells.count) == expected)
    }
  }

  /// More guests than the table of values has are worth as much more each as its last one.
  @Test func valuesGoOnBeyondTheTable() {
    let measure = AvailableSpace([
      AvailableSpace.Entry(cell: CellSpace(cpus: 1, memory: 0), cells: 1, weight: 1000)
    ])
    let step = measure.value(of: 255, entry: 0) - measure.value(of: 254, entry: 0)
    #expect(measure.value(of: 300, entry: 0) == measure.value(of: 255, entry: 0) + 45 * step)
    let cell = measure.slots(of: CellSpace(cpus: 300, memory: 0), block: 0)
    let lanes = [cell] + Array(repeating: Lanes.zero, count: AvailableSpace.blockCount - 1)
    #expect(measure.worth(of: lanes, cells: 1) == measure.value(of: 300, entry: 0))
  }

  @Test(arguments: [1, 3, 4, 5, 16, 17, 64, 65, 1000]) func rowsKnowTheFirstOfTheLeast(hosts: Int) {
    var random = RandomFleet(seed: hosts)
    let width = 2 * CostRows.columnsPerBlock
    var rows = CostRows(hosts: hosts, width: width)
    var values = Array(repeating: Array(repeating: CostRows.impossible, count: width), count: hosts)
    func check() {
      for column in 0..<width {
        let least = values.indices.min { (values[$0][column], $0) < (values[$1][column], $1) }
        let expected = least.flatMap { values[$0][column] == CostRows.impossible ? nil : $0 }
        #expect(rows.winner(column) == expected)
      }
    }
    for step in 0..<200 {
      let host = Int.random(in: 0..<hosts, using: &random)
      if step % 3 == 0 {
        let column = Int.random(in: 0..<width, using: &random)
        values[host][column] = .random(in: 0...9, using: &random)
        rows.set(host, column, values[host][column])
      } else {
        let block = step % 2
        var row = CostRows.Row.zero
        for lane in 0..<CostRows.columnsPerBlock {
          row[lane] = random.number(0...3) == 0 ? CostRows.impossible : Int32(random.number(0...9))
          values[host][block * CostRows.columnsPerBlock + lane] = row[lane]
        }
        rows.set(host, block: block, row)
      }
      check()
    }
    // All at once: the same values in both blocks.
    for host in 0..<hosts {
      var row = CostRows.Row.zero
      for lane in 0..<CostRows.columnsPerBlock {
        row[lane] = Int32(random.number(0...99))
        for block in 0..<2 { values[host][block * CostRows.columnsPerBlock + lane] = row[lane] }
      }
      for block in 0..<2 { rows.plant(host, block: block, row) }
    }
    for block in 0..<2 { rows.raise(block: block) }
    check()
    for host in 0..<hosts {
      for column in 0..<width { rows.set(host, column, CostRows.impossible) }
    }
    #expect((0..<width).allSatisfy { rows.winner($0) == nil })
  }
}
