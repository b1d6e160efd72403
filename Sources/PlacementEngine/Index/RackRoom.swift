/// How many guests of one shape still fit on each rack, and how many of a group's may yet come there.
struct RackRoom: Sendable {
  let demand: SlotDemand
  /// By rack.
  private(set) var slots: [Int]
  /// By rack: guests to come of all groups there.
  private(set) var comers: [Comers]
  /// By rack: the same of each group there.
  private var groups: [[Comers]]
  /// Racks where somebody may yet come.
  private(set) var racksExpecting = 0
  /// By host.
  private var slotsOnHost: [Int]

  /// What a guest of a group that finds no room costs, for each of its vcpus, in parts of `AvailableSpace.unit`: about
  /// what it costs to place it. From half to three times as much loses alike.
  private static let lostPrice = AvailableSpace.unit / 50

  init(_ demand: SlotDemand, _ index: FleetIndex, racks: Int) {
    self.demand = demand
    slots = Array(repeating: 0, count: racks)
    comers = Array(repeating: Comers(), count: racks)
    groups = Array(repeating: [], count: racks)
    slotsOnHost = Array(repeating: 0, count: index.count)
    for host in 0..<index.count { update(host, index) }
  }

  /// Takes in what is free on a host now.
  mutating func update(_ host: Int, _ index: FleetIndex) {
    let now = AvailableSpace.slots(demand.widest, demand.cells.count, in: index.free(on: host))
    slots[index.racks[host]] += now - slotsOnHost[host]
    slotsOnHost[host] = now
  }

  // MARK: - Who is expected

  /// Takes in a group that will stay on a rack, and tells its number there.
  mutating func join(_ rack: Int) -> Int {
    groups[rack].append(Comers())
    return groups[rack].count - 1
  }

  /// Sets how many guests a group may still get.
  mutating func expect(_ more: Comers, of group: Int, on rack: Int) {
    groups[rack][group] = more
    let all = groups[rack].reduce(Comers()) { $0.joined(by: $1) }
    racksExpecting += (all.most > 0 ? 1 : 0) - (comers[rack].most > 0 ? 1 : 0)
    comers[rack] = all
  }

  /// How many guests of another shape take as much as those who are expected on a rack, in parts of `Comers.certain`.
  func expected(on rack: Int, as other: SlotDemand) -> Int {
    let (mean, own, theirs) = (comers[rack].mean, demand.total, other.total)
    if mean == 0 { return 0 }
    return max(
      theirs.cpus > 0 ? mean * own.cpus / theirs.cpus : 0, theirs.memory > 0 ? mean * own.memory / theirs.memory : 0)
  }

  // MARK: - What it costs

  /// What a new group costs by the guests of it that will find no room on a rack, where guests of other shapes need
  /// room for `others` more.
  func price(of group: Comers, on rack: Int, others: Int) -> Int {
    comers[rack].lost(of: group, in: slots[rack] - others) * demand.total.cpus * Self.lostPrice / Comers.certain
  }

  /// What a guest costs by those who will find no room because of it.
  func price(of other: SlotDemand, on host: Int, _ choice: CellChoice, _ index: borrowing FleetIndex) -> Int {
    let rack = index.racks[host]
    // It cannot take more than all slots of the host.
    guard slotsOnHost[host] > 0, slots[rack] - slotsOnHost[host] < comers[rack].most else { return 0 }
    var cells = index.free(on: host)
    for (guestCell, need) in other.cells.enumerated() { cells[choice[guestCell]] = cells[choice[guestCell]] - need }
    let left = slots[rack] - slotsOnHost[host] + AvailableSpace.slots(demand.widest, demand.cells.count, in: cells)
    let lost = (left..<slots[rack]).reduce(0) { $0 + comers[rack].chance(of: $1 + 1) }
    return lost * demand.total.cpus * Self.lostPrice / Comers.certain
  }
}
