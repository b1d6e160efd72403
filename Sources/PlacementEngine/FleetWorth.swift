import Fleet
import NUMA

/// What a fleet's hosts are worth to the guests that it hosts, and the order in which that puts them for a new one.
///
/// The measure follows from what is hosted, not from how it came there, so that whoever has the same inventory decides
/// alike, and from guests that were asked for in vain, for whose like there should be room as well. The index is made
/// when it is first asked for, and kept up to date as hosts report.
struct FleetWorth: Sendable {
  let policy: Policy
  private var mix = ShapeMix()
  /// By which `measure` was made.
  private var counts: [Int] = []
  private(set) var measure: AvailableSpace
  /// Nil until it is asked for.
  private var index: FleetIndex?
  /// Hosts with more cells than the index knows.
  private(set) var wideHosts = 0
  /// Hosts that take some shapes and not others, whatever the amounts.
  private(set) var picky = 0
  /// Guests that fitted nowhere, and how often each was counted.
  private var refused: [(demand: SlotDemand, count: Int)] = []

  private static let refusalsMaximum = 64
  /// Twice the least distance between two cells of any host seen so far.
  private var leastDistance = Int.max

  init(_ policy: Policy) {
    self.policy = policy
    counts = mix.roughCounts
    measure = mix.measure(hosting: counts, contentionPrice: Self.contentionPrice(policy))
  }

  /// What a thousandth of contention costs in the parts that fragmentation is counted in, rounded down.
  static func contentionPrice(_ policy: Policy) -> Int {
    let weights = policy.boundedWeights
    return min(weights.contention * FitTable.thousandth / max(weights.fragmentation, 1), 1 << 20)
  }

  /// Counts a host that is new.
  mutating func host(_ room: HostRoom, at position: Int) {
    index?.insert(FleetIndex.Host(rack: 0, free: room.openSpaces(policy)), at: position)
    learn(room, 1)
  }

  /// Forgets a host.
  mutating func remove(_ room: HostRoom, at position: Int) {
    index?.remove(at: position)
    learn(room, -1)
  }

  /// Takes in what changed on a host.
  mutating func replace(_ old: HostRoom, by new: HostRoom, at position: Int) {
    learn(old, -1)
    learn(new, 1)
    let spaces = new.openSpaces(policy)
    if index?.cellCount(of: position) == spaces.count {
      index?.set(position, free: spaces)
    } else {
      index?.remove(at: position)
      index?.insert(FleetIndex.Host(rack: 0, free: spaces), at: position)
    }
  }

  private mutating func learn(_ room: HostRoom, _ more: Int) {
    for case let demand? in room.demands { mix.host(demand, more) }
    if room.isWide { wideHosts += more }
    // Isolated CPUs are somebody's own or nobody's, which no amount says.
    let isPicky = !room.rules.taints.isEmpty || room.cells.contains { $0.shared != $0.dedicable }
    if isPicky { picky += more }
    guard more > 0 else { return }
    for a in room.cells.indices {
      for b in 0..<a { leastDistance = min(leastDistance, room.bothWays(a, b)) }
    }
  }

  /// Counts a guest that fitted nowhere as if it were hosted. Who asks again and again counts only so often.
  mutating func refuse(_ demand: Demand) {
    guard let needs = SlotDemand(cells: demand.needs(policy)) else { return }
    if let known = refused.firstIndex(where: { $0.demand == needs }) {
      guard refused[known].count < Self.refusalsMaximum else { return }
      refused[known].count += 1
    } else {
      guard refused.count < ShapeMix.shapesMaximum else { return }
      refused.append((needs, 1))
    }
    mix.host(needs, 1)
    settle()
  }

  /// Judges by what is hosted now; to be called when all that changed was taken in.
  mutating func settle() {
    let rough = mix.roughCounts
    if rough == counts { return }
    counts = rough
    measure = mix.measure(hosting: rough, contentionPrice: Self.contentionPrice(policy))
    index?.judge(by: measure)
  }

  /// Runs a search in the order of the index; false where amounts cannot say what it is about.
  mutating func order(_ search: inout FleetSearch, _ rooms: [HostRoom], explain: Bool) -> Bool {
    guard let needs = SlotDemand(cells: search.demand.needs(policy)) else { return false }
    let leastDistance = leastDistance == .max ? 0 : leastDistance
    let wide = wideHosts == 0 ? [] : rooms.indices.filter { rooms[$0].isWide }
    return withIndex(rooms) { index in
      search.run(over: rooms, by: &index, needs, leastDistance: leastDistance, and: wide, explain: explain)
      return true
    }
  }

  /// Gives the index to `body`, made if need be.
  mutating func withIndex<Result>(_ rooms: [HostRoom], _ body: (inout FleetIndex) -> Result) -> Result {
    var index =
      self.index
      ?? FleetIndex(rooms.map { FleetIndex.Host(rack: 0, free: $0.openSpaces(policy)) }, measure: measure)
    // The only one, so that nothing is copied when it changes.
    self.index = nil
    let result = body(&index)
    self.index = index
    return result
  }
}
