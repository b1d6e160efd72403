import Fleet
import NUMA
import Testing

@testable import PlacementEngine

@Suite struct BadInputTests {
  private let fleet = Placer(
    inventory: Inventory(hosts: [host("h", guests: [guest("db", pins: [[0], [1]])])]), policy: bare)

  private func code(_ shape: Shape) -> Refusal.Code? { fleet.place(shape, explain: false).refusal?.code }

  @Test func contradictingShapesAreRefused() {
    let cell = ShapeCell(vcpus: 1, memory: KiB(mib: 64))
    #expect(code(Shape(guestCells: [])) == .malformed)
    #expect(code(Shape(guestCells: Array(repeating: cell, count: 9))) == .malformed)
    #expect(code(Shape(guestCells: [ShapeCell(vcpus: -1, memory: 64)])) == .malformed)
    #expect(code(Shape(guestCells: [ShapeCell(vcpus: 1, memory: 65)])) == .malformed)
    #expect(code(Shape(guestCells: [ShapeCell(vcpus: Int.max, memory: 64)])) == .malformed)
    #expect(code(Shape(guestCells: [ShapeCell(vcpus: 1, memory: KiB(Int.max))])) == .malformed)
    #expect(code(Shape(guestCells: [cell], pageSize: PageSize(kib: 0))) == .malformed)
    #expect(code(Shape(guestCells: [cell], emulatorPCPUs: -1)) == .malformed)
    #expect(code(Shape(guestCells: [cell], iothreads: Int.max)) == .malformed)
    #expect(code(Shape(guestCells: [cell], hosts: ["elsewhere"])) == .unknownHost)
    #expect(code(Shape(guestCells: [ShapeCell(vcpus: 100, memory: KiB(mib: 64))], cpuClass: .dedicated)) == .noRoom)
    #expect(code(Shape(guestCells: [cell], pageSize: .huge2M)) == .noPages)
    #expect(code(Shape(guestCells: [cell], near: ["0000:99:00.0"])) == .noRoom)
  }

  @Test func anEmptyFleetRefuses() {
    let decision = Placer(policy: bare).place(Shape(guestCells: [ShapeCell(vcpus: 1, memory: 64)]), explain: true)
    #expect(decision.refusal?.message.contains("the fleet has no hosts") == true)
  }

  @Test func runningGuestsAreRefusedWithTheReason() {
    let db = guest("db", pins: [[0], [1]])
    func code(_ guest: Guest, _ host: HostID = "h", _ cells: [Int]? = nil) -> Refusal.Code? {
      fleet.replace(guest, on: host, cells: cells, explain: false).refusal?.code
    }
    #expect(code(db) == nil)
    #expect(code(db, "elsewhere") == .unknownHost)
    #expect(code(guest("nobody", pins: [[0]])) == .unknownGuest)
    #expect(code(db, "h", [7]) == .unknownCell)
    #expect(code(db, "h", [-1]) == .unknownCell)
    #expect(code(db, "h", [0, 1]) == .malformed)
    #expect(code(db, "h", []) == .malformed)
    var stopped = db
    stopped.state = .shutoff
    #expect(code(stopped) == .notRunning)
    for movability in [MovabilityClass.fixed, .migrateOnly] {
      var fixed = db
      fixed.movability = Movability(movability, because: "of the test")
      let decision = fleet.replace(fixed, on: "h", cells: nil, explain: true)
      #expect(decision.refusal?.code == .notMovable)
      #expect(decision.refusal?.message.contains(movability.rawValue) == true)
      #expect(decision.explanation?.movability?.class == movability)
    }
  }

  @Test func memoryThatMayNotMoveIsNotAskedToMove() throws {
    for (movability, expected) in [(MovabilityClass.cpuOnly, Refusal.Code.notMovable), (.livePages, .livePagesOff)] {
      let strict = guest("strict", pins: [[4]], on: 0, movable: movability)
      let placer = Placer(inventory: Inventory(hosts: [host("h", guests: [strict])]), policy: bare)
      let refusal = try #require(placer.replace(strict, on: "h", cells: [1], explain: false).refusal)
      #expect(refusal.code == expected)
      #expect(refusal.message.contains("memory is on cell 0 and stays there"))
      let placement = try #require(placer.replace(strict, on: "h", cells: [0], explain: false).placement)
      #expect(placement.pinning.memory.isEmpty)
      #expect(placement.pinning.numatune == nil)
      #expect(placement.pinning.vcpus.allSatisfy { $0.cpuset.isSubset(of: [0, 1, 2, 3]) })
    }
  }

  @Test func oneHostCellForTwoGuestCellsNeedsThePolicy() {
    let wide = guest("wide", cells: [0, 1])
    var policy = bare
    policy.livePages = ["wide"]
    func decide() -> Decision {
      Placer(inventory: Inventory(hosts: [host("h", cells: 3, guests: [wide])]), policy: policy)
        .replace(wide, on: "h", cells: [2, 2], explain: false)
    }
    #expect(decide().refusal?.code == .malformed)
    policy.foldGuestCells = true
    // Even then libnuma would have to mix the pages of two guest cells.
    #expect(decide().refusal?.code == .noRoom)
  }

  @Test func hostsThatReportNonsenseAreLeftOut() throws {
    var overlapping = host("a")
    overlapping.topology.cells[1].cpus = [0, 1]
    var beyond = host("b")
    beyond.topology.cells[1].id = 5000
    var silent = host("c")
    silent.liveness = .unreachable
    silent.ageMilliseconds = 9000
    var deaf = host("d")
    deaf.libvirtAnswers = false
    let inventory = Inventory(hosts: [overlapping, beyond, silent, deaf])
    let decision = Placer(inventory: inventory, policy: bare)
      .place(Shape(guestCells: [ShapeCell(vcpus: 1, memory: 64)]), explain: true)
    #expect(decision.placement == nil)
    let told = decision.explanation?.refused.map(\.text) ?? []
    #expect(told.count == 4)
    #expect(told[0].contains("cpus 0-1 belong to more than one cell"))
    #expect(told[1].contains("ids are beyond"))
    #expect(told[2] == "has not been heard of for 9 s")
    #expect(told[3] == "has a libvirt that does not answer")
    for host in inventory.hosts { _ = findings(in: host, policy: bare) }
    let input = PlanningInput(inventory: inventory, policy: bare, parent: 0, request: .repair(host: nil))
    #expect(violations(of: Placer.plan(input), in: inventory, policy: bare) == [])
  }

  @Test func absurdAmountsNeverTrap() {
    var mad = guest("mad", pins: [[0], [1]], on: 0)
    mad.memory = KiB(Int.max)
    mad.vcpusMaximum = Int.max
    mad.regions[0].residency = [
      CellResidency(cell: 0, pageSize: PageSize(kib: Int.max), pages: Int.max),
      CellResidency(cell: -3, pageSize: .base, pages: -1),
      CellResidency(cell: 1, pageSize: .huge1G, pages: Int.max / 2),
    ]
    mad.guestCells = [
      GuestCell(id: -7, vcpus: [0, 4000], memory: KiB(Int.max)), GuestCell(id: 0, vcpus: [0], memory: KiB(-5)),
    ]
    var view = host("h", guests: [mad])
    view.topology.cells[0].memoryTotal = KiB(Int.max)
    view.topology.cells[0].memoryFree = KiB(Int.max)
    view.topology.cells[0].pages = [
      PagePool(size: .huge1G, total: Int.max, free: Int.max), PagePool(size: PageSize(kib: -4), total: -1, free: 9),
    ]
    view.claims = [
      Claim(
        job: 1, host: "h", guest: "x", dedicated: [2],
        memory: [MemoryClaim(cell: 0, pageSize: .base, amount: KiB(Int.max))])
    ]
    for policy in [
      bare,
      Policy(
        reserve: Reserve(pcpusPerCell: -1, memoryPerCell: KiB(Int.max)), overcommitPercent: 0, livePages: ["*"],
        foldGuestCells: true),
    ] {
      let inventory = Inventory(hosts: [view])
      let placer = Placer(inventory: inventory, policy: policy)
      _ = placer.place(Shape(guestCells: [ShapeCell(vcpus: 1, memory: KiB(mib: 4))]), explain: true)
      _ = placer.replace(mad, on: "h", cells: nil, explain: true)
      _ = findings(in: view, policy: policy)
      for request in [PlanRequest.repair(host: nil), .place(guest: mad.id, host: "h", cells: [1, 0])] {
        let plan = Placer.plan(PlanningInput(inventory: inventory, policy: policy, parent: 0, request: request))
        _ = violations(of: plan, in: inventory, policy: policy)
      }
    }
  }

  @Test func plansForUnknownThingsSaySo() {
    let inventory = Inventory(hosts: [host("h")])
    func plan(_ request: PlanRequest) -> Plan {
      Placer.plan(PlanningInput(inventory: inventory, policy: bare, parent: 0, request: request))
    }
    #expect(
      plan(.place(guest: "g", host: "elsewhere", cells: nil)).unmoved.map(\.reason) == [
        "host elsewhere is not in the fleet"
      ])
    #expect(plan(.place(guest: "g", host: "h", cells: nil)).unmoved.first?.reason.contains("no such guest") == true)
    #expect(plan(.repair(host: "elsewhere")).unmoved.first?.reason == "host elsewhere is not in the fleet")
    #expect(plan(.repair(host: nil)).moves.isEmpty)
  }
}
