import Fleet
import Glibc
import NUMA
import Testing

@testable import PlacementEngine

/// How many random fleets a property looks at; `NUMAFLEET_FLEETS=100000` for the long run.
let fleets = getenv("NUMAFLEET_FLEETS").flatMap { Int(String(cString: $0)) } ?? 400

@Suite struct BruteForceTests {
  /// Seeds in which a lone floating vcpu is joined by another guest cell's, too rare for a short run.
  private static let rare = [2733, 3751, 5009, 7638, 9343]

  @Test func everyDecisionIsTheOptimumOfAllAssignments() {
    var placed = 0
    for seed in Array(0..<fleets) + Self.rare {
      var random = RandomFleet(seed: seed)
      let policy = random.policy()
      var inventory = Inventory(
        hosts: (0..<random.number(1...3)).map { random.host(HostID("h\($0)"), guests: random.number(0...3)) })
      let shape = random.shape()
      if seed % 2 == 1 { random.load(&inventory) }
      guard shape.refusal() == nil else { continue }
      let decision = Placer(inventory: inventory, policy: policy).place(shape, explain: false)
      let optimum = optimum(of: shape, in: inventory, policy: policy)
      #expect(decision.placement?.host == optimum?.host, "seed \(seed)")
      #expect(decision.placement?.cells.map(\.cell) == optimum?.cells, "seed \(seed)")
      #expect(decision.placement?.score == optimum?.score, "seed \(seed)")
      #expect((decision.placement == nil) != (decision.refusal == nil), "seed \(seed)")
      if let placement = decision.placement {
        placed += 1
        let found = violations(of: placement, shape: shape, in: inventory, policy: policy)
        #expect(found == [], "seed \(seed)")
      }
    }
    #expect(placed > fleets / 4, "the fleets drawn must leave something to decide")
  }

  @Test func whatIsRefusedFitsNowhereByTheJudgesNumbers() {
    for seed in Array(0..<fleets) + [1707] {
      var random = RandomFleet(seed: seed &+ 77)
      let policy = random.policy()
      let host = random.host("h0", guests: random.number(0...3))
      var shape = random.shape()
      shape.smt = .prefer
      guard shape.refusal() == nil, let audited = AuditedHost(host, policy: policy) else { continue }
      let decision = Placer(inventory: Inventory(hosts: [host]), policy: policy).place(shape, explain: false)
      let fits = tuples(of: shape.guestCells.count, over: host.topology.cells.count, distinct: !policy.foldGuestCells)
        .contains { accepts($0, shape, audited, policy) }
      // How many own CPUs are isolated ones depends on cores, of which these sums know nothing.
      let isCertain = fits == false || host.topology.isolated.isEmpty
      #expect(
        !isCertain || fits == (decision.placement != nil), "seed \(seed): \(decision.refusal?.description ?? "placed")")
    }
  }

  @Test func theRunnerUpIsTheSecondBestOfAllAssignments() throws {
    for seed in 0..<(fleets / 4) {
      var random = RandomFleet(seed: seed &+ 4242)
      let policy = random.policy()
      var inventory = Inventory(hosts: (0..<2).map { random.host(HostID("h\($0)"), guests: 2) })
      if seed % 2 == 1 { random.load(&inventory) }
      let placer = Placer(inventory: inventory, policy: policy)
      let (rooms, measure) = (placer.rooms, placer.worth.measure)
      let shape = random.shape()
      guard shape.refusal() == nil else { continue }
      let demand = Demand(shape)
      var search = FleetSearch(demand, budget: 1_000_000, policy: policy, measure: measure)
      search.run(over: rooms, explain: true)
      guard let best = search.best else { continue }
      var costs: [Int] = []
      for room in rooms {
        let table = FitTable(
          demand, on: room, policy: policy, measure: measure, deviceCells: nil)
        for cells in tuples(of: demand.cells.count, over: room.cells.count, distinct: true)
        where isSorted(cells, demand) {
          if let cost = table.cost(of: cells) { costs.append(cost) }
        }
      }
      costs.sort()
      #expect(best.cost == costs.first, "seed \(seed)")
      #expect(search.runnerUp?.cost == costs.dropFirst().first, "seed \(seed)")
    }
  }

  /// Guest cells that are alike go to ascending cells: exchanging them is no other place.
  private func isSorted(_ cells: [Int], _ demand: Demand) -> Bool {
    for a in cells.indices {
      for b in cells.indices where a < b && cells[a] > cells[b] {
        let (first, second) = (demand.cells[a], demand.cells[b])
        let pinned = a == 0 && demand.emulatorPCPUs > 0
        let isAlike =
          first.online.count == second.online.count && first.dedicated.count == second.dedicated.count
        if !pinned, isAlike, first.memory == second.memory { return false }
      }
    }
    return true
  }

  private func tuples(of count: Int, over cells: Int, distinct: Bool) -> [[Int]] {
    var all: [[Int]] = [[]]
    for _ in 0..<count {
      all = all.flatMap { head in (0..<cells).filter { !distinct || !head.contains($0) }.map { head + [$0] } }
    }
    return all
  }

  private func optimum(of shape: Shape, in inventory: Inventory, policy: Policy) -> (
    host: HostID, cells: [Int], cost: Int, score: Int
  )? {
    let measure = Placer(inventory: inventory, policy: policy).worth.measure
    for sharing in policy.foldGuestCells ? [false, true] : [false] {
      var best: (host: HostID, cells: [Int], cost: Int, score: Int)?
      for view in inventory.hosts {
        let room = HostRoom(view, policy: policy)
        var demand = Demand(shape)
        demand.sharing = sharing
        let table = FitTable(
          demand, on: room, policy: policy, measure: measure, deviceCells: nil)
        for cells in tuples(of: shape.guestCells.count, over: room.cells.count, distinct: !sharing) {
          guard let cost = table.cost(of: cells), best.map({ cost < $0.cost }) ?? true else { continue }
          let score = table.terms(of: cells).reduce(0) { $0 + $1.value }
          best = (view.id, cells.map { room.cells[$0].id }, cost, score)
        }
      }
      if best != nil { return best }
    }
    return nil
  }

  /// Whether the judge's own sums leave room for an assignment.
  private func accepts(_ cells: [Int], _ shape: Shape, _ host: AuditedHost, _ policy: Policy) -> Bool {
    let audit = PlacementAudit(host: host, policy: policy)
    for (index, cell) in host.view.topology.cells.enumerated() {
      let group = cells.indices.filter { cells[$0] == index }
      guard !group.isEmpty else { continue }
      let vcpus = group.reduce(0) { $0 + shape.guestCells[$1].vcpus }
      let memory = group.reduce(0) { $0 + shape.guestCells[$1].memory.count }
      if memory > 0 {
        if memory > host.unpromised(cell, besides: nil, policy: policy) { return false }
        if memory > host.free(.base, on: cell, besides: nil) { return false }
      }
      let shared = audit.shared(of: cell, besides: nil).count
      let load = audit.confined(to: cell, besides: nil)
      let limit = policy.overcommitPercent * 10
      let own = group.reduce(0) { sum, index in
        let cell = shape.guestCells[index]
        switch shape.cpuClass {
        case .dedicated: return sum + cell.vcpus
        case .floating: return sum
        case .mixed: return sum + cell.dedicatedVCPUs
        }
      }
      let free = cell.cpus.intersection(host.allowed).subtracting(host.reserved).subtracting(host.owned(besides: nil))
      let wanted = own + (group.contains(0) && shape.cpuClass != .floating ? shape.emulatorPCPUs : 0)
      if wanted > free.count { return false }
      // One that shares alone beside CPUs of its guest's own is not left with a single one.
      let taken = wanted - min(own, free.count - shared)
      let hasOwn = shape.cpuClass == .mixed && shape.guestCells.contains { $0.dedicatedVCPUs > 0 }
      if hasOwn, vcpus - own == 1, shared - taken == 1 { return false }
      if vcpus + wanted > 0, max(shared - taken, 0) * limit < load + (vcpus - own) * 1000 { return false }
    }
    return true
  }
}
