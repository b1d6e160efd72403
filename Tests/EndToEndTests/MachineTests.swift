import Foundation
import Testing

extension EndToEndTests {
  /// Real libvirtd, QEMU guests and kernel in an emulated machine of 4 cells; each argument is one check of a scenario.
  @Suite struct Machine {
    @Test(arguments: Scenario.placing.checks) func placesPinsTunesAndStarts(_ check: String) async throws {
      try await expectPassed(check, in: .placing)
    }

    @Test(arguments: Scenario.strict.checks) func movesWhatLibvirtDoesNot(_ check: String) async throws {
      try await expectPassed(check, in: .strict)
    }

    @Test(arguments: Scenario.crash.checks) func leavesNoGuestHalfWhenKilled(_ check: String) async throws {
      try await expectPassed(check, in: .crash)
    }

    @Test(arguments: Scenario.allCases) func everyScenarioHasChecks(_ scenario: Scenario) {
      #expect(!scenario.checks.isEmpty)
    }
  }
}
