import Fleet
import Foundation
import NUMA
import Testing

extension EndToEndTests {
  /// Daemons in networks of their own, whose wires are cut and lose packets.
  @Suite(.enabled(if: Namespaces.areWanted, Namespaces.missing)) struct Partitions {
    @Test(arguments: Namespaces.Direction.allCases)
    func aJobUnderWayOutlivesAPartition(_ direction: Namespaces.Direction) async throws {
      let (networks, trio) = try await Self.trio()
      defer { withExtendedLifetime(networks) {} }
      // The job has reached the agent's host when the wire is cut, but is not read before that; where only the way to
      // the agent is cut the agent could still report it, so there it is on its way.
      trio.agents["a"]?.signal(SIGSTOP)
      if direction == .toAgent { try networks.lose(direction, of: "a") }
      let job = try trio.beginPlacing(on: "a")
      if direction != .toAgent { try networks.lose(direction, of: "a") }
      trio.agents["a"]?.signal(SIGCONT)
      #expect(await eventually { trio.fleet.view(of: "a")?.liveness == .unreachable })
      try await trio.pinOnAll(["b"], to: [1])
      let view = try #require(trio.fleet.view(of: "a"))
      #expect(view.liveness == .unreachable && view.claims.map(\.job) == [job], "\(view.claims)")
      #expect(try trio.ledger.claims().map(\.job) == [job])

      try networks.heal("a")
      try await trio.expectConverged(job)
    }

    @Test func fivePercentLossHoldsNoJobUpAndNoHostIsThoughtSilent() async throws {
      let (networks, trio) = try await Self.trio()
      for host in trio.hosts { try networks.lose(.both, of: host, part: 0.05) }
      for round in 0..<30 { try await trio.pinOnAll(["a", "b"], to: [round % 2]) }
      let (lost, silences) = (try trio.hosts.map(networks.lost).reduce(0, +), try trio.silences())
      print("partitions: 60 jobs, \(lost) packets lost, \(silences) silences")
      #expect(lost > 0 && silences == 0)
      #expect(trio.agents.values.allSatisfy { !$0.logged.contains("disconnected") })
    }

    private static func trio() async throws -> (Namespaces, Trio) {
      let networks = try Namespaces(agents: ["a", "b"])
      let fleet = try await LocalFleet(address: "0.0.0.0", as: networks.coordinatorLaunch)
      let trio = try await Trio(
        hosts: networks.names, on: fleet,
        settings: { fleet.agentSettings($0, coordinatorAddress: networks.coordinatorAddress(for: $0)) },
        launch: { networks.launch(of: $0) })
      return (networks, trio)
    }
  }
}
