/// The states that cells are in, each with what has been worked out for it: slots of the mix, and for each column the
/// loss by one guest cell.
///
/// Cells of one state are the same to every guest, so what is worked out for one holds for all of them. States are
/// numbered from 0; a number holds until `forget`.
struct CellStates: Sendable {
  private var spaces: [CellSpace] = []
  /// By state, `AvailableSpace.blockCount` each.
  private var slots: [Lanes] = []
  /// By state: what its free CPUs cost guests.
  private var prices: [Int32] = []
  /// By state: its worth to guests of one cell.
  private var worths: [Int32] = []
  /// By state, `width` each: the least that a guest cell of a column takes of the worth; `unknown` until asked for.
  private var losses: [Int32] = []
  private(set) var width: Int
  /// Numbers by hash, open addressing; -1 is empty.
  private var table: [Int32] = Array(repeating: -1, count: 4096)

  /// Loss where a guest cell does not fit: larger than any, and small enough to be added up.
  static let misfit: Int32 = 1 << 26
  private static let unknown: Int32 = -1

  init(width: Int) { self.width = width }

  var count: Int { spaces.count }
  subscript(state: Int32) -> CellSpace { spaces[Int(state)] }

  /// The number of a state.
  mutating func number(of space: CellSpace, _ measure: borrowing AvailableSpace) -> Int32 {
    var slot = Self.hash(space) & (table.count - 1)
    while table[slot] >= 0 {
      if spaces[Int(table[slot])] == space { return table[slot] }
      slot = (slot + 1) & (table.count - 1)
    }
    let number = Int32(truncatingIfNeeded: spaces.count)
    table[slot] = number
    spaces.append(space)
    append(measure)
    if spaces.count * 2 > table.count { grow() }
    return number
  }

  private mutating func append(_ measure: borrowing AvailableSpace) {
    let space = spaces[worths.count]
    var worth = 0
    for block in 0..<AvailableSpace.blockCount {
      let lanes = measure.slots(of: space, block: block)
      slots.append(lanes)
      worth += measure.worth(ofCell: lanes, block: block)
    }
    worths.append(Int32(clamping: worth))
    prices.append(Int32(clamping: AvailableSpace.emptiness * space.cpus))
    losses.append(contentsOf: repeatElement(Self.unknown, count: width))
  }

  private mutating func grow() {
    table = Array(repeating: -1, count: table.count * 4)
    for number in spaces.indices {
      var slot = Self.hash(spaces[number]) & (table.count - 1)
      while table[slot] >= 0 { slot = (slot + 1) & (table.count - 1) }
      table[slot] = Int32(truncatingIfNeeded: number)
    }
  }

  private static func hash(_ space: CellSpace) -> Int {
    let hash = space.mixed(into: 0x9e37_79b9_7f4a_7c15)
    return Int(truncatingIfNeeded: (hash ^ hash >> 32) & 0x7fff_ffff)
  }

  // MARK: - What has been worked out

  /// Copies a state's slots to a place among others.
  @inline(__always) func copySlots(of state: Int32, to target: inout [Lanes], cell: Int) {
    for block in 0..<AvailableSpace.blockCount {
      target[cell * AvailableSpace.blockCount + block] = slots[Int(state) * AvailableSpace.blockCount + block]
    }
  }

  /// What a cell's free CPUs cost guests.
  @inline(__always) func price(_ state: Int32) -> Int { Int(prices[Int(state)]) }

  /// What a cell's worth by itself loses from one state to a lesser one.
  func ownLoss(from state: Int32, to lesser: Int32) -> Int {
    Int(worths[Int(state)]) - Int(worths[Int(lesser)])
  }

  /// Works out a state's losses by the columns' guest cells, if that was not done.
  @inline(__always)
  mutating func prepare(_ state: Int32, for columns: borrowing [SlotDemand?], _ measure: borrowing AvailableSpace) {
    if losses[Int(state) * width] == Self.unknown { workOut(state, columns, measure) }
  }

  private mutating func workOut(
    _ state: Int32, _ columns: borrowing [SlotDemand?], _ measure: borrowing AvailableSpace
  ) {
    for column in 0..<width { setLoss(state, column, columns[column], measure) }
  }

  /// Works out one column's losses in all states whose losses are known, because the column is new.
  mutating func fill(_ column: Int, _ demand: SlotDemand?, _ measure: borrowing AvailableSpace) {
    for state in 0..<Int32(truncatingIfNeeded: spaces.count) where losses[Int(state) * width] != Self.unknown {
      setLoss(state, column, demand, measure)
    }
  }

  private mutating func setLoss(
    _ state: Int32, _ column: Int, _ demand: SlotDemand?, _ measure: borrowing AvailableSpace
  ) {
    var least = Self.misfit
    let space = spaces[Int(state)]
    var last: CellSpace?
    guard let demand else { return losses[Int(state) * width + column] = least }
    for need in demand.cells where need != last && space.holds(need) {
      last = need
      let after = number(of: space - need, measure)
      let loss = ownLoss(from: state, to: after) + measure.crowding(of: space, by: need, in: demand)
      least = min(least, Int32(clamping: min(loss, Int(Self.misfit) - 1)))
    }
    losses[Int(state) * width + column] = least
  }

  /// Eight columns' losses from `column` on.
  @inline(__always) func losses(_ state: Int32, from column: Int) -> CostRows.Row {
    losses.withUnsafeBytes {
      $0.loadUnaligned(fromByteOffset: (Int(state) * width + column) * 4, as: CostRows.Row.self)
    }
  }

  /// By state, how many of one guest cell fit.
  func slots(for need: CellSpace) -> [Int32] {
    spaces.map { Int32(truncatingIfNeeded: AvailableSpace.slots(need, in: $0)) }
  }

  // MARK: - Changes of everything

  /// Works everything out anew, because the measure or the number of columns changed. Numbers stay.
  mutating func renew(width: Int, _ measure: borrowing AvailableSpace) {
    self.width = width
    slots.removeAll(keepingCapacity: true)
    worths.removeAll(keepingCapacity: true)
    prices.removeAll(keepingCapacity: true)
    losses.removeAll(keepingCapacity: true)
    while worths.count < spaces.count { append(measure) }
  }

  /// Keeps only the states of these cells, which get new numbers.
  mutating func forget(except cells: inout [Int32], _ measure: borrowing AvailableSpace) {
    var kept = CellStates(width: width)
    var numbers = [Int32](repeating: -1, count: spaces.count)
    for index in cells.indices {
      let old = Int(cells[index])
      if numbers[old] < 0 { numbers[old] = kept.adopt(old, of: self) }
      cells[index] = numbers[old]
    }
    self = kept
  }

  private mutating func adopt(_ state: Int, of other: CellStates) -> Int32 {
    var slot = Self.hash(other.spaces[state]) & (table.count - 1)
    while table[slot] >= 0 { slot = (slot + 1) & (table.count - 1) }
    let number = Int32(truncatingIfNeeded: spaces.count)
    table[slot] = number
    spaces.append(other.spaces[state])
    let blocks = AvailableSpace.blockCount
    slots.append(contentsOf: other.slots[(state * blocks)..<((state + 1) * blocks)])
    worths.append(other.worths[state])
    prices.append(other.prices[state])
    losses.append(contentsOf: other.losses[(state * width)..<((state + 1) * width)])
    if spaces.count * 2 > table.count { grow() }
    return number
  }
}
