import Fleet
import NUMA

/// One decision: looks at every host for the cheapest place, and remembers the second best when asked to explain.
struct FleetSearch {
  let demand: Demand
  let policy: Policy
  let measure: AvailableSpace
  private var left: Int
  private let budget: Int
  /// The winner.
  private(set) var best: Candidate?
  /// The next best of another host or other cells; known only when asked to explain.
  private(set) var runnerUp: Candidate?

  /// A host with the cells chosen on it.
  struct Candidate {
    let table: FitTable
    /// Indices of host cells in order of guest cells.
    let cells: [Int]
    let cost: Int
  }

  /// Steps taken so far.
  var steps: Int { budget - left }
  /// Whether the budget ended the search before all was seen.
  var isSpent: Bool { left <= 0 }

  init(_ demand: Demand, budget: Int, policy: Policy, measure: AvailableSpace) {
    self.demand = demand
    self.measure = measure
    self.policy = policy
    self.budget = max(budget, 1)
    left = self.budget
  }

  /// Searches hosts, which ascend by id, so that the first of equals wins.
  mutating func run(over rooms: [HostRoom], explain: Bool) {
    for (index, room) in rooms.enumerated() {
      // What one host leaves of its part of the budget is for the others.
      look(at: room, allowance: left / (rooms.count - index), forRunnerUp: explain)
    }
    if explain { findRunnerUpOnSameHost() }
  }

  /// Searches hosts in the order of an index, whose costs are bounds of ours, as long as one may still be better: the
  /// same answer as by all hosts, without a runner-up.
  mutating func run(over rooms: [HostRoom], by index: inout FleetIndex, _ needs: SlotDemand, leastDistance: Int) {
    let fragmentation = policy.boundedWeights.fragmentation
    let pairs = needs.cells.count * (needs.cells.count - 1) / 2
    let apart =
      pairs == 0
      ? 0
      : pairs * policy.boundedWeights.locality * FitTable.thousandth
        * FitTable.distanceMilli(leastDistance, pairs: pairs)
    var winner = 0
    var search = self
    index.visit(needs) { host, cost in
      if let best = search.best {
        let bound = fragmentation * cost + apart
        // Hosts of equal bounds come in ascending order.
        if bound > best.cost || (bound == best.cost && host > winner) { return false }
      }
      let before = search.best?.cost
      search.look(at: rooms[host], allowance: search.left / 8, forRunnerUp: false, orEqual: host < winner)
      if let best = search.best, best.cost != before || best.table.room.view.id == rooms[host].view.id { winner = host }
      return true
    }
    self = search
  }

  /// Looks for something cheaper on one host than what is known, or, before its like in the order of hosts, as cheap.
  private mutating func look(at room: HostRoom, allowance: Int, forRunnerUp: Bool, orEqual: Bool = false) {
    guard demand.shortfall(of: room) == nil, demand.sharing || demand.cells.count <= room.cells.count else { return }
    let table = FitTable(
      demand, on: room, policy: policy, measure: measure, deviceCells: demand.deviceCells(on: room.view.topology))
    var below = (forRunnerUp ? runnerUp?.cost : best?.cost) ?? FitTable.misfit
    if orEqual, below < FitTable.misfit { below += 1 }
    var search = CellSearch(table, below: below, budget: max(allowance, 1))
    let found = search.run()
    left = max(left - search.steps, 0)
    guard let found else { return }
    let candidate = Candidate(table: table, cells: found.cells, cost: found.cost)
    if let best, best.cost < found.cost || (best.cost == found.cost && !orEqual) {
      runnerUp = candidate
    } else {
      runnerUp = best
      best = candidate
    }
  }

  /// The second best on the winner's host differs from the best in the cell of at least one guest cell.
  private mutating func findRunnerUpOnSameHost() {
    guard let best else { return }
    for (guestCell, cell) in best.cells.enumerated() {
      let below = runnerUp?.cost ?? FitTable.misfit
      var search = CellSearch(best.table, below: below, budget: max(left, 1), barring: (guestCell, cell))
      if let found = search.run() { runnerUp = Candidate(table: best.table, cells: found.cells, cost: found.cost) }
      left = max(left - search.steps, 0)
    }
  }
}

extension Demand {
  /// Why a whole host is out of the question.
  func shortfall(of room: HostRoom) -> Shortfall? {
    if let unfit = room.unfit { return unfit }
    if !hosts.isEmpty, !hosts.contains(room.view.id) { return Shortfall(.notListed) }
    if running == nil, room.view.libvirtAnswers == false { return Shortfall(.libvirtDown) }
    if running == nil {
      let topology = room.view.topology
      if let missing = near.first(where: { name in !topology.devices.contains { $0.matches(name) } }) {
        return Shortfall(.noDevice, detail: missing)
      }
    }
    return nil
  }

  /// Ids of the cells that share a cell with all devices asked for; nil where the firmware ties them to none.
  func deviceCells(on topology: HostTopology) -> NodeSet? {
    var cells: NodeSet?
    for name in near {
      let devices = topology.devices.filter { $0.matches(name) }
      let known = NodeSet(devices.compactMap(\.cell).filter { (0..<NodeKind.idLimit).contains($0) })
      if known.isEmpty || devices.contains(where: { $0.cell == nil }) { continue }
      cells = cells.map { $0.intersection(known) } ?? known
    }
    return cells
  }
}

extension PCIDevice {
  /// Whether the text is its address, or its `vendor:device` pair with or without `0x`.
  func matches(_ text: String) -> Bool {
    func bare(_ id: some StringProtocol) -> String {
      let lower = id.lowercased()
      return lower.hasPrefix("0x") ? String(lower.dropFirst(2)) : lower
    }
    if address.lowercased() == text.lowercased() { return true }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    return parts.count == 2 && bare(parts[0]) == bare(vendor) && bare(parts[1]) == bare(device)
  }
}
