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
    if kinds.needs.count == 1 { return capacity(ofLike: kinds.needs[0], demand.cells.count) }
    // What a cell has room for says all, so hosts whose cells have room for the same are counted once.
    var counted = CountedHosts()
    var rooms = kinds.needs.count == 2 ? PairRooms(kinds, states: states.count) : nil
    var sum = 0
    for host in 0..<count {
      let range = Int(starts[host])..<Int(starts[host + 1])
      if range.count < demand.cells.count { continue }
      counted.begin()
      for cell in range { counted.add(rooms?.room(of: cells[cell], states) ?? cells[cell]) }
      if let more = counted.known() {
        sum += more
        continue
      }
      guard let more = rooms?.capacity(of: counted.host) ?? kinds.capacity(on: free(on: host)) else { return nil }
      counted.keep(more)
      sum += more
    }
    return sum
  }

  /// Whether no cell has room for more of a guest cell than are counted.
  func counts(_ demand: SlotDemand) -> Bool {
    demand.cells.allSatisfy { !states.slots(for: $0).contains(Int32(SlotBlock.slotsMaximum)) }
  }

  private func capacity(ofLike need: CellSpace, _ wanted: Int) -> Int {
    let slots = states.slots(for: need)
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
  fileprivate static func guests(of wanted: Int, on slots: inout [Int32]) -> Int {
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

/// The capacities of hosts that were counted, by what their cells have room for, in whatever order.
private struct CountedHosts {
  /// What the cells of the present host have room for, ascending.
  private(set) var host: [Int32] = []
  /// The hosts so far, one after another, where each begins, and its capacity.
  private var keys: [Int32] = []
  private var starts: [Int] = [0]
  private var capacities: [Int] = []
  /// Positions by hash, open addressing; -1 is empty.
  private var table: [Int32] = Array(repeating: -1, count: 4096)
  private var slot = 0

  mutating func begin() { host.removeAll(keepingCapacity: true) }

  mutating func add(_ room: Int32) {
    var place = host.count
    host.append(room)
    while place > 0, host[place - 1] > room {
      host[place] = host[place - 1]
      place -= 1
    }
    host[place] = room
  }

  /// The capacity of a host that is like the present one.
  mutating func known() -> Int? {
    slot = Self.hash(host[...]) & (table.count - 1)
    while table[slot] >= 0 {
      let position = Int(table[slot])
      if keys[starts[position]..<starts[position + 1]] == host[...] { return capacities[position] }
      slot = (slot + 1) & (table.count - 1)
    }
    return nil
  }

  /// Keeps the capacity of the present host, which was not known.
  mutating func keep(_ capacity: Int) {
    table[slot] = Int32(truncatingIfNeeded: capacities.count)
    capacities.append(capacity)
    keys += host
    starts.append(keys.count)
    guard capacities.count * 2 > table.count else { return }
    table = Array(repeating: -1, count: table.count * 4)
    for position in capacities.indices {
      var slot = Self.hash(keys[starts[position]..<starts[position + 1]]) & (table.count - 1)
      while table[slot] >= 0 { slot = (slot + 1) & (table.count - 1) }
      table[slot] = Int32(truncatingIfNeeded: position)
    }
  }

  private static func hash(_ rooms: ArraySlice<Int32>) -> Int {
    var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
    for room in rooms { hash = (hash ^ UInt64(UInt32(bitPattern: room))) &* 0xff51_afd7_ed55_8ccd ^ hash >> 29 }
    return Int(truncatingIfNeeded: (hash ^ hash >> 32) & 0x7fff_ffff)
  }
}

/// What cells have room for when a guest's cells are of two kinds: for each number of the first, the most of the second
/// beside them. Many states have room for the same.
private struct PairRooms {
  private let kinds: GuestKinds
  /// Rooms by number, one after another, and where each begins.
  private var most: [Int32] = []
  private var starts: [Int] = [0]
  /// By number: the most guest cells of both kinds together, and the most by what each kind needs of CPUs and memory.
  private var totals: [Totals] = []
  /// By state; -1 until asked for.
  private var rooms: [Int32]
  /// Rooms by hash, open addressing; -1 is empty.
  private var table: [Int32] = Array(repeating: -1, count: 1024)
  /// By guest cells of the first kind so far, the most of the second; memory of `fits`.
  private var reached: [Int32] = []

  private struct Totals {
    var cells: Int32 = 0
    var cpus = 0
    var memory = 0
  }

  init(_ kinds: GuestKinds, states: Int) {
    self.kinds = kinds
    rooms = Array(repeating: -1, count: states)
  }

  /// The number of what a state has room for.
  mutating func room(of state: Int32, _ states: borrowing CellStates) -> Int32 {
    if rooms[Int(state)] >= 0 { return rooms[Int(state)] }
    let (first, second) = (kinds.needs[0], kinds.needs[1])
    var left = states[state]
    let begin = most.count
    for count in 0...AvailableSpace.slots(first, in: left) {
      if count > 0 { left = left - first }
      most.append(Int32(truncatingIfNeeded: AvailableSpace.slots(second, in: left)))
    }
    var slot = hash(begin..<most.count) & (table.count - 1)
    while table[slot] >= 0 {
      let known = Int(table[slot])
      if most[starts[known]..<starts[known + 1]] == most[begin...] {
        most.removeSubrange(begin...)
        rooms[Int(state)] = table[slot]
        return table[slot]
      }
      slot = (slot + 1) & (table.count - 1)
    }
    let number = Int32(truncatingIfNeeded: starts.count - 1)
    table[slot] = number
    starts.append(most.count)
    totals.append(totals(begin))
    rooms[Int(state)] = number
    if starts.count * 2 > table.count { grow() }
    return number
  }

  private mutating func grow() {
    table = Array(repeating: -1, count: table.count * 4)
    for number in 0..<(starts.count - 1) {
      var slot = hash(starts[number]..<starts[number + 1]) & (table.count - 1)
      while table[slot] >= 0 { slot = (slot + 1) & (table.count - 1) }
      table[slot] = Int32(truncatingIfNeeded: number)
    }
  }

  private func hash(_ range: Range<Int>) -> Int {
    var hash: UInt64 = 0x9e37_79b9_7f4a_7c15
    for place in range { hash = (hash ^ UInt64(UInt32(bitPattern: most[place]))) &* 0xff51_afd7_ed55_8ccd ^ hash >> 29 }
    return Int(truncatingIfNeeded: (hash ^ hash >> 32) & 0x7fff_ffff)
  }

  private func totals(_ begin: Int) -> Totals {
    var totals = Totals()
    for (first, second) in most[begin...].enumerated() {
      totals.cells = max(totals.cells, Int32(truncatingIfNeeded: first) + second)
      totals.cpus = max(totals.cpus, first * kinds.needs[0].cpus + Int(second) * kinds.needs[1].cpus)
      totals.memory = max(totals.memory, first * kinds.needs[0].memory + Int(second) * kinds.needs[1].memory)
    }
    return totals
  }

  /// How many guests fit on a host whose cells have these rooms.
  mutating func capacity(of host: [Int32]) -> Int {
    var (low, high) = (0, bound(host))
    var step = 1
    while low < high {
      let middle = max(high - step + 1, (low + high + 1) / 2)
      if fits(middle, on: host) { low = middle } else { high = middle - 1 }
      step *= 2
    }
    return low
  }

  /// As many guests as might fit by each kind alone, by both together, and by CPUs and memory: seldom one too many.
  private mutating func bound(_ host: [Int32]) -> Int {
    var bound = Int.max
    func lower(_ slots: (Int32) -> Int32, _ wanted: Int) {
      reached.removeAll(keepingCapacity: true)
      for room in host { reached.append(slots(room)) }
      bound = min(bound, FleetIndex.guests(of: wanted, on: &reached))
    }
    lower({ Int32(truncatingIfNeeded: starts[Int($0) + 1] - starts[Int($0)] - 1) }, kinds.counts[0])
    lower({ most[starts[Int($0)]] }, kinds.counts[1])
    lower({ totals[Int($0)].cells }, kinds.counts[0] + kinds.counts[1])
    let cpus = kinds.counts[0] * kinds.needs[0].cpus + kinds.counts[1] * kinds.needs[1].cpus
    let memory = kinds.counts[0] * kinds.needs[0].memory + kinds.counts[1] * kinds.needs[1].memory
    if cpus > 0 { bound = min(bound, host.reduce(0) { $0 + totals[Int($1)].cpus } / cpus) }
    if memory > 0 { bound = min(bound, host.reduce(0) { $0 + totals[Int($1)].memory } / memory) }
    return bound
  }

  /// Whether so many guests fit: cell by cell, the most of the second kind for each number of the first.
  private mutating func fits(_ guests: Int, on host: [Int32]) -> Bool {
    let (firsts, seconds) = (kinds.counts[0] * guests, kinds.counts[1] * guests)
    reached.removeAll(keepingCapacity: true)
    reached.append(0)
    reached.append(contentsOf: repeatElement(-1, count: firsts))
    var end = 0
    for room in host {
      let start = starts[Int(room)]
      let take = min(starts[Int(room) + 1] - start - 1, guests)
      let last = min(end + take, firsts)
      // From the largest down, so that what is reached so far is not yet overwritten.
      for sum in stride(from: last, through: 0, by: -1) {
        var best: Int32 = -1
        for count in max(sum - end, 0)...min(take, sum) where reached[sum - count] >= 0 {
          let more = min(most[start + count], Int32(truncatingIfNeeded: guests - count))
          best = max(best, reached[sum - count] + more)
        }
        reached[sum] = best
      }
      end = last
    }
    return Int(reached[firsts]) >= seconds
  }
}

/// The kinds of cells that a guest has, and how many of each.
private struct GuestKinds {
  private(set) var needs: [CellSpace] = []
  private(set) var counts: [Int] = []
  private let cells: Int

  /// More combinations of counts than this are not gone through, and no more steps for one host.
  private static let combinationsMaximum = 1 << 16
  private static let stepsMaximum = 1 << 18

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
    var steps = 0
    // No kind comes more often than it would alone.
    var high = needs.indices.map { AvailableSpace.slots(needs[$0], counts[$0], in: host) }.min() ?? 0
    while low < high {
      let middle = (low + high + 1) / 2
      guard let fits = fits(middle, on: host, &steps) else { return nil }
      if fits { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// Whether so many guests fit: cell by cell, the most of the last kind for all counts of the others.
  private func fits(_ guests: Int, on host: [CellSpace], _ steps: inout Int) -> Bool? {
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
        steps += size
        if steps > Self.stepsMaximum { return false }
        for start in most.indices where most[start] >= 0 {
          let reached = Self.advance(start, by: taken, in: others)
          next[reached] = max(next[reached], min(most[start] + last, wanted[wanted.count - 1]))
        }
        return true
      }
      most = next
      if steps > Self.stepsMaximum { return nil }
    }
    return most[size - 1] >= wanted[wanted.count - 1]
  }

  /// All ways to take guest cells of the kinds but the last from a cell, with the most of the last that is left then,
  /// until `body` has enough; false when it had.
  @discardableResult
  private func take(
    _ guests: Int, of space: CellSpace, kind: Int, _ taken: [Int], _ others: [Int], _ body: ([Int], Int) -> Bool
  ) -> Bool {
    if kind == needs.count - 1 { return body(taken, min(AvailableSpace.slots(needs[kind], 1, in: [space]), guests)) }
    var left = space
    for count in 0...guests {
      if !take(guests - count, of: left, kind: kind + 1, taken + [count], others, body) { return false }
      if count == guests || !left.holds(needs[kind]) { break }
      left = left - needs[kind]
    }
    return true
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
