import Fleet
import NUMA
import Testing

@testable import CoordinatorCore

/// How long moves will take is told by those that were verified.
@Suite struct RateTests {
  private func coordinator(_ copies: [(mib: Int, milliseconds: Int, state: JobState)], to host: HostID) -> Coordinator {
    var coordinator = Coordinator(
      settings: Coordinator.Settings(softwareVersion: "1.0"), policy: Policy(), restoring: Restored(epoch: 1),
      now: Instant(milliseconds: 0, wallMilliseconds: 0))
    for (index, copy) in copies.enumerated() {
      let id = GuestID("g\(index)")
      let placement = Placement(host: host, cells: [], pinning: Pinning(), dedicated: [], score: 0, terms: [])
      let move = Move(
        guest: id, guestName: "g\(index)", host: "a", incarnation: nil, from: [], placement: placement,
        expected: Pinning(), movability: Movability(.liveMemory, because: "the test says so"), copy: KiB(mib: copy.mib),
        reason: "")
      let plan = PlanID(UInt64(index + 1))
      coordinator.plans.append(Plan(id: plan, purpose: "repair", waves: [Wave(moves: [move])], state: .done))
      let job = Job(
        id: JobID(UInt64(index + 1)), host: "a", guest: id, guestName: "g\(index)", epoch: 1, generation: 1,
        incarnation: nil,
        action: host == "a"
          ? .apply(desired: Pinning(), expected: nil) : .migrate(uri: "", placement: placement, expected: Pinning()),
        scope: .both, driver: .automatic, livePages: false)
      let report = JobReport(
        job: job.id, guest: id, generation: 1, outcome: .verified,
        steps: [StepRecord(name: "move", milliseconds: copy.milliseconds, detail: "")])
      coordinator.jobs.append(JobRecord(job: job, plan: plan, state: copy.state, report: report, created: 0))
    }
    return coordinator
  }

  @Test func verifiedMovesTellTheRate() {
    let rates = coordinator(
      [(100, 1000, .verified), (300, 1000, .verified), (900, 1, .refused), (0, 500, .verified)], to: "a"
    ).ratesOfCopies()
    #expect(rates == CopyRates(withinHosts: 200 << 10, betweenHosts: 0))
    let between = coordinator([(64, 2000, .verified)], to: "b").ratesOfCopies()
    #expect(between == CopyRates(withinHosts: 0, betweenHosts: 32 << 10))
    #expect(coordinator([], to: "a").ratesOfCopies() == CopyRates())
  }

  /// The next plan is told of with the rate of the copy that has just ended.
  @Test func rateFollowsTheNewestMove() throws {
    var machine = coordinator([(100, 1000, .verified), (300, 1000, .running)], to: "a")
    machine.copyRates = machine.ratesOfCopies()
    #expect(machine.copyRates.withinHosts == 100 << 10)
    let report = try #require(machine.jobs[1].report)
    var output = Coordinator.Output()
    machine.took(
      report, from: "a", at: Reading(boot: "agent", sequence: 1), Instant(milliseconds: 1, wallMilliseconds: 1),
      &output)
    #expect(machine.jobs[1].state == .verified && machine.copyRates.withinHosts == 200 << 10)
  }
}
