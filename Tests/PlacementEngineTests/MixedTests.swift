import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// Guests of which some vcpus have a CPU of their own and the others share.
@Suite struct MixedTests {
  private let shape = Shape(
    name: "mixed", guestCells: [ShapeCell(vcpus: 4, memory: KiB(mib: 512), dedicatedVCPUs: 2)], cpuClass: .mixed)

  @Test func someVCPUsGetTheirOwnAndTheOthersTheRest() throws {
    let inventory = Inventory(hosts: [host("h", cells: 1, cpus: 6)])
    let found = Placer(inventory: inventory, policy: bare).place(shape, explain: true)
    let placement = try #require(found.placement)
    #expect(placement.dedicated == [0, 1])
    #expect(placement.pinning.vcpus.map(\.cpuset) == [[0], [1], [2, 3, 4, 5], [2, 3, 4, 5]])
    #expect(violations(of: placement, shape: shape, in: inventory, policy: bare) == [])
    let text = found.explanation?.chosen.first?.text ?? ""
    #expect(text.hasPrefix("2 vcpus on its own pcpus 0-1, 2 vcpus on shared pcpus 2-5"), "\(text)")
  }

  @Test func theJudgeSeesAFloatingVCPUOnAnotherOnesCPU() throws {
    let inventory = Inventory(hosts: [host("h", cells: 1, cpus: 6)])
    var placement = try #require(Placer(inventory: inventory, policy: bare).place(shape, explain: false).placement)
    placement.pinning.vcpus[0].cpuset = [0, 1]
    let found = violations(of: placement, shape: shape, in: inventory, policy: bare)
    #expect(found.contains { $0.rule == "dedicated" })
  }

  /// 400 % of the two CPUs that are left would carry eight vcpus, 100 % only two.
  @Test func whoSharesNeedsWhatThePolicyPromises() {
    var policy = bare
    policy.overcommitPercent = 100
    let wide = Shape(
      guestCells: [ShapeCell(vcpus: 5, memory: KiB(mib: 64), dedicatedVCPUs: 2)], cpuClass: .mixed)
    let placer = Placer(inventory: Inventory(hosts: [host("h", cells: 1, cpus: 4)]), policy: policy)
    let refusal = placer.place(wide, explain: false).refusal
    #expect(refusal?.message.contains("lacks room for 3 floating vcpus") == true, "\(refusal?.message ?? "")")
    #expect(
      Placer(inventory: Inventory(hosts: [host("h", cells: 1, cpus: 5)]), policy: policy)
        .place(wide, explain: false).placement != nil)
  }

  @Test func aRunningOneKeepsItsOwnCPUsToItself() throws {
    let running = guest("m", pins: [[0], [1], [2, 3], [2, 3]], emulator: [2, 3])
    let view = host("h", cells: 1, cpus: 4, guests: [running])
    let footprint = try #require(Footprint(of: running, on: view.topology))
    #expect(footprint.dedicated == [0, 1] && !footprint.isDedicated)
    #expect(footprint.confined == [2000])
    let room = HostRoom(view, policy: bare)
    #expect(room.cells[0].dedicable == [2, 3])
    let other = Shape(guestCells: [ShapeCell(vcpus: 2, memory: KiB(mib: 64))])
    let placement = try #require(
      Placer(inventory: Inventory(hosts: [view]), policy: bare).place(other, explain: false).placement)
    #expect(placement.pinning.vcpus.map(\.cpuset) == [[2, 3], [2, 3]])
    #expect(violations(of: placement, shape: other, in: Inventory(hosts: [view]), policy: bare) == [])
  }

  /// What a vcpu has for itself no other vcpu may run on, nor the emulator where any vcpu shares.
  @Test(
    arguments: [
      ([[0], [0, 1]], nil, []), ([[0], [0]], nil, []), ([[0], []], nil, []), ([[0], [1]], nil, [0, 1]),
      ([[0], [1]], [0], [0, 1]), ([[0], [1, 2]], nil, []), ([[0], [1, 2]], [0, 1, 2], []),
      ([[0], [1, 2]], [1, 2], [0]),
      ([[0], [1], [3], [3]], [3], [0, 1]), ([[3], [0, 1, 2]], [0, 1, 2, 3], []), ([[0], [1], [1, 2]], [1, 2], [0]),
    ] as [([CPUSet], CPUSet?, CPUSet)])
  func whoOwnsACPUIsToldFromAllPins(pins: [CPUSet], emulator: CPUSet?, own: CPUSet) throws {
    let running = guest("m", pins: pins, emulator: emulator)
    let view = host("h", cells: 1, cpus: 4, guests: [running])
    #expect(try #require(Footprint(of: running, on: view.topology)).dedicated ?? [] == own)
    #expect(try #require(AuditedHost(view, policy: bare)).guests[0].owned == own)
  }

  /// Started where only one CPU is left to share, it is still known for what it is; alone there it is not put.
  @Test func whatIsPlacedIsRecognizedOnceItRuns() throws {
    for free in 3...6 {
      let others = guest("o", pins: (0..<(8 - free)).map { [$0] })
      let view = host("h", cells: 1, cpus: 8, guests: [others])
      for sharing in 1...2 {
        let shape = Shape(
          guestCells: [ShapeCell(vcpus: 2 + sharing, memory: KiB(mib: 64), dedicatedVCPUs: 2)], cpuClass: .mixed)
        let found = Placer(inventory: Inventory(hosts: [view]), policy: bare).place(shape, explain: false).placement
        #expect((found == nil) == (free == 3 && sharing == 1))
        guard let placement = found else { continue }
        let started = guest(
          "m", pins: placement.pinning.vcpus.map(\.cpuset), emulator: placement.pinning.emulator)
        #expect(try #require(Footprint(of: started, on: view.topology)).dedicated == placement.dedicated)
      }
    }
  }

  @Test func whoStraysOntoItsOwnCPUIsFoundAndMovedOff() throws {
    let mixed = guest("m", pins: [[0], [2, 3], [2, 3]], emulator: [2, 3])
    let stray = guest("f", pins: [[0, 1, 2, 3]])
    let view = host("h", cells: 1, cpus: 4, guests: [mixed, stray])
    let found = findings(in: view, policy: bare).filter { $0.kind == .overlappingPins }
    #expect(found.map(\.guestName) == ["f"])
    let plan = Placer.plan(
      PlanningInput(inventory: Inventory(hosts: [view]), policy: bare, parent: 0, request: .repair(host: nil)))
    #expect(plan.moves.map(\.guestName) == ["f"])
    #expect(plan.moves.first?.placement.pinning.vcpus.map(\.cpuset) == [[1, 2, 3]])
  }

  /// Moved as a whole, each kind of vcpu finds its like on the other cell.
  @Test func aRunningOneMovesWithBothKinds() throws {
    let running = guest("m", pins: [[0], [1], [2, 3], [2, 3]], emulator: [2, 3], on: 1)
    let view = host("h", cells: 2, cpus: 4, guests: [running])
    let plan = Placer.plan(
      PlanningInput(
        inventory: Inventory(hosts: [view]), policy: bare, parent: 0,
        request: .place(guest: "id-m", host: "h", cells: [1])))
    let move = try #require(plan.moves.first)
    #expect(move.placement.pinning.vcpus.map(\.cpuset) == [[4], [5], [6, 7], [6, 7]])
    #expect(violations(of: plan, in: Inventory(hosts: [view]), policy: bare) == [])
    let claim = Claim.of(move, job: 1, in: view)
    #expect(claim.dedicated == [4, 5] && claim.floating == [FloatingClaim(cell: 1, vcpus: 2)])
  }

  /// What is on its way crowds as much as what is there.
  @Test func floatingVCPUsOnTheirWayCount() throws {
    var policy = bare
    policy.overcommitPercent = 100
    let four = Shape(guestCells: [ShapeCell(vcpus: 4, memory: KiB(mib: 64))])
    var placer = Placer(inventory: Inventory(hosts: [host("h", cells: 2, cpus: 4)]), policy: policy)
    var cells: [Int] = []
    for number in 0..<2 {
      let placement = try #require(placer.decide(four, explain: false).placement)
      placer.reserve(placement, for: four, as: GuestID("\(number)"))
      cells += placement.cells.map(\.cell)
    }
    #expect(cells.sorted() == [0, 1])
    #expect(placer.decide(four, explain: false).refusal?.code == .noRoom)
    let inventory = Inventory(hosts: placer.rooms.map(\.view))
    let third = try #require(
      Placer(inventory: Inventory(hosts: [host("h", cells: 2, cpus: 4)]), policy: policy)
        .place(four, explain: false).placement)
    #expect(violations(of: third, shape: four, in: inventory, policy: policy).contains { $0.rule == "overcommit" })
  }
}
