import CoordinatorCore
import Fleet
import Foundation
import GRDB
import NUMA
import Testing

@testable import Store

/// What was acknowledged is there after a restart, and nothing else.
@Suite struct DurabilityTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  @Test func newLedgerIsEmptyAndBeginsWithTermOne() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    #expect(try ledger.beginTerm() == Restored(epoch: 1))
  }

  @Test func restartRestoresExactlyWhatWasCommitted() throws {
    do {
      let ledger = try Ledger(path: scratch.ledgerPath)
      try ledger.commit(Sample.transaction)
      _ = failure { () throws(StoreError) in try ledger.commit([.event(Sample.event(2)), .event(Sample.event(2))]) }
    }
    let expected = Restored(
      epoch: 1, lastEvent: 1, plans: [Sample.plan(1, state: .applying)], jobs: [Sample.job(1, plan: 1, state: .sent)],
      claims: [Sample.claim(1, dedicated: [6, 7])], generations: [GuestGeneration(guest: "g1", generation: 1)],
      keys: [Sample.key("a")], draining: ["h1"], policy: Sample.policy(1), topologies: [Sample.topology()],
      hosts: [Sample.host(topology: Sample.topology().hash)], sightings: [Sample.sighting("g1")],
      wishes: [Sample.wish("g1")], lastPlan: 1,
      lastJob: 1)
    #expect(try Ledger(path: scratch.ledgerPath).beginTerm() == expected)
  }

  @Test func aHostIsDrainedOnceAndResumedForGood() throws {
    let ledger = try Ledger.inMemory()
    try ledger.commit([.draining("b", true), .draining("a", true), .draining("b", true)])
    #expect(try ledger.beginTerm().draining == ["a", "b"])
    try ledger.commit([.draining("b", false), .draining("nobody", false)])
    #expect(try ledger.beginTerm().draining == ["a"])
  }

  @Test func commitReachesTheFileBeforeItReturns() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    try ledger.commit(Sample.transaction)
    let count = try scratch.rawConnection().read { db in
      try #require(try Int.fetchOne(db, sql: "SELECT count(*) FROM event"))
    }
    #expect(count == 1)
  }

  @Test func everyTermHasANewEpoch() throws {
    var epochs: [Epoch] = []
    for _ in 0..<3 {
      let ledger = try Ledger(path: scratch.ledgerPath)
      epochs += [try ledger.beginTerm().epoch, try ledger.beginTerm().epoch]
    }
    #expect(epochs == [1, 2, 3, 4, 5, 6])
  }

  @Test func termStartsWithUnfinishedWorkHoweverOld() throws {
    let ledger = try Ledger.inMemory()
    let count = UInt64(Ledger.jobsRestored + 50)
    var writes: [Write] = [.plan(Sample.plan(1, state: .applying)), .plan(Sample.plan(2, state: .done))]
    writes += [.job(Sample.job(1, plan: 1, state: .verified)), .job(Sample.job(2, state: .sent))]
    writes += (3...count).map { .job(Sample.job($0, plan: 2, state: .refused)) }
    writes += [.claim(Sample.claim(5, dedicated: []))]
    try ledger.commit(writes)
    let restored = try ledger.beginTerm()
    let newest = (count - UInt64(Ledger.jobsRestored) + 1)...count
    #expect(restored.jobs.map(\.job.id.number) == [1, 2, 5] + Array(newest))
    #expect(restored.lastJob == JobID(count))
  }

  /// Its jobs say which wave is next when it is applied again.
  @Test func jobsOfAPlanThatMayGoOnAreRestoredHoweverOld() throws {
    let ledger = try Ledger.inMemory()
    let count = UInt64(Ledger.jobsRestored + 50)
    var writes: [Write] = [.plan(Sample.plan(1)), .plan(Sample.plan(2))]
    writes += [.job(Sample.job(1, plan: 1, state: .verified)), .job(Sample.job(2, plan: 2, state: .verified))]
    try ledger.commit(writes + (3...count).map { .job(Sample.job($0, state: .refused)) })
    #expect(try ledger.beginTerm().jobs.prefix(2).map(\.job.id.number) == [2, count - UInt64(Ledger.jobsRestored) + 1])
  }

  /// Limits count the moves of a day, so that all of them are needed again.
  @Test func movesOfADayAreRestoredHoweverMany() throws {
    let ledger = try Ledger.inMemory()
    let count = UInt64(Ledger.movesRestored + 10)
    let now = 1_700_000_000_000
    let moves = (1...count).map { job in
      MoveRecord(
        job: JobID(job), guest: "g1", guestName: "db", host: "h1", from: [0], to: [1],
        wallMilliseconds: now - (job <= 5 ? 86_400_000 : 0), actor: "automation", copy: 1)
    }
    try ledger.commit((1...count).map { .job(Sample.job($0, state: .verified)) } + moves.map { .moved($0) })
    #expect(try ledger.beginTerm().moves == Array(moves.dropFirst(5)))
  }

  /// A job of a host is kept as one of a guest is, with a generation of its own.
  @Test func aSwitchOfKSMIsKept() throws {
    let ledger = try Ledger.inMemory()
    var record = Sample.job(1, guest: .ksm(of: "h1"), state: .sent)
    record.job.action = .switchKSM(mergeAcrossNodes: false)
    try ledger.commit([.generation(record.job.guest, record.job.generation), .job(record)])
    let restored = try ledger.beginTerm()
    #expect(restored.jobs == [record])
    #expect(restored.generations.map(\.guest) == ["h1/ksm"])
  }

  /// What releases wrote that knew less of KSM.
  @Test func olderFactsAreRead() throws {
    let text = #"{"run":1,"mergeAcrossNodes":true,"pagesShared":7}"#
    let state = try JSONDecoder().decode(KSMState.self, from: Data(text.utf8))
    #expect(state == KSMState(run: 1, mergeAcrossNodes: true, pagesShared: 7))
    #expect(state.saved == nil)
  }

  @Test func eventsAreReadInPages() throws {
    let ledger = try Ledger.inMemory()
    try ledger.commit((1...10).map { .event(Sample.event($0)) })
    #expect(try ledger.events(after: 0, limit: 3).map(\.sequence) == [1, 2, 3])
    #expect(try ledger.events(after: 8, limit: 3) == [Sample.event(9), Sample.event(10)])
    #expect(try ledger.events(after: .max, limit: 3).isEmpty)
    #expect(try ledger.events(after: 0, limit: -1).isEmpty)
  }

  @Test func jobsAndPlansAreReadNewestFirst() throws {
    let ledger = try Ledger.inMemory()
    try ledger.commit(Sample.transaction + [.plan(Sample.plan(2)), .job(Sample.job(2, state: .refused))])
    #expect(try ledger.jobs(limit: 10).map(\.job.id) == [2, 1])
    #expect(try ledger.jobs(limit: 10, active: true) == [Sample.job(1, plan: 1, state: .sent)])
    #expect(try ledger.plans(limit: 1) == [Sample.plan(2)])
    #expect(try ledger.job(2) == Sample.job(2, state: .refused))
    #expect(try ledger.plan(1) == Sample.plan(1, state: .applying))
    #expect(try ledger.job(JobID(.max)) == nil && ledger.plan(9) == nil)
  }

  @Test func theNewestCommandsAreKeptWithTheirAnswers() throws {
    let ledger = try Ledger.inMemory()
    let answers: [CommandAnswer] = [
      .accepted(Accepted(plan: 3, jobs: [4, 5], text: "plan 3")), .proposed(9),
      .refused(Refusal(.noRoom, "nowhere", remedy: "ask for less")),
    ]
    let records = try answers.indices.map {
      try #require(Sample.command(UInt64.max - UInt64($0), answer: answers[$0]))
    }
    try ledger.commit(records.map { .command($0) })
    #expect(try ledger.beginTerm().commands == records)
    let more = try (1...UInt64(CommandRecord.keptMax - 2)).map { try #require(Sample.command($0, boot: "other")) }
    try ledger.commit(more.map { .command($0) })
    #expect(try ledger.beginTerm().commands == records.suffix(2) + more)
  }

  @Test func theOldestEventsGoAndNumberingGoesOn() throws {
    let ledger = try Ledger.inMemory()
    try ledger.commit((1...10).map { .event(Sample.event($0)) } + [.forgottenEvents(upTo: 9)])
    #expect(try ledger.events(after: 0, limit: 20) == [Sample.event(10)])
    try ledger.commit([.event(Sample.event(11))])
    let restored = try ledger.beginTerm()
    #expect(restored.lastEvent == 11 && restored.eventFloor == 9)
  }

  @Test func whatIsDurableIsReadAgainInTheSameTerm() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    _ = try ledger.beginTerm()
    try ledger.commit(Sample.transaction)
    let restored = try ledger.restored()
    #expect(try ledger.restored() == restored)
    #expect(restored.epoch == 1)
    var next = try ledger.beginTerm()
    #expect(next.epoch == 2)
    next.epoch = 1
    #expect(next == restored)
  }

  @Test func aTrialIsWrittenAndChangesNothing() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    try ledger.commit(Sample.transaction)
    let before = (try ledger.restored(), try size(of: "ledger.sqlite-wal"))
    try ledger.tryWriting()
    #expect(try ledger.restored() == before.0)
    #expect(try size(of: "ledger.sqlite-wal") > before.1)
  }

  private func size(of name: String) throws -> Int {
    try Data(contentsOf: URL(filePath: scratch.directory + "/" + name)).count
  }

  @Test func noWritesAreNoTransaction() throws {
    let ledger = try Ledger.inMemory()
    try ledger.commit([])
    #expect(try ledger.beginTerm().epoch == 1)
  }
}
