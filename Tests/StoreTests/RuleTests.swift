import CoordinatorCore
import Fleet
import GRDB
import Store
import Testing

/// The schema refuses what must never be true of the fleet, whatever the coordinator thinks.
@Suite struct RuleTests {
  let ledger: Ledger

  init() throws {
    ledger = try Ledger.inMemory()
    try ledger.commit(Sample.transaction)
  }

  @Test func violatingWriteLeavesNothingOfItsTransaction() throws {
    let before = try ledger.beginTerm()
    #expect(
      isRefused("claim of job 2") { () throws(StoreError) in
        try ledger.commit([
          .event(Sample.event(2)), .job(Sample.job(2)), .claim(Sample.claim(2, dedicated: [8, 7])),
          .event(Sample.event(3)),
        ])
      })
    var after = try ledger.beginTerm()
    #expect(after.epoch == before.epoch.next)
    after.epoch = before.epoch
    #expect(after == before)
  }

  @Test func dedicatedCPUIsClaimedOnce() throws {
    try ledger.commit([.job(Sample.job(2)), .job(Sample.job(3))])
    #expect(
      isRefused("claim_pcpu") { () throws(StoreError) in
        try ledger.commit([.claim(Sample.claim(2, dedicated: [7]))])
      })
    try ledger.commit([.claim(Sample.claim(2, dedicated: [7], host: "h2"))])
    try ledger.commit([.releaseClaim(1), .claim(Sample.claim(3, dedicated: [7]))])
    #expect(try ledger.beginTerm().claims.map(\.job) == [2, 3])
  }

  @Test func claimNeedsItsJob() {
    #expect(
      isRefused("FOREIGN KEY") { () throws(StoreError) in
        try ledger.commit([.claim(Sample.claim(77, dedicated: []))])
      })
  }

  @Test func releasingAnAbsentClaimIsHarmless() throws {
    try ledger.commit([.releaseClaim(99)])
    #expect(try ledger.beginTerm().claims.count == 1)
  }

  @Test(arguments: [0, 1] as [UInt64])
  func generationThatDoesNotRiseIsRefused(generation: UInt64) {
    #expect(
      isRefused("may only rise") { () throws(StoreError) in
        try ledger.commit([.generation("g1", Generation(generation))])
      })
  }

  @Test func twoJobsOfOneGuestNeverShareAGeneration() {
    #expect(
      isRefused("job.generation") { () throws(StoreError) in
        try ledger.commit([.job(Sample.job(2, generation: 1))])
      })
  }

  @Test(arguments: [1, 3] as [UInt64])
  func eventOutOfSequenceIsRefused(sequence: UInt64) {
    #expect(
      isRefused("without gaps") { () throws(StoreError) in
        try ledger.commit([.event(Sample.event(sequence))])
      })
  }

  @Test(arguments: [1, 3] as [UInt64])
  func policyRevisionOutOfSequenceIsRefused(number: UInt64) {
    #expect(
      isRefused("without gaps") { () throws(StoreError) in
        try ledger.commit([.policy(Sample.policy(number))])
      })
  }

  @Test func revocationIsForGood() throws {
    try ledger.commit([.key(Sample.key("a", revoked: true))])
    #expect(
      isRefused("stays revoked") { () throws(StoreError) in
        try ledger.commit([.key(Sample.key("a", revoked: false))])
      })
    #expect(try ledger.keys() == [Sample.key("a", revoked: true)])
  }

  @Test func keyKeepsItsOwner() {
    #expect(
      isRefused("keeps its owner") { () throws(StoreError) in
        try ledger.commit([.key(Sample.key("a", owner: "h2"))])
      })
  }

  @Test func endedJobStaysAsItEnded() throws {
    try ledger.commit([.job(Sample.job(1, plan: 1, state: .verified))])
    #expect(
      isRefused("stays as it ended") { () throws(StoreError) in
        try ledger.commit([.job(Sample.job(1, plan: 1, state: .running))])
      })
  }

  @Test func endedPlanStaysAsItEnded() throws {
    try ledger.commit([.plan(Sample.plan(1, state: .done))])
    #expect(
      isRefused("stays as it ended") { () throws(StoreError) in
        try ledger.commit([.plan(Sample.plan(1, state: .applying))])
      })
  }

  @Test func jobKeepsItsGuest() {
    #expect(
      isRefused("keeps its host, guest and generation") { () throws(StoreError) in
        try ledger.commit([.job(Sample.job(1, plan: 1, guest: "g2"))])
      })
  }

  @Test func jobNeedsItsPlan() {
    #expect(
      isRefused("FOREIGN KEY") { () throws(StoreError) in
        try ledger.commit([.job(Sample.job(2, plan: 5))])
      })
  }

  @Test func aCommandIsAnsweredOnce() throws {
    let record = try #require(Sample.command(1))
    try ledger.commit([.command(record)])
    #expect(
      isRefused("command.boot") { () throws(StoreError) in
        try ledger.commit([.command(record)])
      })
  }

  @Test(arguments: [2, 3] as [UInt64])
  func theNewestEventIsNeverForgotten(last: UInt64) throws {
    try ledger.commit([.event(Sample.event(2))])
    #expect(
      isRefused("the newest event stays") { () throws(StoreError) in
        try ledger.commit([.forgottenEvents(upTo: last)])
      })
  }

  @Test func theFloorOfEventsOnlyRises() throws {
    try ledger.commit([.event(Sample.event(2)), .event(Sample.event(3)), .forgottenEvents(upTo: 2)])
    #expect(
      isRefused("may only rise") { () throws(StoreError) in
        try ledger.commit([.forgottenEvents(upTo: 1)])
      })
  }

  @Test func numberBeyondSQLiteIsRefusedNotTrapped() {
    #expect(
      isRefused("beyond the largest number") { () throws(StoreError) in
        try ledger.commit([.generation("g2", Generation(.max))])
      })
  }

  @Test func errorSaysWhatToDoAndIsARefusalForOperators() throws {
    let error = #expect(throws: StoreError.self) { try ledger.commit([.event(Sample.event(9))]) }
    let refusal = try #require(error).refusal
    #expect(refusal.code == .storeUnavailable)
    #expect(refusal.message.contains("event 9: events are numbered without gaps"))
    #expect(refusal.remedy.contains("nothing was changed"))
  }

  /// Not reachable through the face of `Ledger`; the schema forbids it to whoever opens the file by hand.
  @Test(arguments: [
    "UPDATE term SET epoch = 0", "DELETE FROM term", "UPDATE event SET actor = 'nobody'", "DELETE FROM event",
    "DELETE FROM event_floor", "DELETE FROM generation", "DELETE FROM key", "UPDATE job SET body = 'no json'",
  ])
  func historyIsNotEditedByHand(statement: String) throws {
    let scratch = try Scratch()
    let ledger = try Ledger(path: scratch.ledgerPath)
    try ledger.commit(Sample.transaction)
    _ = try ledger.beginTerm()
    let error = #expect(throws: DatabaseError.self) {
      try scratch.rawConnection().write { try $0.execute(sql: statement) }
    }
    #expect(error?.resultCode == .SQLITE_CONSTRAINT)
  }
}
