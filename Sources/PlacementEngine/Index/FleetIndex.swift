/// Where guests cost least in a whole fleet, decided from what changed since the same guest was asked for last.
///
/// A host is in a state, what is free on its cells, and a guest costs what it takes of the host's worth to the guests
/// that the fleet gets (`AvailableSpace` over the learned `ShapeMix`). Each shape that is asked for keeps a column of
/// its costs on all hosts, which takes in the hosts that changed meanwhile before it answers. Invariants:
/// - the answer is that of an exhaustive search: the least cost, the first host of equals, the first cells of equals;
/// - the same calls give the same answers in every process;
/// - an index is a value: a copy may try things and be thrown away.
public struct FleetIndex: Sendable {
  /// A host as the index sees it.
  public struct Host: Sendable {
    public let rack: Int
    /// 1 to 16 cells.
    public let free: [CellSpace]
    public init(rack: Int, free: [CellSpace]) {
      self.rack = rack
      self.free = free
    }
  }

  /// A place for one guest.
  public struct Slot: Sendable, Hashable {
    /// By position in the list of hosts.
    public let host: Int
    public let cells: CellChoice
    /// In parts of `AvailableSpace.unit`.
    public let cost: Int
  }

  private(set) var racks: [Int]
  private(set) var states = CellLists()
  /// The state of each host.
  private var hosts: [Int32] = []
  /// Hosts whose state changed, since position `journalStart`.
  private var journal: [Int32] = []
  private var mix = ShapeMix()
  /// States without hosts that are kept, because hosts often come back to them.
  private let statesSpare: Int
  private(set) var measure: AvailableSpace
  private var columns: [CostColumn] = []
  private var demands = CellLists()

  public init(_ hosts: [Host]) { self.init(hosts, statesSpare: 16_384) }

  init(_ hosts: [Host], statesSpare: Int) {
    self.statesSpare = statesSpare
    racks = hosts.map(\.rack)
    measure = mix.measure()
    self.hosts = hosts.map { Int32(states.number(of: $0.free)) }
  }

  public var count: Int { hosts.count }

  /// What is free on a host's cells.
  public func free(on host: Int) -> ArraySlice<CellSpace> { states[Int(hosts[host])] }

  /// Learns that such a guest was asked for, whether or not it will be placed.
  public mutating func learn(_ demand: SlotDemand) {
    guard mix.count(demand) else { return }
    measure = mix.measure()
    for index in columns.indices { columns[index] = CostColumn(columns[index].demand) }
  }

  /// The best place for a guest; nil when it fits nowhere.
  public mutating func place(_ demand: SlotDemand) -> Slot? {
    let column = upToDate(demand)
    guard let host = columns[column].tournament.winner else { return nil }
    return slot(host, column)
  }

  /// The best place among those hosts for which `extra` gives what is to be added to the cost; nil bars a host.
  public mutating func place(_ demand: SlotDemand, adding extra: (Int, CellChoice) -> Int?) -> Slot? {
    let column = upToDate(demand)
    var best: (host: Int, cost: Int)?
    for host in hosts.indices {
      let cost = columns[column].tournament[host]
      guard cost != Tournament.impossible else { continue }
      if let best, best.cost <= Int(cost) { continue }
      guard let more = extra(host, columns[column].choice(in: Int(hosts[host]))) else { continue }
      if best == nil || Int(cost) + more < best!.cost { best = (host, Int(cost) + more) }
    }
    return best.map { slot($0.host, column) }
  }

  /// Takes the room of a place that was found in the present state.
  public mutating func take(_ slot: Slot, for demand: SlotDemand) {
    change(slot.host) { cells in
      for (index, need) in demand.cells.enumerated() { cells[slot.cells[index]] = cells[slot.cells[index]] - need }
    }
  }

  /// Gives the room of a guest back.
  public mutating func giveBack(_ slot: Slot, of demand: SlotDemand) {
    change(slot.host) { cells in
      for (index, need) in demand.cells.enumerated() { cells[slot.cells[index]] = cells[slot.cells[index]] + need }
    }
  }

  private mutating func change(_ host: Int, _ body: (inout [CellSpace]) -> Void) {
    var cells = Array(free(on: host))
    body(&cells)
    hosts[host] = Int32(states.number(of: cells))
    if states.count > 2 * hosts.count + statesSpare { forgetStates() }
    journal.append(Int32(host))
    guard journal.count > max(hosts.count, 1024) else { return }
    for index in columns.indices { columns[index].forgetJournal(upTo: journal.count) }
    journal.removeAll(keepingCapacity: true)
  }

  /// Drops states that no host is in. Costs that are known go with the states that stay.
  private mutating func forgetStates() {
    var kept = CellLists()
    var origins: [Int32] = []
    for host in hosts.indices {
      let old = hosts[host]
      let new = kept.number(of: states[Int(old)])
      if new == origins.count { origins.append(old) }
      hosts[host] = Int32(new)
    }
    states = kept
    for index in columns.indices { columns[index].renumber(origins) }
  }

  private mutating func upToDate(_ demand: SlotDemand) -> Int {
    let column = demands.number(of: demand.cells)
    if column == columns.count { columns.append(CostColumn(demand)) }
    columns[column].catchUp(hosts: hosts, journal: journal, start: 0, states: states, measure: measure)
    return column
  }

  private func slot(_ host: Int, _ column: Int) -> Slot {
    Slot(
      host: host, cells: columns[column].choice(in: Int(hosts[host])),
      cost: Int(columns[column].tournament[host]))
  }
}
