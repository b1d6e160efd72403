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
    #expect(!journal.obeys(4, of: "first"))
    journal.obey(4, of: "first")
    #expect(journal.obeys(4, of: "first"))
    #expect(!journal.admits(4, of: "second"))
    #expect(!journal.admits(3, of: "first"))
    #expect(journal.admits(5, of: "second"))
    #expect(try JSONDecoder().decode(Journal.self, from: JSONEncoder().encode(journal)) == journal)
  }

  @Test func theOldestMarksOfGuestsThatAreGoneAreDroppedBeyondABound() throws {
    var journal = Journal(generations: [GuestMark(guest: "from-before", generation: 1)])
    for number in 0...Journal.absentMarksMax { journal.mark(GuestID("guest-\(number)"), 1) }
    // Marked again, so it is the newest.
    journal.mark("guest-1", 2)
    let all = journal
    let whole = journal.prune { $0 == "from-before" || $0 == "guest-0" }
    #expect(!whole)
    #expect(journal == all)
    let pruned = journal.prune { $0 == "guest-0" }
    #expect(pruned)
    #expect(journal.generations.count == Journal.absentMarksMax + 1)
    #expect(journal.generation(of: "from-before") == 0)
    #expect(journal.generation(of: "guest-0") == 1)
    #expect(journal.generation(of: "guest-1") == 2)
  }

  /// A domain that libvirt does not show while it is down is not gone.
  @Test func marksAreDroppedOnlyAfterAGoodReading() throws {
    var scene = try Scene()
    scene.journal.generations = (0..<Journal.absentMarksMax).map {
      GuestMark(guest: GuestID("gone-\($0 + 1000)"), generation: 1, order: UInt64($0 + 2))
    }
    scene.journal.generations.append(GuestMark(guest: "id-db", generation: 1, order: 1))
    scene.journal.generations.append(GuestMark(guest: "vanished", generation: 1, order: 1))
    _ = try scene.run("guest db pins 0 mem 0")
    _ = try scene.run("libvirt down")
    for line in ["agent", "tick", "finish"] { _ = try scene.run(line) }
    #expect(scene.journal.generation(of: "vanished") == 1)
    _ = try scene.run("libvirt up")
    for line in ["+5000 tick", "finish"] { _ = try scene.run(line) }
    #expect(scene.journal.generation(of: "vanished") == 0)
    #expect(scene.journal.generation(of: "id-db") == 1)
    #expect(scene.journal.generations.count == Journal.absentMarksMax + 1)
  }
}
