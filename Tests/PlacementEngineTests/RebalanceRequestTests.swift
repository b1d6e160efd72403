import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// `plan rebalance` and `plan fit`: what they gain, at what cost, and that the judge finds nothing.
@Suite struct RebalanceRequestTests {
  private func plan(_ request: PlanRequest, in inventory: Inventory, _ policy: Policy = bare) -> Plan {
    Placer.plan(PlanningInput(inventory: inventory, policy: policy, parent: 0, request: request))
  }

  /// Whole blocks of free CPUs that a plan leaves, counted on masks.
  private func blocks(of wide: Int, in inventory: Inventory, after plan: Plan) -> Int {
    var own: [GuestID: (host: HostID, cpus: CPUSet)] = [:]  // lookup only
    for host in inventory.hosts {
      for guest in host.guests { own[guest.id] = (host.id, guest.live.vcpus.reduce(CPUSet()) { $0.union($1.cpuset) }) }
    }
    for move in plan.moves { own[move.guest] = (move.placement.host, move.placement.dedicated) }
    return inventory.hosts.reduce(0) { sum, host in
      let taken = inventory.hosts.flatMap(\.guests).reduce(CPUSet()) { taken, guest in
        guard let place = own[guest.id], place.host == host.id else { return taken }
        return taken.union(place.cpus)
      }
      return sum + host.topology.cells.reduce(0) { $0 + $1.cpus.subtracting(taken).count / wide }
    }
  }

  private func rebalance(_ host: HostID? = nil, migrations: Int = 0, wide: Int = 8) -> PlanRequest {
    .rebalance(host: host, migrations: migrations, wideCPUs: wide)
  }

  @Test func halvesOfTwoCellsBecomeOneWholeBlock() throws {
    let inventory = Inventory(hosts: [packed("a", [[4], [4]])])
    let made = plan(rebalance(), in: inventory)
    #expect(made.moves.count == 1 && made.purpose == "rebalance: 0 -> 1 free blocks of 8 cpus")
    #expect(made.moves.first?.reason == "host a has 0 free blocks of 8 cpus, then 1")
    #expect(blocks(of: 8, in: inventory, after: made) == 1)
    #expect(violations(of: made, in: inventory, policy: bare) == [])
  }

  @Test func whatGainsNothingIsNotMoved() {
    #expect(plan(rebalance(), in: Inventory(hosts: [packed("a", [[4], [5]])])).moves == [])
    #expect(plan(rebalance(), in: Inventory(hosts: [packed("a", [[], [4]])])).moves == [])
    // Within one host nothing can be gained here; another may not be asked.
    let two = Inventory(hosts: [packed("a", [[4]], open: true), packed("b", [[4]], open: true)])
    #expect(plan(rebalance("a", migrations: 5), in: two).moves == [])
    #expect(plan(rebalance("nowhere"), in: two).unmoved.first?.reason.contains("not in the fleet") == true)
  }

  @Test func guestsThatCannotMoveStay() {
    #expect(plan(rebalance(), in: Inventory(hosts: [packed("a", [[4], [4]], movable: .cpuOnly)])).moves == [])
    var policy = bare
    policy.groups = [GuestGroup(name: "g", rule: .apart, level: .cell, members: ["a-00", "a-10"])]
    #expect(plan(rebalance(), in: Inventory(hosts: [packed("a", [[4], [4]])]), policy).moves == [])
  }

  @Test func freeCPUsOfTwoHostsComeTogetherByOneMigration() {
    let inventory = Inventory(hosts: [packed("a", [[4]], open: true), packed("b", [[4]], open: true)])
    #expect(plan(rebalance(), in: inventory).moves == [], "no migration is allowed")
    let made = plan(rebalance(migrations: 3), in: inventory)
    #expect(made.moves.count == 1 && made.moves[0].isMigration)
    #expect(made.moves[0].reason == "hosts a and b have 0 free blocks of 8 cpus, then 1")
    #expect(violations(of: made, in: inventory, policy: bare) == [])
    var closed = inventory
    closed.hosts[0].facts.migrationURI = nil
    closed.hosts[1].facts.migrationURI = nil
    #expect(plan(rebalance(migrations: 3), in: closed).moves == [])
    var draining = inventory
    draining.hosts[0].draining = true
    #expect(plan(rebalance(migrations: 3), in: draining).moves == [])
  }

  @Test func guestsThatAutomationLeavesAreNotMoved() {
    let inventory = Inventory(hosts: [packed("a", [[4], [4]])])
    let input = PlanningInput(
      inventory: inventory, policy: bare, parent: 0, request: rebalance(), leaving: ["id-a-00", "id-a-10"])
    #expect(Placer.plan(input).moves == [])
  }

  @Test func everyRebalanceOfARandomFleetGainsWhatItSaysAndPassesTheJudge() {
    var (gained, again, migrations) = (0, 0, 0)
    for seed in 0..<fleets {
      var random = RandomFleet(seed: seed &+ 5_000_000)
      let inventory = Inventory(
        hosts: (0..<random.number(1...3)).map { index in
          let sizes = (0..<random.number(2...4)).map { _ in
            var left = 8
            return (0..<random.number(0...3)).compactMap { _ -> Int? in
              let size = random.number(1...4)
              left -= size
              return left >= 0 ? size : nil
            }
          }
          return packed(HostID("h\(index)"), sizes, open: random.chance(70))
        })
      let wide = random.pick([4, 6, 8])
      let request = rebalance(migrations: random.number(0...3), wide: wide)
      let made = plan(request, in: inventory)
      #expect(violations(of: made, in: inventory, policy: bare) == [], "seed \(seed)")
      #expect(made == plan(request, in: inventory), "seed \(seed)")
      let (before, after) = (
        blocks(of: wide, in: inventory, after: Plan(purpose: "")), blocks(of: wide, in: inventory, after: made)
      )
      #expect(made.purpose.contains(": \(before) -> \(after) free"), "seed \(seed): \(made.purpose), not \(after)")
      #expect(made.moves.isEmpty || after > before, "seed \(seed)")
      gained += after - before
      migrations += made.moves.count { $0.isMigration }
      again += made.moves.count - Set(made.moves.map(\.guest)).count
    }
    #expect(
      gained > fleets / 4 && migrations > 0 && again > 0,
      "gained \(gained), \(migrations) migrations, \(again) moved twice")
  }

  @Test func movesTellWhatTheyCostAndGain() throws {
    var request = PlanningInput(
      inventory: Inventory(hosts: [packed("a", [[4], [4]])]), policy: bare, parent: 0, request: rebalance())
    let unrated = try #require(Placer.plan(request).moves.first)
    #expect(unrated.seconds == nil && unrated.risk == .copiesMemory)
    request.rates = CopyRates(withinHosts: 100 << 10, betweenHosts: 1)
    let move = try #require(Placer.plan(request).moves.first)
    #expect(move.seconds == 3, "256 MiB at 100 MiB a second")
    let gain = try #require(move.gain)
    #expect(gain.map(\.name) == ["contention", "locality", "fragmentation"])
    #expect(gain[1].value == -26_000, "copying all of its memory costs locality: \(gain[1])")
    #expect(gain[2].value > 0, "it takes less room from others: \(gain[2])")
    let two = Inventory(hosts: [packed("a", [[4]], open: true), packed("b", [[4]], open: true)])
    let away = try #require(plan(rebalance(migrations: 1), in: two).moves.first)
    #expect(away.risk == .changesHost && away.gain == nil)
  }

  // MARK: - Fit

  private let wide = Shape(
    name: "wide", guestCells: [ShapeCell(vcpus: 8, memory: KiB(mib: 512))], cpuClass: .dedicated)

  @Test func roomIsMadeOnTheHostBeforeOthersAreAsked() {
    let inventory = Inventory(hosts: [packed("a", [[4], [4]], open: true), packed("b", [[4], [6]], open: true)])
    let made = plan(.fit(shape: wide, count: 1, migrations: 5), in: inventory)
    #expect(made.moves.count == 1 && !made.moves[0].isMigration && made.moves[0].host == "a")
    #expect(made.purpose == "fit 1 x wide: 0 fit now, 1 after it")
    #expect(made.moves[0].reason == "leaves 4 cpus and 256 MiB of cell 0 on host a to guest wide")
    #expect(violations(of: made, in: inventory, policy: bare) == [])
  }

  @Test func whatFitsAlreadyMovesNobody() {
    let made = plan(.fit(shape: wide, count: 1, migrations: 5), in: Inventory(hosts: [packed("a", [[], [4]])]))
    #expect(made.moves == [] && made.purpose == "fit 1 x wide: 1 fits now, 1 after it")
  }

  @Test func whatCannotBeFittedIsSaid() {
    let made = plan(.fit(shape: wide, count: 3, migrations: 0), in: Inventory(hosts: [packed("a", [[4], [4]])]))
    #expect(made.moves.count == 1 && made.unmoved.first?.reason.contains("more than 1 of 3") == true)
    let none = plan(
      .fit(shape: wide, count: 1, migrations: 9),
      in: Inventory(hosts: [packed("a", [[4], [4]], movable: .fixed), packed("b", [[2], [3]], movable: .cpuOnly)]))
    #expect(none.moves == [] && none.unmoved.count == 1)
    let odd = plan(.fit(shape: Shape(guestCells: []), count: 1, migrations: 0), in: Inventory(hosts: []))
    #expect(odd.unmoved.first?.reason.contains("shape") == true)
  }

  @Test func guestsOfTwoCellsAreFittedInByMigration() {
    let pair = Shape(
      name: "pair",
      guestCells: [ShapeCell(vcpus: 6, memory: KiB(mib: 256)), ShapeCell(vcpus: 6, memory: KiB(mib: 256))],
      cpuClass: .dedicated)
    let inventory = Inventory(hosts: [packed("a", [[4], [1, 2]], open: true), packed("b", [[6], []], open: true)])
    let made = plan(.fit(shape: pair, count: 1, migrations: 4), in: inventory)
    #expect(made.purpose.contains("0 fit now, 1 after") && made.moves.allSatisfy(\.isMigration))
    #expect(violations(of: made, in: inventory, policy: bare) == [])
    let stingy = plan(.fit(shape: pair, count: 1, migrations: 0), in: inventory)
    #expect(stingy.moves == [] && stingy.unmoved.count == 1)
  }

  @Test func capacityTellsWhatAPlanWouldChange() throws {
    let inventory = Inventory(hosts: [packed("a", [[4], [4]], open: true), packed("b", [[]], open: true)])
    var placer = Placer(inventory: inventory, policy: bare)
    let now = try placer.capacity(for: wide, byHost: false, after: rebalance(), in: inventory).get()
    #expect(now.fits == 1 && now.after?.fits == 2 && now.after?.moves == 1 && now.after?.migrations == 0)
    let then = try placer.capacity(for: wide, byHost: false, after: .drain(host: "a"), in: inventory).get()
    #expect(then.after?.fits == 0 && then.after?.migrations == 2 && then.after?.copy == KiB(mib: 512))
  }
}
