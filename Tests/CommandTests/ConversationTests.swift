import Fleet
import Foundation
import NUMA
import Synchronization
import Testing
import ZeroMQTransport

@testable import numafleet

/// Commands over the real transport and the real wire.
@Suite struct Conversations {
  @Test func answerIsShown() throws {
    let coordinator = try CoordinatorStandIn { request in
      request == .guest("db") ? [.guest(CannedFleet.placed[0])] : [.refused(CannedFleet.refusal)]
    }
    let run = try Run("guest show db", coordinator)
    #expect(run.exit == .done)
    #expect(run.out == GuestText(CannedFleet.placed[0]).text + "\n")
    #expect(run.err == "")
  }

  @Test func refusalIsAFailureInWordsAndInJSON() throws {
    let coordinator = try CoordinatorStandIn { _ in
      [.refused(Refusal(.unknownGuest, "no guest is named x", remedy: "see `numafleet guest list`"))]
    }
    let words = try Run("guest show x", coordinator)
    #expect(words.exit == .refused)
    #expect(words.out == "")
    #expect(words.err == "numafleet: no guest is named x; see `numafleet guest list`\n")
    let json = try Run("guest show x -o json", coordinator)
    #expect(json.exit == .refused)
    #expect(json.out.contains("\"code\" : \"unknownGuest\""))
  }

  @Test func aBatchAsksForEachGuestByName() throws {
    let asked = Mutex<[Shape]>([])
    let coordinator = try CoordinatorStandIn { request in
      guard case .placeShapes(let wish) = request else { return [.refused(CannedFleet.refusal)] }
      asked.withLock { $0 = wish.shapes }
      return [
        .decisions(
          wish.shapes.map { shape in
            shape.name == "orders"
              ? Decision(placement: nil, refusal: CannedFleet.refusal)
              : Decision(placement: CannedFleet.placement, refusal: nil)
          })
      ]
    }
    let file = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appending(path: "cluster-config/batch.yaml").path
    let run = try Run("place --batch \(file)", coordinator)
    #expect(run.exit == .done)
    #expect(asked.withLock { $0.map(\.name) } == ["small-1", "small-2", "small-3", "orders"])
    #expect(run.out.contains("3 of 4 placed\norders: node 1 lacks 480 MiB of base pages"), "\(run.out)")
    let json = try Run("place --batch \(file) -o json", coordinator)
    #expect(json.out.contains("\"placed\" : 3"))
  }

  @Test func aBatchFileThatIsNotThereIsNamed() throws {
    let run = try Run("place --batch nowhere.yaml --coordinator ipc:///nonexistent/operator.sock")
    #expect(run.exit == .usage)
    #expect(run.err.contains("batch file nowhere.yaml: No such file or directory"), "\(run.err)")
  }

  @Test func silenceIsNamedWithWhatToCheck() throws {
    let coordinator = try CoordinatorStandIn { _ in [] }
    let run = try Run("status --timeout 1", coordinator)
    #expect(run.exit == .noAnswer)
    #expect(run.err.contains("within 1 s; is numafleet-coordinator running?"), "\(run.err)")
  }

  @Test func aCommandWithoutAnAnswerIsAskedAgainUnderItsName() throws {
    let times = Mutex(0)
    let coordinator = try CoordinatorStandIn { _ in
      let time = times.withLock { count in
        count += 1
        return count
      }
      return time == 1 ? [] : [.accepted(Accepted(text: "host a is draining"))]
    }
    let run = try Run("host drain a --timeout 1", coordinator)
    #expect(run.exit == .done)
    #expect(run.err.contains("within 1 s; asking again, which does nothing twice (2 of 3)"), "\(run.err)")
    let ids = coordinator.asked.ids.withLock { $0 }
    #expect(ids.count == 2 && ids[0] != nil && ids[0] == ids[1])
    _ = try Run("host drain a --timeout 1", coordinator)
    #expect(coordinator.asked.ids.withLock { $0.last.map { $0?.boot } } != ids[0]?.boot)
  }

  @Test func aCommandIsAskedThreeTimesAtMostAndAQuestionOnce() throws {
    let coordinator = try CoordinatorStandIn { _ in [] }
    let command = try Run("host drain a --timeout 1", coordinator)
    #expect(command.exit == .noAnswer)
    #expect(command.err.contains("asked 3 times; the change may have been made"), "\(command.err)")
    #expect(coordinator.asked.ids.withLock { $0.count } == 3)
    _ = try Run("host list --timeout 1", coordinator)
    #expect(coordinator.asked.ids.withLock { $0.count } == 4)
  }

  @Test func nobodyThereIsNamedAtOnce() throws {
    let run = try Run("status --coordinator ipc:///nonexistent/operator.sock")
    #expect(run.exit == .noAnswer)
    #expect(
      run.err
        == "numafleet: no answer from coordinator at ipc:///nonexistent/operator.sock; "
        + "is numafleet-coordinator running?\n"
    )
  }

  @Test(arguments: [
    ("--coordinator udp://x", "is no endpoint"),
    ("--coordinator tcp://127.0.0.1:1", "needs --key FILE and --coordinator-key"),
  ])
  func badCoordinatorIsAUsageError(options: String, expected: String) throws {
    let run = try Run("status \(options)")
    #expect(run.exit == .usage)
    #expect(run.err.contains(expected), "\(run.err)")
  }

  @Test func answerToAnotherQuestionIsAnError() throws {
    let coordinator = try CoordinatorStandIn { _ in [.policy(Policy())] }
    let run = try Run("topology host-a", coordinator)
    #expect(run.exit == .refused)
    #expect(run.err.contains("does not belong to the question"))
  }

  @Test(arguments: [
    (JobState.verified, JobOutcome.verified, CommandExit.done, "pages did not move"),
    (.refused, .refused(CannedFleet.refusal), .refused, "job 12, db on host-a refused: node 1 lacks 480 MiB"),
    (
      .diverged, .diverged(Refusal(.diverged, "32 MiB stayed", remedy: "again")), .diverged,
      "diverged: 32 MiB stayed; again"
    ),
  ])
  func exitCodeIsTheJobsEnd(state: JobState, outcome: JobOutcome, exit: CommandExit, words: String) throws {
    let asked = Mutex(0)
    let coordinator = try CoordinatorStandIn { request in
      switch request {
      case .change: return [.accepted(Accepted(jobs: [12], text: "accepted"))]
      case .job:
        let first = asked.withLock { count in
          count += 1
          return count == 1
        }
        return [
          .jobs([first ? CannedFleet.job(.running, .running(detail: "moving")) : CannedFleet.job(state, outcome)])
        ]
      default: return [.refused(CannedFleet.refusal)]
      }
    }
    let run = try Run("pin db --vcpu 0=1", coordinator)
    #expect(run.exit == exit)
    #expect(
      run.err.hasPrefix("accepted\njob 12, db on host-a: running: moving\njob 12, db on host-a: \(state.rawValue)"))
    #expect(run.err.contains(words), "\(run.err)")
    #expect(run.out.contains("MiB on node"))
  }

  @Test func preparingChangesTheDefinitionOnly() throws {
    let asked = Mutex<[ManualChange]>([])
    var strict = CannedFleet.database
    (strict.vfio, strict.locked) = ([], false)
    strict.config?.numatune = NUMATune(mode: .strict, nodeset: [0])
    strict.movability = Movability(.livePages, because: "its numatune mode is strict")
    let placed = PlacedGuest(host: "host-a", guest: strict)
    let coordinator = try CoordinatorStandIn { request in
      switch request {
      case .policy: return [.policy(Policy())]
      case .guest("db"): return [.guest(placed)]
      case .guest: return [.guest(CannedFleet.placed[0])]
      case .change(let change):
        asked.withLock { $0.append(change) }
        return [.accepted(Accepted(text: "nothing forbids it"))]
      default: return [.refused(CannedFleet.refusal)]
      }
    }
    #expect(try Run("movability db --prepare --dry-run", coordinator).exit == .done)
    #expect(
      asked.withLock { $0 } == [
        ManualChange(
          guest: strict.id.text, desired: Pinning(numatune: NUMATune(mode: .restrictive, nodeset: [0])), scope: .config,
          dryRun: true)
      ])
    let stuck = try Run("movability other --prepare", coordinator)
    #expect(stuck.exit == .refused && stuck.err.contains("take VFIO device 0000:21:00.0 out"), "\(stuck.err)")
    #expect(asked.withLock { $0.count } == 1)
    let table = try Run("movability db", coordinator)
    #expect(table.out.contains("if prepared"), "\(table.out)")
  }

  @Test func adoptionIsAskedForOneGuestOrAHost() throws {
    let asked = Mutex<[OperatorRequest]>([])
    let coordinator = try CoordinatorStandIn { request in
      asked.withLock { $0.append(request) }
      return [.accepted(Accepted(text: "guest db is wanted as found"))]
    }
    #expect(try Run("adopt db --dry-run", coordinator).out == "guest db is wanted as found\n")
    _ = try Run("adopt --host host-a", coordinator)
    #expect(
      asked.withLock { $0 } == [
        .adopt(Adopt(.guest("db"), dryRun: true)), .adopt(Adopt(.guests(of: "host-a"), dryRun: false)),
      ])
  }

  @Test func ksmIsSwitchedByAJobThatIsAwaited() throws {
    let asked = Mutex<[OperatorRequest]>([])
    let coordinator = try CoordinatorStandIn { request in
      asked.withLock { $0.append(request) }
      switch request {
      case .switchKSM(let wish) where wish.dryRun: return [.accepted(Accepted(text: "nothing forbids it"))]
      case .switchKSM: return [.accepted(Accepted(jobs: [14], text: "accepted"))]
      default: return [.jobs([CannedFleet.ksmJob])]
      }
    }
    let dry = try Run("host ksm host-a --merge within-nodes --dry-run", coordinator)
    #expect(dry.out == "nothing forbids it\n")
    let run = try Run("host ksm host-a --merge within-nodes", coordinator)
    #expect(run.exit == .done)
    #expect(run.err.contains("job 14, KSM on host-a: verified"), "\(run.err)")
    let json = try Run("host ksm host-a --merge across-nodes -o json", coordinator)
    #expect(json.out.contains("\"mergeAcrossNodes\" : false") && json.out.contains("\"state\" : \"verified\""))
    func wish(_ across: Bool, dry: Bool = false) -> OperatorRequest {
      .switchKSM(SwitchKSM(host: "host-a", mergeAcrossNodes: across, dryRun: dry))
    }
    #expect(
      asked.withLock { $0 } == [wish(false, dry: true), wish(false), .job(14), wish(true), .job(14)])
  }

  @Test func cancellingIsToldAndNotWaitedFor() throws {
    let asked = Mutex<[OperatorRequest]>([])
    let coordinator = try CoordinatorStandIn { request in
      asked.withLock { $0.append(request) }
      return [.accepted(Accepted(plan: 7, jobs: [12], text: "plan 7 goes no further"))]
    }
    let plan = try Run("plan cancel 7", coordinator)
    #expect(plan.out.hasPrefix("plan 7 goes no further\n") && plan.out.contains("job show 12 --wait"), "\(plan.out)")
    let json = try Run("job cancel 12 -o json", coordinator)
    #expect(json.exit == .done && json.out.contains("\"jobs\" : [\n    12\n  ]"), "\(json.out)")
    #expect(asked.withLock { $0 } == [.cancel(.plan(7)), .cancel(.job(12))])
  }

  @Test(arguments: ["host ksm host-a", "host ksm host-a --merge nowhere"])
  func whatKSMShallMergeIsSaid(_ arguments: String) {
    #expect(complaint(arguments).contains("--merge"), "\(complaint(arguments))")
  }

  @Test func planIsAwaitedToItsEnd() throws {
    let asked = Mutex(0)
    let coordinator = try CoordinatorStandIn { request in
      switch request {
      case .applyPlan(7, throughWave: nil): return [.accepted(Accepted(plan: 7, jobs: [12], text: "plan 7 begins"))]
      case .plan(7):
        var plan = CannedFleet.plan
        plan.state = asked.withLock { count in
          count += 1
          return count < 3 ? .applying : .done
        }
        return [.plan(plan)]
      case .jobs: return [.jobs([CannedFleet.job(.verified, .verified)])]
      default: return [.refused(CannedFleet.refusal)]
      }
    }
    let run = try Run("plan apply 7 -o json", coordinator)
    #expect(run.exit == .done)
    #expect(run.out.contains("\"state\" : \"verified\""))
    #expect(asked.withLock { $0 } == 3)
  }

  @Test func planWithoutMovesIsVerifiedInWords() throws {
    let coordinator = try CoordinatorStandIn { request in
      var plan = CannedFleet.plan
      plan.waves = []
      return request == .plan(7) ? [.plan(plan)] : [.guests([])]
    }
    let run = try Run("plan verify 7", coordinator)
    #expect(run.exit == .done)
    #expect(run.out == "plan 7 moves nothing, so there is nothing to verify\n")
  }

  @Test(arguments: ["--vcpus -1 --memory 1GiB", "--vcpus 1 --memory 1GiB --guest-cells -2"])
  func negativeNumbersAreNamedAsSuch(_ options: String) throws {
    let run = try Run("place \(options)", CoordinatorStandIn { _ in [] })
    #expect(run.exit == .usage)
    #expect(run.err.contains("is -") && run.err.contains("allowed: 1..."), "\(run.err)")
  }

  /// All jobs are verified, and yet a later wave was never begun.
  @Test func planThatStoppedIsAFailure() throws {
    let coordinator = try CoordinatorStandIn { request in
      switch request {
      case .applyPlan: return [.accepted(Accepted(plan: 7, jobs: [12], text: "plan 7 begins"))]
      case .plan:
        var plan = CannedFleet.plan
        plan.state = .failed
        return [.plan(plan)]
      default: return [.jobs([CannedFleet.job(.verified, .verified)])]
      }
    }
    let words = try Run("plan apply 7", coordinator)
    #expect(words.exit == .refused)
    #expect(words.err.contains("plan 7 stopped: 1 of its \(CannedFleet.plan.moves.count) moves"), "\(words.err)")
    #expect(words.out.contains("MiB on node"))
    let json = try Run("plan apply 7 -o json", coordinator)
    #expect(json.exit == .refused)
    #expect(json.out.contains("\"code\" : \"stalePlan\"") && json.out.contains("then plan again"), "\(json.out)")
  }

  /// The listing of jobs ends at 200, and plans may be larger.
  @Test func jobsBeyondTheListingAreAskedFor() throws {
    @Sendable func job(_ id: UInt64, _ state: JobState, plan: PlanID? = 7) -> JobRecord {
      var record = CannedFleet.job(state, state == .refused ? .refused(CannedFleet.refusal) : .verified)
      record.job.id = JobID(id)
      record.plan = plan
      return record
    }
    let coordinator = try CoordinatorStandIn { request in
      switch request {
      case .applyPlan: return [.accepted(Accepted(plan: 7, jobs: [12], text: "plan 7 begins"))]
      case .plan:
        var plan = CannedFleet.plan
        plan.state = .failed
        return [.plan(plan)]
      case .jobs: return [.jobs([job(16, .verified)])]
      case .job(13): return [.jobs([job(13, .refused, plan: nil)])]
      case .job(14): return [.jobs([job(14, .refused)])]
      case .job(15): return [.refused(Refusal(.unknownJob, "there is no job 15", remedy: ""))]
      case .job(let id): return [.jobs([job(id.number, .verified)])]
      default: return []
      }
    }
    let run = try Run("plan apply 7", coordinator)
    #expect(run.exit == .refused)
    #expect(run.err.contains("numafleet: job 14, db on host-a refused"), "\(run.err)")
    #expect(!run.err.contains("job 13") && run.err.contains("job 12") && run.err.contains("job 16"))
  }

  /// Past events come in pages, and what happened between the last page and the first live event is asked for.
  @Test(arguments: [false, true]) func eventsHaveNoGaps(follows: Bool) throws {
    @Sendable func events(_ sequences: ClosedRange<UInt64>) -> OperatorReply {
      .events(sequences.map { FleetEvent(sequence: $0, wallMilliseconds: 0, kind: .jobSent, actor: "", text: "") })
    }
    let coordinator = try CoordinatorStandIn { request in
      switch request {
      case .events(after: 0, follow: false): [events(1...3)]
      case .events(after: 3, follow: false): [events(2...5)]
      case .events(after: 5, follow: true): [.events([]), events(6...6), events(9...9)]
      case .events(after: 6, follow: false): [events(7...9)]
      case .events(after: 9, follow: true): [events(10...10), .refused(CannedFleet.refusal)]
      default: [.events([])]
      }
    }
    let run = try Run("events -o json\(follows ? " --follow" : "")", coordinator)
    let shown = run.out.matches(of: #/"sequence" ?: ?(\d+)/#).compactMap { Int($0.1) }
    #expect(shown == Array(1...(follows ? 10 : 5)), "\(run.out)")
    #expect(run.exit == (follows ? .refused : .done))
  }

  @Test func noWaitPrintsWhatWasAccepted() throws {
    let coordinator = try CoordinatorStandIn { _ in [.accepted(Accepted(jobs: [12], text: "accepted"))] }
    let run = try Run("numatune db --nodeset 1 --no-wait", coordinator)
    #expect(run.out == "accepted\njob 12: numafleet job show 12 --wait\n")
  }

  @Test func whatFitsNowhereIsRefusedWithItsExplanation() throws {
    let coordinator = try CoordinatorStandIn { _ in
      [.decision(Decision(placement: nil, refusal: CannedFleet.refusal, explanation: CannedFleet.explanation))]
    }
    let words = try Run("place --vcpus 2 --memory 1GiB --explain", coordinator)
    #expect(words.exit == .refused)
    #expect(words.out.contains("host-a node 4: it has no cpus"))
    let json = try Run("place --vcpus 2 --memory 1GiB --explain -o json", coordinator)
    #expect(json.out.contains("\"code\" : \"noPages\"") && json.out.contains("\"explanation\""))
  }

  @Test func placeOfAShapePrintsXMLAndArguments() throws {
    let coordinator = try CoordinatorStandIn { request in
      switch request {
      case .placeShape: [.decision(Decision(placement: CannedFleet.placement, refusal: nil))]
      default: [.host(CannedFleet.host)]
      }
    }
    let run = try Run("place --vcpus 4 --memory 512MiB -o json", coordinator)
    #expect(run.exit == .done)
    #expect(run.out.contains("\"qemuArguments\"") && run.out.contains("<memnode"))
  }

  @Test func startGivesTheDomainAUUID() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "nf-\(UUID().uuidString).xml")
    try Data("<domain type='kvm'>\n  <name>web</name>\n  <memory>65536</memory>\n</domain>\n".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let coordinator = try CoordinatorStandIn { request in
      guard case .start(let start) = request, start.guest.text.utf8.count == 36,
        start.domainXML.contains("<name>web</name>\n  <uuid>\(start.guest)</uuid>")
      else { return [.refused(CannedFleet.refusal)] }
      return [.accepted(Accepted(text: "ok"))]
    }
    let run = try Run("start --vcpus 1 --memory 64MiB --domain-xml \(file.path)", coordinator)
    #expect(run.exit == .done, "\(run.err)")
  }

  @Test func domainsOwnUUIDIsKeptInLibvirtsForm() throws {
    let xml =
      "<domain type='kvm'><name>a</name><uuid>7D5F1C1E00004000800000000000000A</uuid><memory>1</memory></domain>"
    let identity = try DomainIdentity(xml: xml)
    #expect(identity.guest == "7d5f1c1e-0000-4000-8000-00000000000a")
    #expect(identity.xml == xml)
    #expect(throws: CommandFailure.self) {
      try DomainIdentity(xml: xml.replacingOccurrences(of: "7D5F", with: "XXXX"))
    }
  }
}

/// Commands that ask nobody.
@Suite struct LocalCommands {
  private let folder = FileManager.default.temporaryDirectory.appending(path: "nf-\(UUID().uuidString.prefix(8))")

  init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

  @Test func keyIsMadeOnceAndShownWithoutItsSecret() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "k").path
    let made = try Run("key new --out \(file)")
    #expect(made.exit == .done)
    let secret = try KeyFile.readSecret(file)
    #expect(made.out == secret.publicKey.z85 + "\n")
    #expect(try Run("key show \(file)").out == made.out)
    #expect(try Run("key show \(file).pub").out == made.out)
    #expect(!(try Run("key show \(file) -o json").out.contains(secret.revealedZ85())))
    let nowhere = try Run("key new --out \(folder.path)/no/k")
    #expect(nowhere.exit == .refused)
    #expect(nowhere.err.hasSuffix("create the directory \(folder.path)/no\n"), "\(nowhere.err)")
    let again = try Run("key new --out \(file)")
    #expect(again.exit == .refused)
    #expect(try KeyFile.readSecret(file) == secret)
  }

  @Test func configCheckNamesTheMistake() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let good = folder.appending(path: "good.yaml")
    let bad = folder.appending(path: "bad.yaml")
    try Data("kind: policy\n".utf8).write(to: good)
    try Data("kind: policy\novercommit_percent: 50\n".utf8).write(to: bad)
    #expect(try Run("config check \(good.path)").out == "\(good.path): a valid policy file\n")
    let run = try Run("config check \(good.path) \(bad.path)")
    // As the daemons do with the same mistake.
    #expect(run.exit == .usage)
    #expect(run.err.contains("\(bad.path):2:21: overcommit_percent is 50; allowed: 100...6400"), "\(run.err)")
    let json = try Run("config check \(bad.path) -o json")
    #expect(json.out.contains("\"code\" : \"configuration\""))
    let none = try Run("config check \(folder.path)/none.yaml")
    #expect(none.exit == .usage && none.err.contains("No such file or directory"), "\(none.err)")
    #expect(try Run("config check \(folder.path)").err.contains("Is a directory"))
  }
}
