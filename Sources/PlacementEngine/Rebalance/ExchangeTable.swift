/// Exchanges: which kinds of guests a host gives away and takes in, each known by a number.
///
/// A plan is one exchange for each host such that what is given away is taken in somewhere. Exchanges are the same for
/// all hosts, so prices put on kinds are added up once for each exchange, not once for each host.
struct ExchangeTable {
  let kinds: Int
  /// Kinds given away, each as often as it is, by exchange; kind + `kinds` is taken in.
  private(set) var units: [UInt16] = []
  private(set) var starts: [Int] = [0]
  private var slots: [Int32]
  private var keys: [UInt64] = []

  init(kinds: Int) {
    self.kinds = kinds
    slots = Array(repeating: -1, count: 1 << 10)
    _ = number(of: [])
  }

  var count: Int { starts.count - 1 }

  func units(of exchange: Int) -> ArraySlice<UInt16> { units[starts[exchange]..<starts[exchange + 1]] }

  /// The number of an exchange whose units are in any order.
  mutating func number(of units: ArraySlice<UInt16>) -> Int {
    var key: UInt64 = 0
    for unit in units { key &+= mixed(UInt64(unit) + 1) }
    var slot = Int(mixed(key) & UInt64(slots.count - 1))
    while slots[slot] >= 0 {
      if keys[Int(slots[slot])] == key { return Int(slots[slot]) }
      slot = (slot + 1) & (slots.count - 1)
    }
    slots[slot] = Int32(keys.count)
    keys.append(key)
    self.units.append(contentsOf: units)
    starts.append(self.units.count)
    if keys.count * 2 > slots.count { grow() }
    return keys.count - 1
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: slots.count * 2)
    for (number, key) in keys.enumerated() {
      var slot = Int(mixed(key) & UInt64(slots.count - 1))
      while slots[slot] >= 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Int32(number)
    }
  }

  /// Given away minus taken in by kind, and at the end how many are given away.
  func vector(of exchanges: some Sequence<Int>) -> [Int] {
    var vector = Array(repeating: 0, count: kinds + 1)
    for exchange in exchanges {
      for unit in units(of: exchange) {
        if Int(unit) < kinds {
          vector[Int(unit)] += 1
          vector[kinds] += 1
        } else {
          vector[Int(unit) - kinds] -= 1
        }
      }
    }
    return vector
  }

  /// What giving away and taking in a guest of each kind brings at `prices`: one a kind for getting rid of a guest, and
  /// the last for each move. None is below 0, for what is taken in too much can be left where it was.
  func unitPrices(at prices: [Double]) -> [Double] {
    let prices = prices.map { max($0, 0) }
    return (0..<kinds).map { -prices[$0] - prices[kinds] } + prices[..<kinds]
  }

  func value(of exchange: Int, _ unitPrices: [Double]) -> Double {
    var sum = 0.0
    for position in starts[exchange]..<starts[exchange + 1] { sum += unitPrices[Int(units[position])] }
    return sum
  }

  /// What each exchange brings.
  func values(at prices: [Double]) -> [Double] {
    let unitPrices = unitPrices(at: prices)
    return (0..<count).map { value(of: $0, unitPrices) }
  }
}

/// Spreads a number over all bits (splitmix64's finish).
func mixed(_ value: UInt64) -> UInt64 {
  var bits = value &* 0x9E37_79B9_7F4A_7C15
  bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
  bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
  return bits ^ (bits >> 31)
}
