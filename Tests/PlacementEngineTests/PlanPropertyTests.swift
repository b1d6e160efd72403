import Fleet
import NUMA
import Testing

@testable import PlacementEngine

@Suite struct PlanPropertyTests {
  @Test func everyRepairPlanPassesTheJudge() {
    var moves = 0
    for seed in 0..<fleets {
      var random = RandomFleet(seed: seed &+ 1_000_000)
      let policy = random.policy()
      var inventory = Inventory(hosts: (0..<2).map { random.host(HostID("h\($0)"), guests: random.number(0...5)) })
      if seed % 2 == 1 { random.load(&inventory) }
      let input = PlanningInput(inventory: inventory, policy: policy, parent: 3, request: .repair(host: nil))
      let plan = Placer.plan(input)
      #expect(violations(of: plan, in: inventory, policy: policy) == [], "seed \(seed)")
      #expect(plan == Placer.plan(input), "seed \(seed)")
      #expect(plan.parent == 3)
      moves += plan.moves.count
      // Every guest with something to mend is either moved or named with a reason.
      for host in inventory.hosts {
        for finding in findings(in: host, policy: policy) where finding.severity != .info {
          guard let guest = finding.guest, finding.kind.isMendedByPlacing else { continue }
          let told = plan.moves.contains { $0.guest == guest } || plan.unmoved.contains { $0.guest == guest }
          // Who was in the way may have gone.
          let mended = finding.kind == .overlappingPins || finding.kind == .emulatorOnDedicated
          #expect(told || mended, "seed \(seed): \(guest) \(finding.kind)")
        }
      }
    }
    #expect(moves > fleets, "the fleets drawn must leave something to mend")
  }

  @Test func aRepairedHostNeedsNoSecondRepairOfWhatMoved() {
    for seed in 0..<(fleets / 4) {
      var random = RandomFleet(seed: seed &+ 2_000_000)
      let policy = random.policy()
      let host = random.host("h0", guests: random.number(1...4))
      var repair = HostRepair(host, policy: policy)
      var budget = 1_000_000
      repair.run(budget: &budget)
      var after = host
      for (move, _) in repair.moves { after = after.after(move, policy: policy) }
      let left = findings(in: after, policy: policy).filter { finding in
        finding.kind.isOfPlace && finding.severity != .info
          && repair.moves.contains { $0.move.guest == finding.guest && !$0.move.placement.pinning.memory.isEmpty }
      }
      #expect(left == [], "seed \(seed)")
    }
  }

  @Test func placingOneGuestGivesOneMoveThatPassesTheJudge() {
    for seed in 0..<fleets {
      var random = RandomFleet(seed: seed &+ 3_000_000)
      let policy = random.policy()
      let host = random.host("h0", guests: 3)
      let guest = random.pick(host.guests)
      let cell = random.pick(host.topology.cells).id
      let cells: [Int]? = random.chance(50) ? guest.cellsToPlace.map { _ in cell } : nil
      let inventory = Inventory(hosts: [host])
      let plan = Placer.plan(
        PlanningInput(
          inventory: inventory, policy: policy, parent: 0, request: .place(guest: guest.id, host: "h0", cells: cells)))
      #expect(violations(of: plan, in: inventory, policy: policy) == [], "seed \(seed)")
      #expect(plan.moves.count + plan.unmoved.count == 1, "seed \(seed)")
      if let move = plan.moves.first {
        let preflight = Preflight(
          topology: host.topology, facts: host.facts, livePages: policy.allowsLivePages(of: guest))
        let refusal = preflight.refusal(of: move.placement.pinning, for: guest, scope: .both)
        #expect(refusal == nil, "seed \(seed): \(refusal?.description ?? "")")
      }
      if let cells, let move = plan.moves.first { #expect(move.placement.cells.map(\.cell) == cells, "seed \(seed)") }
    }
  }
}
