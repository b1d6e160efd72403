/// Where the guests of one cell on a host of two cells may lie: all that the first cell's share may add up to.
///
/// In steps of `unit` CPUs as bits where memory cannot matter and the sums are few; as pairs of CPUs and memory
/// otherwise.
struct SplitReach {
  /// A host of two cells without the guests that may be moved between them.
  struct Frame: Hashable {
    var cpus0: Int
    var cpus1: Int
    var memory0: Int
    var memory1: Int
  }

  struct Pair: Hashable {
    var cpus: Int
    var memory: Int
  }

  /// 0 where pairs are kept.
  let unit: Int
  private var bits: UInt128 = 1
  private var pairs: [Pair] = []
  /// Of all guests that were added.
  private(set) var cpus = 0
  private(set) var memory = 0

  init(unit: Int) {
    self.unit = unit
    if unit == 0 { pairs = [Pair(cpus: 0, memory: 0)] }
  }

  mutating func add(cpus: Int, memory: Int) {
    self.cpus += cpus
    self.memory += memory
    if unit > 0 {
      bits |= bits << UInt128(cpus / unit)
      return
    }
    let shifted = pairs.map { Pair(cpus: $0.cpus + cpus, memory: $0.memory + memory) }
    var merged: [Pair] = []
    var (left, right) = (0, 0)
    // Both lists are in order and free of doubles, and so is what becomes of them.
    while left < pairs.count || right < shifted.count {
      if right == shifted.count || left < pairs.count && Self.less(pairs[left], shifted[right]) {
        merged.append(pairs[left])
        left += 1
      } else {
        if left < pairs.count, pairs[left] == shifted[right] { left += 1 }
        merged.append(shifted[right])
        right += 1
      }
    }
    pairs = merged
  }

  private static func less(_ one: Pair, _ other: Pair) -> Bool {
    (one.cpus, one.memory) < (other.cpus, other.memory)
  }

  /// The most whole blocks that can be free at once on both cells; nil where the guests do not fit.
  func wideSlots(_ frame: Frame, wide: Int) -> Int? {
    let rest = frame.cpus1 - cpus
    // The first cell's share may be as large as its space, and must leave no more than the second's.
    let (lowest, highest) = (max(0, -rest), min(frame.cpus0, cpus))
    if lowest > highest { return nil }
    var best: Int?
    if unit > 0 {
      var limit = highest
      while limit >= lowest {
        let steps = limit / unit
        let below = bits & ((steps >= 127 ? 0 : (1 << UInt128(steps + 1))) &- 1)
        guard below != 0 else { break }
        let share = (127 - below.leadingZeroBitCount) * unit
        if share < lowest { break }
        let slots = (frame.cpus0 - share) / wide + (rest + share) / wide
        best = max(best ?? 0, slots)
        // The next smaller share that frees one more block on the first cell.
        limit = frame.cpus0 - ((frame.cpus0 - share) / wide + 1) * wide
      }
      return best
    }
    for pair in pairs where pair.cpus >= lowest && pair.cpus <= highest {
      if pair.memory > frame.memory0 || memory - pair.memory > frame.memory1 { continue }
      best = max(best ?? 0, (frame.cpus0 - pair.cpus) / wide + (rest + pair.cpus) / wide)
    }
    return best
  }
}
