import AgentCore
import Testing

/// Written scenarios, each with the whole output of every event on record.
@Suite struct TranscriptTests {
  @Test(arguments: Transcript.all) func agentDoesWhatTheTranscriptSays(name: String) throws {
    let transcript = try Transcript(name)
    #expect(transcript.comments.first?.hasPrefix("# Proves: ") == true, "\(name) does not say what it proves")
    var scene = try Scene()
    try transcript.check(
      transcript.entries.map { entry in
        try entry.events.filter { !$0.hasPrefix("#") }.map { try scene.run($0) }.filter { !$0.isEmpty }
          .joined(separator: "\n")
      })
  }

  @Test(arguments: Transcript.all) func theSameEventsGiveTheSameOutputs(name: String) throws {
    let lines = try Transcript(name).entries.flatMap(\.events).filter { !$0.hasPrefix("#") }
    var (first, second) = (try Scene(), try Scene())
    for line in lines {
      _ = try first.run(line)
      _ = try second.run(line)
    }
    #expect(first.outputs == second.outputs)
  }

  @Test func thereAreTranscripts() { #expect(Transcript.all.count >= 15) }
}
