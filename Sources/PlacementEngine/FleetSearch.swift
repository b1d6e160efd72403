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
    /// Of the host among all that are searched.
    let position: Int
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

  /// Searches all hosts, which ascend by id, so that the first of equals wins.
  mutating func run(over rooms: [HostRoom], explain: Bool) {
    run(over: rooms, only: Array(rooms.indices), explain: explain)
  }

  /// Searches hosts at those positions, ascending.
  mutating func run(over rooms: [HostRoom], only positions: [Int], explain: Bool) {
    for (index, position) in positions.enumerated() {
      // What one host leaves of its part of the budget is for the others.
      look(at: rooms[position], position, allowance: left / (positions.count - index), explain: explain)
    }
    if explain { findRunnerUpOnSameHost() }
  }

  /// Searches hosts in the order of an index, whose costs are bounds of ours, as long as one may still be better, and
  /// others that the index does not know: the answer is the same as by all hosts.
  mutating func run(
    over rooms: [HostRoom], by index: inout FleetIndex, _ needs: SlotDemand, leastDistance: Int, and others: [Int],
    explain: Bool
  ) {
    let weights = policy.boundedWeights
    let pairs = needs.cells.count * (needs.cells.count - 1) / 2
    var apart = 0
    if pairs > 0 {
      apart = pairs * weights.locality * FitTable.thousandth * FitTable.distanceMilli(leastDistance, pairs: pairs)
    }
    var search = self
    index.visit(needs) { host, cost in
      if let last = explain ? search.runnerUp : search.best {
        let bound = weights.fragmentation * cost + apart
        if bound > last.cost { return false }
        // Hosts of equal bounds come in ascending order, but where fragmentation has no weight all bounds are alike.
        if bound == last.cost, weights.fragmentation > 0, host > last.position { return false }
      }
      search.look(at: rooms[host], host, allowance: search.left / 8, explain: explain)
      return true
    }
    self = search
    for position in others { look(at: rooms[position], position, allowance: left / 8, explain: explain) }
    if explain { findRunnerUpOnSameHost() }
  }

  /// Looks for something better on one host than what is known.
  private mutating func look(at room: HostRoom, _ position: Int, allowance: Int, explain: Bool) {
    guard demand.shortfall(of: room) == nil, demand.sharing || demand.cells.count <= room.cells.count else { return }
    let table = FitTable(
      demand, on: room, policy: policy, measure: measure, deviceCells: demand.deviceCells(on: room.view.topology))
    let last = explain ? runnerUp : best
    var below = FitTable.misfit
    if let last { below = position < last.position ? last.cost + 1 : last.cost }
    var search = CellSearch(table, below: below, budget: max(allowance, 1))
    let found = search.run()
    left = max(left - search.steps, 0)
    guard let found else { return }
    let candidate = Candidate(table: table, position: position, cells: found.cells, cost: found.cost)
    if let best, (best.cost, best.position) < (candidate.cost, position) {
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
      if let found = search.run() {
        runnerUp = Candidate(
          table: best.table, position: best.position, cells: found.cells, cost: found.cost)
      }
      left = max(left - search.steps, 0)
    }
  }
}

extension Demand {
  /// Why a whole host is out of the question.
  func shortfall(of room: HostRoom) -> Shortfall? {
    if let unfit = room.unfit { return unfit }
    if !hosts.isEmpty, !Self.names(room.view.id, in: hosts) { return Shortfall(.notListed) }
    if leaves == room.view.id || Self.names(room.view.id, in: closed) { return Shortfall(.notListed) }
    if leaves != nil, room.view.facts.migrationURI == nil { return Shortfall(.notListed) }
    if running == nil {
      if let barred = barred(from: room) { return barred }
      if room.view.libvirtAnswers == false { return Shortfall(.libvirtDown) }
      let topology = room.view.topology
      if let missing = near.first(where: { name in !topology.devices.contains { $0.matches(name) } }) {
        return Shortfall(.noDevice, detail: missing)
      }
    }
    return nil
  }

  /// Whether a host is among those.
  private static func names(_ host: HostID, in hosts: [HostID]) -> Bool {
    let index = hosts.partitionIndex { $0 >= host }
    return index < hosts.count && hosts[index] == host
  }

  /// What the operator's rules have against a new guest on a host.
  private func barred(from room: HostRoom) -> Shortfall? {
    let rules = room.rules
    if room.isDraining { return Shortfall(.draining) }
    if let taint = rules.taints.first(where: { !tolerates.contains($0) }) { return Shortfall(.taint, detail: taint) }
    if let label = labels.first(where: { !rules.labels.contains($0) }) { return Shortfall(.label, detail: label) }
    return limits?.shortfall(of: room)
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
