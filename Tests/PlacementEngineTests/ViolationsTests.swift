import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// Each rule is broken once on purpose; the plan it is broken in was a good one.
@Suite struct ViolationsTests {
  private let inventory = Inventory(hosts: [
    host("h", cells: 3, guests: [guest("db", pins: [[4], [5]], on: 0), guest("web", pins: [[0], [1]], on: 0)])
  ])

  private func plan(_ policy: Policy = bare) -> Plan {
    Placer.plan(
      PlanningInput(
        inventory: inventory, policy: policy, parent: 0, request: .place(guest: "id-db", host: "h", cells: [1])))
  }

  private func rules(_ change: (inout Move) -> Void, policy: Policy = bare) -> [String] {
    var plan = plan()
    change(&plan.waves[0].moves[0])
    return violations(of: plan, in: inventory, policy: policy).map(\.rule).reduce(into: []) {
      if !$0.contains($1) { $0.append($1) }
    }
  }

  @Test func theGoodPlanHasNone() {
    #expect(plan().moves.count == 1)
    #expect(rules { _ in } == [])
  }

  @Test func wrongIdentitiesAreFound() {
    #expect(rules { $0.host = "elsewhere" } == ["host"])
    #expect(rules { $0.guest = "nobody" } == ["guest"])
    #expect(rules { $0.incarnation = Incarnation(pid: 2, startTicks: 2) } == ["incarnation"])
    #expect(rules { $0.expected.emulator = [0] } == ["expected"])
    #expect(rules { $0.movability = Movability(.fixed, because: "") } == ["movability"])
    #expect(rules { $0.placement.host = "elsewhere" } == ["host"])
    #expect(rules { $0.copy = 1 } == ["copy"])
    #expect(rules { $0.placement.score += 1 } == ["score"])
  }

  @Test func wrongCellsAndPinsAreFound() {
    #expect(rules { $0.placement.cells[0].cell = 9 }.contains("cells"))
    #expect(rules { $0.placement.cells = [] }.contains("cells"))
    #expect(rules { $0.placement.pinning.vcpus[0].cpuset = [] }.contains("pins"))
    #expect(rules { $0.placement.pinning.vcpus[0].cpuset = [8] }.contains("pins"), "outside its cell")
    #expect(rules { $0.placement.pinning.vcpus.removeLast() }.contains("pins"))
    #expect(rules { $0.placement.pinning.emulator = [77] } == ["allowed"])
    #expect(rules { $0.placement.pinning.emulator = [0, 6] } == ["dedicated"], "the web guest has pcpu 0 for itself")
    #expect(rules { $0.placement.pinning.vcpus[1].cpuset = $0.placement.pinning.vcpus[0].cpuset }.contains("dedicated"))
    #expect(rules { $0.placement.dedicated.insert(1) } == ["dedicated"])
    #expect(rules({ _ in }, policy: Policy(reserve: Reserve(pcpusPerCell: 2, memoryPerCell: 0))) == ["reserve"])
  }

  @Test func wrongMemoryIsFound() {
    #expect(rules { $0.placement.pinning.memory[0].cell = 2 }.contains("memory"))
    #expect(rules { $0.placement.pinning.numatune?.nodeset = [2] } == ["numatune"])
    #expect(rules { $0.placement.pinning.numatune?.mode = .strict } == ["numatune"])
    #expect(rules({ _ in }, policy: Policy(reserve: Reserve(memoryPerCell: KiB(gib: 4)))) == ["capacity"])
    var full = inventory
    full.hosts[0].topology.cells[1].memoryFree = KiB(mib: 100)
    #expect(violations(of: plan(), in: full, policy: bare).map(\.rule) == ["free"])
    var claimed = inventory
    claimed.hosts[0].claims = [
      Claim(
        job: 1, host: "h", guest: "new", dedicated: [5],
        memory: [MemoryClaim(cell: 1, pageSize: .base, amount: KiB(mib: 3800))])
    ]
    #expect(
      violations(of: plan(), in: claimed, policy: bare).map(\.rule) == ["dedicated", "dedicated", "free", "capacity"])
  }

  @Test func movesThatMovabilityForbidsAreFound() {
    for (movability, policy) in [
      (MovabilityClass.cpuOnly, bare), (.livePages, bare), (.fixed, bare), (.migrateOnly, bare),
    ] {
      var changed = inventory
      changed.hosts[0].guests[0].movability = Movability(movability, because: "of the test")
      #expect(violations(of: plan(), in: changed, policy: policy).contains { $0.rule == "movability" }, "\(movability)")
    }
  }

  @Test func unreachableHostsAreFound() {
    var silent = inventory
    silent.hosts[0].liveness = .unreachable
    #expect(violations(of: plan(), in: silent, policy: bare).map(\.rule) == ["liveness"])
  }

  @Test func twoMemoryMovesInOneWaveAndTwoMovesOfOneGuestAreFound() {
    let both = Inventory(hosts: [
      host("h", cells: 3, guests: [guest("a", pins: [[8]], on: 0), guest("b", pins: [[9]], on: 0)])
    ])
    func place(_ name: GuestID) -> Move? {
      Placer.plan(
        PlanningInput(inventory: both, policy: bare, parent: 0, request: .place(guest: name, host: "h", cells: [2]))
      ).moves.first
    }
    guard let a = place("id-a"), let b = place("id-b") else {
      Issue.record("both must be placeable")
      return
    }
    let waves = Plan(purpose: "test", waves: [Wave(moves: [a]), Wave(moves: [b])])
    #expect(violations(of: waves, in: both, policy: bare) == [])
    #expect(
      violations(of: Plan(purpose: "test", waves: [Wave(moves: [a, b])]), in: both, policy: bare).map(\.rule) == [
        "oneMemoryMove"
      ])
    #expect(
      violations(of: Plan(purpose: "test", waves: [Wave(moves: [a]), Wave(moves: [a])]), in: both, policy: bare)
        .contains { $0.rule == "expected" }, "what the first has given it is not what the second is planned on")
    #expect(
      violations(of: Plan(purpose: "test", waves: [Wave(moves: [a, a])]), in: both, policy: bare)
        .contains { $0.rule == "once" })
    #expect(
      violations(of: Plan(purpose: "test", waves: [Wave(moves: [])]), in: both, policy: bare).map(\.rule) == ["wave"])
  }

  @Test func pagesOfGuestCellsThatWouldMixAreFound() {
    let policy = Policy(reserve: Reserve(memoryPerCell: 0), livePages: ["*"])
    let inventory = Inventory(hosts: [host("h", cells: 3, guests: [guest("wide", cells: [0, 1])])])
    var plan = Placer.plan(
      PlanningInput(
        inventory: inventory, policy: policy, parent: 0, request: .place(guest: "id-wide", host: "h", cells: [2, 1])))
    #expect(plan.moves.count == 1)
    #expect(violations(of: plan, in: inventory, policy: policy) == [])
    // Guest cell 0 onto the cell that guest cell 1 leaves: libnuma could not keep them apart.
    var move = plan.waves[0].moves[0]
    for (index, cell) in [1, 2].enumerated() {
      move.placement.cells[index].cell = cell
      move.placement.pinning.memory[index].cell = cell
    }
    plan.waves[0].moves = [move]
    #expect(violations(of: plan, in: inventory, policy: policy).contains { $0.rule == "mixing" })
  }

  @Test func newGuestsAreJudgedToo() throws {
    let view = host("h", threads: 2, guests: [guest("web", pins: [[0], [1]])])
    let inventory = Inventory(hosts: [view])
    let shape = Shape(
      guestCells: [ShapeCell(vcpus: 2, memory: KiB(mib: 512))], cpuClass: .dedicated, smt: .require, emulatorPCPUs: 1,
      iothreads: 1)
    let good = try #require(Placer(inventory: inventory, policy: bare).place(shape, explain: false).placement)
    func rules(_ shape: Shape, _ change: (inout Placement) -> Void) -> [String] {
      var placement = good
      change(&placement)
      return violations(of: placement, shape: shape, in: inventory, policy: bare).map(\.rule)
    }
    #expect(rules(shape) { _ in } == [])
    #expect(rules(shape) { $0.host = "elsewhere" } == ["host"])
    #expect(rules(shape) { $0.pinning.iothreads = [] } == ["iothreads"])
    #expect(rules(shape) { $0.pinning.emulator = [2, 3] }.contains("emulator"))
    var other = shape
    other.hosts = ["elsewhere"]
    #expect(rules(other) { _ in } == ["hosts"])
    other = shape
    other.smt = .isolate
    #expect(rules(other) { _ in }.contains("smt"))
    other = shape
    other.near = ["0000:01:00.0"]
    #expect(rules(other) { _ in } == ["device"])
    other = shape
    other.guestCells[0].memory = KiB(gib: 8)
    #expect(rules(other) { _ in } == ["free", "capacity"])
    other = shape
    other.pageSize = .huge2M
    #expect(rules(other) { _ in } == ["pages"])
    other = Shape(guestCells: [ShapeCell(vcpus: 40, memory: 0)])
    #expect(rules(other) { _ in }.contains("overcommit"))
  }
}

extension ViolationsTests {
  @Test func aPlanStaysGoodWhileItsGuestTouchesMorePages() {
    let both = Inventory(hosts: [
      host("h", cells: 3, guests: [guest("a", pins: [[8]], on: 0), guest("b", pins: [[9]], on: 0)])
    ])
    let plan = Placer.plan(PlanningInput(inventory: both, policy: bare, parent: 0, request: .repair(host: nil)))
    #expect(!plan.moves.isEmpty)
    var later = both
    for index in later.hosts[0].guests.indices {
      later.hosts[0].guests[index].regions[0].residency[0].pages -= 3000
      later.hosts[0].guests[index].regions[0].residency.append(CellResidency(cell: 2, pageSize: .base, pages: 3000))
      later.hosts[0].guests[index].live.memory = [GuestCellPlacement(guestCell: 0, cell: 0)]
    }
    #expect(violations(of: plan, in: later, policy: bare) == [])
  }
}
