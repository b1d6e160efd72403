/// What searches found lately, by column and the states of a host's cells: many hosts of a fleet are in the same
/// states, and a host often comes back to where it was.
///
/// A table with one place for each key; the newer entry stays. Entries are compared whole, so a hit is never wrong.
struct KnownCosts: Sendable {
  /// By place: column, number of cells, cost, choice, then the states; no column is -1.
  private var entries: [Int32]
  private let stride: Int

  private static let places = 4096
  private static let head = 4

  /// For hosts of so many cells at most.
  init(cells: Int) {
    stride = (Self.head + cells + 7) / 8 * 8
    entries = Array(repeating: -1, count: Self.places * stride)
  }

  /// Whether it has room for hosts of so many cells.
  func holds(cells: Int) -> Bool { Self.head + cells <= stride }

  /// Forgets everything, because states have new numbers or cost something else.
  mutating func forget() {
    for place in 0..<Self.places { entries[place * stride] = -1 }
  }

  /// The place for a column and states.
  @inline(__always) func place(_ column: Int, _ states: borrowing [Int32], _ range: Range<Int>) -> Int {
    var hash = UInt32(truncatingIfNeeded: column) &* 0x9e37_79b9
    for cell in range { hash = (hash ^ UInt32(bitPattern: states[cell])) &* 0x85eb_ca6b ^ hash >> 15 }
    return Int((hash ^ hash >> 16) % UInt32(Self.places)) * stride
  }

  /// What is known of a place; a cost of `impossible` says that the guest does not fit.
  @inline(__always) func find(
    at place: Int, _ column: Int, _ states: borrowing [Int32], _ range: Range<Int>
  ) -> (cost: Int32, choice: CellChoice)? {
    guard entries[place] == Int32(truncatingIfNeeded: column),
      entries[place + 1] == Int32(truncatingIfNeeded: range.count)
    else { return nil }
    for cell in 0..<range.count where entries[place + Self.head + cell] != states[range.lowerBound + cell] {
      return nil
    }
    return (entries[place + 2], CellChoice(bits: UInt32(bitPattern: entries[place + 3])))
  }

  mutating func keep(
    at place: Int, _ column: Int, _ states: borrowing [Int32], _ range: Range<Int>, cost: Int32, choice: CellChoice
  ) {
    entries[place] = Int32(truncatingIfNeeded: column)
    entries[place + 1] = Int32(truncatingIfNeeded: range.count)
    (entries[place + 2], entries[place + 3]) = (cost, Int32(bitPattern: choice.bits))
    for cell in 0..<range.count { entries[place + Self.head + cell] = states[range.lowerBound + cell] }
  }
}
