import Fleet
import Foundation
import NUMA
import Testing

extension EndToEndTests {
  /// Daemons that are stopped (SIGSTOP) for longer than anybody waits for them, and go on.
  @Suite struct Pauses {
    @Test func aStoppedAgentKeepsItsClaimAndHoldsNobodyUp() async throws {
      let trio = try await Trio()
      trio.agents["a"]?.signal(SIGSTOP)
      let job = try trio.beginPlacing(on: "a")
      // The others go on while it is not yet missed, and when it is.
      try await trio.pinOnAll(["b", "c"], to: [0])
      #expect(await eventually { trio.fleet.view(of: "a")?.liveness == .unreachable })
      try await trio.pinOnAll(["b", "c"], to: [1])
      let view = try #require(trio.fleet.view(of: "a"))
      #expect(view.liveness == .unreachable && view.claims.map(\.job) == [job], "\(view.claims)")
      #expect(try trio.ledger.claims().map(\.job) == [job])
      let refused = trio.fleet.begin(trio.placing(trio.tenants[0]))
      #expect(refused.refusal?.code == .hostUnreachable, "\(refused)")

      trio.agents["a"]?.signal(SIGCONT)
      try await trio.expectConverged(job)
    }

    @Test func aStoppedCoordinatorChangesNothingAndAllComeBack() async throws {
      let trio = try await Trio()
      trio.agents["a"]?.signal(SIGSTOP)
      let job = try trio.beginPlacing(on: "a")
      let before = trio.others.map(\.masks)
      trio.fleet.coordinator?.signal(SIGSTOP)
      trio.agents["a"]?.signal(SIGCONT)
      // Longer than agents wait for a sign of life, and so longer than the coordinator waits for one.
      for host in ["b", "c"] {
        #expect(await eventually { trio.agents[host]?.logged.contains("disconnected") == true })
      }
      #expect(trio.others.map(\.masks) == before)

      trio.fleet.coordinator?.signal(SIGCONT)
      // What lies in the buffers of the old connections makes a host seem back before it is.
      for agent in trio.agents.values {
        #expect(await eventually(within: 60) { agent.logged.matches(of: #/ welcomed /#).count > 1 }, "\(agent.logged)")
      }
      try await trio.expectConverged(job)
      #expect(trio.others.map(\.masks) == before)
      try await trio.pinOnAll(["a", "b", "c"], to: [1])
    }
  }
}
