import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// `plan room`: all that the policy keeps room for finds it, rule beside rule, and what is closed is left alone.
@Suite struct KeepRoomTests {
  private func wide(_ vcpus: Int, _ name: String = "wide") -> Shape {
    Shape(name: name, guestCells: [ShapeCell(vcpus: vcpus, memory: KiB(mib: 512))], cpuClass: .dedicated)
  }

  private func policy(_ rooms: [KeptRoom], migrations: Int = 0) -> Policy {
    var policy = bare
    policy.automation.keepRoom = rooms
    policy.automation.concurrentMigrations = migrations
    return policy
  }

  private func plan(
    _ inventory: Inventory, _ policy: Policy, migrations: Int = 9, leaving: [GuestID] = [], closed: [HostID] = []
  ) -> Plan {
    let plan = Placer.plan(
      PlanningInput(
        inventory: inventory, policy: policy, parent: 0, request: .keepRoom(migrations: migrations), leaving: leaving,
        closed: closed))
    #expect(violations(of: plan, in: inventory, policy: policy) == [])
    return plan
  }

  /// The placer of a fleet after a plan.
  private func fleet(_ inventory: Inventory, _ policy: Policy, after plan: Plan) -> Placer {
    var model = FleetModel(
      PlanningInput(inventory: inventory, policy: policy, parent: 0, request: .repair(host: nil)))
    for move in plan.moves { model.apply(move) }
    return model.placer
  }

  @Test func whatOneRuleHasTheNextMayNotTake() {
    // One cell of 8 is free: either rule alone would have it.
    let inventory = Inventory(hosts: [packed("a", [[], [4]], open: true), packed("b", [[4], [7]], open: true)])
    let rooms = [KeptRoom(shape: wide(8, "first"), count: 1), KeptRoom(shape: wide(8, "second"), count: 1)]
    let both = policy(rooms)
    #expect(Placer(inventory: inventory, policy: both).fitting(rooms) == [1, 0])
    let made = plan(inventory, both)
    #expect(
      made.purpose == "keep room for 1 x first: 1 fits now, 1 after it; 1 x second: 0 fit now, 1 after it")
    #expect(made.moves.count == 1 && made.moves[0].placement.host != made.moves[0].host)
    #expect(fleet(inventory, both, after: made).fitting(rooms) == [1, 1])
  }

  @Test func enoughRoomMovesNobody() {
    let inventory = Inventory(hosts: [packed("a", [[], [4]], open: true)])
    let made = plan(inventory, policy([KeptRoom(shape: wide(8), count: 1)]))
    #expect(made.moves == [] && made.unmoved == [])
  }

  @Test func closedHostsNeitherSendNorTake() {
    let inventory = Inventory(
      hosts: ["a", "b", "c"].map { packed($0, [[4], [8]], open: true) } + [packed("d", [[7], [7]], open: true)])
    let wanted = policy([KeptRoom(shape: wide(8), count: 1)])
    let free = plan(inventory, wanted)
    #expect(free.moves.map(\.host) == ["a"] && free.moves[0].placement.host == "b")
    let past = plan(inventory, wanted, closed: ["b"])
    #expect(past.moves.map(\.host) == ["a"] && past.moves[0].placement.host == "c")
    let later = plan(inventory, wanted, closed: ["a"])
    #expect(later.moves.map(\.host) == ["b"] && later.moves[0].placement.host == "c")
    let none = plan(inventory, wanted, closed: ["b", "a"])
    #expect(none.moves == [] && none.unmoved.count == 1)
    let left = plan(inventory, wanted, leaving: ["a-00"].map { GuestID($0) })
    #expect(left.moves.allSatisfy { $0.guest != "a-00" } && left.moves.count == 1)
  }

  @Test func hostsThatTakeNoGuestsGetNone() {
    let inventory = Inventory(hosts: [packed("a", [[4], [8]], open: true), packed("b", [[4], [8]])])
    let made = plan(inventory, policy([KeptRoom(shape: wide(8), count: 1)]))
    // B's guest may go to a, which takes guests; a's may not go to b.
    #expect(made.moves.map(\.host) == ["b"] && made.moves[0].placement.host == "a")
  }

  @Test func wavesHaveNoMoreMigrationsThanMayRun() {
    let hosts = (0..<6).map { packed(HostID("h\($0)"), [[4], [8]], open: true) }
    let rooms = [KeptRoom(shape: wide(8), count: 3)]
    let all = plan(Inventory(hosts: hosts), policy(rooms))
    #expect(all.moves.count == 3 && all.waves.count == 1)
    let one = plan(Inventory(hosts: hosts), policy(rooms, migrations: 1))
    #expect(one.waves.map(\.moves.count) == [1, 1, 1] && one.moves.map(\.guest) == all.moves.map(\.guest))
    let two = plan(Inventory(hosts: hosts), policy(rooms, migrations: 2))
    #expect(two.waves.map(\.moves.count) == [2, 1])
  }

  @Test func whatCannotBeIsSaidAndTheNextIsTried() {
    let inventory = Inventory(hosts: [packed("a", [[4], [4]], open: true)])
    let rooms = [
      KeptRoom(shape: wide(9, "giant"), count: 1), KeptRoom(shape: Shape(guestCells: []), count: 1),
      KeptRoom(shape: wide(8), count: 1),
    ]
    let made = plan(inventory, policy(rooms))
    #expect(made.moves.count == 1 && made.unmoved.count == 2)
    #expect(made.unmoved.first?.guestName == "giant")
    #expect(made.unmoved.first?.reason.contains("more than 0 of 1") == true)
  }
}
