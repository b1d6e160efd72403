/// Numbers that look random and follow from a seed: SplitMix64 (Steele, Lea and Flood, 2014).
///
/// A seed has many streams, so that one part of a trial may draw more without changing what the others draw.
struct SeededRandom: Sendable {
  private var state: UInt64

  init(seed: UInt64, stream: UInt64) {
    state = seed &* 0x9E37_79B9_7F4A_7C15 ^ stream &* 0xD1B5_4A32_D192_ED03
    _ = next()
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// One of `0..<count`; 0 where there is nothing to choose from.
  mutating func below(_ count: Int) -> Int { count <= 1 ? 0 : Int(next() % UInt64(count)) }

  /// One of a closed range.
  mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

  /// True so many times of a thousand.
  mutating func chance(perMille: Int) -> Bool { below(1000) < perMille }

  /// A member of a collection that has one.
  mutating func pick<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

  /// Around `mean`, mostly less and now and then much more, as waiting times are.
  mutating func wait(mean: Int) -> Int {
    let unit = Double(next() >> 11) / Double(1 << 53)
    // Half-lives up to the drawn number of halvings: an exponential distribution without a logarithm.
    var (rest, halvings) = (1 - unit, 0.0)
    while rest < 0.5, halvings < 6 {
      rest *= 2
      halvings += 1
    }
    return max(1, Int(Double(mean) * 0.69 * (halvings + 2 * (1 - rest))))
  }
}
