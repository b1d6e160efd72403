import NUMA

/// What the members of a group may not do to each other.
public enum GroupRule: Sendable, Hashable {
  /// All on one rack.
  case sameRack
  /// No two on one host.
  case distinctHosts
  /// No rack holds members of two fault domains.
  case distinctRacks(domain: Int)
}

/// Places guests with their groups in mind, on a `FleetIndex`.
///
/// A group that must stay on one rack is lost by its first member, which picks the rack. It goes where it costs least
/// together with the members that will probably find no room any more, by what is learned of the sizes of such groups
/// (`GroupSizes`) and of other groups on the rack. From then on whoever takes room that the group may yet need pays by
/// the chance that it does.
public struct GroupPlacement: Sendable {
  /// By position in the list of hosts.
  public private(set) var index: FleetIndex
  /// Ascending by key.
  private var groups: [Group] = []
  private var racks: [RackRoom] = []
  private var demands = CellLists()
  private var sizes = GroupSizes()
  /// Ascending.
  private let hostsByRack: [[Int32]]

  private struct Key: Hashable, Comparable {
    let rule: Int
    let group: Int
    static func < (a: Key, b: Key) -> Bool { (a.rule, a.group) < (b.rule, b.group) }
  }

  private struct Group {
    let key: Key
    /// `sameRack`: the rack, what its first member needs, its number among such groups there, and members that came.
    var rack = -1
    var shape = -1
    var number = -1
    var members = 0
    /// Whether one of them found no room: nothing is kept free for others then.
    var isFull = false
    /// `distinctHosts`.
    var hosts: [Int] = []
    /// `distinctRacks`: the racks that are used, and by which domain.
    var domains: [(rack: Int, domain: Int)] = []
  }

  public init(_ index: FleetIndex) {
    self.index = index
    var hostsByRack: [[Int32]] = Array(repeating: [], count: (index.racks.max() ?? -1) + 1)
    for (host, rack) in index.racks.enumerated() { hostsByRack[rack].append(Int32(host)) }
    self.hostsByRack = hostsByRack
  }

  /// Places a guest, and takes its room; nil when it fits nowhere that its group allows. `members` is the size of its
  /// group of one rack where that is known.
  public mutating func place(
    _ demand: SlotDemand, rule: GroupRule?, group: Int, members: Int? = nil
  ) -> FleetIndex.Slot? {
    index.learn(demand)
    let slot: FleetIndex.Slot?
    switch rule {
    case nil: slot = free(demand)
    case .sameRack: slot = onOneRack(demand, Key(rule: 1, group: group), members)
    case .distinctHosts:
      let group = self[Key(rule: 2, group: group)]
      let used = groups[group].hosts
      slot = choose(demand) { host in !used.contains(host) }
      if let slot { groups[group].hosts.append(slot.host) }
    case .distinctRacks(let domain):
      let group = self[Key(rule: 3, group: group)]
      let (used, racks) = (groups[group].domains, index.racks)
      slot = choose(demand) { host in used.allSatisfy { $0.rack != racks[host] || $0.domain == domain } }
      if let slot { groups[group].domains.append((index.racks[slot.host], domain)) }
    }
    guard let slot else { return nil }
    index.take(slot, for: demand)
    for shape in racks.indices { racks[shape].update(slot.host, index) }
    return slot
  }

  private mutating func free(_ demand: SlotDemand) -> FleetIndex.Slot? {
    if racks.allSatisfy({ $0.racksExpecting == 0 }) { return index.place(demand) }
    return choose(demand) { _ in true }
  }

  /// The best place among the hosts allowed, where who will find no room because of it adds to its cost.
  private mutating func choose(_ demand: SlotDemand, where isAllowed: (Int) -> Bool) -> FleetIndex.Slot? {
    let expecting = racks.filter { $0.racksExpecting > 0 }
    return index.place(demand, where: isAllowed) { host, cells, fleet in
      expecting.reduce(0) { $0 + $1.price(of: demand, on: host, cells, fleet) }
    }
  }

  // MARK: - One rack

  private mutating func onOneRack(_ demand: SlotDemand, _ key: Key, _ members: Int?) -> FleetIndex.Slot? {
    let position = self[key]
    var group = groups[position]
    if group.rack < 0 {
      guard let rack = firstRack(demand, members.map { Comers($0) } ?? sizes.comers(after: 0)) else { return nil }
      (group.rack, group.shape) = (rack, room(of: demand))
      group.number = racks[group.shape].join(rack)
    }
    let slot = index.place(demand, among: hostsByRack[group.rack])
    group.members += 1
    group.isFull = group.isFull || slot == nil
    sizes.count(group.members)
    let more = members.map { Comers($0 - group.members) } ?? sizes.comers(after: group.members)
    racks[group.shape].expect(group.isFull ? Comers() : more, of: group.number, on: group.rack)
    groups[position] = group
    return slot
  }

  /// The rack where the first member of a group costs least together with those who will find no room; nil when it
  /// fits nowhere.
  private mutating func firstRack(_ demand: SlotDemand, _ group: Comers) -> Int? {
    let shape = room(of: demand)
    let (racks, rackOf) = (racks, index.racks)
    var isSeen = Array(repeating: false, count: hostsByRack.count)
    var best: (rack: Int, cost: Int)?
    index.visit(demand) { host, cost in
      if let best, best.cost <= cost { return false }
      let rack = rackOf[host]
      if isSeen[rack] { return true }
      isSeen[rack] = true
      let others = racks.indices.reduce(0) { $0 + ($1 == shape ? 0 : racks[$1].expected(on: rack, as: demand)) }
      let sum = cost + racks[shape].price(of: group, on: rack, others: others / Comers.certain)
      if sum < best?.cost ?? .max { best = (rack, sum) }
      return true
    }
    return best?.rack
  }

  private mutating func room(of demand: SlotDemand) -> Int {
    let number = demands.number(of: demand.cells)
    if number == racks.count { racks.append(RackRoom(demand, index, racks: hostsByRack.count)) }
    return number
  }

  /// The position of a group, which begins without members.
  private subscript(key: Key) -> Int {
    mutating get {
      let position = groups.partitionIndex { !($0.key < key) }
      if position == groups.count || groups[position].key != key { groups.insert(Group(key: key), at: position) }
      return position
    }
  }
}
