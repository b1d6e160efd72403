extension RebalancePlan {
  /// Where a plan begins, for fleets where no one way is best: room for moves between cells is not always there.
  private enum Approach {
    /// Exchanges between hosts count on any split of a host's guests over its cells.
    case exchangesFirst
    /// Repins first; hosts where they fall short of the best split keep it.
    case repinsFirst
    /// Repins first; all hosts keep their split while guests are exchanged.
    case fixedSplits
    /// No repins at all.
    case noRepins
  }

  /// How often what could not be carried out is planned anew.
  private static let roundsMaximum = 4

  private static let largeFleet = 2000

  /// A plan that frees as many whole blocks as it can. The same problem has the same plan.
  public init(_ problem: RebalanceProblem) {
    let start = FleetLayout(problem)
    let before = start.wideSlots
    var best = start
    if problem.repins { best.repin(Array(start.cpus.indices)) }
    var bound: Double?
    var catalog = ExchangeCatalog(start)
    for approach in Self.approaches(to: problem) {
      let (fleet, limit) = Self.planned(start, problem, approach, &catalog)
      bound = bound ?? limit
      if (fleet.wideSlots, -fleet.crossHostMoves) > (best.wideSlots, -best.crossHostMoves) { best = fleet }
      if Double(best.wideSlots) + 1e-6 >= (bound ?? 0).rounded(.down) { break }
    }
    moves = best.moves
    wideSlotsBefore = before
    wideSlotsAfter = best.wideSlots
    wideSlotsBound = bound ?? Double(best.wideSlots)
    freeCPUs = problem.free.reduce(0) { $0 + $1.reduce(0) { $0 + $1.cpus } }
  }

  private static func approaches(to problem: RebalanceProblem) -> [Approach] {
    if problem.guests.isEmpty || problem.migrations == 0 { return [] }
    if !problem.repins { return [.noRepins] }
    // One is enough for a large fleet: what a host or two fall short of is a small part of it.
    return problem.free.count > largeFleet ? [.exchangesFirst] : [.exchangesFirst, .repinsFirst, .fixedSplits]
  }

  private static func planned(
    _ start: FleetLayout, _ problem: RebalanceProblem, _ approach: Approach, _ catalog: inout ExchangeCatalog
  ) -> (fleet: FleetLayout, bound: Double) {
    var fleet = start
    var bound: Double?
    let repinsFirst = problem.repins && approach != .exchangesFirst
    let hosts = fleet.cpus.indices
    if problem.repins { fleet.repin(hosts.filter { repinsFirst || fleet.cpus[$0].count != 2 }) }
    for round in 0..<roundsMaximum {
      var free = hosts.map { _ in approach == .exchangesFirst || approach == .repinsFirst }
      if problem.repins, round > 0 || approach == .repinsFirst {
        for host in hosts where fleet.cpus[host].count == 2 {
          let best = catalog.list(of: HostExchanges.Signature(fleet, host: host)).wideSlots
          if fleet.wideSlots(of: host) < best { free[host] = false }
        }
      }
      let slots = fleet.wideSlots
      let crossed = fleet.crossHostMoves
      let limit = exchange(&fleet, problem, free: free, &catalog)
      if problem.repins { fleet.repin(Array(hosts)) }
      bound = bound ?? Double(slots) + limit
      if fleet.crossHostMoves == crossed || fleet.crossHostMoves >= problem.migrations { break }
      if Double(fleet.wideSlots) + 1e-6 >= (bound ?? 0).rounded(.down) { break }
    }
    return (fleet, bound ?? 0)
  }

  /// Plans exchanges with what moves are left and carries out what can be; tells how much could be gained at most.
  private static func exchange(
    _ fleet: inout FleetLayout, _ problem: RebalanceProblem, free: [Bool], _ catalog: inout ExchangeCatalog
  ) -> Double {
    let left = problem.migrations - fleet.crossHostMoves
    let choices = ExchangeChoices(fleet, free: free, catalog: catalog)
    catalog = choices.catalog
    let program = ExchangePrices(choices, migrations: left)
    var search = ExchangeSearch(choices, program, migrations: left)
    let columns = search.columns()
    var order = MoveOrder(fleet, repins: problem.repins, migrations: problem.migrations)
    order.carryOut(columns, of: choices)
    fleet = order.fleet
    return program.bound
  }
}

extension FleetLayout {
  /// Brings the most whole blocks together on each of some hosts.
  mutating func repin(_ hosts: [Int]) {
    for host in hosts where cpus[host].count > 1 {
      while true {
        let slots = wideSlots(of: host)
        var search = HostRepins(self, host: host)
        guard let sequence = search.sequence(for: .wideSlots), !sequence.isEmpty else { break }
        carryOut(sequence, on: host)
        // On more than two cells a search sees only the first steps of what can be done.
        if cpus[host].count == 2 || wideSlots(of: host) <= slots { break }
      }
    }
  }
}
