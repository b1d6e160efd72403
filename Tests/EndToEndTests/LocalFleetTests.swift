import Fleet
import Foundation
import Glibc
import Testing

@testable import numafleet_coordinator

extension EndToEndTests {
  /// Two agents, a coordinator and an operator as processes of this host, without libvirt.
  @Suite struct Local {
    @Test func pinsAProcessOfThisHostAndTheKernelAgrees() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      try await fleet.key("b", role: "agent")
      _ = try fleet.startAgent("a")
      _ = try fleet.startAgent("b")
      let workload = try fleet.start("numa-workload", ["--threads", "3", "--memory", "32"])
      let guest = "numa-workload-\(workload.pid)"
      for host in ["a", "b"] {
        let listed = try await eventually { try await fleet.shows(guest, "guest", "list", "--host", host) }
        #expect(listed, "\(fleet.children.map(\.logged))")
      }
      let ambiguous = try await fleet.run("pin", guest, "--emulator", "0", "-o", "json")
      #expect(ambiguous.status == 1 && ambiguous.out.contains("ambiguousGuest"))

      let pinned = try await fleet.run("pin", "a/\(guest)", "--emulator", "0", "--live")
      #expect(pinned.status == 0, "\(pinned.err)")
      #expect(affinities(of: workload.pid).allSatisfy { $0 == "0" })
      #expect(affinities(of: workload.pid).count >= 3)

      let outside = try await fleet.run("pin", "a/\(guest)", "--emulator", "8000", "-o", "json")
      #expect(outside.status == 1 && outside.out.contains("cpuOutsideHost"))
      #expect(affinities(of: workload.pid).allSatisfy { $0 == "0" })
    }

    @Test func theCoordinatorKeepsKeysPlansAndJobsWhenKilled() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      _ = try fleet.startAgent("a")
      let workload = try fleet.start("numa-workload", ["--threads", "2", "--memory", "16"])
      let guest = "numa-workload-\(workload.pid)"
      #expect(try await eventually { try await fleet.shows(guest, "guest", "list") })
      #expect(try await fleet.run("pin", guest, "--emulator", "0", "--live").status == 0)
      #expect(try await fleet.run("plan", "repair").status == 0)
      let before = try await facts(of: fleet)
      #expect(before[3].contains("epoch 1"))

      fleet.coordinator?.signal(SIGKILL)
      _ = await fleet.coordinator?.end()
      try await fleet.startCoordinator()
      let after = try await facts(of: fleet)
      #expect(before[..<3] == after[..<3])
      #expect(after[3].contains("epoch 2"))
      // The guest is remembered; the agent comes back by itself, with the same key.
      #expect(try await fleet.shows(guest, "guest", "list"))
      #expect(try await eventually { try await fleet.shows("connected", "host", "list") })
      #expect(try await fleet.run("pin", guest, "--emulator", "0", "--live").status == 0)
    }

    @Test func aCommandHasOneEffectAndOneAnswerAlsoWhenTheCoordinatorWasKilled() async throws {
      let fleet = try await LocalFleet()
      let key = AuthorizedKey(publicKey: String(repeating: "k", count: 40), owner: "carol", role: .viewer)
      let first = try #require(try fleet.ask(.authorizeKey(key), as: 7))
      guard case .accepted = first else { return #expect(Bool(false), "\(first)") }
      #expect(try fleet.ask(.authorizeKey(key), as: 7) == first)
      fleet.coordinator?.signal(SIGKILL)
      _ = await fleet.coordinator?.end()
      try await fleet.startCoordinator()
      #expect(try fleet.ask(.authorizeKey(key), as: 7) == first)
      guard case .refused(let refusal)? = try fleet.ask(.authorizeKey(key), as: 8) else {
        return #expect(Bool(false), "a second command has a second effect")
      }
      #expect(refusal.code == .duplicate)
    }

    /// Keys, plans and jobs, and the status.
    private func facts(of fleet: LocalFleet) async throws -> [String] {
      try await [
        fleet.run("key", "list", "-o", "json").out, fleet.run("plan", "list", "-o", "json").out,
        fleet.run("job", "list", "-o", "json").out, fleet.run("status").out,
      ]
    }

    @Test func daemonsStopCleanlyOnSIGTERM() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      let agent = try fleet.startAgent("a")
      #expect(await eventually { agent.logged.contains("welcomed") }, "\(agent.logged)")
      agent.signal(SIGTERM)
      let agentEnd = await agent.end()
      #expect(agentEnd.status == 0 && agentEnd.err.contains("stopping"))
      let coordinator = try #require(fleet.coordinator)
      coordinator.signal(SIGTERM)
      let end = await coordinator.end()
      #expect(end.status == 0 && end.err.contains("stopping"))
      #expect(
        !FileManager.default.fileExists(atPath: fleet.folder.path("store.sqlite-wal")), "the store was not closed")
    }

    @Test func theCommandSaysSoWhenNobodyAnswers() async throws {
      let fleet = try await LocalFleet()
      fleet.coordinator?.signal(SIGKILL)
      _ = await fleet.coordinator?.end()
      let status = try await fleet.run("status", "--timeout", "2", "-o", "json")
      #expect(status.status == 3, "\(status)")
      #expect(status.out.contains("\"remedy\""))
    }

    @Test func policyIsReadAgainOnSIGHUP() async throws {
      let fleet = try await LocalFleet()
      let coordinator = try #require(fleet.coordinator)
      #expect(try await fleet.shows("\"overcommitPercent\" : 400", "policy", "show", "-o", "json"))
      try fleet.policy("overcommit_percent: 200")
      coordinator.signal(SIGHUP)
      let taken = try await eventually {
        try await fleet.shows("\"overcommitPercent\" : 200", "policy", "show", "-o", "json")
      }
      #expect(taken)
      try fleet.policy("overcommit_percent: 3")
      coordinator.signal(SIGHUP)
      #expect(await eventually { coordinator.logged.contains("policy not reloaded") })
      #expect(coordinator.logged.contains("policy.yaml:2"))
      #expect(try await fleet.shows("\"overcommitPercent\" : 200", "policy", "show", "-o", "json"))
      // Over a restart too, and the fleet is not without its coordinator.
      coordinator.signal(SIGTERM)
      _ = await coordinator.end()
      try await fleet.startCoordinator()
      #expect(fleet.coordinator?.logged.contains("policy not readable, the last one stays in force") == true)
      #expect(try await fleet.shows("\"overcommitPercent\" : 200", "policy", "show", "-o", "json"))
      #expect(try await fleet.shows("revision 2 of the policy is in force", "events"))
    }

    @Test func manyGuestsArePlacedAtOnceAndGroupsAreKeptApart() async throws {
      let fleet = try await LocalFleet()
      for name in ["a", "b"] {
        try await fleet.key(name, role: "agent")
        _ = try fleet.startAgent(name)
      }
      let counted = try await eventually {
        try await fleet.run("capacity", "--vcpus", "1", "--memory", "4MiB", "--by-host").out.contains("\nb ")
      }
      #expect(counted, "\(fleet.children.map(\.logged))")
      try "kind: shape\nname: s\nguest_cells: [{vcpus: 1, memory: 4MiB}]\n"
        .write(toFile: fleet.folder.path("s.yaml"), atomically: true, encoding: .utf8)
      let batch = fleet.folder.path("batch.yaml")
      try "kind: batch\nguests: [{shape: s.yaml, count: 3, name: web}]\n"
        .write(toFile: batch, atomically: true, encoding: .utf8)
      #expect(try await fleet.run("place", "--batch", batch).out.contains("3 of 3 placed"))

      try fleet.policy("groups: [{name: web, rule: apart, level: host, members: [web-*]}]")
      fleet.coordinator?.signal(SIGHUP)
      let apart = try await eventually {
        try await fleet.run("place", "--batch", batch).out.contains("2 of 3 placed")
      }
      #expect(apart)
      let all = try await fleet.run("place", "--batch", batch, "--all-or-nothing", "-o", "json")
      #expect(all.status == 1 && all.out.contains("\"code\" : \"noRoom\""))
      #expect(all.out.contains("2 hosts are barred by group web, apart by host"), "\(all.out)")
    }

    @Test func anAgentSurvivesSIGHUPAndSaysWhatARestartWouldChange() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      let file = fleet.folder.path("agent.yaml")
      let text = try String(contentsOfFile: "cluster-config/agent.yaml", encoding: .utf8)
      func write(_ text: String) throws { try text.write(toFile: file, atomically: true, encoding: .utf8) }
      try write(text)
      let agent = try fleet.startAgent("a", config: file)
      #expect(await eventually { agent.logged.contains("welcomed") }, "\(agent.logged)")
      agent.signal(SIGHUP)
      #expect(await eventually { agent.logged.contains("nothing has changed") }, "\(agent.logged)")
      try write(text.replacing("threads_milliseconds: 5000", with: "threads_milliseconds: 1000"))
      agent.signal(SIGHUP)
      #expect(await eventually { agent.logged.contains("keys=poll") }, "\(agent.logged)")
      try write("kind: agent\nwhatever: 1\n")
      agent.signal(SIGHUP)
      #expect(await eventually { agent.logged.contains("agent.yaml:2") }, "\(agent.logged)")
      #expect(!agent.hasEnded)
      #expect(try await fleet.shows("a     connected", "host", "list"))
    }

    /// More than one page of them, by number and by size.
    @Test func aFollowerMissesNoEventHoweverManyThereAre() async throws {
      let fleet = try await LocalFleet()
      let many = 10_050
      try fleet.refuse(
        Array(repeating: "nobody", count: many) + Array(repeating: String(repeating: "x", count: 60_000), count: 150))
      let follower = try fleet.follow()
      try fleet.refuse(["late"])
      #expect(await eventually { follower.printed.contains("no guest is called late") }, "\(follower.logged)")
      follower.signal(SIGINT)
      let end = await follower.end()
      let sequences = end.out.split(separator: "\n").compactMap {
        $0.firstMatch(of: #/"sequence":(\d+)/#).flatMap { UInt64($0.1) }
      }
      #expect(end.status == 0)
      let isWhole = sequences == Array(1...UInt64(many + 153))
      #expect(isWhole, "\(sequences.count) events, ending in \(sequences.suffix(3))")
      let listed = try await fleet.run("events", "--after", "2", "-o", "json")
      #expect(listed.out.matches(of: #/"sequence" : /#).count == sequences.count - 2, "\(listed.err)")
    }

    @Test func aPageOfEventsFitsAMessageAndIsNeverEmpty() {
      let events = [3, 4, 9, 1].enumerated().map { index, size in
        FleetEvent(
          sequence: UInt64(index), wallMilliseconds: 0, kind: .jobSent, actor: "a",
          text: String(repeating: "x", count: size))
      }
      #expect(events.page(bytesMax: 9).map(\.sequence) == [0, 1])
      #expect(Array(events[2...]).page(bytesMax: 9).map(\.sequence) == [2])
      #expect(events.page(bytesMax: 100) == events)
      #expect([FleetEvent]().page(bytesMax: 100).isEmpty)
    }

    @Test(arguments: ["-1", "3600001", "4294968"]) func aWorkloadRefusesAPauseItCannotSleep(_ pause: String)
      async throws
    {
      let folder = try Folder()
      let workload = try Child(
        Programs.path("numa-workload"), ["--memory", "1", "--pause-milliseconds=\(pause)"], in: folder.url)
      defer { workload.signal(SIGKILL) }
      #expect(await eventually { workload.hasEnded || workload.printed.contains("holds") })
      #expect(workload.logged.contains("--pause-milliseconds is 0...3600000"), "\(workload.logged)")
    }

    @Test(arguments: ["3-1", "^5", "0-99999999999", "1,,2", "a"])
    func malformedListsAreUsageErrors(_ list: String) async throws {
      let folder = try Folder()
      let end = try await Child(
        Programs.path("numafleet"), ["pin", "db", "--vcpu", "0=\(list)", "-o", "json"], in: folder.url
      ).end()
      #expect(end.status == 64)
      #expect(end.out.contains("\"code\" : \"usage\"") && end.out.contains("write for example"))
    }

    @Test(arguments: ["numafleet-coordinator", "numafleet-agent"])
    func aMistakeInTheConfigurationHasItsLine(_ program: String) async throws {
      let folder = try Folder()
      let kind = program == "numafleet-agent" ? "agent" : "coordinator"
      try "kind: \(kind)\nwhatever: 1\n".write(toFile: folder.path("x.yaml"), atomically: true, encoding: .utf8)
      let end = try await Child(Programs.path(program), ["--config", folder.path("x.yaml")], in: folder.url).end()
      #expect(end.status == 64)
      #expect(end.err.contains("x.yaml:2") && end.err.contains("whatever"), "\(end.err)")
    }
  }
}

/// `Cpus_allowed_list` of each thread, from the kernel.
private func affinities(of pid: Int32) -> [String] {
  let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task")) ?? []
  return tasks.compactMap { task in
    let status = try? String(contentsOfFile: "/proc/\(pid)/task/\(task)/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed_list:") }
    return line.map { $0.dropFirst(18).trimmingCharacters(in: .whitespaces) }
  }
}
