import Foundation
import GRDB
import Glibc
import Testing

extension EndToEndTests {
  /// What an operator does with the store: back it up, look at it, and come back from a damaged one.
  @Suite struct StoreCommands {
    @Test func aDamagedStoreIsToldRefusedAndReplacedByABackupThatAgentsObey() async throws {
      let fleet = try await LocalFleet()
      let backup = fleet.folder.path("backup.sqlite")
      try await fleet.key("a", role: "agent")
      _ = try fleet.startAgent("a")
      let workload = try fleet.start("numa-workload", ["--threads", "1", "--memory", "4"])
      let guest = "a/numa-workload-\(workload.pid)"
      #expect(try await eventually { try await fleet.run("guest", "show", guest).status == 0 })
      #expect(try await fleet.run("pin", guest, "--emulator", "0", "--live").status == 0)

      let load = try writeWithoutEnd(fleet)
      #expect(try await eventually { try await fleet.run("events").out.contains("no guest is called nobody") })
      for _ in 0..<3 {
        let made = try await command(fleet, "backup", fleet.store, backup, "--force")
        #expect(made.status == 0 && made.out.contains("1 jobs") && made.out.contains("nothing is wrong"), "\(made)")
      }
      #expect(try await command(fleet, "check", fleet.store).status == 0)
      let again = try await command(fleet, "backup", fleet.store, backup)
      #expect(again.status == 73 && again.err.contains("exists; name another file"), "\(again)")
      load.signal(SIGKILL)
      _ = await load.end()

      // Younger than the backup: the agent remembers this job's generation, and the next term's epoch.
      #expect(try await fleet.run("pin", guest, "--emulator", "0", "--live").status == 0)
      let inUse = try await command(fleet, "restore", backup, fleet.store)
      #expect(inUse.status == 73 && inUse.err.contains("stop that coordinator first"), "\(inUse)")
      await stop(fleet)
      try await fleet.startCoordinator()
      #expect(try await eventually { try await fleet.shows("a     connected", "host", "list") })
      await stop(fleet)

      try await damage(fleet)
      let checked = try await command(fleet, "check", fleet.store)
      #expect(checked.status == 73 && checked.err.contains("is damaged"), "\(checked)")
      let refused = try await fleet.launchCoordinator().end()
      #expect(refused.status == 73 && refused.err.contains("numafleet-coordinator restore --help"), "\(refused)")

      let restored = try await command(fleet, "restore", backup, fleet.store)
      #expect(restored.status == 0 && restored.out.contains("kept as \(fleet.store).replaced-1"), "\(restored)")
      try await fleet.startCoordinator()
      #expect(try await fleet.shows("epoch 1000002", "status"))
      #expect(try await eventually { try await fleet.run("pin", guest, "--emulator", "0", "--live").status == 0 })
      #expect(fleet.coordinator?.logged.contains("newer term") == false)
    }

    @Test func findingsAreToldAsTextAndJSON() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      await stop(fleet)
      try await DatabaseQueue(path: fleet.store).writeWithoutTransaction { db in
        try db.execute(sql: "DROP TRIGGER event_remains; DELETE FROM event WHERE sequence = 1")
      }
      let text = try await command(fleet, "check", fleet.store)
      #expect(text.status == 1 && text.out.contains("eventGap: event 2 follows event 0; "), "\(text)")
      let json = try await command(fleet, "check", fleet.store, "-o", "json")
      #expect(json.status == 1 && json.out.contains("\"code\" : \"eventGap\""), "\(json)")
    }

    /// A store that forgot its terms, as one that was made anew: its hosts obey only after the epoch was raised.
    @Test func aTermThatHostsKnowToBeOldIsRaised() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      let raised = fleet.folder.path("empty.sqlite")
      #expect(try await command(fleet, "backup", fleet.store, raised).status == 0)
      await stop(fleet)
      #expect(try await command(fleet, "raise-epoch", fleet.store, "--above", "70").out.contains("is 71"))
      try await fleet.startCoordinator()
      let agent = try fleet.startAgent("a")
      #expect(await eventually { agent.logged.contains("epoch=71") }, "\(agent.logged)")
      await stop(fleet)
      try FileManager.default.removeItem(atPath: fleet.store)
      try FileManager.default.moveItem(atPath: raised, toPath: fleet.store)
      try await fleet.startCoordinator()
      let told = await eventually { fleet.coordinator?.logged.contains("host obeys another coordinator") ?? false }
      #expect(told && fleet.coordinator?.logged.contains("term=71") == true)
      await stop(fleet)
      #expect(try await command(fleet, "raise-epoch", fleet.store, "--above", "71").out.contains("is 72"))
      try await fleet.startCoordinator()
      #expect(await eventually { agent.logged.contains("epoch=72") }, "\(agent.logged)")
    }

    private func command(_ fleet: LocalFleet, _ arguments: String...) async throws -> Child.End {
      try await Child(Programs.path("numafleet-coordinator"), arguments, in: fleet.folder.url).end()
    }

    private func stop(_ fleet: LocalFleet) async {
      fleet.coordinator?.signal(SIGTERM)
      let end = await fleet.coordinator?.end()
      #expect(end?.status == 0)
    }

    /// Asks again and again for a guest that nobody has, each time an event.
    private func writeWithoutEnd(_ fleet: LocalFleet) throws -> Child {
      try Child(
        "/bin/sh", ["-c", "while :; do \"$0\" place nobody >/dev/null 2>&1; done", Programs.path("numafleet")],
        environment: ["NUMAFLEET_COORDINATOR": "ipc://\(fleet.socket)"], in: fleet.folder.url)
    }

    /// Overwrites the second page.
    private func damage(_ fleet: LocalFleet) async throws {
      let end = try await Child(
        "/bin/dd", ["if=/dev/urandom", "of=\(fleet.store)", "bs=4096", "seek=1", "count=1", "conv=notrunc"],
        in: fleet.folder.url
      ).end()
      try #require(end.status == 0, "\(end)")
    }
  }
}
