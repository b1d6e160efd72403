/// Where guests cost least in a whole fleet, decided from what changed since the same guest was asked for last.
///
/// A host is in a state, what is free on its cells, and a guest costs what it takes of the host's worth to the guests
/// that the fleet gets (`AvailableSpace` over the learned `ShapeMix`). Each shape that is asked for has a column of
/// costs over all hosts (`CostRows`). When a host changes, all columns get bounds of its costs at once, looked up by
/// the states of its cells (`CellStates`); a cost is worked out only when its bound is the least of its column
/// (`ChoiceSearch`), about one a decision. Invariants:
/// - the answer is that of an exhaustive search: the least cost, the first host of equals, the first cells of equals;
/// - the same calls give the same answers in every process;
/// - an index is a value: a copy may try things and be thrown away;
/// - a decision, and taking and giving back, allocate nothing but the growth of tables.
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
    // Small, because whoever hosts guests keeps one for each.
    private let place: Int32
    private let price: Int32
    public let cells: CellChoice

    /// By position in the list of hosts.
    public var host: Int { Int(place) }
    /// In parts of `AvailableSpace.unit`.
    public var cost: Int { Int(price) }

    init(host: Int, cells: CellChoice, cost: Int) {
      (place, price) = (Int32(truncatingIfNeeded: host), Int32(clamping: cost))
      self.cells = cells
    }
  }

  /// How much work was done, which is the same in every run, unlike the time that it takes.
  package struct Effort: Sendable {
    /// Costs that were worked out for hosts, searches of a host's cells among them, and their steps.
    package var costs = 0
    package var searches = 0
    package var steps = 0
    /// Times that the mix was drawn anew.
    package var lessons = 0
    package init() {}

    package static func - (later: Effort, sooner: Effort) -> Effort {
      var effort = Effort()
      effort.costs = later.costs - sooner.costs
      effort.searches = later.searches - sooner.searches
      effort.steps = later.steps - sooner.steps
      effort.lessons = later.lessons - sooner.lessons
      return effort
    }
  }

  private(set) var racks: [Int]
  private(set) var states = CellStates(width: CostRows.columnsPerBlock)
  /// The states of all hosts' cells, host by host, and where each host's begin.
  private(set) var cells: [Int32] = []
  private(set) var starts: [Int32] = [0]
  private var mix = ShapeMix()
  package private(set) var measure: AvailableSpace
  private var columns = Columns()
  private(set) var rows: CostRows
  /// False while hosts came or went since the rows were made.
  private var isArranged = true
  private var search = ChoiceSearch()
  private var known: KnownCosts
  /// What was settled last since the last change, because it is often the answer.
  private var settled = (host: -1, column: 0, choice: CellChoice())
  /// For benchmarks.
  package private(set) var effort = Effort()
  /// States without cells that are kept, because cells often come back to them.
  private let statesSpare: Int
  private var statesMaximum: Int

  /// An index that learns what guests the fleet gets from `learn`.
  public init(_ hosts: [Host]) { self.init(hosts, statesSpare: 16_384) }

  init(_ hosts: [Host], statesSpare: Int) {
    self.init(hosts, measure: ShapeMix().measure(onto: hosts.lazy.flatMap(\.free)), statesSpare: statesSpare)
  }

  /// An index that judges by a measure of somebody else's.
  package init(_ hosts: [Host], measure: AvailableSpace, statesSpare: Int = 16_384) {
    self.statesSpare = statesSpare
    self.measure = measure
    racks = hosts.map(\.rack)
    known = KnownCosts(cells: hosts.reduce(1) { min(max($0, $1.free.count), CellChoice.hostCellsMaximum) })
    rows = CostRows(hosts: hosts.count, width: CostRows.columnsPerBlock)
    for host in hosts {
      for space in host.free.prefix(CellChoice.hostCellsMaximum) { cells.append(states.number(of: space, measure)) }
      starts.append(Int32(truncatingIfNeeded: cells.count))
    }
    statesMaximum = states.count * 2 + statesSpare
    states.reserve(statesMaximum)
  }

  public var count: Int { racks.count }

  /// What is free on a host's cells.
  public func free(on host: Int) -> [CellSpace] { cells[range(host)].map { states[$0] } }

  /// How many cells a host has.
  public func cellCount(of host: Int) -> Int { range(host).count }

  /// What is free on one cell of a host.
  public func free(on host: Int, cell: Int) -> CellSpace { states[cells[Int(starts[host]) + cell]] }

  private func range(_ host: Int) -> Range<Int> { Int(starts[host])..<Int(starts[host + 1]) }

  /// Learns that such a guest was asked for, whether or not it will be placed.
  public mutating func learn(_ demand: SlotDemand) {
    guard mix.count(demand) else { return }
    effort.lessons += 1
    judge(by: mix.measure(onto: cells.map { states[$0] }))
  }

  /// Judges by another measure from now on, which all costs are worked out anew for.
  mutating func judge(by measure: AvailableSpace) {
    self.measure = measure
    settled.host = -1
    columns.renew(measure)
    forgetStates()
    if isArranged { refreshAll() }
  }

  // MARK: - Deciding

  /// The best place for a guest; nil when it fits nowhere.
  public mutating func place(_ demand: SlotDemand) -> Slot? {
    let column = column(of: demand)
    guard let host = settledWinner(column) else { return nil }
    return slot(host, column)
  }

  /// The best place among the hosts allowed, with what `price` adds to the cost.
  public mutating func place(
    _ demand: SlotDemand, where isAllowed: (Int) -> Bool, price: (Int, CellChoice, borrowing FleetIndex) -> Int
  ) -> Slot? {
    let column = column(of: demand)
    var best: (slot: Slot, cost: Int)?
    // Hosts that were looked at leave the column until the answer is known, so that the next best comes up.
    var seen: [(host: Int, value: Int32)] = []
    while let host = rows.winner(column) {
      let value = rows[host, column]
      if let best, Int(value >> 1) > best.cost { break }
      if isAllowed(host) {
        if value & 1 == 0 {
          settle(host, column)
          continue
        }
        let slot = slot(host, column)
        let cost = slot.cost + price(host, slot.cells, self)
        if (cost, host) < (best?.cost ?? .max, best?.slot.host ?? .max) { best = (slot, cost) }
      }
      seen.append((host, value))
      rows.set(host, column, CostRows.impossible)
    }
    for (host, value) in seen { rows.set(host, column, value) }
    return best?.slot
  }

  /// Visits hosts that a guest fits on by amounts, in order of its cost there and of hosts, until `body` has enough.
  mutating func visit(_ demand: SlotDemand, _ body: (_ host: Int, _ cost: Int) -> Bool) {
    let column = column(of: demand)
    var seen: [(host: Int, value: Int32)] = []
    while let host = settledWinner(column) {
      let value = rows[host, column]
      guard body(host, Int(value >> 1)) else { break }
      seen.append((host, value))
      rows.set(host, column, CostRows.impossible)
    }
    for (host, value) in seen { rows.set(host, column, value) }
  }

  /// The best place among a few hosts, ascending.
  public mutating func place(_ demand: SlotDemand, among hosts: [Int32]) -> Slot? {
    let column = column(of: demand)
    var best: (host: Int, value: Int32)?
    for host in hosts {
      let host = Int(host)
      if rows[host, column] | 1 >= best?.value ?? CostRows.impossible { continue }
      if rows[host, column] & 1 == 0 { settle(host, column) }
      if rows[host, column] < best?.value ?? CostRows.impossible { best = (host, rows[host, column]) }
    }
    return best.map { slot($0.host, column) }
  }

  /// The host with a column's least cost, which is exact.
  private mutating func settledWinner(_ column: Int) -> Int? {
    while let host = rows.winner(column) {
      if rows[host, column] & 1 == 1 { return host }
      settle(host, column)
    }
    return nil
  }

  /// Turns a bound into the cost.
  private mutating func settle(_ host: Int, _ column: Int) {
    effort.costs += 1
    let found = found(host, column)
    rows.set(host, column, found.cost == CostRows.impossible ? found.cost : CostRows.exact(found.cost))
    settled = (host, column, found.choice)
  }

  /// What a guest costs on a host, and on which cells.
  private mutating func found(_ host: Int, _ column: Int) -> (cost: Int32, choice: CellChoice) {
    let range = range(host)
    let place = known.place(column, cells, range)
    if let found = known.find(at: place, column, cells, range) { return found }
    search.run(columns, column, on: range, of: cells, &states, measure)
    effort.searches += 1
    effort.steps += search.steps
    let found = (cost: search.cost, choice: search.choice)
    known.keep(at: place, column, cells, range, cost: found.cost, choice: found.choice)
    return found
  }

  private mutating func slot(_ host: Int, _ column: Int) -> Slot {
    if settled.host == host, settled.column == column {
      return Slot(host: host, cells: settled.choice, cost: Int(rows[host, column] >> 1))
    }
    let found = found(host, column)
    return Slot(host: host, cells: found.choice, cost: Int(found.cost))
  }

  // MARK: - Changes

  /// Takes the room of a place that was found in the present state.
  public mutating func take(_ slot: Slot, for demand: SlotDemand) {
    let start = Int(starts[slot.host])
    let column = columns.last(demand) ?? -1
    let isPlain = column >= 0 && columns.arePlain[column]
    for guestCell in demand.cells.indices {
      let cell = start + slot.cells[guestCell]
      if isPlain, let step = states.step(from: cells[cell], by: column), step.after >= 0 {
        cells[cell] = step.after
      } else {
        cells[cell] = states.number(of: states[cells[cell]] - demand.cells[guestCell], measure)
      }
    }
    changed(slot.host)
  }

  /// Gives the room of a guest back.
  public mutating func giveBack(_ slot: Slot, of demand: SlotDemand) {
    let start = Int(starts[slot.host])
    for guestCell in demand.cells.indices {
      let cell = start + slot.cells[guestCell]
      cells[cell] = states.number(of: states[cells[cell]] + demand.cells[guestCell], measure)
    }
    changed(slot.host)
  }

  /// Sets what is free on a host, which has as many cells as before.
  mutating func set(_ host: Int, free: [CellSpace]) {
    for (cell, space) in zip(range(host), free) { cells[cell] = states.number(of: space, measure) }
    changed(host)
  }

  private mutating func changed(_ host: Int) {
    settled.host = -1
    if states.count > statesMaximum { forgetStates() }
    if isArranged { refresh(host) }
  }

  // MARK: - Hosts that come and go

  /// Puts a host in before the one at that position; those from there on move up by one.
  ///
  /// What is known of states and shapes stays; the rows are arranged anew when something is asked next.
  public mutating func insert(_ host: Host, at position: Int) {
    let free = host.free.prefix(CellChoice.hostCellsMaximum)
    racks.insert(host.rack, at: position)
    cells.insert(contentsOf: free.map { states.number(of: $0, measure) }, at: Int(starts[position]))
    starts.insert(starts[position], at: position)
    for later in (position + 1)..<starts.count { starts[later] += Int32(truncatingIfNeeded: free.count) }
    if !known.holds(cells: free.count) { known = KnownCosts(cells: free.count) }
    (isArranged, settled.host) = (false, -1)
  }

  /// Takes a host out; those behind it move down by one.
  public mutating func remove(at position: Int) {
    let range = range(position)
    racks.remove(at: position)
    cells.removeSubrange(range)
    starts.remove(at: position)
    for later in position..<starts.count { starts[later] -= Int32(truncatingIfNeeded: range.count) }
    (isArranged, settled.host) = (false, -1)
  }

  private mutating func refreshAll() { for block in 0..<columns.blockCount { refresh(block: block) } }

  /// Drops states that no cell is in.
  private mutating func forgetStates() {
    states.forget(except: &cells, measure)
    statesMaximum = states.count * 2 + statesSpare
    known.forget()
  }

  /// Sets the bounds of a host in all columns.
  private mutating func refresh(_ host: Int) {
    let range = range(host)
    for cell in range { states.prepare(cells[cell], for: columns.demands, measure) }
    Self.setBounds(of: host, in: &rows, states, cells, range, columns)
  }

  private static func setBounds(
    of host: Int, in rows: inout CostRows, _ states: CellStates, _ cells: [Int32], _ range: Range<Int>,
    _ columns: Columns
  ) {
    states.withLosses(of: cells, range) { losses, price in
      for block in 0..<columns.blockCount {
        rows.set(host, block: block, columns.bounds(losses, block, price: price))
      }
    }
  }

  /// Sets the bounds of all hosts in one block of columns.
  private mutating func refresh(block: Int) {
    for host in 0..<count {
      let range = range(host)
      for cell in range { states.prepare(cells[cell], for: columns.demands, measure) }
      Self.plantBounds(of: host, in: &rows, states, cells, range, columns, block)
    }
    rows.raise(block: block)
  }

  private static func plantBounds(
    of host: Int, in rows: inout CostRows, _ states: CellStates, _ cells: [Int32], _ range: Range<Int>,
    _ columns: Columns, _ block: Int
  ) {
    states.withLosses(of: cells, range) { losses, price in
      rows.plant(host, block: block, columns.bounds(losses, block, price: price))
    }
  }

  // MARK: - Columns

  /// The column of a shape, which it gets when it is asked for the first time.
  private mutating func column(of demand: SlotDemand) -> Int {
    if !isArranged {
      rows = CostRows(hosts: count, width: columns.width)
      isArranged = true
      refreshAll()
    }
    if let known = columns.find(demand) { return known }
    let column = columns.add(demand, measure)
    known.forget()
    if columns.width != rows.width {
      rows = CostRows(hosts: count, width: columns.width)
      states.renew(width: rows.width, measure)
      refreshAll()
    } else {
      // Its neighbours' exact costs become bounds again, which they were before they were asked for.
      let block = column / CostRows.columnsPerBlock * CostRows.columnsPerBlock
      for neighbour in block..<(block + CostRows.columnsPerBlock)
      where neighbour == column || columns.demands[neighbour] == nil {
        states.fill(neighbour, columns.demands[neighbour], measure)
      }
      refresh(block: column / CostRows.columnsPerBlock)
    }
    return column
  }
}
