import AgentCore
import Fleet
import NUMA
import Testing

@testable import Simulation

/// Whole fleets under faults; `deploy/run-tests` runs 200 seeds more in release.
@Suite struct Faults {
  private static let small = FaultTrial.Settings(hosts: 4, hours: 0.5)

  @Test(arguments: [1, 2, 3, 5, 8] as [UInt64])
  func smallFleetsHoldAndComeToRest(_ seed: UInt64) throws {
    let trial = try FaultTrial(seed: seed, Self.small)
    #expect(trial.converged, "\(trial.verdict)")
    #expect(trial.events > 500 && trial.checks > 50 && trial.faults.total > 10)
  }

  @Test func theSameSeedDoesTheSame() throws {
    let (one, two) = (try FaultTrial(seed: 4, Self.small), try FaultTrial(seed: 4, Self.small))
    #expect(one.digest == two.digest && one.events == two.events && one.faults == two.faults)
    #expect(try FaultTrial(seed: 6, Self.small).digest != one.digest)
  }

  @Test func seedsDifferInWhatTheyAreExposedTo() {
    let climates = (1...40 as ClosedRange<UInt64>).map { Climate(seed: $0) }
    for kind in Climate.Kind.allCases {
      #expect(climates.contains { $0.kinds.contains(kind) }, "\(kind) never happens")
      if Climate.Kind.work.contains(kind) { continue }
      #expect(climates.contains { !$0.kinds.contains(kind) }, "\(kind) always happens")
    }
  }

  @Test func aTranscriptTellsWhatHappened() throws {
    let trial = try FaultTrial(seed: 1, Self.small, recording: true)
    #expect(trial.transcript.contains { $0.hasSuffix("coordinator 0 starts, term 1") })
    #expect(trial.transcript.contains { $0.contains("ends verified") })
  }
}

/// What watches the fleets, on fleets that are broken on purpose.
@Suite struct Watching {
  private var dice = SeededRandom(seed: 1, stream: 1)
  private let host: ModelHost

  init() {
    var host = ModelHost(id: "h00", random: &dice)
    host.guests = [Self.guest("a", on: host, cpu: 0), Self.guest("b", on: host, cpu: 1)]
    for index in host.guests.indices { host.boot(index) }
    self.host = host
  }

  private static func guest(_ name: String, on host: ModelHost, cpu: Int) -> ModelGuest {
    ModelGuest(
      id: GuestID("id-\(name)"), name: name, vcpus: 1, cells: [KiB(mib: 64)], host: host.topology,
      pinning: Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: [cpu])]))
  }

  private func job(_ id: JobID, _ guest: String, generation: Generation, epoch: Epoch = 1, cpu: Int) -> Job {
    Job(
      id: id, host: host.id, guest: GuestID("id-\(guest)"), guestName: guest, epoch: epoch, generation: generation,
      incarnation: host.guests.first { $0.name == guest }?.run,
      action: .apply(desired: Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: [cpu])]), expected: nil))
  }

  private func journal(_ jobs: [Job], epoch: Epoch = 1, ended: [JobReport] = []) -> Journal {
    Journal(
      highestEpoch: epoch, inHand: jobs.map { JobInHand(job: $0, before: Pinning()) }, unacknowledged: ended)
  }

  private func report(_ job: Job, _ outcome: JobOutcome) -> JobReport {
    JobReport(job: job.id, guest: job.guest, generation: job.generation, outcome: outcome)
  }

  private func rules(_ body: (inout SafetyWatch) -> Void) -> [String] {
    var watch = SafetyWatch(hosts: 1)
    body(&watch)
    return watch.violations.map(\.rule)
  }

  @Test func aGuestThatIsNotWhereItWasVerified() {
    let (right, wrong) = (job(1, "a", generation: 1, cpu: 0), job(1, "a", generation: 1, cpu: 3))
    for (job, expected) in [(right, []), (wrong, ["atomic"])] {
      let found = rules { watch in
        watch.saved(journal([job]), after: journal([]), on: host, 0, 1)
        watch.saved(journal([], ended: [report(job, .verified)]), after: journal([job]), on: host, 0, 2)
      }
      #expect(found == expected)
    }
  }

  @Test func aRefusedJobThatLeftSomething() {
    let job = job(1, "a", generation: 1, cpu: 3)
    var changed = host
    changed.guests[0].masks[0] = [3]
    let refused = report(job, .refused(Refusal(.rolledBack, "it failed", remedy: "")))
    let found = rules { watch in
      watch.saved(journal([job]), after: journal([]), on: host, 0, 1)
      watch.saved(journal([], ended: [refused]), after: journal([job]), on: changed, 0, 2)
    }
    #expect(found == ["atomic"])
  }

  @Test func aJobThatDivergedWithoutReason() {
    let job = job(1, "a", generation: 1, cpu: 0)
    let diverged = report(job, .diverged(Refusal(.diverged, "it is elsewhere", remedy: "")))
    for isExcused in [false, true] {
      let found = rules { watch in
        watch.saved(journal([job]), after: journal([]), on: host, 0, 1)
        if isExcused { watch.excuse(0, job.guest) }
        watch.saved(journal([], ended: [diverged]), after: journal([job]), on: host, 0, 2)
      }
      #expect(found == (isExcused ? [] : ["atomic"]))
    }
  }

  @Test func anOlderGenerationAndAnOlderTerm() {
    let first = job(1, "a", generation: 2, epoch: 3, cpu: 0)
    for (later, rule) in [
      (job(2, "a", generation: 2, epoch: 3, cpu: 0), "once"), (job(2, "a", generation: 3, epoch: 2, cpu: 0), "fence"),
    ] {
      let found = rules { watch in
        watch.saved(journal([first], epoch: 3), after: journal([]), on: host, 0, 1)
        watch.saved(journal([later], epoch: 3), after: journal([first], epoch: 3, ended: []), on: host, 0, 2)
      }
      #expect(found.contains(rule), "\(found)")
    }
    let forgetful = rules { watch in
      watch.saved(journal([], epoch: 3), after: journal([]), on: host, 0, 1)
      watch.saved(journal([], epoch: 2), after: journal([], epoch: 3), on: host, 0, 2)
    }
    #expect(forgetful == ["fence"])
  }

  @Test func anActWithoutAnIntentAndOnTheWrongRun() {
    let job = job(1, "a", generation: 1, cpu: 0)
    let pin = Effect.libvirt(domain: "id-a", .pinVCPU(0, [0], .live))
    #expect(rules { $0.willAct(pin, journal([]), on: host, 0, 1) } == ["intent"])
    #expect(rules { $0.willAct(pin, journal([job]), on: host, 0, 1) }.isEmpty)
    var restarted = host
    restarted.boot(0)
    #expect(rules { $0.acts(pin, journal([job]), on: restarted, 0, 1) } == ["incarnation"])
  }

  @Test func oneCPUForTwo() {
    let found = rules { watch in
      for (id, guest) in [(1, "a"), (2, "b")] as [(JobID, String)] {
        let job = job(id, guest, generation: 1, cpu: guest == "a" ? 0 : 1)
        watch.claims[0][id] = Claim(job: id, host: host.id, guest: job.guest, dedicated: [1], memory: [])
        watch.saved(journal([job]), after: journal([]), on: host, 0, 1)
        watch.saved(journal([], ended: [report(job, .verified)]), after: journal([job]), on: host, 0, 2)
      }
    }
    #expect(found == ["exclusive"])
  }
}
