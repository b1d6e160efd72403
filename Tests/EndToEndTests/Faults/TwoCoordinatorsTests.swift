import Fleet
import Foundation
import NUMA
import Testing

extension EndToEndTests {
  /// Two coordinators at once on copies of one store, with the same key, and a real agent that is connected to both.
  @Suite struct TwoCoordinators {
    /// Both have raised the epoch to the same number; the agent goes on obeying the one that it met first.
    @Test func ofOneTermOnlyTheFirstIsObeyed() async throws {
      let (trio, second) = try await Self.pair()
      let first = trio.fleet
      // Both have a job in their store that has not ended.
      trio.agents["a"]?.signal(SIGSTOP)
      let job = try trio.beginPlacing(on: "a")
      first.coordinator?.signal(SIGKILL)
      _ = await first.coordinator?.end()
      try second.copyStore(of: first)
      try await first.startCoordinator()
      trio.agents["a"]?.signal(SIGCONT)
      try await trio.expectConverged(job)
      try await trio.pinOnAll(["a"], to: [1])

      try await second.startCoordinator()
      let agent = try #require(trio.agents["a"])
      #expect(await eventually { agent.logged.contains("coordinator not obeyed") }, "\(agent.logged)")
      #expect(agent.logged.contains("this host obeys term 2 of coordinator"))
      for round in 0..<5 {
        Self.expectRefusal(of: trio.tenants[0], by: second)
        try await trio.pinOnAll(["a"], to: [round % 2])
      }
      #expect(try second.ledger.events().contains { $0.text.contains("obeys another coordinator (term 2)") })
      #expect(try second.ledger.jobs().map(\.state) == [.sent], "the copied job was sent to nobody")

      // A newer term is obeyed; the job of its store has been overtaken, and is not carried out after all.
      first.coordinator?.signal(SIGKILL)
      second.coordinator?.signal(SIGKILL)
      _ = await second.coordinator?.end()
      let before = trio.tenants.map(\.masks)
      try await second.startCoordinator()
      #expect(await eventually { agent.logged.contains("welcomed epoch=3") }, "\(agent.logged)")
      #expect(await eventually { second.guests(of: "a").count == 2 })
      #expect(try await eventually { try second.ledger.jobs().map(\.state) == [.refused] })
      #expect(trio.tenants.map(\.masks) == before)
      #expect(try await eventually { try second.ledger.claims().isEmpty })
    }

    /// The older one was stopped, wakes up, and is started once more, which gives it the newer one's term as well.
    @Test func anOldOneThatWakesUpMovesNothing() async throws {
      let (trio, second) = try await Self.pair()
      let first = trio.fleet
      let agent = try #require(trio.agents["a"])
      first.coordinator?.signal(SIGSTOP)
      try second.copyStore(of: first)
      try await second.startCoordinator()
      #expect(await eventually { agent.logged.contains("welcomed epoch=2") }, "\(agent.logged)")
      try await Self.pin(trio.tenants[0], to: [1], by: second)
      let placed = trio.tenants.map(\.masks)

      first.coordinator?.signal(SIGCONT)
      // What it takes in before the agent has told whom it obeys is sent in vain.
      let wishes = (0..<5).map { _ in first.begin(Self.wish(trio.tenants[0], [0])) }
      let isTold = await eventually(within: 60) {
        first.begin(Self.wish(trio.tenants[1], [1])).refusal?.code == .staleEpoch
      }
      #expect(isTold, "\(wishes), \(first.coordinator?.logged ?? "")")
      #expect(try await first.shows("obeys another coordinator (term 2)", "host", "list"))
      let refused = try await first.run("pin", trio.tenants[0].name, "--emulator", "0", "--live")
      #expect(refused.status == 1 && refused.err.contains("obeys another coordinator (term 2)"), "\(refused)")
      #expect(trio.tenants.map(\.masks) == placed)

      first.coordinator?.signal(SIGKILL)
      _ = await first.coordinator?.end()
      try await first.startCoordinator()
      let isDisregarded = await eventually {
        agent.logged.contains(#/coordinator not obeyed .*epoch=2 link=0 reason="this host obeys term 2 of/#)
      }
      #expect(isDisregarded, "\(agent.logged)")
      for _ in 0..<5 { Self.expectRefusal(of: trio.tenants[0], by: first) }
      #expect(trio.tenants.map(\.masks) == placed)
      try await Self.pin(trio.tenants[0], to: [0], by: second)
      try await Self.pin(trio.tenants[1], to: [0, 1], by: second)
      #expect(try first.ledger.jobs().allSatisfy { !$0.state.isFinal }, "a job of the stale one has ended")
    }

    private static func pair() async throws -> (Trio, LocalFleet) {
      let first = try await LocalFleet()
      let second = try LocalFleet(beside: first)
      return (try await Trio(hosts: ["a"], on: first, settings: { first.agentSettings($0, beside: second) }), second)
    }

    private static func wish(_ tenant: Tenant, _ cpus: CPUSet) -> OperatorRequest {
      .change(
        ManualChange(
          guest: tenant.name, desired: .all(vcpus: 1, on: cpus), scope: .live, driver: .kernel, dryRun: false))
    }

    /// Whatever it is asked for, a coordinator that is not obeyed begins nothing and says so.
    private static func expectRefusal(of tenant: Tenant, by fleet: LocalFleet) {
      let before = tenant.masks
      let answer = fleet.begin(wish(tenant, [0, 1]))
      #expect(answer.jobs == nil && answer.refusal != nil, "\(answer)")
      #expect(tenant.masks == before)
    }

    private static func pin(_ tenant: Tenant, to cpus: CPUSet, by fleet: LocalFleet) async throws {
      #expect(await eventually { fleet.guests(of: tenant.host).contains { $0.name == tenant.name } })
      let job = try #require(fleet.begin(wish(tenant, cpus)).jobs?.first)
      #expect(await eventually { (try? fleet.ledger.jobs().last { $0.job.id == job }?.state) == .verified })
      #expect(tenant.masks.areExactly(.all(vcpus: 1, on: cpus)), "\(tenant.masks)")
    }
  }
}
