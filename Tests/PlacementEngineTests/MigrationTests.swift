import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// Plans that take guests to other hosts, and the judge of them.
@Suite struct MigrationTests {
  private static func open(_ view: HostView) -> HostView {
    var view = view
    view.facts.migrationURI = "qemu+tls://\(view.id)/system"
    return view
  }

  private let fleet = Inventory(hosts: [
    open(host("a", guests: [guest("db", pins: [[4], [5]], on: 0), guest("web", pins: [[0, 1, 2, 3]], on: 0)])),
    open(host("b", guests: [guest("own", pins: [[0], [1]], on: 0)])),
    host("closed"),
  ])

  private func plan(_ request: PlanRequest, in inventory: Inventory? = nil, _ policy: Policy = bare) -> Plan {
    Placer.plan(PlanningInput(inventory: inventory ?? fleet, policy: policy, parent: 0, request: request))
  }

  private func migration(cells: [Int]? = nil, to host: HostID = "b") -> PlanRequest {
    .migrate(guest: "id-db", from: "a", to: host, cells: cells)
  }

  @Test func aGuestKeepsItsKindOfCPUsAndGetsAWholeNumatune() throws {
    let move = try #require(plan(migration(cells: [0])).moves.first)
    #expect(move.isMigration && move.host == "a" && move.placement.host == "b")
    #expect(move.placement.dedicated == [2, 3], "cpus 0 and 1 belong to another guest there")
    #expect(move.placement.pinning.vcpus.map(\.cpuset) == [[2], [3]])
    #expect(move.placement.pinning.numatune == NUMATune(mode: .restrictive, nodeset: [0]))
    #expect(move.from == [GuestCellPlacement(guestCell: 0, cell: 0)])
    #expect(move.copy == KiB(mib: 512))
    let claim = Claim.of(move, job: 7, in: fleet.hosts[0])
    #expect(claim.host == "b" && claim.dedicated == [2, 3])
    #expect(claim.memory == [MemoryClaim(cell: 0, pageSize: .base, amount: KiB(mib: 512))])
    #expect(violations(of: plan(migration()), in: fleet, policy: bare) == [])
  }

  @Test func guestCellsAreBoundOnTheOtherHostEvenIfTheyWereNot() throws {
    var wide = guest("wide", cells: [0, 1])
    wide.live.numatune = NUMATune(mode: .restrictive, nodeset: [0, 1])
    let inventory = Inventory(hosts: [Self.open(host("a", guests: [wide])), Self.open(host("b"))])
    let move = try #require(plan(.drain(host: "a"), in: inventory).moves.first)
    let tune = try #require(move.placement.pinning.numatune)
    // Restrictive memnodes bind no memory: all of it would be allocated where the migration's thread runs.
    #expect(tune.mode == .strict && tune.memnodes.map(\.mode) == [.strict, .strict])
    #expect(NodeSet(move.placement.cells.map(\.cell)) == [0, 1])
    #expect(violations(of: plan(.drain(host: "a"), in: inventory), in: inventory, policy: bare) == [])
  }

  @Test(arguments: [
    ("a", "is on host a already"), ("closed", "takes no guests from other hosts"), ("nowhere", "not in the fleet"),
  ]) func hostsThatCannotTakeItAreNamed(host: HostID, text: String) {
    #expect(plan(migration(to: host)).unmoved.first?.reason.contains(text) == true)
  }

  @Test func cellsThatCannotBeAskedForAreNamed() {
    #expect(plan(migration(cells: [9])).unmoved.first?.reason.contains("has no cell 9") == true)
    #expect(plan(migration(cells: [0, 1])).unmoved.first?.reason.contains("1 guest cells, 2 host cells") == true)
  }

  @Test func aDrainMovesOneGuestAWaveAndNamesWhoStays() {
    var inventory = fleet
    var stuck = guest("gpu", pins: [[6]], on: 1)
    stuck.vfio = ["0000:3b:00.0"]
    var off = guest("off", pins: [[7]])
    off.state = .shutoff
    let large = guest("large", pins: [[6, 7]], mib: 3000, on: 1)
    inventory.hosts[0].guests += [stuck, off, large]
    let made = plan(.drain(host: "a"), in: inventory)
    #expect(made.waves.map(\.moves.count) == [1, 1, 1])
    #expect(made.moves.map(\.guestName) == ["large", "db", "web"], "the hardest to place first")
    #expect(made.moves.allSatisfy { $0.placement.host == "b" })
    #expect(made.unmoved.map(\.guestName) == ["gpu", "off"])
    #expect(made.unmoved[0].reason.contains("VFIO device 0000:3b:00.0"))
    #expect(made.unmoved[1].reason.contains("does not run"))
    #expect(violations(of: made, in: inventory, policy: bare) == [])
  }

  @Test func eachGuestOfADrainFindsTheOthersOnTheirPlaces() {
    let guests = (0..<5).map { guest("g\($0)", pins: [[$0]], emulator: [7], mib: 1800, on: 0) }
    let inventory = Inventory(hosts: [Self.open(host("a", guests: guests)), Self.open(host("b"))])
    let made = plan(.drain(host: "a"), in: inventory)
    #expect(made.moves.count == 4, "two of 1800 MiB fit each cell of 4096")
    #expect(made.unmoved.count == 1)
    #expect(made.moves.reduce(CPUSet()) { $0.union($1.placement.dedicated) }.count == 4)
    #expect(violations(of: made, in: inventory, policy: bare) == [])
  }

  @Test func groupsAreKeptAtEveryStep() {
    var policy = bare
    policy.groups = [GuestGroup(name: "g", rule: .apart, level: .host, members: ["db", "web"])]
    var inventory = fleet
    inventory.hosts.append(Self.open(host("d")))
    let made = plan(.drain(host: "a"), in: inventory, policy)
    #expect(Set(made.moves.map(\.placement.host)) == ["b", "d"])
    #expect(violations(of: made, in: inventory, policy: policy) == [])
    var broken = made
    broken.waves[1].moves[0].placement.host = broken.waves[0].moves[0].placement.host
    #expect(violations(of: broken, in: inventory, policy: policy).contains { $0.rule == "group" })
  }

  @Test func theJudgeFindsWhatIsWrongWithAMigration() {
    func rules(_ change: (inout Move) -> Void, _ inventory: (inout Inventory) -> Void = { _ in }) -> [String] {
      var made = plan(migration(cells: [0]))
      change(&made.waves[0].moves[0])
      var seen = fleet
      inventory(&seen)
      return violations(of: made, in: seen, policy: bare).map(\.rule).reduce(into: []) {
        if !$0.contains($1) { $0.append($1) }
      }
    }
    #expect(rules { _ in } == [])
    #expect(rules { $0.incarnation = nil } == ["incarnation"])
    #expect(rules { $0.expected = Pinning() } == ["expected"])
    #expect(rules { $0.placement.host = "nowhere" } == ["host"])
    #expect(rules { $0.placement.host = "closed" } == ["migration"])
    #expect(rules { $0.placement.pinning.vcpus[0].cpuset = [0] }.contains("dedicated"))
    #expect(rules { $0.placement.pinning.vcpus.removeLast() }.contains("pins"))
    #expect(rules { $0.placement.pinning.numatune = nil } == ["numatune"])
    #expect(rules { $0.placement.pinning.memory = [] }.contains("memory"))
    #expect(rules { $0.copy = 1 } == ["copy"])
    #expect(rules({ _ in }, { $0.hosts[1].draining = true }) == ["draining"])
    #expect(rules({ _ in }, { $0.hosts[1].liveness = .unreachable }) == ["liveness"])
    #expect(rules({ _ in }, { $0.hosts[0].guests[0].vfio = ["x"] }) == ["movability"])
    #expect(rules({ _ in }, { $0.hosts[1].topology.cells[0].memoryFree = 0 }) == ["free"])
    #expect(rules({ _ in }, { $0.hosts[1].guests.append($0.hosts[0].guests[0]) }).contains("duplicate"))
  }

  @Test func everyDrainOfARandomFleetPassesTheJudge() {
    var (moved, stayed) = (0, 0)
    for seed in 0..<fleets {
      var random = RandomFleet(seed: seed &+ 4_000_000)
      let policy = random.policy()
      let inventory = Inventory(
        hosts: (0..<3).map { Self.open(random.host(HostID("h\($0)"), guests: random.number(0...4))) })
      let made = plan(.drain(host: "h0"), in: inventory, policy)
      let found = violations(of: made, in: inventory, policy: policy)
      #expect(found == [], "seed \(seed)")
      #expect(made == plan(.drain(host: "h0"), in: inventory, policy), "seed \(seed)")
      #expect(made.moves.count + made.unmoved.count == inventory.hosts[0].guests.count, "seed \(seed)")
      for move in made.moves {
        guard let target = inventory.host(move.placement.host),
          let guest = inventory.hosts[0].guests.first(where: { $0.id == move.guest })
        else { continue }
        let preflight = Preflight(topology: target.topology, facts: target.facts, livePages: false)
        #expect(preflight.refusal(ofArrival: move.placement, of: guest) == nil, "seed \(seed)")
      }
      moved += made.moves.count
      stayed += made.unmoved.count
    }
    #expect(moved > fleets / 2 && stayed > 0, "the fleets drawn must have both: \(moved) moved, \(stayed) stayed")
  }
}
