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
/// A group that must stay on one rack is lost by its first member, which picks the rack: it takes the fullest rack that
/// has room for as many of its like as such groups usually have, after what other groups were promised. From then on
/// the group is promised room for the members that are still to be expected, and whoever would take of it pays.
public struct GroupPlacement: Sendable {
  /// By position in the list of hosts.
  public private(set) var index: FleetIndex
  /// Ascending by key.
  private var groups: [Group] = []
  private var racks: [RackRoom] = []
  private var demands = CellLists()
  /// Ascending.
  private let hostsByRack: [[Int32]]

  /// Members that a first member looks for room for. Groups are open-ended, so it is a guess; 12 to 20 lose alike.
  static let membersWanted = 17
  /// Members that a group is held to have in the end, for what it is promised.
  static let membersExpected = 13
  /// The price of a promised slot, for each of its vcpus, in parts of `AvailableSpace.unit`.
  static let promisePrice = AvailableSpace.unit * 3 / 10

  private struct Key: Hashable, Comparable {
    let rule: Int
    let group: Int
    static func < (a: Key, b: Key) -> Bool { (a.rule, a.group) < (b.rule, b.group) }
  }

  private struct Group {
    let key: Key
    /// `sameRack`: the rack, what its first member needs, members, and how many more were promised.
    var rack = -1
    var shape = -1
    var members = 0
    var promised = 0
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
    if racks.allSatisfy({ $0.promises == 0 }) { return index.place(demand) }
    return choose(demand) { _ in true }
  }

  /// The best place among the hosts allowed, with what it would take of promised room added to its cost.
  private mutating func choose(_ demand: SlotDemand, where isAllowed: (Int) -> Bool) -> FleetIndex.Slot? {
    let promised = racks.indices.filter { racks[$0].promises > 0 }.map { racks[$0] }
    return index.place(demand, where: isAllowed) { host, cells, fleet in
      promised.reduce(0) { $0 + $1.price(of: demand, on: host, cells, fleet) }
    }
  }

  // MARK: - One rack

  private mutating func onOneRack(_ demand: SlotDemand, _ key: Key, _ members: Int?) -> FleetIndex.Slot? {
    let number = self[key]
    var group = groups[number]
    let isFirst = group.rack < 0
    if isFirst {
      guard let rack = firstRack(demand, for: members ?? Self.membersWanted) else { return nil }
      (group.rack, group.shape) = (rack, room(of: demand))
    }
    let slot = index.place(demand, among: hostsByRack[group.rack])
    if slot == nil, isFirst { return nil }
    group.members += slot == nil ? 0 : 1
    // When its rack is full, what was promised is of no use to it any more.
    let expected = slot == nil ? 0 : max((members ?? Self.membersExpected) - group.members, 0)
    promise(expected, group.promised, group.shape, group.rack)
    group.promised = expected
    groups[number] = group
    return slot
  }

  private mutating func promise(_ now: Int, _ before: Int, _ shape: Int, _ rack: Int) {
    racks[shape].promised[rack] += now - before
    racks[shape].promises += now - before
  }

  /// The fullest rack with room for a whole group, else the one with the most room; nil when the guest fits nowhere.
  private mutating func firstRack(_ demand: SlotDemand, for members: Int) -> Int? {
    let room = racks[self.room(of: demand)]
    var tightest: (rack: Int, room: Int)?
    var roomiest: (rack: Int, left: Int, room: Int)?
    for rack in hostsByRack.indices {
      let left = room.slots[rack] - room.promised[rack]
      if left >= members, left < tightest?.room ?? .max { tightest = (rack, left) }
      guard room.slots[rack] > 0 else { continue }
      let candidate = (rack: rack, left: max(left, 0), room: room.slots[rack])
      if let best = roomiest, (best.left, best.room) >= (candidate.left, candidate.room) { continue }
      roomiest = candidate
    }
    return tightest?.rack ?? roomiest?.rack
  }

  private mutating func room(of demand: SlotDemand) -> Int {
    let number = demands.number(of: demand.cells)
    if number == racks.count { racks.append(RackRoom(demand, index, racks: hostsByRack.count)) }
    return number
  }

  /// The position of a group, which begins without members.
  private subscript(key: Key) -> Int {
    mutating get {
      var (low, high) = (0, groups.count)
      while low < high {
        let middle = (low + high) / 2
        if groups[middle].key < key { low = middle + 1 } else { high = middle }
      }
      if low == groups.count || groups[low].key != key { groups.insert(Group(key: key), at: low) }
      return low
    }
  }
}

/// How many guests of one shape still fit on each rack, and how many of these are promised to groups.
private struct RackRoom: Sendable {
  let demand: SlotDemand
  /// By rack.
  private(set) var slots: [Int]
  var promised: [Int]
  /// Over all racks.
  var promises = 0
  /// By host.
  private var slotsOnHost: [Int]

  init(_ demand: SlotDemand, _ index: FleetIndex, racks: Int) {
    self.demand = demand
    slots = Array(repeating: 0, count: racks)
    promised = slots
    slotsOnHost = Array(repeating: 0, count: index.count)
    for host in 0..<index.count { update(host, index) }
  }

  mutating func update(_ host: Int, _ index: FleetIndex) {
    let now = AvailableSpace.slots(demand.widest, demand.cells.count, in: index.free(on: host))
    slots[index.racks[host]] += now - slotsOnHost[host]
    slotsOnHost[host] = now
  }

  /// What a guest would have to pay for the promised slots that it takes there.
  func price(of other: SlotDemand, on host: Int, _ choice: CellChoice, _ index: borrowing FleetIndex) -> Int {
    let rack = index.racks[host]
    guard promised[rack] > 0, slotsOnHost[host] > 0 else { return 0 }
    let spare = max(slots[rack] - promised[rack], 0)
    // It cannot take more than all slots of the host.
    if slotsOnHost[host] <= spare { return 0 }
    var cells = index.free(on: host)
    for (guestCell, need) in other.cells.enumerated() { cells[choice[guestCell]] = cells[choice[guestCell]] - need }
    let lost = slotsOnHost[host] - AvailableSpace.slots(demand.widest, demand.cells.count, in: cells)
    return max(lost - spare, 0) * demand.total.cpus * GroupPlacement.promisePrice
  }
}
