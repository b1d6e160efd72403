/// The states that cells are in, each with what has been worked out for it: slots of the mix, and for each column the
/// loss by one guest cell and the state that it leads to.
///
/// Cells of one state are the same to every guest, so what is worked out for one holds for all of them. States are
/// numbered from 0; a number holds until `forget`. Nothing is allocated until there are more than were reserved.
struct CellStates: Sendable {
  private var spaces: [CellSpace] = []
  /// By state, `AvailableSpace.blockCount` each.
  private var slots: [Lanes] = []
  /// By state, `stride` each: a head (`Head`), then for each column the least that a guest cell takes of the worth. The
  /// two are read together whenever a host changes, and begin with a line of the cache.
  private var records: [Line] = []
  /// By state, `width` each: the state that a guest cell of a column leads to, where the loss is known and no `misfit`.
  private var afters: [Int32] = []
  private(set) var width: Int
  /// Numbers by hash, open addressing; -1 is empty.
  private var table: [Int32] = Array(repeating: -1, count: 4096)

  private typealias Line = SIMD16<Int32>

  /// What is at the head of a record.
  private enum Head {
    /// What the free CPUs cost guests.
    static let price = 0
    /// The worth to guests of one cell.
    static let worth = 1
    /// Whether the losses are known: 1 or 0.
    static let isKnown = 2
    /// Whether there is load, which makes losses depend on more than the state: 1 or 0.
    static let isLoaded = 3
    static let count = 8
  }

  /// Loss where a guest cell does not fit: larger than any, and small enough to be added up.
  static let misfit: Int32 = 1 << 26

  init(width: Int) { self.width = width }

  var count: Int { spaces.count }
  subscript(state: Int32) -> CellSpace { spaces[Int(state)] }

  /// Numbers of a record.
  private var stride: Int { lines * Line.scalarCount }
  private var lines: Int { (Head.count + width + Line.scalarCount - 1) / Line.scalarCount }

  /// Makes room for so many states.
  mutating func reserve(_ count: Int) {
    spaces.reserveCapacity(count)
    slots.reserveCapacity(count * AvailableSpace.blockCount)
    records.reserveCapacity(count * lines)
    afters.reserveCapacity(count * width)
    if count * 2 > table.count { rehash(Self.tableSize(for: count)) }
  }

  private static func tableSize(for count: Int) -> Int {
    var size = 4096
    while size < count * 2 { size *= 2 }
    return size
  }

  // MARK: - Records

  @inline(__always) private func read<T>(_ body: (UnsafePointer<Int32>) -> T) -> T {
    records.withUnsafeBytes { body($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Int32.self)) }
  }

  @inline(__always) private func record(_ state: Int32, _ place: Int) -> Int32 {
    let at = Int(state) &* stride &+ place
    return read { $0[at] }
  }

  private mutating func set(_ state: Int32, _ place: Int, _ value: Int32) {
    let at = Int(state) * stride + place
    records.withUnsafeMutableBytes { $0.assumingMemoryBound(to: Int32.self)[at] = value }
  }

  // MARK: - Numbers

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
    if spaces.count * 2 > table.count { rehash(table.count * 2) }
    return number
  }

  private mutating func append(_ measure: borrowing AvailableSpace) {
    let state = Int32(truncatingIfNeeded: slots.count / AvailableSpace.blockCount)
    let space = spaces[Int(state)]
    var worth = 0
    for block in 0..<AvailableSpace.blockCount {
      let lanes = measure.slots(of: space, block: block)
      slots.append(lanes)
      worth += measure.worth(ofCell: lanes, block: block)
    }
    records.append(contentsOf: repeatElement(.zero, count: lines))
    afters.append(contentsOf: repeatElement(-1, count: width))
    set(state, Head.price, Int32(clamping: measure.emptiness * space.cpus))
    set(state, Head.worth, Int32(clamping: worth))
    set(state, Head.isLoaded, space.load == 0 ? 0 : 1)
  }

  private mutating func rehash(_ size: Int) {
    if size == table.count {
      for slot in table.indices { table[slot] = -1 }
    } else {
      table = Array(repeating: -1, count: size)
    }
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
  @inline(__always) func price(_ state: Int32) -> Int { Int(record(state, Head.price)) }

  /// What a cell's worth by itself loses from one state to a lesser one.
  func ownLoss(from state: Int32, to lesser: Int32) -> Int {
    Int(record(state, Head.worth)) - Int(record(lesser, Head.worth))
  }

  /// What a plain column's guest cell takes of a cell's worth by itself, and the state that it leads to, -1 where it
  /// does not fit; nil when that must be worked out.
  @inline(__always) func step(from state: Int32, by column: Int) -> (loss: Int, after: Int32)? {
    let loss = record(state, Head.count &+ column)
    if record(state, Head.isKnown) == 0 || record(state, Head.isLoaded) != 0 || loss == Self.misfit &- 1 { return nil }
    return loss == Self.misfit ? (0, -1) : (Int(loss), afters[Int(state) &* width &+ column])
  }

  /// Works out a state's losses by the columns' guest cells, if that was not done.
  @inline(__always)
  mutating func prepare(_ state: Int32, for columns: borrowing [SlotDemand?], _ measure: borrowing AvailableSpace) {
    if record(state, Head.isKnown) == 0 { workOut(state, columns, measure) }
  }

  private mutating func workOut(
    _ state: Int32, _ columns: borrowing [SlotDemand?], _ measure: borrowing AvailableSpace
  ) {
    for column in 0..<width {
      setLoss(state, column, column < columns.count ? columns[column] : nil, measure)
    }
    set(state, Head.isKnown, 1)
  }

  /// Works out one column's losses in all states whose losses are known, because the column is new.
  mutating func fill(_ column: Int, _ demand: SlotDemand?, _ measure: borrowing AvailableSpace) {
    for state in 0..<Int32(truncatingIfNeeded: spaces.count) where record(state, Head.isKnown) != 0 {
      setLoss(state, column, demand, measure)
    }
  }

  private mutating func setLoss(
    _ state: Int32, _ column: Int, _ demand: SlotDemand?, _ measure: borrowing AvailableSpace
  ) {
    var least = Self.misfit
    let space = spaces[Int(state)]
    var last: CellSpace?
    guard let demand else { return set(state, Head.count + column, least) }
    for need in demand.cells where need != last && space.holds(need) {
      last = need
      let after = number(of: space - need, measure)
      let loss = ownLoss(from: state, to: after) + measure.crowding(of: space, by: need, in: demand)
      least = min(least, Int32(clamping: min(loss, Int(Self.misfit) - 1)))
      afters[Int(state) * width + column] = after
    }
    set(state, Head.count + column, least)
  }

  /// Calls `body` with where the losses of each of some cells begin, and the sum of their prices.
  @inline(__always) func withLosses(
    of cells: [Int32], _ range: Range<Int>, _ body: (UnsafeMutableBufferPointer<UnsafePointer<Int32>>, Int) -> Void
  ) {
    let stride = stride
    read { records in
      withUnsafeTemporaryAllocation(of: UnsafePointer<Int32>.self, capacity: CellChoice.hostCellsMaximum) { losses in
        var price = 0
        for cell in 0..<range.count {
          let record = records + Int(cells[range.lowerBound &+ cell]) &* stride
          price &+= Int(record[Head.price])
          losses[cell] = record + Head.count
        }
        body(UnsafeMutableBufferPointer(rebasing: losses[0..<range.count]), price)
      }
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
    records.removeAll(keepingCapacity: true)
    afters.removeAll(keepingCapacity: true)
    for _ in spaces.indices { append(measure) }
  }

  /// Keeps only the states of these cells, which get new numbers, and works everything out anew.
  mutating func forget(except cells: inout [Int32], _ measure: borrowing AvailableSpace) {
    // The table is filled anew anyway; until then it holds the new numbers.
    for state in spaces.indices { table[state] = -1 }
    for cell in cells { table[Int(cell)] = 0 }
    var kept: Int32 = 0
    for state in spaces.indices where table[state] == 0 {
      spaces[Int(kept)] = spaces[state]
      table[state] = kept
      kept += 1
    }
    for index in cells.indices { cells[index] = table[Int(cells[index])] }
    spaces.removeSubrange(Int(kept)...)
    rehash(table.count)
    renew(width: width, measure)
  }
}
