import Fleet
import NUMA
import Testing

@testable import PlacementEngine

@Suite struct SearchTests {
  private func steps(_ shape: Shape, on view: HostView, policy: Policy = bare) -> (steps: Int, search: FleetSearch) {
    var search = FleetSearch(
      Demand(shape), budget: 1_000_000, policy: policy, measure: Placer(policy: policy).worth.measure)
    search.run(over: [HostRoom(view, policy: policy)], explain: false)
    return (search.steps, search)
  }

  private func rows(_ count: Int, _ distance: (Int, Int) -> Int) -> [[Int]] {
    (0..<count).map { a in (0..<count).map { a == $0 ? 10 : distance(a, $0) } }
  }

  @Test func eightLikeGuestCellsOnSixteenLikeCellsAreDecidedAtOnce() {
    let shape = Shape(
      guestCells: Array(repeating: ShapeCell(vcpus: 2, memory: KiB(mib: 256)), count: 8), cpuClass: .dedicated)
    let (steps, search) = steps(shape, on: host("h", cells: 16))
    #expect(search.best?.cells == Array(0..<8))
    #expect(steps < 20, "\(steps) steps")
  }

  @Test func eightUnequalGuestCellsOnSixteenLikeCellsAreDecidedAtOnce() {
    let shape = Shape(guestCells: (0..<8).map { ShapeCell(vcpus: 1 + $0 % 4, memory: KiB(mib: 64 * ($0 + 1))) })
    let (steps, search) = steps(shape, on: host("h", cells: 16))
    #expect(search.best != nil)
    #expect(steps < 20, "\(steps) steps")
  }

  @Test func eightUnequalGuestCellsOnFourSocketsOfFourCellsStayFarBelowTheBudget() {
    let shape = Shape(guestCells: (0..<8).map { ShapeCell(vcpus: 1 + $0 % 4, memory: KiB(mib: 64 * ($0 + 1))) })
    let view = host("h", cells: 16, cpus: 4, mib: 4096, rows: rows(16) { $0 / 4 == $1 / 4 ? 12 : 20 })
    let (steps, search) = steps(shape, on: view)
    #expect(search.best.map { Set($0.cells.map { $0 / 4 }).count } == 2)
    #expect(!search.isSpent, "\(steps) steps")
  }

  @Test func anAsymmetricHostOfSixteenCellsNeverTakesMoreThanTheBudget() {
    var random = RandomFleet(seed: 5)
    let table = (0..<16).map { _ in (0..<16).map { _ in random.number(11...60) } }
    let view = host("h", cells: 16, cpus: 4, mib: 4096, rows: rows(16) { table[min($0, $1)][max($0, $1)] })
    let shape = Shape(guestCells: (0..<8).map { ShapeCell(vcpus: 1 + $0 % 4, memory: KiB(mib: 64 * ($0 + 1))) })
    for budget in [1, 1000, 20_000] {
      let decision = Placer(inventory: Inventory(hosts: [view]), policy: bare).place(
        shape, explain: true, budget: budget)
      #expect(decision.placement != nil, "a spent budget costs quality, not the answer")
      #expect(decision.explanation?.counts.contains { $0.contains("the search ended") } == true)
    }
  }

  @Test func unequalGuestCellsFindTheOnlyPermutationThatFits() {
    // Cells have room for 1, 2, 3 and 4 GiB; guest cells in the opposite order fit in one way only.
    var view = host("h", cells: 4)
    for (index, mib) in [1024, 2048, 3072, 4096].enumerated() {
      view.topology.cells[index].memoryTotal = KiB(mib: mib)
      view.topology.cells[index].memoryFree = KiB(mib: mib)
    }
    let shape = Shape(guestCells: [4096, 3072, 2048, 1024].map { ShapeCell(vcpus: 1, memory: KiB(mib: $0)) })
    let placement = Placer(inventory: Inventory(hosts: [view]), policy: bare).place(shape, explain: false).placement
    #expect(placement?.cells.map(\.cell) == [3, 2, 1, 0])
  }

  @Test func fittingOneByOneIsNotFittingTogether() throws {
    var view = host("h", cells: 3)
    view.topology.cells[0].memoryTotal = KiB(mib: 1024)
    view.topology.cells[0].memoryFree = KiB(mib: 1024)
    view.topology.cells[1].memoryTotal = KiB(mib: 1024)
    view.topology.cells[1].memoryFree = KiB(mib: 1024)
    let shape = Shape(guestCells: [2048, 2048].map { ShapeCell(vcpus: 1, memory: KiB(mib: $0)) })
    let decision = Placer(inventory: Inventory(hosts: [view]), policy: bare).place(shape, explain: true)
    #expect(decision.placement == nil)
    let refusal = try #require(decision.refusal)
    #expect(refusal.code == .noRoom)
    #expect(refusal.message.contains("reserved on any 2 cells at once (nearest: host h has that on 1)"))
  }

  /// Four cores of one thread come first by number, two of two threads by cache: what is counted is what is taken.
  @Test func idleThreadsAreCountedOnTheCoresThatAreTaken() {
    var view = host("h", cells: 1, cpus: 8, threads: 2)
    for cpu in 0..<4 { view.topology.pcpus[cpu].siblings = [cpu] }
    view.topology.l3Groups = [
      L3Group(id: 0, size: KiB(mib: 16), cpus: [4, 5, 6, 7]), L3Group(id: 1, size: KiB(mib: 16), cpus: [0, 1, 2, 3]),
    ]
    for emulator in 0...6 {
      let shape = Shape(
        guestCells: [ShapeCell(vcpus: 2, memory: KiB(mib: 64))], cpuClass: .dedicated, smt: .isolate,
        emulatorPCPUs: emulator)
      let found = Placer(inventory: Inventory(hosts: [view]), policy: bare).place(shape, explain: false)
      guard let placement = found.placement else { continue }
      #expect(violations(of: placement, shape: shape, in: Inventory(hosts: [view]), policy: bare) == [])
    }
  }

  @Test func isolatedCPUsAreForVCPUsWithCPUsOfTheirOwn() throws {
    var view = host("h", cells: 1, cpus: 8, guests: [guest("f", pins: Array(repeating: [0, 1], count: 8))])
    view.topology.isolated = [2, 3, 4, 5, 6, 7]
    let shape = Shape(guestCells: [ShapeCell(vcpus: 4, memory: KiB(mib: 64))], cpuClass: .dedicated)
    let placement = try #require(
      Placer(inventory: Inventory(hosts: [view]), policy: bare).place(shape, explain: false).placement)
    #expect(placement.dedicated == [2, 3, 4, 5])
    #expect(violations(of: placement, shape: shape, in: Inventory(hosts: [view]), policy: bare) == [])
  }

  /// 64 KiB are the base pages of some machines and a pool of others.
  @Test func smallPagesFromAPoolNeedNoOrdinaryMemory() {
    var view = host("h", cells: 1, mib: 2048)
    view.topology.cells[0].memoryFree = 0
    view.topology.cells[0].pages = [
      PagePool(size: .base, total: 1024, free: 0), PagePool(size: PageSize(kib: 64), total: 1 << 14, free: 1 << 14),
    ]
    let shape = Shape(
      guestCells: [ShapeCell(vcpus: 1, memory: KiB(mib: 64))], pageSize: PageSize(kib: 64))
    let found = Placer(inventory: Inventory(hosts: [view]), policy: bare).place(shape, explain: false)
    #expect(found.placement != nil, "\(found.refusal?.message ?? "")")
  }

  /// A host with more cells than the index knows is looked at beside it, not instead of it.
  @Test func aVeryWideHostIsStillChosenWhereItIsBest() throws {
    var policy = bare
    policy.groups = []
    let hosts = [host("a", cells: 2, cpus: 2), host("b", cells: 18, cpus: 4), host("c", cells: 2, cpus: 4)]
    for vcpus in 1...4 {
      let shape = Shape(guestCells: [ShapeCell(vcpus: vcpus, memory: KiB(mib: 64))], cpuClass: .dedicated)
      var placer = Placer(inventory: Inventory(hosts: hosts), policy: policy)
      var search = FleetSearch(Demand(shape), budget: 1_000_000, policy: policy, measure: placer.worth.measure)
      search.run(over: placer.rooms, explain: false)
      let best = try #require(search.best)
      let found = placer.decide(shape, explain: false).placement
      #expect(found?.host == placer.rooms[best.position].view.id && found?.cells.map(\.cell) == best.cells)
    }
    let wide = Shape(
      guestCells: Array(repeating: ShapeCell(vcpus: 4, memory: KiB(mib: 64)), count: 8), cpuClass: .dedicated)
    #expect(
      Placer(inventory: Inventory(hosts: hosts), policy: policy).place(wide, explain: false).placement?.host == "b")
  }

  @Test func aPlacerThatLearnsHostByHostDecidesLikeOneMadeAtOnce() {
    var random = RandomFleet(seed: 9)
    let hosts = (0..<6).map { random.host(HostID("h\($0)"), guests: 2) }
    let shape = Shape(guestCells: [ShapeCell(vcpus: 1, memory: KiB(mib: 64))])
    var placer = Placer(policy: bare)
    for host in [3, 0, 5, 1, 4, 2] { placer.update(hosts[host]) }
    let whole = Placer(inventory: Inventory(hosts: hosts), policy: bare).place(shape, explain: true)
    #expect(placer.place(shape, explain: true) == whole)
    if let winner = whole.placement?.host {
      placer.remove(winner)
      #expect(placer.place(shape, explain: false).placement?.host != winner)
      placer.update(hosts[Int(winner.text.dropFirst()) ?? 0])
      #expect(placer.place(shape, explain: true) == whole)
    }
    placer.remove("nobody")
  }
}

extension SearchTests {
  @Test func theGuestCellWithTheEmulatorIsNoTwinOfTheOthers() {
    // Cell 0 holds two guest cells, but not with the emulator; cell 1 holds one, with it: one assignment is left.
    var view = host("h", cells: 2, cpus: 4)
    view.topology.allowed = [0, 1, 2, 3, 4, 5, 6]
    var policy = bare
    policy.foldGuestCells = true
    let shape = Shape(
      guestCells: Array(repeating: ShapeCell(vcpus: 2, memory: KiB(mib: 64)), count: 3), cpuClass: .dedicated,
      emulatorPCPUs: 1)
    let placement = Placer(inventory: Inventory(hosts: [view]), policy: policy).place(shape, explain: false).placement
    #expect(placement?.cells.map(\.cell) == [1, 0, 0])
  }
}
