import Fleet
import NUMA
import Testing

@testable import AgentCore

/// Switching what KSM merges: it runs afterwards as it did before, whatever fails and whoever meddles.
@Suite struct KSMTests {
  /// A host whose KSM is like that, and a job that switches it to merge within nodes; nothing is done of it yet.
  private func scene(_ ksm: String, guest: String? = nil) throws -> Scene {
    var scene = try Scene()
    for line in [
      "ksm \(ksm)", guest, "agent", "tick", "finish", "connect 0", "+1 tick", "welcome 0", "switch 1 within",
    ] {
      if let line { _ = try scene.run(line) }
    }
    return scene
  }

  private func writes(_ scene: Scene) -> [KSMSetting] {
    scene.done.compactMap { if case .setKSM(let setting) = $0.effect { setting } else { nil } }
  }

  private func refusal(_ scene: Scene) throws -> Refusal {
    let outcome = scene.reports[1]?.outcome
    guard case .refused(let refusal)? = outcome else { throw Unexpected(outcome: outcome) }
    return refusal
  }

  private struct Unexpected: Error { let outcome: JobOutcome? }

  @Test(arguments: [0, 1, 2]) func itRunsAfterwardsAsBefore(run: Int) throws {
    var scene = try scene("run \(run)")
    _ = try scene.run("finish")
    #expect(scene.reports[1]?.outcome == .verified)
    #expect(writes(scene) == [.run(2), .mergeAcrossNodes(false), .run(run)])
    #expect(scene.host.ksm?.state.mergeAcrossNodes == false)
    #expect(scene.host.ksm?.state.run == run)
    #expect(scene.journal.inHand.isEmpty)
    // The coordinator sees it at once: settings of the host are read with its topology.
    #expect(scene.done.last?.effect == .observeHost(residency: true, topology: true))
  }

  @Test func whatIsSoAlreadyIsNotTouched() throws {
    var scene = try scene("within saved 900000")
    _ = try scene.run("finish")
    #expect(scene.reports[1]?.outcome == .verified)
    #expect(writes(scene).isEmpty)
  }

  /// The agent is killed before each command, and after it was carried out and before anybody knew.
  @Test(arguments: [0, 1, 2]) func anAgentThatIsKilledLeavesItWhole(run: Int) throws {
    for isDone in [false, true] {
      for step in 0..<6 {
        var scene = try scene("run \(run)")
        for _ in 0..<step where !scene.inFlight.isEmpty { _ = try scene.run("do") }
        if isDone, let command = scene.inFlight.first { _ = scene.host.carryOut(command.effect) }
        let wasBegun = !scene.journal.inHand.isEmpty
        for line in ["restart", "finish", "connect 0", "+1 tick", "welcome 0"] { _ = try scene.run(line) }
        let what = "killed at step \(step), \(isDone ? "done" : "not done")"
        #expect(scene.host.ksm?.state.run == run, "\(what)")
        #expect(scene.journal.inHand.isEmpty, "\(what)")
        let isSwitched = scene.host.ksm?.state.mergeAcrossNodes == false
        if wasBegun {
          #expect((scene.reports[1]?.outcome == .verified) == isSwitched, "\(what)")
          if !isSwitched { #expect(try refusal(scene).code == .rolledBack, "\(what)") }
        }
      }
    }
  }

  @Test func whoeverHasItRunMeanwhileIsOutwaited() throws {
    var scene = try scene("meddling 2")
    _ = try scene.run("finish")
    #expect(scene.reports[1]?.outcome == .verified)
    #expect(writes(scene).filter { $0 == .run(2) }.count == 3)
  }

  @Test func whoeverNeverLetsGoIsTold() throws {
    var scene = try scene("meddling 99")
    _ = try scene.run("finish")
    let refusal = try refusal(scene)
    #expect(refusal.code == .rolledBack)
    #expect(refusal.description.contains("KSM runs as before; stop ksmtuned"), "\(refusal)")
    #expect(scene.host.ksm?.state.mergeAcrossNodes == true)
    #expect(scene.host.ksm?.state.run == 1)
  }

  @Test func whoeverStopsItAfterwardsIsUndone() throws {
    var scene = try scene("stopping 2")
    _ = try scene.run("finish")
    #expect(scene.reports[1]?.outcome == .verified)
    #expect(scene.host.ksm?.state.run == 1)
  }

  @Test func whoeverStopsItAgainAndAgainIsTold() throws {
    var scene = try scene("stopping 99")
    _ = try scene.run("finish")
    guard case .diverged(let refusal)? = scene.reports[1]?.outcome else {
      throw Unexpected(outcome: scene.reports[1]?.outcome)
    }
    #expect(refusal.message.contains("run 0, merge_across_nodes 0"), "\(refusal)")
    #expect(refusal.remedy == "echo 1 >/sys/kernel/mm/ksm/run on host a")
  }

  /// A write that says that it worked proves nothing.
  @Test func onlyWhatIsThereCounts() throws {
    var scene = try scene("run 1")
    _ = try scene.run("deaf on")
    _ = try scene.run("finish")
    #expect(try refusal(scene).code == .rolledBack)
    #expect(scene.host.ksm?.state.run == 1)
  }

  @Test func anUnmergingThatFailsIsTakenBack() throws {
    var scene = try scene("run 1")
    _ = try scene.run("do")
    // The kernel stops KSM when it has no memory to unmerge all.
    scene.host.ksm?.state.run = 0
    _ = try scene.run("fail kernelRefused")
    _ = try scene.run("finish")
    #expect(try refusal(scene).code == .rolledBack)
    #expect(writes(scene) == [.run(2), .run(1)])
    #expect(scene.host.ksm?.state.run == 1)
  }

  @Test func whileTheKernelUnmergesTheJobDoesNotEnd() throws {
    var scene = try scene("run 1")
    _ = try scene.run("do")
    for _ in 0..<5 { _ = try scene.run("+60000 fail libvirtTimeout") }
    guard case .running(let detail)? = scene.reports[1]?.outcome else {
      throw Unexpected(outcome: scene.reports[1]?.outcome)
    }
    #expect(detail == "going back: unmerge all pages (40 MiB)")
    #expect(scene.inFlight.map(\.effect).contains(.setKSM(.run(1))))
    _ = try scene.run("finish")
    #expect(try refusal(scene).code == .rolledBack)
    #expect(scene.host.ksm?.state.run == 1)
  }

  @Test(arguments: [
    ("saved 8704", nil, "unmerging takes 8.5 GiB, more than half of the 16 GiB that are free on host a"),
    (
      "saved 2000", "guest db pins 0;0 mem 1 mib 1500 numatune strict:1",
      "unmerging may take 1.4 GiB of cell 1 for guests that are bound to it, more than half of the 2.5 GiB that are"
        + " free there"
    ),
  ])
  func whatMayNotFitIsNotBegun(ksm: String, guest: String?, message: String) throws {
    var scene = try scene(ksm, guest: guest)
    _ = try scene.run("finish")
    let refusal = try refusal(scene)
    #expect(refusal.code == .noRoom)
    #expect(refusal.message == message)
    #expect(writes(scene).isEmpty)
  }

  @Test func whatJustFitsIsBegun() throws {
    var scene = try scene("saved 1298", guest: "guest db pins 0;0 mem 1 mib 1500 numatune strict:1")
    _ = try scene.run("finish")
    #expect(scene.reports[1]?.outcome == .verified)
  }

  @Test func intentIsDurableBeforeTheFirstWrite() throws {
    var scene = try scene("run 1")
    _ = try scene.run("disk full")
    _ = try scene.run("finish")
    #expect(writes(scene).isEmpty)
    _ = try scene.run("disk mended")
    for line in ["+1000 tick", "+1 tick", "finish"] { _ = try scene.run(line) }
    #expect(scene.reports[1]?.outcome == .verified)
    let first = try #require(scene.outputs.first { $0.commands.contains { $0.effect == .setKSM(.run(2)) } })
    #expect(first.journal?.inHand.map(\.ksm?.run) == [1])
  }

  @Test func anOlderSwitchIsFenced() throws {
    var scene = try scene("run 1")
    _ = try scene.run("finish")
    _ = try scene.run("ack 1")
    _ = try scene.run("switch 2 gen 1 across")
    guard case .refused(let refusal)? = scene.reports[2]?.outcome else {
      throw Unexpected(outcome: scene.reports[2]?.outcome)
    }
    #expect(refusal.code == .staleGeneration)
    #expect(refusal.message == "generation 1 of KSM of host a is not newer than 1")
    _ = try scene.run("switch 3 gen 2 across")
    _ = try scene.run("finish")
    #expect(scene.reports[3]?.outcome == .verified)
    #expect(scene.host.ksm?.state.mergeAcrossNodes == true)
  }

  @Test func aKernelWithoutItIsTold() throws {
    var scene = try scene("run 1")
    scene.host.ksm = nil
    _ = try scene.run("finish")
    #expect(try refusal(scene).code == .unsupported)
  }
}
