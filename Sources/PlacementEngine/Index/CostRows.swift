import NUMA

/// What each column's guest costs on each host, and the least of them: for each column a tree of minima, four hosts to
/// a knot, the trees of eight columns side by side, so that a host that changed is brought up to date in all of them at
/// once.
///
/// A value is twice the cost, one more where the cost is exact; the others are bounds, and a bound precedes the cost
/// that it equals. So a column's winner is the answer once it is exact, and until then the next to be worked out.
/// Above the leaves a value and the first host that has it are one number, so that the answer is read at the root; to
/// walk down to it would take a dozen steps, each waiting for the one before. The rows of a knot lie together, in whole
/// lines of the cache.
struct CostRows: Sendable {
  /// Columns, a multiple of eight.
  let width: Int
  private let blocks: Int
  /// Levels one after another, leaves first; in a level by knot and block four rows, of values or of `Entry`.
  private var values: [SIMD16<Int32>]
  /// Where each level begins, and behind the last, for one block.
  private let starts: [Int]

  typealias Row = SIMD8<Int32>

  /// What cannot be chosen at all.
  static let impossible = Int32.max
  static let columnsPerBlock = Row.scalarCount
  /// An entry has so many digits for the host.
  static let hostsMaximum = 1 << 20
  private static let fan = 4
  /// Numbers of a knot of leaves for one block; knots above take twice the room.
  private static let leaves = fan * columnsPerBlock

  /// The value of an exact cost, and of a bound.
  static func exact(_ cost: Int32) -> Int32 { cost << 1 | 1 }
  static let costMaximum = Int(Int32.max >> 1) - 1

  /// Rows of `impossible`.
  init(hosts: Int, width: Int) {
    invariant(hosts <= Self.hostsMaximum, "a fleet of \(hosts) hosts is more than \(Self.hostsMaximum)")
    self.width = width
    blocks = width / Self.columnsPerBlock
    var knots = (max(hosts, 1) + Self.fan - 1) / Self.fan
    var starts = [0, knots * Self.leaves]
    while knots > 1 {
      knots = (knots + Self.fan - 1) / Self.fan
      starts.append((starts.last ?? 0) + knots * Self.leaves * 2)
    }
    self.starts = starts
    values = Array(
      repeating: SIMD16(repeating: Self.impossible), count: (starts.last ?? 0) * blocks / SIMD16<Int32>.scalarCount)
    let nowhere = Entry.row(of: Row(repeating: Self.impossible), Row.zero)
    for place in stride(from: starts[1] * blocks, to: (starts.last ?? 0) * blocks, by: Self.columnsPerBlock * 2) {
      write { Self.entries($0 + place).pointee = nowhere }
    }
  }

  private var levels: Int { starts.count - 1 }

  /// Where the knot of a row is, for a block.
  @inline(__always) private func knot(of row: Int, _ level: Int, _ block: Int) -> Int {
    let knot = row / Self.fan &* blocks &+ block
    return starts[level] &* blocks &+ knot &* (level == 0 ? Self.leaves : Self.leaves &* 2)
  }

  @inline(__always) private func read<T>(_ body: (UnsafePointer<Int32>) -> T) -> T {
    values.withUnsafeBytes { body($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Int32.self)) }
  }

  @inline(__always) private mutating func write<T>(_ body: (UnsafeMutablePointer<Int32>) -> T) -> T {
    values.withUnsafeMutableBytes { body($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: Int32.self)) }
  }

  @inline(__always) private static func rows(_ place: UnsafeMutablePointer<Int32>) -> UnsafeMutablePointer<Row> {
    UnsafeMutableRawPointer(place).assumingMemoryBound(to: Row.self)
  }

  @inline(__always) private static func entries(
    _ place: UnsafeMutablePointer<Int32>
  ) -> UnsafeMutablePointer<Entry.Row> {
    UnsafeMutableRawPointer(place).assumingMemoryBound(to: Entry.Row.self)
  }

  subscript(host: Int, column: Int) -> Int32 {
    let (block, lane) = (column / Self.columnsPerBlock, column % Self.columnsPerBlock)
    let place = knot(of: host, 0, block) + host % Self.fan * Self.columnsPerBlock + lane
    return read { $0[place] }
  }

  // MARK: - Changes

  /// Sets the values of a block's columns.
  mutating func set(_ host: Int, block: Int, _ row: Row) {
    let (starts, blocks) = (starts, blocks)
    write { values in
      var index = host / Self.fan
      let leaves = Self.rows(values + (index &* blocks &+ block) &* Self.leaves)
      if Self.areEqual(leaves[host % Self.fan], row) { return }
      leaves[host % Self.fan] = row
      var best = Self.best(ofLeaves: leaves, from: index &* Self.fan)
      for level in 1..<(starts.count - 1) {
        let place = starts[level] &* blocks &+ (index / Self.fan &* blocks &+ block) &* (Self.leaves &* 2)
        let knot = Self.entries(values + place)
        if Entry.areEqual(knot[index % Self.fan], best) { return }
        knot[index % Self.fan] = best
        best = Entry.best(of: knot)
        index /= Self.fan
      }
    }
  }

  /// Sets one value.
  mutating func set(_ host: Int, _ column: Int, _ value: Int32) {
    let (starts, blocks) = (starts, blocks)
    let (block, lane) = (column / Self.columnsPerBlock, column % Self.columnsPerBlock)
    write { values in
      var index = host / Self.fan
      let leaves = values + (index &* blocks &+ block) &* Self.leaves + lane
      if leaves[host % Self.fan &* Self.columnsPerBlock] == value { return }
      leaves[host % Self.fan &* Self.columnsPerBlock] = value
      var best = Double.infinity
      for child in 0..<Self.fan {
        best = min(Entry.number(of: leaves[child &* Self.columnsPerBlock], index &* Self.fan &+ child), best)
      }
      for level in 1..<(starts.count - 1) {
        let place = starts[level] &* blocks &+ (index / Self.fan &* blocks &+ block) &* (Self.leaves &* 2)
        let knot = UnsafeMutableRawPointer(values + place).assumingMemoryBound(to: Double.self) + lane
        if knot[index % Self.fan &* Self.columnsPerBlock] == best { return }
        knot[index % Self.fan &* Self.columnsPerBlock] = best
        best = Entry.best(of: knot)
        index /= Self.fan
      }
    }
  }

  /// Sets the values of a block's columns without minding the minima, which `raise` brings up to date for all hosts.
  mutating func plant(_ host: Int, block: Int, _ row: Row) {
    let place = knot(of: host, 0, block)
    write { Self.rows($0 + place)[host % Self.fan] = row }
  }

  /// Works out all minima of a block.
  mutating func raise(block: Int) {
    for level in 1..<max(levels, 1) {
      let knots = (starts[level] - starts[level - 1]) / (level == 1 ? Self.leaves : Self.leaves * 2)
      for index in 0..<knots {
        let (from, to) = (knot(of: index * Self.fan, level - 1, block), knot(of: index, level, block))
        write { values in
          Self.entries(values + to)[index % Self.fan] =
            level == 1
            ? Self.best(ofLeaves: Self.rows(values + from), from: index * Self.fan)
            : Entry.best(of: Self.entries(values + from))
        }
      }
    }
  }

  // MARK: - Minima

  /// The first of the hosts with a column's least value; nil when all are impossible.
  func winner(_ column: Int) -> Int? {
    let lane = column % Self.columnsPerBlock
    let top = knot(of: 0, levels - 1, column / Self.columnsPerBlock)
    let isLeaf = levels == 1
    return read { values in
      var best = Double.infinity
      if isLeaf {
        for child in 0..<Self.fan {
          best = min(Entry.number(of: values[top &+ lane &+ child &* Self.columnsPerBlock], child), best)
        }
      } else {
        best = Entry.best(of: UnsafeRawPointer(values + top).assumingMemoryBound(to: Double.self) + lane)
      }
      return Entry.host(of: best)
    }
  }

  /// By column the least of four hosts, and the first host that has it.
  @inline(__always) private static func best(ofLeaves rows: UnsafeMutablePointer<Row>, from host: Int) -> Entry.Row {
    let first = Row(repeating: Int32(truncatingIfNeeded: host))
    let (isSecond, isFourth) = (rows[1] .< rows[0], rows[3] .< rows[2])
    let low = rows[0].replacing(with: rows[1], where: isSecond)
    let high = rows[2].replacing(with: rows[3], where: isFourth)
    let isHigh = high .< low
    let place = Row.zero.replacing(with: Row.one, where: isSecond)
      .replacing(with: Row(repeating: 2).replacing(with: Row(repeating: 3), where: isFourth), where: isHigh)
    return Entry.row(of: low.replacing(with: high, where: isHigh), first &+ place)
  }

  /// Whether two rows are equal; the library's comparisons of whole vectors go lane by lane.
  @inline(__always) private static func areEqual(_ a: Row, _ b: Row) -> Bool {
    let words = unsafeBitCast(a ^ b, to: SIMD4<UInt64>.self)
    let half = words.lowHalf | words.highHalf
    return half[0] | half[1] == 0
  }
}

/// A value and the host that has it as one number, the value first: whole numbers below 2^52, added to 2^52, so that
/// they are exact and in order as floating-point numbers, of which every machine takes the lesser in one instruction.
private enum Entry {
  typealias Row = SIMD8<Double>

  private static let hostBits: UInt32 = 20
  /// The first digits of 2^52.
  private static let exponent: UInt32 = 0x4330_0000
  /// Makes the order of signed values that of unsigned ones.
  private static let sign: UInt32 = 0x8000_0000

  @inline(__always) static func number(of value: Int32, _ host: Int) -> Double {
    let value = UInt64(UInt32(bitPattern: value) ^ sign)
    return Double(bitPattern: UInt64(exponent) << 32 | value << UInt64(hostBits) | UInt64(truncatingIfNeeded: host))
  }

  /// Nil where nothing is possible.
  @inline(__always) static func host(of number: Double) -> Int? {
    let value = UInt32(truncatingIfNeeded: number.bitPattern >> UInt64(hostBits))
    if value == UInt32.max { return nil }
    return Int(truncatingIfNeeded: number.bitPattern & (1 << UInt64(hostBits) - 1))
  }

  @inline(__always) static func row(of values: CostRows.Row, _ hosts: CostRows.Row) -> Row {
    typealias Words = SIMD8<UInt32>
    let value = unsafeBitCast(values, to: Words.self) ^ Words(repeating: sign)
    var words = SIMD16<UInt32>()
    words.evenHalf = value &<< Words(repeating: hostBits) | unsafeBitCast(hosts, to: Words.self)
    words.oddHalf = value &>> Words(repeating: 32 - hostBits) | Words(repeating: exponent)
    return unsafeBitCast(words, to: Row.self)
  }

  /// The least of four rows, column by column.
  @inline(__always) static func best(of knot: UnsafeMutablePointer<Row>) -> Row {
    least(least(knot[0], knot[1]), least(knot[2], knot[3]))
  }

  /// The least of four numbers of one column.
  @inline(__always) static func best(of knot: UnsafePointer<Double>) -> Double {
    let stride = Row.scalarCount
    return least(least(knot[0], knot[stride]), least(knot[2 * stride], knot[3 * stride]))
  }

  /// Number by number, which becomes one instruction for two of them; a choice by a mask becomes five.
  @inline(__always) private static func least(_ a: Row, _ b: Row) -> Row {
    Row(
      least(a[0], b[0]), least(a[1], b[1]), least(a[2], b[2]), least(a[3], b[3]), least(a[4], b[4]),
      least(a[5], b[5]), least(a[6], b[6]), least(a[7], b[7]))
  }
  @inline(__always) private static func least(_ a: Double, _ b: Double) -> Double { a < b ? a : b }

  @inline(__always) static func areEqual(_ a: Row, _ b: Row) -> Bool {
    let words = unsafeBitCast(a, to: SIMD8<UInt64>.self) ^ unsafeBitCast(b, to: SIMD8<UInt64>.self)
    let half = words.lowHalf | words.highHalf
    let quarter = half.lowHalf | half.highHalf
    return quarter[0] | quarter[1] == 0
  }
}
