import Fleet
import Foundation
import Testing

@testable import AgentCore

/// What an agent remembers over a restart and an update.
@Suite struct JournalTests {
  @Test func aJournalThatDidNotRememberWhoRulesTakesTheFirstThatComes() throws {
    let text = #"{"generations":[],"highestEpoch":4,"inHand":[],"kept":[],"unacknowledged":[]}"#
    var journal = try JSONDecoder().decode(Journal.self, from: Data(text.utf8))
    #expect(journal == Journal(highestEpoch: 4))
    #expect(journal.admits(4, of: "first"))
    let news = [journal.obey(4, of: "first"), journal.obey(4, of: "first")]
    #expect(news == [true, false])
    #expect(!journal.admits(4, of: "second"))
    #expect(!journal.admits(3, of: "first"))
    #expect(journal.admits(5, of: "second"))
    #expect(try JSONDecoder().decode(Journal.self, from: JSONEncoder().encode(journal)) == journal)
  }
}
