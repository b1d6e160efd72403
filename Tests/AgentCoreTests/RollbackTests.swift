import AgentCore
import Fleet
import NUMA
import Testing

/// Whatever step of a job fails, the guest ends where it was, by the steps done so far taken back in reverse.
@Suite struct RollbackTests {
  /// A guest and a job for it, by the way its memory moves.
  static let ways = [
    [
      "guest db pins 0-3;0-3 emulator 0-3 mem 1 numatune restrictive:1 iothreads 1 shares 100",
      "job 1 db to 3 scope both iothread 12 shares 200",
    ],
    [
      "guest db pins 0-3;4-7 emulator 0-7 mem 0,1",
      "job 1 db pins 12-15;4-7 emulator 4-15 memory 0:3 scope both live-pages",
    ],
    ["guest db pins 0-3;0-3 emulator 0-7 mem 0,0", "job 1 db memory 1:2 live-pages"],
    ["guest db pins 0-3;0-3 emulator 0-3 mem 1", "job 1 db to 3 scope both driver kernel"],
    ["process db pins 0-3;0-3 mem 1", "job 1 db to 3 live-pages"],
  ]

  func begun(_ way: [String]) throws -> Scene {
    var scene = try Scene()
    for line in [way[0], "connect 0", "welcome 0 topology", "finish", way[1]] { _ = try scene.run(line) }
    return scene
  }

  /// Every effect that the job had carried out when it ended undisturbed.
  func effects(of way: [String]) throws -> [Effect] {
    var scene = try begun(way)
    _ = try scene.run("finish")
    #expect(scene.reports[1]?.outcome == .verified)
    return scene.jobEffects
  }

  @Test(arguments: ways) func eachFailingStepIsTakenBackInReverse(way: [String]) throws {
    let undisturbed = try effects(of: way)
    // The first is the inspection: nothing is done before it, so nothing is taken back.
    for failing in 1..<undisturbed.count {
      var scene = try begun(way)
      let before = try #require(scene.agent.guests.first)
      for _ in 0..<failing { _ = try scene.carryOut() }
      let doneBefore = scene.jobEffects
      _ = try scene.fail(Refusal(.kernelRefused, "step \(failing) fails", remedy: "look"))
      _ = try scene.finish()
      let report = try #require(scene.reports[1])
      guard case .refused(let refusal) = report.outcome else {
        Issue.record("step \(failing) of \(way[1]): \(report.outcome)")
        continue
      }
      #expect(refusal.code == .rolledBack)
      #expect(refusal.message == "step \(failing) fails")
      let after = try #require(report.observed)
      #expect(after.threads == before.threads, "step \(failing) of \(way[1])")
      #expect(after.regions == before.regions, "step \(failing) of \(way[1])")
      #expect(after.config == before.config, "step \(failing) of \(way[1])")
      #expect(after.live.cputune == before.live.cputune, "step \(failing) of \(way[1])")
      let undone = scene.jobEffects.dropFirst(doneBefore.count + 1).filter(\.changes).map(\.target)
      let done = (doneBefore + [undisturbed[failing]]).filter(\.changes).map(\.target)
      #expect(undone == done.filter { undone.contains($0) }.reversed(), "step \(failing) of \(way[1])")
      #expect(scene.journal.inHand.isEmpty)
    }
  }

  /// Who got no answer does not know what became of the call, so nothing says that all is as it was for good.
  @Test(arguments: [Refusal.Code.libvirtTimeout, .libvirtDown]) func aCallWithoutAnAnswerMayYetBeDone(
    code: Refusal.Code
  ) throws {
    var scene = try begun(["guest db pins 0;1 mem 1", "job 1 db pins 2;3"])
    for _ in 0..<2 { _ = try scene.carryOut() }
    _ = try scene.fail(Refusal(code, "no answer", remedy: "start it"))
    _ = try scene.finish()
    guard case .refused(let refusal)? = scene.reports[1]?.outcome else {
      Issue.record("\(String(describing: scene.reports[1]))")
      return
    }
    #expect(refusal.code == .rolledBack)
    #expect(refusal.remedy.contains("libvirt may yet do, late"))
  }

  /// Shares that were unset go back to the kernel's default, and where that fails nothing claims that they did.
  @Test(arguments: [false, true]) func unsetSharesGoBackToTheDefault(undoFails: Bool) throws {
    var scene = try begun(["guest db pins 0;1 mem 1", "job 1 db pins 2;3 shares 200"])
    for _ in 0..<4 { _ = try scene.carryOut() }
    let unread = Refusal(.kernelRefused, "it could not be read", remedy: "look")
    _ = try scene.fail(unread)
    if undoFails { _ = try scene.fail(unread) }
    _ = try scene.finish()
    switch scene.reports[1]?.outcome {
    case .refused(let refusal)? where !undoFails: #expect(refusal.code == .rolledBack)
    case .diverged(let refusal)? where undoFails:
      #expect(refusal.message.contains("libvirt's live cputune is not what it was"))
    case let other: Issue.record("\(String(describing: other))")
    }
    #expect(scene.host.guests[0].record?.live.cputune.shares == (undoFails ? 200 : 100))
  }

  /// The agent may be killed at any point: before or after the host has done what it asked.
  @Test(arguments: ways, [false, true]) func eachKilledStepEndsInOnePlace(way: [String], carriedOut: Bool) throws {
    let steps = try effects(of: way).count
    for killed in 1..<steps {
      var scene = try begun(way)
      for _ in 0..<killed { _ = try scene.carryOut() }
      if carriedOut, let command = scene.inFlight.first { _ = scene.host.carryOut(command.effect) }
      for line in ["restart", "connect 0", "welcome 0 topology", "finish"] { _ = try scene.run(line) }
      #expect(scene.reports[1]?.outcome == .verified, "killed at step \(killed) of \(way[1])")
      #expect(scene.journal.inHand.isEmpty)
    }
  }

  /// What was there before is on disk before the first change is asked for.
  @Test(arguments: ways) func theJournalIsWrittenBeforeTheFirstChange(way: [String]) throws {
    var scene = try begun(way)
    _ = try scene.run("finish")
    let first = try #require(scene.outputs.first { $0.commands.contains(where: \.effect.changes) })
    #expect(first.journal?.inHand.map(\.job.id) == [1])
    #expect(first.journal?.generations.map(\.generation) == [1])
    let last = try #require(scene.outputs.last { $0.journal != nil }?.journal)
    #expect(last.inHand.isEmpty)
    #expect(last.unacknowledged.map(\.job) == [1])
  }
}

extension Scene {
  /// What was carried out for jobs, in order.
  var jobEffects: [Effect] {
    done.map(\.effect).filter { if case .observeHost = $0 { false } else { true } }
  }
}

extension Effect {
  /// Whether it is more than a reading.
  var changes: Bool {
    switch self {
    case .observeHost, .observeGuest, .settleMigration, .observeKSM: false
    case .libvirt, .kernel, .start, .migrate, .setKSM: true
    }
  }

  /// What it sets, without the value: two effects with the same target overwrite each other.
  var target: String {
    switch self {
    case .libvirt(_, .pinVCPU(let vcpu, _, let scope)): "vcpu \(vcpu) \(scope)"
    case .libvirt(_, .pinEmulator(_, let scope)): "emulator \(scope)"
    case .libvirt(_, .pinIOThread(let id, _, let scope)): "iothread \(id) \(scope)"
    case .libvirt(_, .setNumatune), .kernel(_, .migratePages), .kernel(_, .movePages): "memory"
    case .libvirt(_, .setScheduler(_, let scope)): "cputune \(scope)"
    case .libvirt(_, .defineNumatune): "numatune config"
    case .kernel(_, .setAffinity): "affinity"
    case .kernel(_, .setCPUTune): "cputune"
    case .setKSM(let setting): "KSM \(setting)"
    case .observeHost, .observeGuest, .start, .migrate, .settleMigration, .observeKSM: "nothing"
    }
  }
}
