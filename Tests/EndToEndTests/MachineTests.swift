import Foundation
import Testing

extension EndToEndTests {
  /// Real libvirtd, QEMU guests and kernel in an emulated machine of 4 cells; each argument is one check of a scenario.
  @Suite(.enabled(if: Machines.areWanted, Machines.missing)) struct Machine {
    @Test(arguments: Scenario.placing.checks) func placesPinsTunesAndStarts(_ check: String) async throws {
      try await expectPassed(check, in: .placing)
    }

    @Test(arguments: Scenario.strict.checks) func movesWhatLibvirtDoesNot(_ check: String) async throws {
      try await expectPassed(check, in: .strict)
    }

    @Test(arguments: Scenario.crash.checks) func leavesNoGuestHalfWhenKilled(_ check: String) async throws {
      try await expectPassed(check, in: .crash)
    }

    @Test(arguments: Scenario.kernel.checks) func standsInForLibvirt(_ check: String) async throws {
      try await expectPassed(check, in: .kernel)
    }

    @Test(arguments: Scenario.auto.checks) func healsByItself(_ check: String) async throws {
      try await expectPassed(check, in: .auto)
    }

    @Test(arguments: Scenario.migration.checks) func emptiesAHostByLiveMigration(_ check: String) async throws {
      try await expectPassed(check, in: .migration)
    }

    @Test(arguments: Scenario.drift.checks) func heedsWhatHandsDid(_ check: String) async throws {
      try await expectPassed(check, in: .drift)
    }

    @Test(arguments: Scenario.refusals.checks) func refusesBadInputAndChangesNothing(_ check: String) async throws {
      try await expectPassed(check, in: .refusals)
    }

    @Test(arguments: Scenario.foreign.checks) func namesOthersAtWork(_ check: String) async throws {
      try await expectPassed(check, in: .foreign)
    }

    @Test func servesACoordinatorOutsideOverTCP() async throws {
      let fleet = try await LocalFleet()
      try fleet.policy("live_pages: ['*']")
      fleet.coordinator?.signal(SIGHUP)
      try await fleet.key("machine", role: "agent")
      let machine = try Machines.start(
        "remote", fleet.set(fleet.agentSettings("machine", coordinatorAddress: "10.0.2.2")),
        sharing: fleet.folder.path("out"), in: fleet.folder)
      var guest = ""
      let listed = try await eventually(within: 120) {
        let list = try await fleet.run("guest", "list", "--host", "machine").out
        guest =
          list.split(whereSeparator: \.isWhitespace).first { $0.hasPrefix("numa-workload-") }.map(String.init) ?? ""
        return !guest.isEmpty || machine.hasEnded
      }
      #expect(listed && !guest.isEmpty, "\(machine.logged)")
      let placed = try await fleet.run("place", "machine/\(guest)", "--cells", "2")
      #expect(placed.status == 0, "\(placed)")
      try "".write(toFile: fleet.folder.path("out/stop"), atomically: true, encoding: .utf8)
      let end = await machine.end()
      #expect(end.out.contains("ok pages-and-threads-moved"), "\(end)")
    }

    /// What needs several cells is skipped on a host with one.
    @Test func kernelDriversOwnTestsHoldOnFourCells() async throws {
      let bundle = try #require(CommandLine.arguments.first { $0.hasSuffix(".xctest") })
      let folder = try Folder()
      defer { withExtendedLifetime(folder) {} }
      let command = [bundle, "--testing-library", "swift-testing", "--filter", "NUMADriverTests"]
      var end = try await Machines.run(command, limitSeconds: 400, in: folder).end()
      if Machines.failed.contains(end.status) {
        // It takes one minute; a machine that needs more than six has stopped, wherever it was.
        print("the machine of the kernel driver's tests is started again:\n\(telling(end))")
        end = try await Machines.run(command, limitSeconds: 400, in: folder).end()
      }
      #expect(end.status == 0 && end.err.contains("wholeProcessMovesBetweenCells() passed"), "\(telling(end))")
    }

    /// Of a run of tests what an investigation begins with: the failures, and what was said last.
    private func telling(_ end: Child.End) -> String {
      let lines = (end.out + end.err).split(separator: "\n")
      let failures = lines.filter { $0.contains("✘") }
      return (["status \(end.status)"] + failures.prefix(20) + ["…"] + lines.suffix(10)).joined(separator: "\n")
    }

    @Test(arguments: Scenario.allCases) func everyScenarioHasChecks(_ scenario: Scenario) {
      #expect(!scenario.checks.isEmpty)
    }
  }
}
