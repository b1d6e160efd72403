/// Numbers lists of cells, such as shapes of guests, in the order in which they are met.
struct CellLists: Sendable {
  private var cells: [CellSpace] = []
  private var starts: [Int32] = [0]
  /// Numbers by hash, open addressing; -1 is empty.
  private var table: [Int32] = Array(repeating: -1, count: 1024)

  /// Lists so far; they are numbered from 0.
  var count: Int { starts.count - 1 }

  subscript(number: Int) -> ArraySlice<CellSpace> { cells[Int(starts[number])..<Int(starts[number + 1])] }

  /// The number of a list.
  mutating func number(of wanted: some RandomAccessCollection<CellSpace>) -> Int {
    var slot = Self.hash(wanted) & (table.count - 1)
    while table[slot] >= 0 {
      let number = Int(table[slot])
      if self[number].elementsEqual(wanted) { return number }
      slot = (slot + 1) & (table.count - 1)
    }
    let number = count
    cells.append(contentsOf: wanted)
    starts.append(Int32(cells.count))
    table[slot] = Int32(number)
    if number * 2 > table.count { grow() }
    return number
  }

  private mutating func grow() {
    table = Array(repeating: -1, count: table.count * 4)
    for number in 0..<count {
      var slot = Self.hash(self[number]) & (table.count - 1)
      while table[slot] >= 0 { slot = (slot + 1) & (table.count - 1) }
      table[slot] = Int32(number)
    }
  }

  static func hash(_ cells: some Collection<CellSpace>) -> Int {
    var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
    for cell in cells { hash = cell.mixed(into: hash) }
    return Int(truncatingIfNeeded: (hash ^ hash >> 32) & 0x7fff_ffff)
  }
}
