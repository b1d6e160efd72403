import Fleet
import Foundation
import NUMA
import Testing

extension EndToEndTests {
  /// An agent whose disk is full: a small tmpfs.
  @Suite(.enabled(if: SmallDisk.isWanted, SmallDisk.missing)) struct Disks {
    @Test func anAgentThatCannotWriteItsJournalHoldsItsJobsAndTouchesNothing() async throws {
      let disk = try SmallDisk(mebibytes: 1)
      // Whoever touches a thread meanwhile dies of it.
      let trap = Launch(environment: ["NUMAFLEET_FAILPOINT": "agent-before-thread"])
      let trio = try await Trio(
        hosts: ["a"], settings: { ["journal=\(disk.path("\($0).journal"))"] }, launch: { _ in trap })
      let agent = try #require(trio.agents["a"])
      try disk.fill()
      let job = try trio.beginPlacing(on: "a")
      #expect(await eventually { agent.logged.contains("journal not written") }, "\(agent.logged)")
      #expect(await eventually { self.detail(of: job, trio).contains("journal cannot be written") })
      try await expectHeld(job, trio)

      // Nor does one that is started on a full disk.
      #expect(!agent.hasEnded, "it has touched a thread")
      agent.signal(SIGKILL)
      _ = await agent.end()
      try trio.startAgent("a")
      #expect(await eventually { trio.agents["a"]?.logged.contains("journal not written") == true })
      try await expectHeld(job, trio)

      try disk.free()
      try await trio.expectConverged(job)
    }

    /// The job waits with its claim, and the guests are where they were.
    private func expectHeld(_ job: JobID, _ trio: Trio) async throws {
      #expect(trio.state(of: job)?.isFinal == false)
      #expect(try trio.ledger.claims().map(\.job) == [job])
      #expect(trio.tenants.allSatisfy { $0.masks.areExactly(.all(vcpus: 1, on: [0])) })
    }

    private func detail(of job: JobID, _ trio: Trio) -> String {
      guard case .jobs(let records) = trio.fleet.ask(.job(job)), case .running(let detail)? = records[0].report?.outcome
      else { return "" }
      return detail
    }
  }
}
