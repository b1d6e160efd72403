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
    /// By position in the list of hosts.
    public let host: Int
    public let cells: CellChoice
    /// In parts of `AvailableSpace.unit`.
    public let cost: Int
  }

  private(set) var racks: [Int]
  private(set) var states = CellStates(width: CostRows.columnsPerBlock)
  /// The states of all hosts' cells, host by host, and where each host's begin.
  private(set) var cells: [Int32] = []
  private(set) var starts: [Int32] = [0]
  private var mix = ShapeMix()
  private(set) var measure: AvailableSpace
  private var columns = Columns()
  private(set) var rows: CostRows
  private var search = ChoiceSearch()
  private var known = KnownCosts()
  /// States without cells that are kept, because cells often come back to them.
  private let statesSpare: Int
  private var statesMaximum: Int

  /// An index that learns what guests the fleet gets from `learn`.
  public init(_ hosts: [Host]) { self.init(hosts, statesSpare: 16_384) }

  init(_ hosts: [Host], statesSpare: Int) {
    self.init(hosts, measure: ShapeMix().measure(), statesSpare: statesSpare)
  }

  /// An index that judges by a measure of somebody else's.
  init(_ hosts: [Host], measure: AvailableSpace, statesSpare: Int = 16_384) {
    self.statesSpare = statesSpare
    self.measure = measure
    racks = hosts.map(\.rack)
    rows = CostRows(hosts: hosts.count, width: CostRows.columnsPerBlock)
    for host in hosts {
      for space in host.free.prefix(CellChoice.hostCellsMaximum) { cells.append(states.number(of: space, measure)) }
      starts.append(Int32(truncatingIfNeeded: cells.count))
    }
    statesMaximum = cells.count + statesSpare
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
    judge(by: mix.measure())
  }

  /// Judges by another measure from now on, which all costs are worked out anew for.
  mutating func judge(by measure: AvailableSpace) {
    self.measure = measure
    forgetStates()
    columns.renew(measure)
    states.renew(width: rows.width, measure)
    for host in 0..<count { refresh(host) }
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
    let cost = found(host, column).cost
    rows.set(host, column, cost == CostRows.impossible ? cost : CostRows.exact(cost))
  }

  /// What a guest costs on a host, and on which cells.
  private mutating func found(_ host: Int, _ column: Int) -> (cost: Int32, choice: CellChoice) {
    let range = range(host)
    let place = known.place(column, cells, range)
    if let found = known.find(at: place, column, cells, range) { return found }
    guard let demand = columns.demands[column] else { return (CostRows.impossible, CellChoice()) }
    search.run(demand, on: range, of: cells, sureLoss: columns.sureLoss(column), &states, measure)
    let found = (cost: search.cost, choice: search.choice)
    known.keep(at: place, column, cells, range, cost: found.cost, choice: found.choice)
    return found
  }

  private mutating func slot(_ host: Int, _ column: Int) -> Slot {
    let found = found(host, column)
    return Slot(host: host, cells: found.choice, cost: Int(found.cost))
  }

  // MARK: - Changes

  /// Takes the room of a place that was found in the present state.
  public mutating func take(_ slot: Slot, for demand: SlotDemand) {
    let start = Int(starts[slot.host])
    for guestCell in demand.cells.indices {
      let cell = start + slot.cells[guestCell]
      cells[cell] = states.number(of: states[cells[cell]] - demand.cells[guestCell], measure)
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
    if states.count > statesMaximum { forgetStates() }
    refresh(host)
  }

  /// Drops states that no cell is in.
  private mutating func forgetStates() {
    states.forget(except: &cells, measure)
    statesMaximum = states.count * 2 + statesSpare
    known.forget()
  }

  /// Sets the bounds of a host in all columns.
  private mutating func refresh(_ host: Int) {
    let range = range(host)
    var price = 0
    for cell in range {
      states.prepare(cells[cell], for: columns.demands, measure)
      price += states.price(cells[cell])
    }
    for block in 0..<columns.blocksUsed {
      let from = block * CostRows.columnsPerBlock
      rows.set(host, from: from, bounds(range, block, price: price))
    }
  }

  /// The least that guests of eight columns can cost on a host: the least own losses of as many cells as they have.
  @inline(__always) private func bounds(
    _ range: Range<Int>, _ block: Int, price: Int
  ) -> CostRows.Row {
    let (counts, column) = (columns.counts[block], block * CostRows.columnsPerBlock)
    let misfit = CostRows.Row(repeating: CellStates.misfit)
    var first = misfit
    var second = misfit
    var sum = CostRows.Row.zero
    var fitting = CostRows.Row.zero
    for cell in range {
      let loss = states.losses(cells[cell], from: column)
      let isFirst = loss .< first
      let loser = loss.replacing(with: first, where: isFirst)
      first = first.replacing(with: loss, where: isFirst)
      second = second.replacing(with: loser, where: loser .< second)
      sum &+= loss
      fitting &+= CostRows.Row.one.replacing(with: CostRows.Row.zero, where: loss .== misfit)
    }
    var bound = first &+ (counts &- CostRows.Row.one) &* second
    bound = bound.replacing(with: first, where: counts .== CostRows.Row.one)
    bound = bound.replacing(
      with: sum, where: counts .== CostRows.Row(repeating: Int32(truncatingIfNeeded: range.count)))
    bound &+=
      columns.sureLosses[block] &+ CostRows.Row(repeating: Int32(clamping: min(price, CostRows.costMaximum / 2)))
    let most = CostRows.Row(repeating: Int32(CostRows.costMaximum))
    bound = bound.replacing(with: most, where: bound .> most)
    bound &+= bound
    return bound.replacing(with: CostRows.Row(repeating: CostRows.impossible), where: fitting .< counts)
  }

  // MARK: - Columns

  /// The column of a shape, which it gets when it is asked for the first time.
  private mutating func column(of demand: SlotDemand) -> Int {
    if let known = columns.find(demand) { return known }
    let column = columns.add(demand, measure)
    known.forget()
    if columns.demands.count != rows.width {
      rows = CostRows(hosts: count, width: columns.demands.count)
      states.renew(width: rows.width, measure)
    } else {
      states.fill(column, demand, measure)
    }
    for host in 0..<count { refresh(host) }
    return column
  }
}
