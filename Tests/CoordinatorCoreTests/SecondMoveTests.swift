import Fleet
import NUMA
import PlacementEngine
import Testing

@testable import CoordinatorCore

/// A plan that moves a guest twice, as for a swap through a third cell.
@Suite struct SecondMoveTests {
  private func scene(_ lines: [String]) throws -> Scene {
    var scene = Scene()
    for line in ["host a"] + lines + ["hello a", "report a topology"] { _ = try scene.run(line) }
    return scene
  }

  private func move(to cell: Int, _ scene: Scene) throws -> Move {
    let inventory = try #require(scene.coordinator).inventory(scene.now)
    let request = PlanRequest.place(guest: "id-one", host: "a", cells: [cell])
    let plan = Placer.plan(PlanningInput(inventory: inventory, policy: scene.policy, parent: 0, request: request))
    return try #require(plan.moves.first, "\(plan.unmoved)")
  }

  @Test func theSecondMoveIsLookedAtWhenTheFirstIsDone() throws {
    let before = try scene(["guest a/one pins 0;1 mem 0 run 101"])
    let after = try scene(["guest a/one pins 4;5 mem 1 run 101"])
    let there = try move(to: 1, before)
    var back = try move(to: 0, after)
    back.expected.vcpus = there.placement.pinning.vcpus
    back.expected.emulator = there.placement.pinning.emulator
    let coordinator = try #require(before.coordinator)
    let both = Plan(purpose: "swap", waves: [Wave(moves: [there]), Wave(moves: [back])])
    #expect(coordinator.staleness(of: both, scope: nil, before.now) == nil)
    // By itself it is planned on pins that the guest does not have.
    let alone = Plan(purpose: "swap", waves: [Wave(moves: [back])])
    #expect(coordinator.staleness(of: alone, scope: nil, before.now)?.code == .stalePlan)
  }
}
