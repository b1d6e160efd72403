/// Makes whole plans of the linear program's mixes: where a host's mix was rounded to one exchange, other hosts change
/// theirs until all that is given away is taken in, at the least loss by the program's prices.
struct ExchangeSearch {
  typealias Column = ExchangePrices.Column

  /// One host's change to another exchange.
  private struct Step {
    let column: Column
    /// Of the sums over all hosts.
    let change: [Int]
    let gain: Int
    let loss: Double
  }

  private struct Node {
    let sums: [Int]
    let gain: Int
    let loss: Double
    let parent: Int
    let step: Int
  }

  private let choices: ExchangeChoices
  private let prices: [Double]
  private let migrations: Int
  /// What stops the search: more cannot be had.
  private let goal: Int
  private var nodes: [Node] = []
  private var steps: [Step] = []
  private let start: [Column]
  private var tried = 0

  /// Steps tried at most, some hundred nanoseconds each.
  private static let triedMaximum = 300_000
  private static let lossMaximum = 1.01
  /// Exchanges of one list that are tried.
  private static let nearMaximum = 100
  /// How many hosts are kept for the same change.
  private static let twinsMaximum = 3
  /// Loss that a search would rather bear than one more guest without a place.
  private static let eagerness = 0.05

  init(_ choices: ExchangeChoices, _ program: ExchangePrices, migrations: Int) {
    self.choices = choices
    prices = program.prices.map { max($0, 0) }
    self.migrations = migrations
    goal = Int((program.bound + 1e-6).rounded(.down))
    start = program.rounded
  }

  /// For each host its exchange; all that is given away is taken in.
  mutating func columns() -> [Column] {
    var sums = Array(repeating: 0, count: prices.count)
    var gain = 0
    for column in start {
      gain += column.gain
      for row in sums.indices { sums[row] += column.vector[row] }
    }
    nodes = [Node(sums: sums, gain: gain, loss: 0, parent: -1, step: -1)]
    if isBalanced(sums), gain >= goal { return start }
    makeSteps()
    let best = search()
    return applying(best)
  }

  private func isBalanced(_ sums: [Int]) -> Bool { excess(sums) == 0 }

  private func excess(_ sums: [Int]) -> Int {
    var excess = max(0, sums[sums.count - 1] - migrations)
    for row in 0..<(sums.count - 1) where sums[row] > 0 { excess += sums[row] }
    return excess
  }

  // MARK: - Steps

  /// Exchanges of a list that lose little by the prices.
  private struct Near {
    let best: Double
    let choices: [(exchange: Int32, gain: Int, value: Double)]
  }

  private mutating func makeSteps() {
    let values = choices.table.values(at: prices)
    let hashes = (0..<choices.table.count).map { hash(choices.table.vector(of: CollectionOfOne($0))) }
    let near = choices.lists.map { list -> Near in
      var all = list.map {
        (exchange: $0.exchange, gain: Int($0.gain), value: values[Int($0.exchange)] + Double($0.gain))
      }
      all.append((exchange: 0, gain: 0, value: 0))
      let best = all.reduce(0) { max($0, $1.value) }
      all = all.filter { $0.value >= best - Self.lossMaximum }
      all.sort { ($0.value, $1.exchange) > ($1.value, $0.exchange) }
      return Near(best: best, choices: Array(all.prefix(Self.nearMaximum)))
    }
    var twins: [UInt64: Int] = [:]  // lookup only
    for (host, current) in start.enumerated() {
      let alternatives = choices.alternatives[host]
      let worth = alternatives.map { alternative in
        alternative.lists.reduce(values[alternative.exchange] + Double(alternative.gain)) { $0 + near[$1].best }
      }
      let now = Double(current.gain) - priced(current.vector)
      let floor = (worth.max() ?? 0) - Self.lossMaximum
      for number in alternatives.indices where worth[number] >= floor {
        let lists = alternatives[number].lists
        let isOther = number != current.alternative
        var picks = isOther ? lists.map { near[$0].choices.first?.exchange ?? 0 } : current.picks
        let base = isOther ? choices.column(host, number, picks) : current
        let worthOfBase = isOther ? worth[number] : now
        let change = hash(base.vector) &- hash(current.vector)
        if isOther { propose(host, number, picks, base.gain - current.gain, change, now - worthOfBase, &twins) }
        for (part, list) in lists.enumerated() {
          let own = picks[part]
          let (gain, value) = ownOf(list, own, values)
          for entry in near[list].choices where entry.exchange != own {
            let total = worthOfBase - value + entry.value
            if total < floor { break }
            picks[part] = entry.exchange
            propose(
              host, number, picks, base.gain - current.gain + entry.gain - gain,
              change &+ hashes[Int(entry.exchange)] &- hashes[Int(own)], now - total, &twins)
          }
          picks[part] = own
        }
      }
    }
  }

  private func ownOf(_ list: Int, _ pick: Int32, _ values: [Double]) -> (gain: Int, value: Double) {
    let gain = pick == 0 ? 0 : Int(choices.lists[list].first { $0.exchange == pick }?.gain ?? 0)
    return (gain, values[Int(pick)] + Double(gain))
  }

  private func priced(_ vector: [Int]) -> Double {
    vector.indices.reduce(0) { $0 + prices[$1] * Double(vector[$1]) }
  }

  private mutating func propose(
    _ host: Int, _ number: Int, _ picks: [Int32], _ gain: Int, _ change: UInt64, _ loss: Double,
    _ twins: inout [UInt64: Int]  // lookup only
  ) {
    let key = change &+ mixed(UInt64(bitPattern: Int64(gain)) &+ 77)
    guard twins[key, default: 0] < Self.twinsMaximum else { return }
    twins[key, default: 0] += 1
    let column = choices.column(host, number, picks)
    let change = column.vector.indices.map { column.vector[$0] - start[host].vector[$0] }
    steps.append(Step(column: column, change: change, gain: gain, loss: loss))
  }

  private func hash(_ sums: [Int]) -> UInt64 {
    var hash: UInt64 = 0
    for (row, sum) in sums.enumerated() { hash &+= mixed(UInt64(row) + 1) &* UInt64(bitPattern: Int64(sum)) }
    return hash
  }

  // MARK: - Search

  /// The number of the best balanced node; -1 for none.
  private mutating func search() -> Int {
    var queue = StepQueue()
    let lowering = prices.indices.map { row in steps.indices.filter { steps[$0].change[row] < 0 } }
    let gaining = steps.indices.filter { steps[$0].gain > 0 }
    var seen: Set<UInt64> = [hash(nodes[0].sums)]  // lookup only
    queue.push(0, rank: 0)
    var best = isBalanced(nodes[0].sums) ? 0 : -1
    while tried < Self.triedMaximum, let number = queue.pop() {
      let node = nodes[number]
      let row = worstRow(node.sums)
      for index in row >= 0 ? lowering[row] : gaining {
        let step = steps[index]
        if uses(step.column.host, number) { continue }
        tried += 1
        let sums = node.sums.indices.map { node.sums[$0] + step.change[$0] }
        guard seen.insert(hash(sums) &+ mixed(UInt64(bitPattern: Int64(node.gain + step.gain)))).inserted else {
          continue
        }
        nodes.append(
          Node(sums: sums, gain: node.gain + step.gain, loss: node.loss + step.loss, parent: number, step: index))
        let excess = excess(sums)
        if excess == 0, best < 0 || nodes[nodes.count - 1].gain > nodes[best].gain {
          best = nodes.count - 1
          if nodes[best].gain >= goal { return best }
        }
        if excess < 12 { queue.push(nodes.count - 1, rank: node.loss + step.loss + Self.eagerness * Double(excess)) }
      }
    }
    return best
  }

  /// The row with the dearest excess; -1 where there is none.
  private func worstRow(_ sums: [Int]) -> Int {
    var worst = -1
    for row in sums.indices where sums[row] > (row == sums.count - 1 ? migrations : 0) {
      if worst < 0 || prices[row] > prices[worst] { worst = row }
    }
    return worst
  }

  private func uses(_ host: Int, _ number: Int) -> Bool {
    var number = number
    while nodes[number].parent >= 0 {
      if steps[nodes[number].step].column.host == host { return true }
      number = nodes[number].parent
    }
    return false
  }

  /// The exchanges of a node; without one, those of the start whose guests find no place are left undone.
  private func applying(_ best: Int) -> [Column] {
    var columns = start
    if best < 0 {
      var sums = nodes[0].sums
      for host in columns.indices {
        let isAtFault = sums.indices.contains { row in
          columns[host].vector[row] > 0 && sums[row] > (row == sums.count - 1 ? migrations : 0)
        }
        guard isAtFault else { continue }
        for row in sums.indices { sums[row] -= columns[host].vector[row] }
        columns[host] = choices.column(host, 0, Array(repeating: 0, count: columns[host].picks.count))
      }
      return columns
    }
    var number = best
    while nodes[number].parent >= 0 {
      let column = steps[nodes[number].step].column
      columns[column.host] = column
      number = nodes[number].parent
    }
    return columns
  }
}

/// Nodes by rank, the lowest first and of these the oldest.
private struct StepQueue {
  private var heap: [(rank: Double, node: Int)] = []

  private static func less(_ one: (rank: Double, node: Int), _ other: (rank: Double, node: Int)) -> Bool {
    (one.rank, one.node) < (other.rank, other.node)
  }

  mutating func push(_ node: Int, rank: Double) {
    heap.append((rank, node))
    var child = heap.count - 1
    while child > 0, Self.less(heap[child], heap[(child - 1) / 2]) {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func pop() -> Int? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first.node }
    heap[0] = last
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && Self.less(heap[child], heap[least]) {
        least = child
      }
      if least == parent { return first.node }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
