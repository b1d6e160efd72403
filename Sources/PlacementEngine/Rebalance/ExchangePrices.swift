/// The linear program over exchanges, solved by pricing: each host takes a mix of exchanges, what is given away is
/// taken in somewhere, and no more than the allowed moves are made.
///
/// There are as many rows as kinds of guests and one for moves, however many hosts there are; that each host's mix adds
/// up to one is kept by a key exchange for each (generalised upper bounds), so a basis is a small square matrix. At its
/// end all but a few hosts have one exchange only, and the prices tell what any other would cost.
struct ExchangePrices {
  struct Column {
    /// While mixes are sought, the number of its class.
    var host: Int
    let alternative: Int
    /// The exchange of each part.
    let picks: [Int32]
    let gain: Int
    let vector: [Int]
  }

  private enum Basic {
    case slack(row: Int)
    case column(Column)
  }

  private let choices: ExchangeChoices
  private let rows: Int
  /// Hosts that may exchange the same, for which one mix is sought: a fleet has far fewer kinds of hosts than hosts.
  private let classes: [[Int]]
  /// By class.
  private var keys: [Column]
  private var basis: [Basic]
  private var inverse: [Double]
  private var amounts: [Double] = []
  private var right: [Double]
  private(set) var prices: [Double]
  /// Whole blocks that no plan can gain more than, at these prices.
  private(set) var bound = 0.0
  private let migrations: Int
  /// What each move costs though moves be left over: too little to give up a whole block for, even if all are made.
  private let thrift: Double
  private var rounds = 0

  private static let tolerance = 1e-7
  private static let roundsMaximum = 500

  init(_ choices: ExchangeChoices, migrations: Int) {
    self.choices = choices
    self.migrations = migrations
    thrift = min(1e-3, 0.01 / Double(max(migrations, 1)))
    rows = choices.table.kinds + 1
    let zero = Array(repeating: 0, count: rows)
    let classes = choices.classes
    self.classes = classes
    keys = classes.indices.map { number in
      let first = choices.alternatives[classes[number][0]][0]
      return Column(
        host: number, alternative: 0, picks: Array(repeating: 0, count: first.lists.count), gain: first.gain,
        vector: zero)
    }
    basis = (0..<rows).map { .slack(row: $0) }
    inverse = Self.identity(rows)
    prices = Array(repeating: 0, count: rows)
    // Uneven, so that no two pivots tie for long; in a large fleet a part of a guest too much is of no account.
    right = (0..<rows).map { (row: Int) -> Double in 1e-4 + 1e-7 * Double(mixed(UInt64(row)) % 1000) }
    picked = Array(repeating: 0, count: choices.lists.count)
    listValues = Array(repeating: 0, count: choices.lists.count)
    pricedAt = Array(repeating: 0, count: choices.lists.count)
    right[rows - 1] += Double(migrations)
    amounts = right
    solve()
  }

  private static func identity(_ size: Int) -> [Double] {
    var matrix = Array(repeating: 0.0, count: size * size)
    for index in 0..<size { matrix[index * size + index] = 1 }
    return matrix
  }

  /// The program's value so far.
  var objective: Double {
    var sum = zip(keys, classes).reduce(0.0) { $0 + worth($1.0) * Double($1.1.count) }
    for (row, basic) in basis.enumerated() {
      if case .column(let column) = basic { sum += amounts[row] * (worth(column) - worth(keys[column.host])) }
    }
    return sum
  }

  private mutating func solve() {
    var least = Double.infinity
    while rounds < Self.roundsMaximum {
      rounds += 1
      var isOptimal = true
      if !enterSlacks() { isOptimal = false }
      // Each host is asked at the prices that the one before it left: hosts are many, and most want the same.
      for number in keys.indices {
        let best = bestAlternative(of: number)
        guard best.value > value(keys[number]) + Self.tolerance else { continue }
        let column = column(number, best)
        guard value(column) > value(keys[number]) + Self.tolerance else { continue }
        enter(.column(column))
        _ = enterSlacks()
        isOptimal = false
      }
      least = min(least, valueOfAll())
      if isOptimal || least - objective < Self.tolerance { break }
    }
    bound = least + thrift * Double(migrations)
  }

  /// Lets guests be taken in too many, or moves be left over, where that is worth something; whether it was nowhere.
  private mutating func enterSlacks() -> Bool {
    for attempt in 0..<(2 * rows) {
      guard let row = prices.indices.first(where: { prices[$0] < -Self.tolerance }) else { return attempt == 0 }
      enter(.slack(row: row))
    }
    return false
  }

  /// What the prices say that cannot be exceeded.
  private mutating func valueOfAll() -> Double {
    keys.indices.reduce(max(prices[rows - 1], 0) * Double(migrations)) {
      $0 + bestAlternative(of: $1).value * Double(classes[$1].count)
    }
  }

  private func worth(_ column: Column) -> Double {
    Double(column.gain) - thrift * Double(column.vector[rows - 1])
  }

  private func value(_ column: Column) -> Double {
    var value = worth(column)
    for row in 0..<rows where column.vector[row] != 0 { value -= prices[row] * Double(column.vector[row]) }
    return value
  }

  struct Best {
    var value: Double
    var alternative: Int
  }

  /// Of each list its best exchange, what that is worth, and at which change of prices it was looked for.
  private var picked: [Int32]
  private var listValues: [Double]
  private var pricedAt: [Int]
  private var pricing = 0
  private var unitPrices: [Double] = []

  private mutating func bestAlternative(of number: Int) -> Best {
    if unitPrices.isEmpty {
      pricing += 1
      var dearer = prices.map { max($0, 0) }
      dearer[rows - 1] += thrift
      unitPrices = choices.table.unitPrices(at: dearer)
    }
    var best = Best(value: -.infinity, alternative: 0)
    for (alternativeNumber, alternative) in choices.alternatives[classes[number][0]].enumerated() {
      var value = choices.table.value(of: alternative.exchange, unitPrices) + Double(alternative.gain)
      for list in alternative.lists {
        if pricedAt[list] != pricing { price(list) }
        value += listValues[list]
      }
      if value > best.value + 1e-12 { best = Best(value: value, alternative: alternativeNumber) }
    }
    return best
  }

  private mutating func price(_ list: Int) {
    var (best, pick) = (0.0, Int32(0))
    for entry in choices.lists[list] {
      let value = choices.table.value(of: Int(entry.exchange), unitPrices) + Double(entry.gain)
      if value > best + 1e-12 { (best, pick) = (value, entry.exchange) }
    }
    listValues[list] = best
    picked[list] = pick
    pricedAt[list] = pricing
  }

  private func column(_ number: Int, _ best: Best) -> Column {
    let host = classes[number][0]
    var column = choices.column(
      host, best.alternative, choices.alternatives[host][best.alternative].lists.map { picked[$0] })
    column.host = number
    return column
  }

  // MARK: - Pivots

  private func relative(_ basic: Basic) -> [Double] {
    switch basic {
    case .slack(let row): return (0..<rows).map { $0 == row ? 1 : 0 }
    case .column(let column):
      let key = keys[column.host]
      return (0..<rows).map { Double(column.vector[$0] - key.vector[$0]) }
    }
  }

  private mutating func enter(_ entering: Basic) {
    let vector = relative(entering)
    let change = (0..<rows).map { row in
      (0..<rows).reduce(0.0) { $0 + inverse[row * rows + $1] * vector[$1] }
    }
    var (step, leavingRow, leavingKey) = (Double.infinity, -1, -1)
    for row in 0..<rows where change[row] > 1e-9 {
      let ratio = max(amounts[row], 0) / change[row]
      if ratio < step { (step, leavingRow) = (ratio, row) }
    }
    var hosts: [Int] = []
    for basic in basis + [entering] {
      if case .column(let column) = basic, !hosts.contains(column.host) { hosts.append(column.host) }
    }
    for host in hosts {
      var (left, rate) = (Double(classes[host].count), 0.0)
      if case .column(let column) = entering, column.host == host { rate = 1 }
      for row in 0..<rows {
        guard case .column(let column) = basis[row], column.host == host else { continue }
        left -= amounts[row]
        rate -= change[row]
      }
      if rate > 1e-9, max(left, 0) / rate < step { (step, leavingKey) = (max(left, 0) / rate, host) }
    }
    guard step.isFinite else { return }
    if leavingKey >= 0 {
      let other = basis.indices.first { row in
        if case .column(let column) = basis[row] { return column.host == leavingKey }
        return false
      }
      if let other, case .column(let column) = basis[other] {
        changeKey(leavingKey, to: column)
        basis[other] = entering
      } else if case .column(let column) = entering {
        changeKey(leavingKey, to: column)
      }
    } else {
      basis[leavingRow] = entering
    }
    refactor()
  }

  private mutating func changeKey(_ host: Int, to column: Column) {
    let count = classes[host].count
    for row in 0..<rows { right[row] -= Double(count * (column.vector[row] - keys[host].vector[row])) }
    keys[host] = column
  }

  /// The inverse of the basis, amounts and prices, from scratch: the basis is small.
  private mutating func refactor() {
    let size = rows
    var matrix = Array(repeating: 0.0, count: size * size)
    for (position, basic) in basis.enumerated() {
      let vector = relative(basic)
      for row in 0..<size { matrix[row * size + position] = vector[row] }
    }
    inverse = Self.identity(size)
    for column in 0..<size {
      var pivot = column
      for row in column..<size where abs(matrix[row * size + column]) > abs(matrix[pivot * size + column]) {
        pivot = row
      }
      if pivot != column {
        for index in 0..<size {
          matrix.swapAt(column * size + index, pivot * size + index)
          inverse.swapAt(column * size + index, pivot * size + index)
        }
      }
      let scale = 1 / matrix[column * size + column]
      for index in 0..<size {
        matrix[column * size + index] *= scale
        inverse[column * size + index] *= scale
      }
      for row in 0..<size where row != column && matrix[row * size + column] != 0 {
        let factor = matrix[row * size + column]
        for index in 0..<size {
          matrix[row * size + index] -= factor * matrix[column * size + index]
          inverse[row * size + index] -= factor * inverse[column * size + index]
        }
      }
    }
    amounts = (0..<size).map { row in (0..<size).reduce(0.0) { $0 + inverse[row * size + $1] * right[$1] } }
    prices = Array(repeating: 0, count: size)
    unitPrices = []
    for (position, basic) in basis.enumerated() {
      guard case .column(let column) = basic else { continue }
      let gain = worth(column) - worth(keys[column.host])
      for row in 0..<size { prices[row] += gain * inverse[position * size + row] }
    }
  }

  // MARK: - The result

  /// Of each host one exchange: of each class as many hosts take one as its part of the mix comes nearest to.
  var rounded: [Column] {
    var mixes = keys.map { [(column: $0, part: Double(classes[$0.host].count))] }
    for (row, basic) in basis.enumerated() {
      guard case .column(let column) = basic else { continue }
      mixes[column.host][0].part -= amounts[row]
      mixes[column.host].append((column, amounts[row]))
    }
    var chosen = Array(repeating: keys[0], count: choices.alternatives.count)
    for (number, hosts) in classes.enumerated() {
      var taken = hosts[...]
      var mix = mixes[number]
      for index in mix.indices {
        let whole = min(Int(max(mix[index].part + 1e-6, 0)), taken.count)
        for _ in 0..<whole { chosen[taken.removeFirst()] = mix[index].column }
        mix[index].part -= Double(whole)
      }
      mix.sort { $0.part > $1.part }
      for (index, host) in taken.enumerated() { chosen[host] = mix[index % mix.count].column }
    }
    for host in chosen.indices { chosen[host].host = host }
    return chosen
  }
}
