import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// Many guests at once, and how many more would fit.
@Suite struct BatchTests {
  private func shape(_ name: String, vcpus: Int, _ cpuClass: CPUClass = .dedicated, cells: Int = 1) -> Shape {
    Shape(
      name: name, guestCells: Array(repeating: ShapeCell(vcpus: vcpus, memory: KiB(mib: 64)), count: cells),
      cpuClass: cpuClass)
  }

  /// In the order given the small ones would break both cells.
  @Test func theOrderIsFree() {
    let placer = Placer(inventory: Inventory(hosts: [host("h", cells: 2, cpus: 4)]), policy: bare)
    let shapes = [shape("a", vcpus: 1), shape("b", vcpus: 4), shape("c", vcpus: 1), shape("d", vcpus: 2)]
    let decisions = placer.placeAll(shapes, explain: false)
    #expect(decisions.allSatisfy { $0.placement != nil })
    #expect(Set(decisions.compactMap { $0.placement?.dedicated.members }.flatMap { $0 }).count == 8)
  }

  @Test func whoFitsNowhereHasAReasonOnWhatTheOthersLeft() throws {
    let placer = Placer(inventory: Inventory(hosts: [host("h", cells: 1, cpus: 4)]), policy: bare)
    let decisions = placer.placeAll([shape("a", vcpus: 3), shape("b", vcpus: 3)], explain: true)
    #expect(decisions[0].placement != nil)
    let refusal = try #require(decisions[1].refusal)
    #expect(refusal.message.contains("has 1"), "\(refusal.message)")
    #expect(decisions[1].explanation?.refused.isEmpty == false)
  }

  /// What the passes had no steps left for must not be found twice afterwards.
  @Test func whatTurnsUpLateIsPromisedOnce() throws {
    var policy = bare
    policy.foldGuestCells = true
    let hosts = (0..<40).map { host(HostID("h\($0)"), cells: 2, cpus: 21) }
    let shapes = (0..<2).map { number in
      Shape(
        name: "w\(number)", guestCells: [7, 6, 5, 4, 3, 2, 8, 1].map { ShapeCell(vcpus: $0, memory: KiB(mib: 64)) },
        cpuClass: .dedicated)
    }
    let decisions = Placer(inventory: Inventory(hosts: hosts), policy: policy).placeAll(shapes, explain: false)
    let places = decisions.compactMap(\.placement)
    for (index, place) in places.enumerated() {
      for other in places[(index + 1)...] where other.host == place.host {
        #expect(place.dedicated.isDisjoint(with: other.dedicated))
      }
    }
  }

  @Test func likeShapesAreRefusedAlikeEachByItsName() {
    let placer = Placer(inventory: Inventory(hosts: [host("h", cells: 1, cpus: 4)]), policy: bare)
    let decisions = placer.placeAll(["a", "b"].map { shape($0, vcpus: 9) }, explain: false)
    #expect(
      decisions.compactMap(\.refusal?.message).map { $0.prefix(20) } == [
        "shape a fits nowhere", "shape b fits nowhere",
      ])
  }

  /// Every placement of a batch holds in the fleet that the ones before it left.
  @Test(arguments: 0..<30) func nothingIsPromisedTwice(seed: Int) {
    var random = RandomFleet(seed: seed &+ 5100)
    var policy = random.policy()
    policy.groups = [GuestGroup(name: "g", rule: .apart, level: .host, members: ["drawn-1", "drawn-2"])]
    let inventory = Inventory(hosts: (0..<3).map { random.host(HostID("h\($0)"), guests: random.number(0...2)) })
    var shapes = (0..<6).map { number in
      var shape = random.shape()
      shape.name = "drawn-\(number)"
      return shape
    }
    shapes.removeAll { $0.refusal() != nil }
    let decisions = Placer(inventory: inventory, policy: policy).placeAll(shapes, explain: false)
    for (index, decision) in decisions.enumerated() {
      guard let placement = decision.placement else { continue }
      let shape = shapes[index]
      var rest = inventory
      // The others are all on their way.
      for (other, claimed) in decisions.enumerated() where other != index {
        guard let place = claimed.placement, let host = rest.hosts.firstIndex(where: { $0.id == place.host }) else {
          continue
        }
        rest.hosts[host].claims.append(Claim.of(place, shape: shapes[other], guest: GuestID("\(other)"), job: 0))
      }
      #expect(violations(of: placement, shape: shape, in: rest, policy: policy) == [], "\(shape.name)")
    }
  }

  // MARK: - Capacity

  @Test func capacityIsWhatCanBePlacedOneByOne() throws {
    var placer = Placer(inventory: Inventory(hosts: ["a", "b"].map { host($0, cells: 2, cpus: 4) }), policy: bare)
    let pair = shape("pair", vcpus: 1, cells: 2)
    let capacity = try placer.capacity(for: pair).get()
    #expect(capacity == Capacity(fits: 8, isExact: true))
    let byHost = try placer.capacity(for: pair, byHost: true).get()
    #expect(byHost.hosts == [HostCapacity(host: "a", fits: 4), HostCapacity(host: "b", fits: 4)])
    #expect(byHost.fits == 8 && byHost.isExact)
  }

  /// What amounts do not say: whole cores, pages, a device on one cell, one member a cell, a host that takes nothing.
  @Test func capacityHeedsAllThatPlacingHeeds() throws {
    func fits(_ shape: Shape, _ hosts: [HostView], _ policy: Policy = bare) throws -> Capacity {
      var placer = Placer(inventory: Inventory(hosts: hosts), policy: policy)
      return try placer.capacity(for: shape).get()
    }
    var view = host("h", cells: 2, cpus: 8, mib: 4096, threads: 2, huge: 6)
    view.topology.devices = [
      PCIDevice(address: "0000:21:00.0", classID: "0x020000", vendor: "0x8086", device: "0x1572", driver: nil, cell: 1)
    ]
    var one = shape("one", vcpus: 2)
    #expect(try fits(one, [view]) == Capacity(fits: 8, isExact: true))
    one.smt = .isolate
    #expect(try fits(one, [view]) == Capacity(fits: 4, isExact: true))
    one.smt = .require
    #expect(try fits(one, [view]) == Capacity(fits: 8, isExact: true))
    one.guestCells = [ShapeCell(vcpus: 3, memory: KiB(mib: 64))]
    #expect(try fits(one, [view]).fits == 0, "three threads fill no cores")
    one = shape("one", vcpus: 1)
    one.near = ["8086:1572"]
    #expect(try fits(one, [view]) == Capacity(fits: 8, isExact: true))
    one.guestCells = Array(repeating: ShapeCell(vcpus: 1, memory: KiB(mib: 64)), count: 2)
    #expect(try fits(one, [view]) == Capacity(fits: 8, isExact: true))
    one = shape("one", vcpus: 1)
    one.pageSize = .huge2M
    one.guestCells = [ShapeCell(vcpus: 1, memory: KiB(mib: 4))]
    #expect(try fits(one, [view]) == Capacity(fits: 6, isExact: true))
    var policy = bare
    policy.groups = [GuestGroup(name: "g", rule: .apart, level: .cell, members: ["one"])]
    #expect(try fits(shape("one", vcpus: 1), [view], policy) == Capacity(fits: 2, isExact: true))
    policy.groups = [GuestGroup(name: "g", rule: .together, level: .host, members: ["one"])]
    #expect(try fits(shape("one", vcpus: 1), [view, host("i", cells: 1, cpus: 2)], policy).fits == 16)
    policy.hosts = [HostRules(host: "h", draining: true)]
    #expect(try fits(shape("x", vcpus: 1), [view], policy).fits == 0)
    policy.hosts = [HostRules(host: "h", taints: ["odd"])]
    #expect(try fits(shape("x", vcpus: 1), [view], policy).fits == 0)
    view.libvirtAnswers = false
    #expect(try fits(shape("x", vcpus: 1), [view]).fits == 0)
    var fold = bare
    fold.foldGuestCells = true
    view.libvirtAnswers = true
    #expect(try fits(shape("x", vcpus: 1, cells: 2), [view], fold) == Capacity(fits: 8, isExact: false))
  }

  /// Each count against placing one after another, where the index, groups or odd machines could mislead.
  @Test func capacityNeverPromisesMoreThanCanBePlaced() throws {
    func placed(_ shape: Shape, _ hosts: [HostView], _ policy: Policy = bare) -> Int {
      var placer = Placer(inventory: Inventory(hosts: hosts), policy: policy)
      var count = 0
      while count < 200, let placement = placer.decide(shape, explain: false).placement {
        placer.reserve(placement, for: shape, as: GuestID("\(count)"))
        count += 1
      }
      return count
    }
    func count(_ shape: Shape, _ hosts: [HostView], _ policy: Policy = bare) throws -> Capacity {
      var placer = Placer(inventory: Inventory(hosts: hosts), policy: policy)
      return try placer.capacity(for: shape).get()
    }
    var isolated = host("h", cells: 1, cpus: 8)
    isolated.topology.isolated = [2, 3, 4, 5, 6, 7]
    let four = shape("four", vcpus: 4, .floating)
    #expect(try count(four, [isolated]) == Capacity(fits: 2, isExact: true))
    #expect(placed(four, [isolated]) == 2)
    var odd = shape("odd", vcpus: 1, .floating)
    odd.pageSize = PageSize(kib: 64)
    #expect(try count(odd, [host("h", cells: 1)]).fits == placed(odd, [host("h", cells: 1)]))
    var policy = bare
    policy.groups = [GuestGroup(name: "g", rule: .together, level: .cell, members: ["one*"])]
    let two = [host("h", cells: 2, cpus: 4)]
    #expect(try count(shape("one", vcpus: 1), two, policy) == Capacity(fits: 4, isExact: true))
    #expect(placed(shape("one", vcpus: 1), two, policy) == 4)
    policy.groups = [GuestGroup(name: "g", rule: .apart, level: .cell, domains: [["one"], ["two"]])]
    #expect(try count(shape("one", vcpus: 1), two, policy) == Capacity(fits: 8, isExact: true))
    #expect(placed(shape("one", vcpus: 1), two, policy) == 8)
    policy.groups = [GuestGroup(name: "g", rule: .together, level: .host, members: ["one*"])]
    let both = ["a", "b"].map { host($0, cells: 1, cpus: 4, guests: [guest("one-\($0)", pins: [[0]])]) }
    #expect(try count(shape("one", vcpus: 1), both, policy) == Capacity(fits: 6, isExact: true))
    #expect(placed(shape("one", vcpus: 1), both, policy) == 6)
    // Those that come next must go to the two cells of the first.
    policy.groups = [GuestGroup(name: "g", rule: .together, level: .cell, members: ["pair"])]
    let pairs = shape("pair", vcpus: 1, cells: 2)
    let four4 = [host("h", cells: 4, cpus: 4)]
    #expect(try count(pairs, four4, policy) == Capacity(fits: 4, isExact: true))
    #expect(placed(pairs, four4, policy) == 4)
    // Of several groups only what was placed is promised.
    policy.groups = [
      GuestGroup(name: "g", rule: .apart, level: .host, members: ["one"]),
      GuestGroup(name: "r", rule: .together, level: .rack, members: ["one"]),
    ]
    policy.hosts = (0..<6).map { HostRules(host: HostID("h\($0)"), rack: "r\($0 / 2)") }
    let racks = (0..<6).map { host(HostID("h\($0)"), cells: 1, cpus: 4) }
    #expect(try count(shape("one", vcpus: 1), racks, policy) == Capacity(fits: 2, isExact: false))
    policy.hosts = []
    // An index counts no more than 2,047 on a cell.
    var crowd = bare
    crowd.overcommitPercent = 6400
    let many = Shape(guestCells: [ShapeCell(vcpus: 1, memory: 4)])
    #expect(try count(many, [host("h", cells: 1, cpus: 64)], crowd) == Capacity(fits: 2047, isExact: false))
    // Eight kinds of cells take too long to count; what is said is a bound from below.
    let unlike = Shape(guestCells: (1...8).map { ShapeCell(vcpus: $0, memory: KiB(mib: 64)) }, cpuClass: .dedicated)
    let wide = host("h", cells: 8, cpus: 24)
    let capacity = try count(unlike, [wide])
    #expect(capacity.fits > 0 && !capacity.isExact && capacity.fits <= placed(unlike, [wide]))
  }

  @Test func capacityOfNothingSaysWhy() throws {
    var placer = Placer(inventory: Inventory(hosts: [host("h", cells: 1, cpus: 4)]), policy: bare)
    let capacity = try placer.capacity(for: shape("wide", vcpus: 6)).get()
    #expect(capacity.fits == 0)
    #expect(capacity.counts == ["1 cell on 1 host lacks 6 dedicated pcpus (nearest: host h cell 0 has 4)"])
    #expect(throws: Refusal.self) {
      try placer.capacity(for: Shape(guestCells: [])).get()
    }
  }

  /// Against trying every way to place one guest after another.
  @Test(arguments: 0..<80) func capacityIsTheMostThatCanBePlaced(seed: Int) throws {
    var random = RandomFleet(seed: seed &+ 88_000)
    var policy = random.policy()
    policy.foldGuestCells = false
    policy.overcommitPercent = 100
    let view = random.host("h", guests: random.number(0...1))
    var shape = random.shape()
    shape.emulatorPCPUs = shape.smt == .prefer ? shape.emulatorPCPUs : 0
    for index in shape.guestCells.indices {
      shape.guestCells[index].vcpus = max(shape.guestCells[index].vcpus, 2)
      if shape.guestCells[index].memory.count > 0 { shape.guestCells[index].memory = KiB(mib: 192) }
    }
    guard shape.refusal() == nil else { return }
    if random.chance(20) {
      policy.groups = [GuestGroup(name: "g", rule: .apart, level: random.pick([.cell, .host]), members: ["drawn"])]
    }
    var placer = Placer(inventory: Inventory(hosts: [view]), policy: policy)
    let byIndex = try placer.capacity(for: shape).get()
    let byHost = try placer.capacity(for: shape, byHost: true).get()
    #expect(byIndex.fits == byHost.fits)
    let most = Most(shape, policy).count(on: view, from: [])
    if byHost.isExact { #expect(byHost.fits == most) } else { #expect(byHost.fits <= most) }
  }

  /// All ways to place like guests, those of later ones no earlier in order than those of the ones before.
  private struct Most {
    let shape: Shape
    let policy: Policy

    init(_ shape: Shape, _ policy: Policy) { (self.shape, self.policy) = (shape, policy) }

    func count(on view: HostView, from floor: [Int]) -> Int {
      let room = HostRoom(view, policy: policy)
      var demand = Demand(shape)
      demand.limits = GroupLimits(name: shape.name, id: nil, policy: policy, rooms: [room])
      guard demand.shortfall(of: room) == nil else { return 0 }
      let table = FitTable(demand, on: room, policy: policy, measure: nil, deviceCells: nil)
      var most = 0
      for cells in tuples(over: room.cells.count) where !cells.lexicographicallyPrecedes(floor) {
        guard cells.indices.allSatisfy({ table.shortfall(of: [$0], at: cells[$0]) == nil }) else { continue }
        var next = view
        next.claims.append(
          Claim.of(table.placement(cells), shape: shape, guest: GuestID("\(view.claims.count)"), job: 0))
        most = max(most, 1 + count(on: next, from: cells))
      }
      return most
    }

    private func tuples(over cells: Int) -> [[Int]] {
      (0..<shape.guestCells.count).reduce([[]]) { all, _ in
        all.flatMap { head in (0..<cells).filter { !head.contains($0) }.map { head + [$0] } }
      }
    }
  }
}
