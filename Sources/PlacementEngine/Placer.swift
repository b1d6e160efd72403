public import Fleet
import NUMA

/// Decides on which host and on which cells a guest belongs: the one engine behind `place`, `plan` and dry runs.
///
/// A `Placer` is a value that holds what is free on every host, cell by cell, under one policy. Invariants:
/// - a guest cell goes to one host cell, guest cells of a guest to distinct host cells unless the policy folds them;
/// - nothing is promised twice: CPUs that a guest has for itself, memory that guests were promised whether or not they
///   have touched it, the reserve, and claims of jobs in flight are all taken off before anything is placed;
/// - of all assignments that fit, the one of least score wins; the score is a sum of weighted integers, and equals are
///   told apart by host id, then by cell ids in order of guest cells;
/// - the same inputs give the same answer in every process: no clock, no randomness, no hashed iteration;
/// - a search is bounded in steps. A spent budget may cost quality, never a false refusal of distinct cells.
/// `violations` judges the result and shares no code with it.
public struct Placer: Sendable {
  /// The rules and weights that every decision follows.
  public let policy: Policy
  /// Ascending by host id.
  private(set) var rooms: [HostRoom] = []
  /// The hosts' worth to the guests that they host now.
  var worth: FleetWorth

  /// A placer that knows no host yet.
  public init(policy: Policy) {
    self.policy = policy
    worth = FleetWorth(policy)
  }

  /// A placer of a whole fleet.
  public init(inventory: Inventory, policy: Policy) {
    self.init(policy: policy)
    rooms = inventory.hosts.map { HostRoom($0, policy: policy) }.sorted { $0.view.id < $1.view.id }
    for (position, room) in rooms.enumerated() { worth.host(room, at: position) }
    worth.settle()
  }

  /// Takes in the newest view of one host: its topology, guests and claims replace what was known.
  public mutating func update(_ host: HostView) {
    let index = position(of: host.id)
    let earlier = index < rooms.count && rooms[index].view.id == host.id ? rooms[index] : nil
    let room = HostRoom(host, policy: policy, after: earlier)
    if earlier != nil {
      worth.replace(rooms[index], by: room, at: index)
      rooms[index] = room
    } else {
      worth.host(room, at: index)
      rooms.insert(room, at: index)
    }
    worth.settle()
  }

  /// Forgets a host; unknown hosts are ignored.
  public mutating func remove(_ host: HostID) {
    let index = position(of: host)
    guard index < rooms.count, rooms[index].view.id == host else { return }
    worth.remove(rooms[index], at: index)
    rooms.remove(at: index)
    worth.settle()
  }

  /// The best place in the fleet for a new guest, or why there is none, without keeping what deciding found out.
  ///
  /// See `decide`.
  public func place(_ shape: Shape, explain: Bool, budget: Int = 1_000_000) -> Decision {
    var copy = self
    return copy.decide(shape, explain: explain, budget: budget)
  }

  /// The best place in the fleet for a new guest, or why there is none.
  ///
  /// `explain` adds each term against the runner-up and each cell refused, for which it looks at every host. `budget`
  /// bounds the search in steps.
  /// `guest` is its id where it has one, by which it may be in groups.
  /// Refusals: `malformed`, `unknownHost`, `noPages`, `noRoom`.
  public mutating func decide(
    _ shape: Shape, as guest: GuestID? = nil, explain: Bool, budget: Int = 1_000_000
  ) -> Decision {
    if let refusal = refusal(of: shape) { return Decision(placement: nil, refusal: refusal) }
    let (search, venue) = searched(shape, as: guest, explain: explain, budget: budget)
    return search.decision(over: rooms, explain: explain, venue: venue)
  }

  /// The best place for a new guest as `decide` finds it, without the reasons where there is none, which take long.
  mutating func spot(for shape: Shape, budget: Int = 1_000_000) -> Placement? {
    if refusal(of: shape) != nil { return nil }
    let best = searched(shape, explain: false, budget: budget).search.best
    return best.map { $0.table.placement($0.cells) }
  }

  /// Remembers that a guest was asked for in vain, so that room for its like is kept from now on.
  public mutating func learn(refused shape: Shape) {
    if refusal(of: shape) == nil { worth.refuse(Demand(shape)) }
  }

  /// What is wrong with a shape before anything is searched.
  func refusal(of shape: Shape) -> Refusal? {
    if let refusal = shape.refusal() { return refusal }
    guard let unknown = shape.hosts.first(where: { room(of: $0) == nil }) else { return nil }
    return Refusal(
      .unknownHost, "shape \(shape.name) names host \(unknown), which is not in the fleet",
      remedy: "see numafleet host list")
  }

  /// The search for a shape that makes sense, and the venue that its group sent it to.
  mutating func searched(
    _ shape: Shape, as guest: GuestID? = nil, explain: Bool, budget: Int
  ) -> (search: FleetSearch, venue: GroupVenue?) {
    var demand = Demand(shape)
    demand.limits = GroupLimits(name: shape.name, id: guest, policy: policy, rooms: rooms)
    var search = FleetSearch(demand, budget: budget, policy: policy, measure: worth.measure)
    var left = budget
    for sharing in policy.foldGuestCells && demand.cells.count > 1 ? [false, true] : [false] {
      demand.sharing = sharing
      for venue in GroupVenue.all(for: demand, among: rooms, policy: policy) {
        search = searched(demand, in: venue, explain: explain, budget: left)
        if search.best != nil { return (search, venue) }
        left = max(left - search.steps, 1)
      }
      search = searched(demand, in: nil, explain: explain, budget: left)
      if search.best != nil { break }
      left = max(left - search.steps, 1)
    }
    return (search, nil)
  }

  /// A search over the hosts of a venue, or over all.
  mutating func searched(
    _ demand: Demand, in venue: GroupVenue?, explain: Bool, budget: Int
  ) -> FleetSearch {
    var search = FleetSearch(demand, budget: budget, policy: policy, measure: worth.measure)
    if let venue {
      search.run(over: rooms, only: venue.hosts, explain: explain)
    } else if !demand.hosts.isEmpty {
      let named = Set(demand.hosts.map { position(of: $0) }).sorted()
      search.run(over: rooms, only: named, explain: explain)
    } else if demand.sharing || !worth.order(&search, rooms, explain: explain) {
      search.run(over: rooms, only: Array(rooms.indices), explain: explain)
    }
    return search
  }

  /// The best cells for a running guest on the host it is on, as if it were taken off and placed anew.
  ///
  /// `cells` fixes the host cell of each guest cell in order. What may change follows the guest's movability: where
  /// its memory stays, so do its cells, and only threads are pinned. Refusals: `unknownHost`, `hostUnreachable`,
  /// `unknownGuest`, `notRunning`, `notMovable`, `livePagesOff`, `malformed`, `unknownCell`, `noPages`, `noRoom`.
  public func replace(
    _ guest: Guest, on host: HostID, cells: [Int]?, explain: Bool, budget: Int = 1_000_000
  ) -> Decision {
    replaceCounting(guest, on: host, cells: cells, explain: explain, budget: budget).decision
  }

  /// The room of one host.
  func room(of host: HostID) -> HostRoom? {
    let index = position(of: host)
    return index < rooms.count && rooms[index].view.id == host ? rooms[index] : nil
  }

  private func position(of host: HostID) -> Int {
    rooms.partitionIndex { $0.view.id >= host }
  }
}
