/// How much room hosts have for the guests that the fleet gets: the measure whose loss is the cost of a placement.
///
/// For each shape of the mix, the number of its guests that would still fit on a host, a little more than
/// proportionally, times the shape's weight. For guests of k like cells on cells with q free slots each, that number is
/// the largest t with Σ min(q, t) ≥ k·t (arXiv 2604.15033). Costs are integers; a mix that fits once is worth `unit`.
struct AvailableSpace: Sendable {
  struct Entry: Sendable {
    let cell: CellSpace
    let cells: Int
    /// The share of `unit`.
    let weight: Int
  }

  let entries: [Entry]

  /// What one guest of the mix is worth: fine enough for the smallest guest on the largest host.
  static let unit = 1 << 18
  /// What each free CPU of a host costs its guests: hosts that are filled already are preferred a little.
  static let emptiness = unit * 4634 / 1_000_000
  /// Slots count to the power of so many 64ths: the last slot for a shape is worth a little less than each of many.
  static let growthExponent = 70
  private static let growth: [Int] = (0...1024).map { Int(power(Double($0), growthExponent) * 1024) }

  init(_ entries: [Entry]) { self.entries = entries }

  /// The worth of a host with these free cells.
  func worth(of cells: some RandomAccessCollection<CellSpace>) -> Int {
    var worth = 0
    for entry in entries {
      let slots = Self.slots(entry.cell, entry.cells, in: cells)
      worth += entry.weight * Self.growth[min(slots, 1024)]
    }
    return worth >> 10
  }

  /// How many guests of `count` such cells fit.
  static func slots(_ cell: CellSpace, _ count: Int, in cells: some RandomAccessCollection<CellSpace>) -> Int {
    if count > cells.count { return 0 }
    if count == 1 { return cells.reduce(0) { $0 + slots(cell, in: $1) } }
    if count == 2, cells.count == 2, let first = cells.first, let last = cells.last {
      return min(slots(cell, in: first), slots(cell, in: last))
    }
    // Σ min(q, t) − k·t is concave in t and 0 at 0, so the largest t is found by halving.
    var low = 0
    var high = cells.reduce(0) { $0 + slots(cell, in: $1) } / count
    while low < high {
      let middle = (low + high + 1) / 2
      let sum = cells.reduce(0) { $0 + min(slots(cell, in: $1), middle) }
      if sum >= count * middle { low = middle } else { high = middle - 1 }
    }
    return low
  }

  private static func slots(_ need: CellSpace, in free: CellSpace) -> Int {
    if free.cpus < 0 || free.memory < 0 { return 0 }
    let byCPU = need.cpus > 0 ? free.cpus / need.cpus : 1024
    let byMemory = need.memory > 0 ? free.memory / need.memory : 1024
    return min(byCPU, byMemory, 1024)
  }
}

/// `base` to the power `sixtyFourths`/64, by square roots and products, which every machine rounds alike.
func power(_ base: Double, _ sixtyFourths: Int) -> Double {
  var root = base
  for _ in 0..<6 { root = root.squareRoot() }
  var result = 1.0
  for _ in 0..<abs(sixtyFourths) { result *= root }
  return sixtyFourths < 0 ? 1 / result : result
}
