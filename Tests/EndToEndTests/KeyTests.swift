import Foundation
import Testing

extension EndToEndTests {
  /// Who has no key is told so, once, and nobody else notices.
  @Suite struct Keys {
    @Test func anAgentWithAnUnknownKeyIsToldOnceAndLetInWhenAuthorized() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a")
      let agent = try fleet.startAgent("a")
      #expect(await eventually { agent.logged.contains("not connected") }, "\(agent.logged)")
      #expect(agent.logged.contains("numafleet key authorize"))
      #expect(try await fleet.shows("hosts:          0", "status"))
      let again = await eventually(within: 5) { agent.logged.components(separatedBy: "not connected").count > 2 }
      #expect(!again, "one error, not one for each attempt: \(agent.logged)")

      #expect(
        try await fleet.run("key", "authorize", "a", fleet.folder.path("a.key.pub"), "--role", "agent").status == 0)
      #expect(await eventually(within: 60) { agent.logged.contains("welcomed") }, "\(agent.logged)")
    }

    @Test func anAgentThatPinsAnotherCoordinatorTrustsNobody() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      try await fleet.key("other")
      let coordinators =
        "[{endpoint: tcp://127.0.0.1:\(fleet.agentsPort), public_key_file: \(fleet.folder.path("other.key.pub"))}]"
      let agent = try fleet.start(
        "numafleet-agent",
        [
          "--config", "cluster-config/agent.yaml", "--set", "coordinators=\(coordinators)", "--set",
          "key_file=\(fleet.folder.path("a.key"))", "--set", "libvirt_uri=none", "--set",
          "journal=\(fleet.folder.path("a.journal"))",
        ])
      #expect(await eventually { agent.logged.contains("not connected") }, "\(agent.logged)")
      #expect(!agent.logged.contains("welcomed"))
    }

    @Test func aRevokedAgentLosesItsSessionAndOthersKeepTheirs() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      try await fleet.key("b", role: "agent")
      let revoked = try fleet.startAgent("a")
      let other = try fleet.startAgent("b")
      #expect(await eventually { revoked.logged.contains("welcomed") && other.logged.contains("welcomed") })
      let end = try await fleet.run("key", "revoke", fleet.folder.path("a.key.pub"))
      #expect(end.status == 0, "\(end.err)")
      #expect(try await eventually { try await fleet.run("host", "list").out.contains("a     unreachable") })
      #expect(
        await eventually { revoked.logged.contains("revoked") || revoked.logged.contains("refused") },
        "\(revoked.logged)")
      #expect(!other.logged.contains("disconnected") && !other.logged.contains("refused"))
      #expect(try await fleet.run("key", "list").out.contains("revoked"))
      let again = try await fleet.run(
        "key", "authorize", "a", fleet.folder.path("a.key.pub"), "--role", "agent", "-o", "json")
      #expect(again.status == 1 && again.out.contains("duplicate"), "\(again)")
    }

    @Test func operatorsNeedAKeyOfTheirRole() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("stranger")
      try await fleet.key("viewer", role: "viewer")
      try await fleet.key("admin", role: "admin")
      try await fleet.key("host", role: "agent")

      let unknown = try await fleet.run(as: "stranger", "status", "-o", "json", "--timeout", "5")
      #expect(unknown.status != 0 && unknown.out.contains("\"remedy\" : \"a"), "\(unknown)")
      #expect(unknown.out.components(separatedBy: "\"code\"").count == 2)
      let agent = try await fleet.run(as: "host", "status", "-o", "json", "--timeout", "5")
      #expect(agent.status != 0, "an agent's key is no operator's")
      let wrong = try await fleet.run(
        as: "viewer", coordinatorKey: fleet.folder.path("stranger.key.pub"), "status", "-o", "json", "--timeout", "5")
      #expect(wrong.status != 0 && wrong.out.contains("\"remedy\" : \"c"), "\(wrong)")

      let read = try await fleet.run(as: "viewer", "status")
      #expect(read.status == 0, "\(read) \(fleet.children.map(\.logged))")
      let denied = try await fleet.run(as: "viewer", "plan", "repair", "-o", "json")
      #expect(denied.status == 1 && denied.out.contains("notPermitted"), "\(denied)")
      let keys = try await fleet.run(
        as: "viewer", "key", "authorize", "x", fleet.folder.path("stranger.key.pub"), "--role", "admin", "-o", "json")
      #expect(keys.status == 1 && keys.out.contains("notPermitted"), "\(keys)")

      #expect(try await fleet.run(as: "admin", "key", "revoke", fleet.folder.path("viewer.key.pub")).status == 0)
      let revoked = try await fleet.run(as: "viewer", "status", "-o", "json", "--timeout", "5")
      #expect(revoked.status != 0 && revoked.out.contains("\"remedy\" : \"a"), "\(revoked)")
    }
  }
}
