/// What each column's guest costs on each host, and the least of them: for each column a tree of minima, sixteen hosts
/// to a knot, the trees side by side, so that a host that changed is brought up to date in sixteen trees at once.
///
/// A value is twice the cost, one more where the cost is exact; the others are bounds, and a bound precedes the cost
/// that it equals. So a column's winner is the answer once it is exact, and until then the next to be worked out.
struct CostRows: Sendable {
  /// Columns, a multiple of eight.
  let width: Int
  private let hosts: Int
  /// Levels one after another, leaves first, each padded to whole knots.
  private var values: [Int32]
  /// First row of each level, and behind the last.
  private let starts: [Int]

  typealias Row = SIMD8<Int32>

  /// What cannot be chosen at all.
  static let impossible = Int32.max
  static let columnsPerBlock = Row.scalarCount
  private static let fan = 4

  /// The value of an exact cost, and of a bound.
  static func exact(_ cost: Int32) -> Int32 { cost << 1 | 1 }
  static let costMaximum = Int(Int32.max >> 1) - 1

  /// Rows of `impossible`.
  init(hosts: Int, width: Int) {
    self.hosts = hosts
    self.width = width
    var starts = [0]
    var rows = Self.padded(max(hosts, 1))
    while true {
      starts.append((starts.last ?? 0) + rows)
      if rows <= Self.fan { break }
      rows = Self.padded(rows / Self.fan)
    }
    self.starts = starts
    values = Array(repeating: Self.impossible, count: (starts.last ?? 0) * width)
  }

  private static func padded(_ rows: Int) -> Int { (rows + fan - 1) / fan * fan }

  subscript(host: Int, column: Int) -> Int32 { values[host * width + column] }

  /// Sets the values of eight columns from `column` on.
  mutating func set(_ host: Int, from column: Int, _ row: Row) {
    let (width, levels) = (width, starts.count - 1)
    values.withUnsafeMutableBufferPointer { values in
      var row = row
      var index = host
      for level in 0..<levels {
        let place = values.baseAddress.unsafelyUnwrapped + ((starts[level] &+ index) &* width &+ column)
        let old = UnsafeRawPointer(place).loadUnaligned(as: Row.self)
        if Self.isZero(old ^ row) { return }
        UnsafeMutableRawPointer(place).storeBytes(of: row, as: Row.self)
        if level + 1 == levels { return }
        let parent = index / Self.fan
        let best = UnsafeRawPointer(
          values.baseAddress.unsafelyUnwrapped + ((starts[level + 1] &+ parent) &* width &+ column)
        ).loadUnaligned(as: Row.self)
        var next = best.replacing(with: row, where: row .< best)
        // A winner that got worse may have lost to any of its rivals.
        let lost = Row.zero.replacing(with: Row.one, where: (old .== best) .& (row .> old))
        if !Self.isZero(lost) {
          let first = place - (index % Self.fan) &* width
          withUnsafeMutableBytes(of: &next) { next in
            withUnsafeBytes(of: lost) { lost in
              let (next, lost) = (next.assumingMemoryBound(to: Int32.self), lost.assumingMemoryBound(to: Int32.self))
              for lane in 0..<Row.scalarCount where lost[lane] != 0 {
                var rival = first + lane
                var least = rival.pointee
                for _ in 1..<Self.fan {
                  rival += width
                  least = min(least, rival.pointee)
                }
                next[lane] = least
              }
            }
          }
        }
        row = next
        index = parent
      }
    }
  }

  /// Whether all lanes are 0; the library's comparisons of whole vectors go lane by lane.
  @inline(__always) private static func isZero(_ row: Row) -> Bool {
    let words = unsafeBitCast(row, to: SIMD4<UInt64>.self)
    let half = words.lowHalf | words.highHalf
    return half[0] | half[1] == 0
  }

  /// Sets one value.
  mutating func set(_ host: Int, _ column: Int, _ value: Int32) {
    var value = value
    var index = host
    for level in 0..<(starts.count - 1) {
      let place = (starts[level] + index) * width + column
      let old = values[place]
      if old == value { return }
      values[place] = value
      guard level + 2 < starts.count else { return }
      let parent = index / Self.fan
      let best = values[(starts[level + 1] + parent) * width + column]
      if value > best, old > best { return }
      if value > best { value = least(of: parent, level, column) }
      index = parent
    }
  }

  private func least(of knot: Int, _ level: Int, _ column: Int) -> Int32 {
    var least = Self.impossible
    for child in 0..<Self.fan {
      least = min(least, values[(starts[level] + knot * Self.fan + child) * width + column])
    }
    return least
  }

  /// The first of the hosts with a column's least value; nil when all are impossible.
  func winner(_ column: Int) -> Int? {
    values.withUnsafeBufferPointer { values in
      var index = 0
      for level in (0..<(starts.count - 1)).reversed() {
        var at = (starts[level] &+ index &* Self.fan) &* width &+ column
        var least = values[at]
        var place = 0
        for child in 1..<Self.fan {
          at &+= width
          let value = values[at]
          place = value < least ? child : place
          least = min(value, least)
        }
        if least == Self.impossible { return nil }
        index = index &* Self.fan &+ place
      }
      return index
    }
  }
}
