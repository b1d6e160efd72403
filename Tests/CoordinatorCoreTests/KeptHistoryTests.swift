import Fleet
import NUMA
import Testing

@testable import CoordinatorCore

/// What a coordinator forgets of plans and jobs: memory is bounded, and nothing under way is lost.
@Suite struct KeptHistoryTests {
  private func coordinator() -> Coordinator {
    Coordinator(
      settings: Coordinator.Settings(softwareVersion: "1.0"), policy: Policy(), restoring: Restored(epoch: 3),
      now: Instant(milliseconds: 5000, wallMilliseconds: 1_700_000_000_000))
  }

  @Test func aPlanUnderWayIsKeptHoweverManyAreMade() {
    var machine = coordinator()
    var output = Coordinator.Output()
    var long = Plan(id: 1, purpose: "drain a", state: .applying)
    machine.keep(long, &output)
    for id in 2...UInt64(2 * Coordinator.plansMax) {
      machine.keep(Plan(id: PlanID(id), purpose: "repair", state: .done), &output)
    }
    #expect(machine.plans.count == Coordinator.plansMax && machine.plans.first?.id == 1)
    #expect(machine.plans.last?.id == PlanID(UInt64(2 * Coordinator.plansMax)))
    long.state = .done
    machine.keep(long, &output)
    machine.keep(Plan(id: 1000, purpose: "repair"), &output)
    #expect(machine.plans.count == Coordinator.plansMax && machine.plans.first?.id != 1)
  }

  /// Its jobs say which wave comes next.
  @Test func jobsOfAPlanThatWaitsAreKept() {
    var machine = coordinator()
    var output = Coordinator.Output()
    machine.keep(Plan(id: 7, purpose: "drain a", wavesDone: 1), &output)
    machine.lastPlan = 7
    for id in 1...UInt64(Coordinator.endedJobsMax + Coordinator.forgottenAtOnce + 50) {
      let job = Job(
        id: JobID(id), host: "a", guest: "g", guestName: "g", epoch: 2, generation: 1, incarnation: nil,
        action: .apply(desired: Pinning(emulator: [1]), expected: nil))
      machine.jobs.append(
        JobRecord(job: job, plan: id <= 3 ? 7 : nil, state: .verified, created: 0, ended: 1))
      machine.forgetOldJobs()
    }
    #expect(machine.jobs.prefix(3).map(\.plan) == [7, 7, 7])
    // As many as may be over went at once when the hundredth too many ended; 47 have ended since.
    #expect(machine.jobs.count == Coordinator.endedJobsMax + 47 + 3)
    #expect(machine.jobs[3].job.id == 104)
  }

  /// An emulator that went elsewhere is nothing that limits count, nor is it kept for longer than the term.
  @Test func repinsAreRememberedApart() {
    var machine = coordinator()
    for (number, copy) in [(1, KiB(0)), (2, KiB(gib: 1))] as [(UInt64, KiB)] {
      var output = Coordinator.Output()
      let pinning = Pinning(emulator: [1])
      var move = Move(
        guest: "g", guestName: "g", host: "h", incarnation: nil, from: [],
        placement: Placement(host: "h", cells: [], pinning: pinning, dedicated: [], score: 0, terms: []),
        expected: Pinning(emulator: [2]), movability: Movability(.liveMemory, because: ""), copy: copy, reason: "")
      move.keepsVCPUs = true
      machine.keep(Plan(id: PlanID(number), purpose: "auto: repair h", waves: [Wave(moves: [move])]), &output)
      let job = Job(
        id: JobID(number), host: "h", guest: "g", guestName: "g", epoch: 3, generation: Generation(number),
        incarnation: nil, action: .apply(desired: pinning, expected: nil))
      output = Coordinator.Output()
      machine.remember(
        JobRecord(job: job, plan: PlanID(number), state: .verified, created: 0),
        Instant(milliseconds: 6000, wallMilliseconds: 1_700_000_001_000), &output)
      #expect(output.writes.isEmpty == (copy == 0))
    }
    #expect(machine.automation.repins.records.map(\.job) == [1])
    #expect(machine.automation.moves.records.map(\.job) == [2])
  }

  /// What a move copied counts for a minute, though its plan is forgotten or its guest has ended on the way.
  @Test func copiesCountForAMinuteWhateverBecameOfThem() {
    let now = Instant(milliseconds: 100_000, wallMilliseconds: 1_700_000_100_000)
    var machine = coordinator()
    var output = Coordinator.Output()
    machine.automation.moves.append(
      MoveRecord(
        job: 1, guest: "a", guestName: "a", host: "h", from: [0], to: [1],
        wallMilliseconds: now.wallMilliseconds - 59_999, actor: "automation", copy: KiB(gib: 1)))
    let pinning = Pinning(emulator: [1])
    let move = Move(
      guest: "b", guestName: "b", host: "h", incarnation: nil, from: [],
      placement: Placement(host: "h", cells: [], pinning: pinning, dedicated: [], score: 0, terms: []),
      expected: Pinning(), movability: Movability(.liveMemory, because: ""), copy: KiB(gib: 2), reason: "")
    machine.keep(Plan(id: 9, purpose: "auto: repair h", waves: [Wave(moves: [move])], state: .applying), &output)
    #expect(machine.copiedLastMinute(now) == KiB(gib: 3), "what is to come counts too")
    let job = Job(
      id: 2, host: "h", guest: "b", guestName: "b", epoch: 2, generation: 1, incarnation: nil,
      action: .apply(desired: pinning, expected: nil))
    machine.jobs = [
      JobRecord(job: job, plan: 9, state: .refused, created: 0, ended: now.wallMilliseconds - 30_000)
    ]
    machine.keep(Plan(id: 9, purpose: "auto: repair h", waves: [Wave(moves: [move])], state: .failed), &output)
    #expect(machine.copiedLastMinute(now) == KiB(gib: 3), "its guest has ended, and it copied all the same")
    #expect(machine.copiedLastMinute(now.advanced(byMilliseconds: 20_000)) == KiB(gib: 2))
    #expect(machine.copiedLastMinute(now.advanced(byMilliseconds: 40_000)) == 0)
  }
}
