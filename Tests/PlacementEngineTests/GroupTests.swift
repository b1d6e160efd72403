import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// What the operator says of hosts and groups, on fleets of like hosts.
@Suite struct GroupTests {
  private static let small = ShapeCell(vcpus: 1, memory: KiB(mib: 256))

  private func shape(_ name: String, cells: Int = 1) -> Shape {
    Shape(name: name, guestCells: Array(repeating: Self.small, count: cells))
  }

  /// Racks r0 and r1 of two hosts each; zone z0 has both, host e is a rack of its own.
  private var policy: Policy {
    var policy = bare
    policy.hosts = [
      HostRules(host: "a", rack: "r0", zone: "z0"), HostRules(host: "b", rack: "r0", zone: "z0"),
      HostRules(host: "c", rack: "r1", zone: "z0"), HostRules(host: "d", rack: "r1", zone: "z0"),
    ]
    return policy
  }

  private func fleet(_ guests: [(host: String, name: String, cell: Int)] = []) -> Inventory {
    Inventory(
      hosts: ["a", "b", "c", "d", "e"].map { id in
        let there = guests.filter { $0.host == id }.map { other in
          guest(other.name, pins: [CPUSet((other.cell * 4)..<(other.cell * 4 + 4))], on: other.cell)
        }
        return host(HostID(id), guests: there)
      })
  }

  /// Hosts on which a shape may be placed, by trying each; the judge must agree.
  private func open(_ shape: Shape, _ inventory: Inventory, _ policy: Policy) -> [String] {
    let placer = Placer(inventory: inventory, policy: policy)
    return inventory.hosts.map(\.id).filter { id in
      var only = shape
      only.hosts = [id]
      let decision = placer.place(only, explain: false)
      if let placement = decision.placement {
        #expect(violations(of: placement, shape: only, in: inventory, policy: policy) == [])
      } else if let free = Placer(inventory: inventory, policy: unruled(policy)).place(only, explain: false).placement {
        #expect(violations(of: free, shape: only, in: inventory, policy: policy) != [], "\(id)")
      }
      return decision.placement != nil
    }.map(\.text)
  }

  private func unruled(_ policy: Policy) -> Policy {
    var free = policy
    (free.hosts, free.groups) = ([], [])
    return free
  }

  @Test(
    arguments: [
      (GroupLevel.host, ["b", "c", "d", "e"]), (.rack, ["c", "d", "e"]), (.zone, ["e"]),
      (.cell, ["a", "b", "c", "d", "e"]),
    ])
  func membersAreKeptApart(level: GroupLevel, expected: [String]) {
    var policy = policy
    policy.groups = [GuestGroup(name: "web", rule: .apart, level: level, members: ["web-*"])]
    #expect(open(shape("web-2"), fleet([("a", "web-1", 0)]), policy) == expected)
    #expect(open(shape("db"), fleet([("a", "web-1", 0)]), policy).count == 5, "others are free")
  }

  @Test(
    arguments: [(GroupLevel.host, ["a"]), (.cell, ["a"]), (.rack, ["a", "b"]), (.zone, ["a", "b", "c", "d"])])
  func membersAreKeptTogether(level: GroupLevel, expected: [String]) {
    var policy = policy
    policy.groups = [GuestGroup(name: "job", rule: .together, level: level, members: ["job-*"])]
    #expect(open(shape("job-2"), fleet([("a", "job-1", 1)]), policy) == expected)
  }

  @Test func cellsAreKeptApartOrTogether() throws {
    var policy = bare
    let inventory = Inventory(hosts: [host("h", guests: [guest("one", pins: [[0, 1, 2, 3]], on: 0)])])
    for (rule, cell) in [(GroupRelation.apart, 1), (.together, 0)] {
      policy.groups = [GuestGroup(name: "g", rule: rule, level: .cell, members: ["one", "two"])]
      let found = Placer(inventory: inventory, policy: policy).place(shape("two"), explain: false)
      let placement = try #require(found.placement)
      #expect(placement.cells.map(\.cell) == [cell])
      #expect(violations(of: placement, shape: shape("two"), in: inventory, policy: policy) == [])
      var other = placement
      other.cells[0].cell = 1 - cell
      #expect(
        violations(of: other, shape: shape("two"), in: inventory, policy: policy).contains { $0.rule == "group" })
    }
    policy.groups = [GuestGroup(name: "g", rule: .apart, level: .cell, members: ["one", "two"])]
    let wide = Placer(inventory: inventory, policy: policy).place(shape("two", cells: 2), explain: false)
    #expect(wide.refusal?.code == .noRoom, "its two guest cells would need the other's cell")
  }

  /// Where there are more members than cells, the one that is too many can still be mended where it is.
  @Test func aMemberThatIsTooManyMayStay() throws {
    var policy = bare
    policy.groups = [GuestGroup(name: "g", rule: .apart, level: .cell, members: ["m*"])]
    let there = [
      guest("m1", pins: [[0, 1, 2, 3]], on: 0), guest("m2", pins: [[4, 5, 6, 7]], on: 1),
      guest("m3", pins: [[0, 1, 2, 3]], on: 1),
    ]
    let inventory = Inventory(hosts: [host("h", guests: there)])
    let found = Placer(inventory: inventory, policy: policy).replace(there[2], on: "h", cells: nil, explain: false)
    #expect(found.placement?.cells.map(\.cell) == [1], "\(found.refusal?.message ?? "")")
  }

  @Test func membersAreKnownByNameAndByID() {
    var policy = policy
    policy.groups = [GuestGroup(name: "g", rule: .apart, level: .host, members: ["web-1", "1234"])]
    var placer = Placer(inventory: fleet([("a", "web-1", 0)]), policy: policy)
    var only = shape("other")
    only.hosts = ["a"]
    #expect(placer.decide(only, explain: false).placement != nil)
    #expect(placer.decide(only, as: "1234", explain: false).refusal?.code == .noRoom)
  }

  @Test func onlyMembersOfDifferentFaultDomainsAreKeptApart() {
    var policy = policy
    policy.groups = [
      GuestGroup(name: "db", rule: .apart, level: .rack, domains: [["db-a-*"], ["db-b-*"]])
    ]
    let inventory = fleet([("a", "db-a-1", 0), ("c", "db-b-1", 0)])
    #expect(open(shape("db-a-2"), inventory, policy) == ["a", "b", "e"])
    #expect(open(shape("db-b-2"), inventory, policy) == ["c", "d", "e"])
  }

  @Test func aMemberOnItsWayCounts() throws {
    var policy = policy
    policy.groups = [GuestGroup(name: "web", rule: .apart, level: .rack, members: ["web-*"])]
    var placer = Placer(inventory: fleet(), policy: policy)
    var racks: [String] = []
    for number in 1...3 {
      let shape = shape("web-\(number)")
      let placement = try #require(placer.decide(shape, explain: false).placement)
      placer.reserve(placement, for: shape, as: GuestID("new \(number)"))
      racks.append(policy.rules(of: placement.host).rack ?? placement.host.text)
    }
    #expect(racks.sorted() == ["e", "r0", "r1"])
    #expect(placer.decide(shape("web-4"), explain: false).refusal?.code == .noRoom)
    let first = placer.rooms.first { !$0.view.claims.isEmpty }
    let claim = try #require(first?.view.claims.first)
    placer.release(claim.guest, on: claim.host)
    #expect(placer.decide(shape("web-4"), explain: false).placement?.host == claim.host)
  }

  /// What cannot be seen for now is still where it was.
  @Test func aMemberOnASilentHostCounts() {
    var policy = policy
    policy.groups = [GuestGroup(name: "web", rule: .apart, level: .rack, members: ["web-*"])]
    var inventory = fleet([("a", "web-1", 0)])
    inventory.hosts[0].liveness = .unreachable
    #expect(open(shape("web-2"), inventory, policy) == ["c", "d", "e"])
  }

  @Test func theFirstMemberTakesTheFullestRackWithRoomForAll() throws {
    var policy = policy
    policy.overcommitPercent = 100
    let member = Shape(name: "job-1", guestCells: [ShapeCell(vcpus: 2, memory: KiB(mib: 512))], cpuClass: .dedicated)
    // Of 16 CPUs a rack, 6 are left in r0 and 12 in r1; host e has 8.
    var inventory = Inventory(hosts: ["a", "b", "c", "d", "e"].map { host(HostID($0)) })
    func fill(_ host: Int, _ cpus: Range<Int>) {
      inventory.hosts[host].guests.append(guest("full-\(host)-\(cpus.lowerBound)", pins: cpus.map { [$0] }))
    }
    fill(0, 0..<8)
    fill(1, 0..<2)
    fill(2, 0..<4)
    for (size, expected) in [(3, "r0"), (4, "e"), (6, "r1"), (9, "r1")] {
      policy.groups = [GuestGroup(name: "job", rule: .together, level: .rack, members: ["job-*"], size: size)]
      let decision = Placer(inventory: inventory, policy: policy).place(member, explain: true)
      let found = try #require(decision.placement)
      #expect(policy.rules(of: found.host).rack ?? found.host.text == expected, "\(size)")
      #expect(decision.explanation?.counts.contains { $0.hasPrefix("group job: its first member goes to") } == true)
    }
  }

  @Test func labelsTaintsAndDrainingKeepNewGuestsOff() throws {
    var policy = bare
    policy.hosts = [
      HostRules(host: "b", labels: ["disk=nvme"]), HostRules(host: "c", labels: ["disk=nvme"], taints: ["gpu-only"]),
      HostRules(host: "d", labels: ["disk=nvme"], draining: true),
    ]
    var wanted = shape("x")
    #expect(open(wanted, fleet(), policy) == ["a", "b", "e"])
    wanted.labels = ["disk=nvme"]
    #expect(open(wanted, fleet(), policy) == ["b"])
    wanted.tolerates = ["gpu-only"]
    #expect(open(wanted, fleet(), policy) == ["b", "c"])
    wanted.labels = ["disk=tape"]
    let refusal = try #require(Placer(inventory: fleet(), policy: policy).place(wanted, explain: false).refusal)
    #expect(refusal.message.contains("4 hosts lack the label disk=tape"), "\(refusal.message)")
    #expect(refusal.message.contains("1 host is draining"), "\(refusal.message)")
  }

  /// Guests of a draining host stay, and are still mended there.
  @Test func aDrainingHostStillMendsItsGuests() throws {
    var policy = bare
    policy.hosts = [HostRules(host: "h", draining: true)]
    let view = host("h", guests: [guest("db", pins: [[0], [1]], on: 1)])
    let plan = Placer.plan(
      PlanningInput(inventory: Inventory(hosts: [view]), policy: policy, parent: 0, request: .repair(host: nil)))
    let move = try #require(plan.moves.first)
    #expect(violations(of: plan, in: Inventory(hosts: [view]), policy: policy) == [])
    #expect(move.placement.host == "h")
  }

  /// Random rules and groups: the answer is the best of all hosts that the judge allows.
  @Test(arguments: 0..<60) func rulesLeaveTheBestOfWhatTheyAllow(seed: Int) {
    var random = RandomFleet(seed: seed &+ 31_000)
    var policy = random.policy()
    policy.foldGuestCells = false
    let inventory = Inventory(hosts: (0..<4).map { random.host(HostID("h\($0)"), guests: random.number(0...2)) })
    policy.hosts = inventory.hosts.compactMap { view in
      random.chance(70)
        ? HostRules(
          host: view.id, rack: "r\(random.number(0...1))", labels: random.chance(50) ? ["fast"] : [],
          taints: random.chance(20) ? ["odd"] : [], draining: random.chance(10)) : nil
    }
    policy.groups = [
      GuestGroup(
        name: "g", rule: random.chance(60) ? .apart : .together, level: random.pick([.cell, .host, .rack]),
        members: ["drawn", random.chance(50) ? "*-g0" : "h0-*"])
    ]
    var shape = random.shape()
    if random.chance(40) { shape.labels = ["fast"] }
    if random.chance(40) { shape.tolerates = ["odd"] }
    guard shape.refusal() == nil else { return }
    // A first member's venue is a choice for the group, not the least of its own cost.
    let isFirst = inventory.hosts.allSatisfy { view in
      view.guests.allSatisfy { policy.groups[0].membership(name: $0.name) == nil }
    }
    guard !isFirst || policy.groups[0].rule == .apart else { return }
    let found = Placer(inventory: inventory, policy: policy).place(shape, explain: false).placement
    let free = Placer(inventory: inventory, policy: unruled(policy))
    let rules = RuleAudit(inventory: inventory, policy: policy)
    var best: (cost: Int, placement: Placement)?
    for room in free.rooms {
      let table = FitTable(
        Demand(shape), on: room, policy: policy, measure: free.worth.measure, deviceCells: nil)
      for cells in tuples(of: shape.guestCells.count, over: room.cells.count) {
        guard let cost = table.cost(of: cells), cost < best?.cost ?? .max else { continue }
        let placement = table.placement(cells)
        if rules.violations(of: placement, shape: shape).isEmpty { best = (cost, placement) }
      }
    }
    #expect(found?.host == best?.placement.host)
    #expect(found?.cells == best?.placement.cells)
  }

  private func tuples(of count: Int, over cells: Int) -> [[Int]] {
    (0..<count).reduce([[]]) { all, _ in
      all.flatMap { head in (0..<cells).filter { !head.contains($0) }.map { head + [$0] } }
    }
  }
}
