import NUMA

/// Finds the cheapest assignment of guest cells to host cells, exactly, without looking at what is the same twice.
///
/// Depth first over guest cells in their order and host cells in ascending order, so that among equals the one with
/// the lowest host cells comes first. Three things keep it small: host cells that can be exchanged without changing
/// anything are tried once; guest cells that can be exchanged go to ascending host cells; and a branch ends when the
/// cheapest conceivable rest is no better than what is known. Whether an assignment exists at all is decided by
/// matching, in polynomial time, so that a spent budget can cost quality but never a false refusal.
struct CellSearch {
  private let table: FitTable
  private let count: Int
  private let cells: Int
  /// The lowest host cell that each host cell can be exchanged with.
  private let hostClass: [Int]
  /// The nearest earlier guest cell that each guest cell can be exchanged with.
  private let twin: [Int?]
  private let nearestPair: Int
  /// A guest cell that must not go to one host cell: how the runner-up is found.
  private let barred: (guestCell: Int, cell: Int)?
  /// Costs of each guest cell on each host cell with the distances to those already placed, one layer a depth.
  private var layers: [Int]
  private var chosen: [Int]
  private var used: [Bool]
  private(set) var best: (cost: Int, cells: [Int])?
  /// Whether `best` came from the search, not from the first guess or another host: then equals need no look.
  private var bestIsFirst: Bool
  private var limit: Int
  private(set) var steps = 0
  private let budget: Int

  /// Searches one host for something cheaper than `below`.
  init(_ table: FitTable, below: Int, budget: Int, barring barred: (guestCell: Int, cell: Int)? = nil) {
    self.table = table
    self.budget = budget
    self.barred = barred
    count = table.demand.cells.count
    cells = table.room.cells.count
    // A barred cell breaks the symmetry of host cells, that of guest cells in ascending order stays.
    hostClass = barred == nil ? Self.hostClasses(table) : Array(0..<table.room.cells.count)
    twin = Self.twins(table)
    nearestPair = Self.nearestPair(table)
    layers = [Int](repeating: FitTable.misfit, count: (count + 1) * count * cells)
    chosen = []
    used = [Bool](repeating: false, count: cells)
    limit = below
    bestIsFirst = true
    for index in 0..<(count * cells) { layers[index] = table.single[index] }
    if let barred { layers[barred.guestCell * cells + barred.cell] = FitTable.misfit }
  }

  /// Runs the search and gives the cheapest assignment below the limit; nil when there is none.
  mutating func run() -> (cost: Int, cells: [Int])? {
    if table.demand.sharing {
      descendSharing(groups: [[Int]](repeating: [], count: cells))
      return best
    }
    guard count <= cells else { return nil }
    if count > 1 {
      guard let guess = matching() else { return nil }
      // A guess may exchange twins, which would make the winner itself the runner-up.
      if barred != nil { return descended() }
      // Where a running guest is now is always worth a try: it may be all that page migration allows.
      let present = table.demand.running?.homes.compactMap { $0 } ?? []
      improve(present.count == count && table.cost(of: present) != nil ? present : guess)
    }
    return descended()
  }

  private mutating func descended() -> (cost: Int, cells: [Int])? {
    descend(cost: 0)
    return best
  }
}

// MARK: - Distinct host cells

extension CellSearch {
  private mutating func descend(cost: Int) {
    steps += 1
    let depth = chosen.count
    if depth == count {
      if !isHopeless(cost) { accept(cost + table.coupling(chosen)) }
      return
    }
    // At least one complete descent is always made by the guess before, so a spent budget may end here.
    if steps > budget, count > 1 { return }
    guard let bound = bound(from: depth), !isHopeless(cost + bound) else { return }
    let layer = depth * count * cells
    var tried = CPUSet()
    let floor = twin[depth].map { chosen[$0] } ?? -1
    for cell in 0..<cells where !used[cell] && !tried.contains(hostClass[cell]) {
      tried.insert(hostClass[cell])
      let price = layers[layer + depth * cells + cell]
      guard cell > floor, price != FitTable.misfit, !isHopeless(cost + price) else { continue }
      used[cell] = true
      chosen.append(cell)
      prepareLayer(depth + 1, after: cell)
      descend(cost: cost + price)
      chosen.removeLast()
      used[cell] = false
    }
  }

  private func isHopeless(_ cost: Int) -> Bool { bestIsFirst ? cost >= limit : cost > limit }

  private mutating func accept(_ cost: Int) {
    guard !isHopeless(cost), table.demand.running?.canMovePages(to: chosen) ?? true else { return }
    if !bestIsFirst, cost == limit, let best, !chosen.lexicographicallyPrecedes(best.cells) { return }
    best = (cost, chosen)
    limit = cost
    bestIsFirst = true
  }

  private mutating func prepareLayer(_ depth: Int, after cell: Int) {
    guard depth < count else { return }
    let (old, new) = ((depth - 1) * count * cells, depth * count * cells)
    for row in (depth * cells)..<(count * cells) {
      let price = layers[old + row]
      layers[new + row] = price == FitTable.misfit ? price : price + table.pair[cell * cells + row % cells]
    }
  }

  /// The least that the guest cells from `depth` on can cost; nil when one of them has nowhere to go.
  private func bound(from depth: Int) -> Int? {
    let layer = depth * count * cells
    var sum = 0
    for guestCell in depth..<count {
      var least = FitTable.misfit
      for cell in 0..<cells where !used[cell] { least = min(least, layers[layer + guestCell * cells + cell]) }
      if least == FitTable.misfit { return nil }
      sum += least
    }
    let rest = count - depth
    return sum + nearestPair * (rest * (rest - 1) / 2)
  }
}

// MARK: - A first guess

extension CellSearch {
  /// A complete assignment to distinct host cells, whatever it costs; nil when there is none.
  private func matching() -> [Int]? {
    let found = FitTable.matching(layers, count, cells).compactMap { $0 }
    return found.count == count ? found : nil
  }

  /// Makes a guess better by single exchanges and takes it as the one to beat, equals included.
  private mutating func improve(_ guess: [Int]) {
    var current = guess
    func price(_ cells: [Int]) -> Int? {
      if let barred, cells[barred.guestCell] == barred.cell { return nil }
      return table.cost(of: cells)
    }
    var cost = price(current) ?? FitTable.misfit
    var better = true
    var rounds = 0
    while better, rounds < 2 * count {
      better = false
      rounds += 1
      for guestCell in 0..<count {
        for cell in 0..<cells where cell != current[guestCell] {
          var next = current
          if let other = current.firstIndex(of: cell) { next[other] = current[guestCell] }
          next[guestCell] = cell
          if let found = price(next), found < cost { (current, cost, better) = (next, found, true) }
        }
      }
    }
    if cost < limit { (best, limit, bestIsFirst) = ((cost, current), cost, false) }
  }
}

// MARK: - Shared host cells

extension CellSearch {
  /// The same descent where guest cells may share a host cell: the price of a cell depends on all that is put there.
  private mutating func descendSharing(groups: [[Int]]) {
    steps += 1
    let depth = chosen.count
    if depth == count {
      if let cost = table.cost(of: chosen), cost < limit { (best, limit) = ((cost, chosen), cost) }
      return
    }
    if steps > budget { return }
    let floor = twin[depth].map { chosen[$0] } ?? 0
    var tried = CPUSet()
    for cell in 0..<cells {
      if groups[cell].isEmpty {
        guard !tried.contains(hostClass[cell]) else { continue }
        tried.insert(hostClass[cell])
      }
      guard cell >= floor, barred?.guestCell != depth || barred?.cell != cell else { continue }
      var next = groups
      next[cell].append(depth)
      if let short = table.shortfall(of: next[cell], at: cell), !short.constraint.mayPass { continue }
      chosen.append(cell)
      if partialCost(next) < limit { descendSharing(groups: next) }
      chosen.removeLast()
    }
  }

  /// What the guest cells chosen so far cost at least, whatever joins them.
  private func partialCost(_ groups: [[Int]]) -> Int {
    var sum = 0
    for (cell, group) in groups.enumerated() where !group.isEmpty { sum += table.cost(of: group, at: cell) ?? 0 }
    guard !table.pair.isEmpty else { return sum }
    for (index, a) in chosen.enumerated() {
      for b in chosen[(index + 1)...] { sum += table.pair[a * cells + b] }
    }
    return sum
  }
}
