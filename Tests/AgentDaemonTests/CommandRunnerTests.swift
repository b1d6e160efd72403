import AgentCore
import ClusterConfig
import Fleet
import Foundation
import Logging
import NUMA
import Synchronization
import Testing

@testable import numafleet_agent

/// Commands against libvirt's own test driver.
@Suite struct CommandRunnerTests {
  private static let settings = """
    kind: agent
    coordinators:
      - endpoint: tcp://127.0.0.1:7447
        public_key: "\(String(repeating: "k", count: 40))"
    key_file: agent.key
    libvirt_uri: test:///default
    journal: agent.journal
    """

  /// Runs one command and waits for its end.
  private func outcome(_ effect: Effect, run: Incarnation?) async throws -> CommandOutcome {
    let configuration = try AgentConfiguration(parsing: Self.settings, file: "agent.yaml")
    let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    return await withCheckedContinuation { continuation in
      let runner = CommandRunner(configuration: configuration, log: log) { _, outcome in
        continuation.resume(returning: outcome)
      }
      runner.run(Command(id: 1, effect: effect, run: run, deadlineMilliseconds: 10_000))
    }
  }

  /// The domain of the test driver.
  private static let domain = "6695eb01-f6a4-8304-79aa-97f2502e193f"

  @Test func aCallForARunThatHasEndedIsNotMade() async throws {
    let ended = Incarnation(pid: Int(ProcessInfo.processInfo.processIdentifier), startTicks: 1)
    let pin = Effect.libvirt(domain: Self.domain, .pinVCPU(0, [0], .live))
    guard case .failed(let refusal) = try await outcome(pin, run: ended) else {
      Issue.record("a call was made for a run that has ended")
      return
    }
    #expect(refusal.code == .incarnationChanged)
    // What is not for a running guest needs none, and a run that is not told is not asked for.
    for (effect, run) in [
      (Effect.libvirt(domain: Self.domain, .pinVCPU(0, [0], .config)), ended as Incarnation?), (pin, nil),
    ] {
      let end = try await outcome(effect, run: run)
      if case .failed(let refusal) = end { #expect(refusal.code != .incarnationChanged, "\(end)") }
    }
  }
}
