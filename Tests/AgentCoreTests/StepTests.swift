import AgentCore
import Fleet
import NUMA
import Testing

/// Given a state, one event, the whole output: what a transcript would only blur.
@Suite struct StepTests {
  let now = Instant(milliseconds: 1_000_000, wallMilliseconds: 1_700_000_000_000)

  @Test func theFirstTickReadsTheWholeHostAndNothingElse() throws {
    var agent = Agent(settings: Scene.settings(links: 1, boot: 1), journal: Journal(), now: now)
    var expected = Agent.Output()
    expected.commands = [
      Command(id: 1, effect: .observeHost(residency: true, topology: true), deadlineMilliseconds: 30_000)
    ]
    #expect(agent.step(.tick, at: now) == expected)
    #expect(agent.step(.tick, at: now) == Agent.Output())
  }

  @Test func aWordFromALinkThatIsNotConnectedIsNotHeard() throws {
    var scene = try Scene()
    #expect(try scene.run("welcome 0 topology").isEmpty == false)
    let quiet = scene.outputs[0]
    #expect(quiet.messages.isEmpty && quiet.journal == nil && quiet.notes.isEmpty)
  }

  @Test func aCompletionOfAnUnknownCommandChangesNothing() throws {
    var scene = try Scene()
    _ = try scene.run("tick")
    let output = scene.step(.completed(99, .done(detail: "done", pagesLeft: 0)))
    #expect(output == Agent.Output())
    _ = try scene.run("finish")
    #expect(scene.agent.nextDeadline == now.advanced(byMilliseconds: 2000))
  }

  @Test func messagesOfABootAreNumberedWithoutGaps() throws {
    var scene = try Scene()
    for line in ["connect 0", "welcome 0 topology", "finish", "job 1 db pins 0", "finish", "+2000 tick"] {
      _ = try scene.run(line)
    }
    let envelopes = scene.outputs.flatMap(\.messages).map(\.envelope)
    #expect(envelopes.map(\.sequence) == Array(1...UInt64(envelopes.count)))
    #expect(envelopes.allSatisfy { $0.boot == "boot-1" })
  }

  @Test func aHugeMappingMovesByItsOwnPages() throws {
    var scene = try Scene()
    _ = try scene.run("guest db pins 0-3;0-3 mem 0,0")
    try scene.host.change("db") { guest in
      for index in 0..<2 {
        guest.process?.regions[index].residency = [CellResidency(cell: 0, pageSize: .huge2M, pages: 256)]
      }
    }
    for line in ["connect 0", "welcome 0 topology", "finish"] { _ = try scene.run(line) }
    _ = try scene.run("job 1 db memory 1:2 live-pages")
    for _ in 0..<2 { _ = try scene.carryOut() }
    let moves = scene.done.compactMap { command -> PageSize? in
      if case .kernel(_, .movePages(_, _, let pageSize, _)) = command.effect { pageSize } else { nil }
    }
    #expect(moves == [.huge2M])
  }

  /// Waiting jobs are bounded: a coordinator that goes mad cannot fill the agent's memory.
  @Test func moreJobsThanMayWaitAreRefused() throws {
    var scene = try Scene()
    for line in ["guest db pins 0 mem 0", "connect 0", "welcome 0 topology"] { _ = try scene.run(line) }
    for number in 1...257 { _ = try scene.run("job \(number) g\(number) pins 0") }
    guard case .refused(let refusal)? = scene.reports[257]?.outcome else {
      Issue.record("the 257th job was not refused")
      return
    }
    #expect(refusal.code == .busy)
    #expect(scene.reports[256] == nil)
  }

  @Test func anUnreadableHostIsReadAgainAndReportsNothing() throws {
    var scene = try Scene()
    for line in ["connect 0", "welcome 0 topology", "fail libvirtTimeout", "sendReport 0 topology"] {
      _ = try scene.run(line)
    }
    #expect(scene.outputs.last?.messages.isEmpty == true)
    #expect(try scene.run("+2000 tick").contains("read host, residency, topology"))
  }

  @Test func aChangedTopologyIsSentWithoutBeingAskedFor() throws {
    var scene = try Scene()
    for line in ["connect 0", "welcome 0", "finish", "+30000 tick"] { _ = try scene.run(line) }
    scene.host.topology.offline = [3]
    let output = try scene.carryOut()
    guard case .report(let report)? = output.messages.first?.envelope.payload else {
      Issue.record("no report")
      return
    }
    #expect(report.topology == scene.host.topology)
    #expect(report.topologyHash == scene.host.topology.contentHash)
  }
}
