/// The least of many costs, the first of equals, with each cost changeable: a tree of minima, sixteen to a knot.
struct Tournament: Sendable {
  /// Levels one after another, leaves first, each padded to whole knots with `impossible`.
  private var values: [Int32]
  private let starts: [Int]

  /// What cannot be chosen at all.
  static let impossible = Int32.max
  private static let fan = 16

  init(_ leaves: [Int32]) {
    var starts = [0]
    var size = max((leaves.count + Self.fan - 1) / Self.fan, 1) * Self.fan
    values = leaves + Array(repeating: Self.impossible, count: size - leaves.count)
    while size > Self.fan {
      let level = starts[starts.count - 1]
      let knots = size / Self.fan
      starts.append(values.count)
      for knot in 0..<knots { values.append(Self.least(values[(level + knot * Self.fan)...].prefix(Self.fan))) }
      size = (knots + Self.fan - 1) / Self.fan * Self.fan
      values.append(contentsOf: repeatElement(Self.impossible, count: size - knots))
    }
    self.starts = starts
  }

  private static func least(_ values: ArraySlice<Int32>) -> Int32 { values.reduce(impossible) { min($0, $1) } }

  subscript(leaf: Int) -> Int32 { values[leaf] }

  mutating func set(_ leaf: Int, _ value: Int32) {
    var index = leaf
    var value = value
    for (level, start) in starts.enumerated() {
      let old = values[start + index]
      if old == value { return }
      values[start + index] = value
      guard level + 1 < starts.count else { return }
      let parent = index / Self.fan
      let best = values[starts[level + 1] + parent]
      // A loser that gets no better than the winner, or a winner that gets better, needs no look at its rivals.
      if value > best, old > best { return }
      if value > best { value = Self.least(values[(start + parent * Self.fan)...].prefix(Self.fan)) }
      index = parent
    }
  }

  /// The first of the leaves with the least cost; nil when all are impossible.
  var winner: Int? {
    var index = 0
    for start in starts.reversed() {
      let knot = values[(start + index * Self.fan)...].prefix(Self.fan)
      var place = knot.startIndex
      for candidate in knot.indices where knot[candidate] < knot[place] { place = candidate }
      if knot[place] == Self.impossible { return nil }
      index = place - start
    }
    return index
  }
}
