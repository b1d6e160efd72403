/// How many more guests of one shape fit.
///
/// On one host, t guests of like cells fit when Σ min(q, t) ≥ k·t, for k cells a guest and q slots on each host cell.
/// For unlike cells, t guests fit when host cells can take so many of each kind that every kind comes t times and no
/// host cell takes more than t: then they can be dealt out to t guests, each on distinct cells, because a bipartite
/// multigraph of degree t is the union of t matchings (Kőnig 1916).
extension FleetIndex {
  /// How many more such guests fit on all hosts by amounts, exactly; nil when its cells are of so many kinds that
  /// counting them would take too long.
  public func capacity(for demand: SlotDemand) -> Int? {
    let kinds = GuestKinds(demand)
    guard kinds.needs.count == 1 else {
      var sum = 0
      for host in 0..<count {
        guard let more = kinds.capacity(on: free(on: host)) else { return nil }
        sum += more
      }
      return sum
    }
    let slots = states.slots(for: kinds.needs[0])
    let wanted = demand.cells.count
    if wanted == 1 { return cells.reduce(0) { $0 + Int(slots[Int($1)]) } }
    var sum = 0
    var host: [Int32] = []
    for index in 0..<count {
      host.removeAll(keepingCapacity: true)
      for cell in starts[index]..<starts[index + 1] { host.append(slots[Int(cells[Int(cell)])]) }
      sum += Self.guests(of: wanted, on: &host)
    }
    return sum
  }

  /// How many such guests fit on one host with that much free on its cells; nil as above.
  static func capacity(for demand: SlotDemand, on host: [CellSpace]) -> Int? {
    GuestKinds(demand).capacity(on: host)
  }

  /// The least of ⌊Sⱼ / (k − j)⌋ over j < k, where Sⱼ is the sum of all slots but the j largest.
  private static func guests(of wanted: Int, on slots: inout [Int32]) -> Int {
    if slots.count < wanted { return 0 }
    if slots.count == 2 { return Int(min(slots[0], slots[1])) }
    var sum = slots.reduce(0) { $0 + Int($1) }
    var most = Int.max
    for peeled in 0..<wanted {
      most = min(most, sum / (wanted - peeled))
      // The largest goes to the end.
      let last = slots.count - 1 - peeled
      for cell in 0..<last where slots[cell] > slots[last] { slots.swapAt(cell, last) }
      sum -= Int(slots[last])
    }
    return most
  }
}

/// The kinds of cells that a guest has, and how many of each.
private struct GuestKinds {
  private(set) var needs: [CellSpace] = []
  private var counts: [Int] = []
  private let cells: Int

  /// More combinations of counts than this are not gone through.
  private static let combinationsMaximum = 1 << 16

  init(_ demand: SlotDemand) {
    cells = demand.cells.count
    for need in demand.cells {
      if let known = needs.firstIndex(of: need) {
        counts[known] += 1
      } else {
        needs.append(need)
        counts.append(1)
      }
    }
  }

  /// How many fit on a host; nil when that would take too long to count.
  func capacity(on host: [CellSpace]) -> Int? {
    guard host.count >= cells else { return 0 }
    var low = 0
    // No kind comes more often than it would alone.
    var high = needs.indices.map { AvailableSpace.slots(needs[$0], counts[$0], in: host) }.min() ?? 0
    while low < high {
      let middle = (low + high + 1) / 2
      guard let fits = fits(middle, on: host) else { return nil }
      if fits { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// Whether so many guests fit: cell by cell, the most of the last kind for all counts of the others.
  private func fits(_ guests: Int, on host: [CellSpace]) -> Bool? {
    let wanted = counts.map { $0 * guests }
    let others = wanted.dropLast().map { $0 + 1 }
    var size = 1
    for other in others {
      size = size.multipliedReportingOverflow(by: other).partialValue
      if size > Self.combinationsMaximum || size <= 0 { return nil }
    }
    // By the counts so far of all kinds but the last, each no more than wanted: the most of the last, -1 for never.
    var most = [Int](repeating: -1, count: size)
    most[0] = 0
    for space in host {
      var next = most
      take(guests, of: space, kind: 0, [], others) { taken, last in
        for start in most.indices where most[start] >= 0 {
          let reached = Self.advance(start, by: taken, in: others)
          next[reached] = max(next[reached], min(most[start] + last, wanted[wanted.count - 1]))
        }
      }
      most = next
    }
    return most[size - 1] >= wanted[wanted.count - 1]
  }

  /// All ways to take guest cells of the kinds but the last from a cell, with the most of the last that is left then.
  private func take(
    _ guests: Int, of space: CellSpace, kind: Int, _ taken: [Int], _ others: [Int], _ body: ([Int], Int) -> Void
  ) {
    if kind == needs.count - 1 {
      body(taken, min(AvailableSpace.slots(needs[kind], 1, in: [space]), guests))
      return
    }
    var left = space
    for count in 0...guests {
      take(guests - count, of: left, kind: kind + 1, taken + [count], others, body)
      if count == guests || !left.holds(needs[kind]) { break }
      left = left - needs[kind]
    }
  }

  /// The position that counts lead to, none beyond its most.
  private static func advance(_ start: Int, by taken: [Int], in sizes: [Int]) -> Int {
    var rest = start
    var position = 0
    var stride = 1
    for (size, more) in zip(sizes, taken) {
      position += min(rest % size + more, size - 1) * stride
      rest /= size
      stride *= size
    }
    return position
  }
}
