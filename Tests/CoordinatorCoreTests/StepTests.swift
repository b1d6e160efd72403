import CoordinatorCore
import Fleet
import NUMA
import Testing

/// Given a state, one event, the whole output: what a transcript would only blur.
@Suite struct StepTests {
  let now = Instant(milliseconds: 5000, wallMilliseconds: 1_700_000_000_000)

  func coordinator(_ restored: Restored = Restored(epoch: 3)) -> Coordinator {
    Coordinator(settings: Coordinator.Settings(softwareVersion: "1.0"), policy: Policy(), restoring: restored, now: now)
  }

  func from(_ host: HostID, _ sequence: UInt64, boot: BootID = "b", _ payload: ToCoordinator) -> Coordinator.Event {
    .received(Envelope(messageID: sequence, epoch: 3, boot: boot, sequence: sequence, payload: payload), from: host)
  }

  func job(_ id: JobID, host: HostID = "a", guest: GuestID = "g", state: JobState, plan: PlanID? = nil) -> JobRecord {
    JobRecord(
      job: Job(
        id: id, host: host, guest: guest, guestName: guest.text, epoch: 2, generation: 1, incarnation: nil,
        action: .apply(desired: Pinning(emulator: [1]), expected: nil)),
      plan: plan, state: state, created: 0, ended: state.isFinal ? 1 : nil)
  }

  /// The first report of a host without guests.
  func report(cells: Int) -> ToCoordinator {
    let topology = HostTopology(
      cells: (0..<cells).map { Cell(id: $0, memoryTotal: 4096, memoryFree: 0, pages: [], cpus: [$0]) },
      pcpus: (0..<cells).map { PCPU(id: $0, cell: $0, socket: 0, die: 0, core: $0, siblings: [$0]) },
      distances: DistanceMatrix(
        ids: Array(0..<cells), rows: (0..<cells).map { a in (0..<cells).map { a == $0 ? 10 : 20 } }))
    return .report(
      HostReport(
        facts: HostFacts(kernelVersion: "6.1.0"), topologyHash: topology.contentHash, topology: topology, cells: [],
        guests: [], libvirtAnswers: true))
  }

  @Test func aTickWithNothingToDoPutsNothingOut() {
    var machine = coordinator()
    #expect(machine.step(.tick, at: now) == Coordinator.Output())
    #expect(machine.nextDeadline == nil)
  }

  @Test func theFirstWordOfATermIsTheBeginning() {
    var machine = coordinator(Restored(epoch: 3, lastEvent: 41))
    var expected = Coordinator.Output()
    expected.writes = [
      .event(
        FleetEvent(
          sequence: 42, wallMilliseconds: now.wallMilliseconds, kind: .coordinatorStarted, actor: "coordinator",
          text: "term 3 began, version 1.0"))
    ]
    #expect(machine.begin(at: now) == expected)
  }

  @Test func theOldestEventsGoAPortionEachSecond() {
    func forgotten(_ output: Coordinator.Output) -> [String] {
      output.writes.compactMap { write in
        switch write {
        case .event(let event): event.text
        case .forgottenEvents(let last): "up to \(last)"
        default: nil
        }
      }
    }
    var settings = Coordinator.Settings(softwareVersion: "1.0", keepEvents: 5000)
    var restored = Restored(epoch: 3, lastEvent: 29_999, eventFloor: 100)
    var machine = Coordinator(settings: settings, policy: Policy(), restoring: restored, now: now)
    let words = "are no longer kept, as keep_events is 5000"
    let begun = ["term 3 began, version 1.0", "events 101 to 10100 \(words)", "up to 10100"]
    #expect(forgotten(machine.begin(at: now)) == begun)
    #expect(forgotten(machine.step(.tick, at: now.advanced(byMilliseconds: 999))).isEmpty)
    let later = now.advanced(byMilliseconds: 1000)
    #expect(forgotten(machine.step(.tick, at: later)) == ["events 10101 to 20100 \(words)", "up to 20100"])
    // Fewer than a portion too many wait for the next term.
    #expect(forgotten(machine.step(.tick, at: later.advanced(byMilliseconds: 1000))).isEmpty)
    (restored.lastEvent, restored.eventFloor) = (30_003, 20_100)
    machine = Coordinator(settings: settings, policy: Policy(), restoring: restored, now: later)
    #expect(forgotten(machine.begin(at: later)).last == "up to 25004")
    settings.keepEvents = 0
    machine = Coordinator(settings: settings, policy: Policy(), restoring: restored, now: later)
    #expect(forgotten(machine.begin(at: later)).count == 1)
  }

  @Test func anUnknownFinalReportIsAcknowledgedAndKeepsNothing() {
    var machine = coordinator()
    _ = machine.step(from("a", 1, .heartbeat(lastReport: 0)), at: now)
    let report = JobReport(job: 9, guest: "g", generation: 1, outcome: .verified)
    let output = machine.step(from("a", 2, .jobReport(report)), at: now)
    #expect(output.writes.isEmpty)
    #expect(output.messages.map(\.payload) == [.jobAcknowledged(9), .sendReport(withTopology: true)])
  }

  @Test func aRestoredJobIsDueAtOnceAndASilentHostLater() {
    var machine = coordinator(Restored(epoch: 3, jobs: [job(1, state: .sent)], lastJob: 1))
    #expect(machine.nextDeadline == now)
    _ = machine.step(.tick, at: now)
    #expect(machine.nextDeadline == now.advanced(byMilliseconds: 2000))
  }

  @Test func aRestoredJobIsWrittenUnderTheNewTermBeforeItIsSent() throws {
    var machine = coordinator(Restored(epoch: 3, jobs: [job(1, state: .running)], lastJob: 1))
    let output = machine.step(from("a", 1, report(cells: 1)), at: now)
    let written = output.writes.compactMap { if case .job(let record) = $0 { record.job } else { nil } }
    let sent = output.messages.compactMap { if case .job(let job) = $0.payload { job } else { nil } }
    #expect(written == sent)
    #expect(sent.map(\.epoch) == [3])
    #expect(sent.map(\.generation) == [1])
  }

  /// More jobs than are remembered have ended since the plan's first wave, and the second still comes once.
  @Test func aPlanUnderWayIsNotForgottenHoweverManyJobsEnd() throws {
    let moves = (1...2).map { number in
      Move(
        guest: GuestID("g\(number)"), guestName: "g\(number)", host: "a", incarnation: nil, from: [],
        placement: Placement(
          host: "a", cells: [], pinning: Pinning(emulator: [1]), dedicated: [], score: 0, terms: []),
        expected: Pinning(), movability: Movability(.cpuOnly, because: "test"), copy: 0, reason: "test")
    }
    let plan = Plan(id: 1, purpose: "repair", waves: moves.map { Wave(moves: [$0]) }, state: .applying)
    let others = (0..<1100).map { job(JobID(UInt64(10 + $0)), guest: GuestID("x\($0)"), state: .sent) }
    let own = [job(1, guest: "g1", state: .verified, plan: 1), job(2, guest: "g2", state: .sent, plan: 1)]
    var machine = coordinator(
      Restored(epoch: 3, plans: [plan], jobs: own + others, lastPlan: 1, lastJob: 2000))
    func end(_ record: JobRecord, _ sequence: UInt64) -> Coordinator.Output {
      let report = JobReport(job: record.job.id, guest: record.job.guest, generation: 1, outcome: .verified)
      return machine.step(from("a", sequence, .jobReport(report)), at: now)
    }
    for (index, record) in others.enumerated() { _ = end(record, UInt64(index + 1)) }
    let kept = machine.step(.asked(.job(1), actor: "alice", token: 1), at: now)
    #expect(kept.replies.map(\.payload) == [.jobs([own[0]])])
    let forgotten = machine.step(.asked(.job(10), actor: "alice", token: 2), at: now)
    let unknown = Refusal(.unknownJob, "there is no job 10", remedy: "see numafleet job list")
    #expect(forgotten.replies.map(\.payload) == [.refused(unknown)])
    let states = end(own[1], 5000).writes.compactMap { if case .plan(let plan) = $0 { plan.state } else { nil } }
    #expect(states == [.done])
  }

  @Test func onlyTheLastSixteenEndedBootsAreRemembered() {
    var machine = coordinator()
    for boot in 0...17 { _ = machine.step(from("a", 1, boot: BootID("b\(boot)"), .heartbeat(lastReport: 0)), at: now) }
    let late = machine.step(from("a", 2, boot: "b1", .heartbeat(lastReport: 0)), at: now)
    #expect(late.notes.map(\.event) == ["late message dropped"])
    let forgotten = machine.step(from("a", 2, boot: "b0", .heartbeat(lastReport: 0)), at: now)
    #expect(forgotten.notes.isEmpty)
  }
}
