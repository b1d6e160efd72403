import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// Deciding in the order of the index, against deciding by a look at every host.
@Suite struct FleetWorthTests {
  /// Hosts come, change and go; after each step the answer is that of a placer that was just made.
  @Test(arguments: 0..<60) func whoWasToldStepByStepDecidesAsWhoJustCame(seed: Int) {
    var random = RandomFleet(seed: seed &+ 900)
    let policy = random.policy()
    var placer = Placer(policy: policy)
    var hosts: [HostView] = []
    for step in 0..<12 {
      let id = HostID("h\(random.number(0...4))")
      hosts.removeAll { $0.id == id }
      if random.number(0...5) == 0 {
        placer.remove(id)
      } else {
        var view = random.host(id, guests: random.number(0...3))
        if random.number(0...6) == 0 { view.liveness = .unreachable }
        hosts.append(view)
        placer.update(view)
      }
      let shape = random.shape()
      guard shape.refusal() == nil else { continue }
      let fresh = Placer(inventory: Inventory(hosts: hosts), policy: policy)
      let found = placer.decide(shape, explain: false)
      #expect(found == fresh.place(shape, explain: false), "step \(step)")
      #expect(found.placement == fresh.place(shape, explain: true).placement, "step \(step)")
    }
  }

  /// What the index says of a host is never more than what the guest costs there.
  @Test(arguments: 0..<60) func theIndexBoundsTheCostOfEveryHost(seed: Int) throws {
    var random = RandomFleet(seed: seed &+ 7000)
    let policy = random.policy()
    let inventory = Inventory(hosts: (0..<4).map { random.host(HostID("h\($0)"), guests: random.number(0...4)) })
    let placer = Placer(inventory: inventory, policy: policy)
    let shape = random.shape()
    guard shape.refusal() == nil else { return }
    let demand = Demand(shape)
    let needs = try #require(SlotDemand(cells: demand.needs(policy)))
    let prices = FleetWorth.contentionPrice(policy)
    let measure = ShapeMix().measure(hosting: ShapeMix().roughCounts, contentionPrice: prices)
    var index = FleetIndex(
      placer.rooms.map { FleetIndex.Host(rack: 0, free: $0.spaces(policy)) }, measure: measure)
    var bounds = [Int?](repeating: nil, count: placer.rooms.count)
    index.visit(needs) { host, cost in
      bounds[host] = cost
      return true
    }
    for (host, room) in placer.rooms.enumerated() {
      let table = FitTable(demand, on: room, policy: policy, measure: measure, deviceCells: nil)
      var search = CellSearch(table, below: FitTable.misfit, budget: 100_000)
      guard let found = search.run() else { continue }
      let bound = try #require(bounds[host])
      #expect(policy.boundedWeights.fragmentation * bound <= found.cost)
    }
  }

  /// Weights may make a placement dearer than an index can tell; it is one all the same.
  @Test(arguments: [(200, 0, 400), (1000, 0, 400), (1000, 5, 400), (100, 1, 800)])
  func whatIsVeryDearStillFits(contention: Int, fragmentation: Int, percent: Int) {
    var policy = bare
    policy.weights = Weights(contention: contention, locality: 100, fragmentation: fragmentation)
    policy.overcommitPercent = percent
    let vcpus = 8 * percent / 100 - 4
    let crowd = guest("f", pins: Array(repeating: CPUSet(0..<8), count: vcpus))
    let view = host("h", cells: 1, cpus: 8, guests: [crowd])
    let shape = Shape(guestCells: [ShapeCell(vcpus: 4, memory: KiB(mib: 64))])
    let found = Placer(inventory: Inventory(hosts: [view]), policy: policy).place(shape, explain: false)
    #expect(found.placement != nil, "\(found.refusal?.message ?? "")")
  }

  /// Without a weight for fragmentation the index's order says nothing of who is first among equals.
  @Test func equalsWithoutWeightAreToldApartByTheirNames() {
    var policy = bare
    policy.weights = Weights(contention: 1, locality: 0, fragmentation: 0)
    let cpus = [6, 2, 4]
    let hosts = cpus.enumerated().map { host(HostID("h\($0.offset)"), cells: 1, cpus: $0.element) }
    var placer = Placer(inventory: Inventory(hosts: hosts), policy: policy)
    let shape = Shape(guestCells: [ShapeCell(vcpus: 1, memory: KiB(mib: 64))], cpuClass: .dedicated)
    #expect(placer.decide(shape, explain: false).placement?.host == "h0")
  }

  /// Who was refused is kept room for, however often he asks again.
  @Test func whatIsRefusedIsLearned() throws {
    let wide = Shape(guestCells: [ShapeCell(vcpus: 24, memory: KiB(gib: 96))], cpuClass: .dedicated)
    var placer = Placer(inventory: Inventory(hosts: [host("h")]), policy: bare)
    func weight(_ placer: Placer) -> Int {
      placer.worth.measure.entries.first { $0.cell.cpus == 24 }?.weight ?? 0
    }
    #expect(weight(placer) == 0)
    for _ in 0..<64 { placer.learn(refused: wide) }
    let learned = weight(placer)
    #expect(learned > 0)
    for _ in 0..<1000 { placer.learn(refused: wide) }
    #expect(weight(placer) == learned)
    placer.learn(refused: Shape(guestCells: []))
    #expect(weight(placer) == learned)
  }

  /// A guest more or less among many does not change the measure, ten times as many do.
  @Test func theMeasureFollowsWhatIsHosted() throws {
    var mix = ShapeMix()
    let wide = try #require(SlotDemand(cells: [CellSpace(cpus: 24, memory: 96 << 20)]))
    for _ in 0..<100 { mix.host(wide, 1) }
    let before = mix.roughCounts
    mix.host(wide, 1)
    #expect(mix.roughCounts == before)
    for _ in 0..<1000 { mix.host(wide, 1) }
    #expect(mix.roughCounts != before)
    func weight(_ rough: [Int]) -> Int {
      mix.measure(hosting: rough, contentionPrice: 0).entries.first { $0.cell == wide.cells[0] }?.weight ?? 0
    }
    #expect(weight(mix.roughCounts) > weight(before) && weight(before) > 0)
  }
}
