import CoordinatorCore
import Fleet
import Foundation
import GRDB
import NUMA
import Testing

@testable import Store

/// What is wrong with a ledger is told, row by row, and nothing where nothing is.
@Suite struct CheckTests {
  let scratch: Scratch

  init() throws {
    scratch = try Scratch()
    let ledger = try Ledger(path: scratch.ledgerPath)
    _ = try ledger.beginTerm()
    try ledger.commit(Sample.transaction + [.event(Sample.event(2)), .event(Sample.event(3))])
  }

  @Test func soundLedgerHasNoFindings() throws {
    let report = try Ledger.check(scratch.ledgerPath)
    #expect(
      report
        == LedgerReport(
          path: scratch.ledgerPath, epoch: 1, lastEvent: 3, plans: 1, jobs: 1, jobsInFlight: 1, claims: 1, guests: 1,
          keys: 1, findings: []))
  }

  @Test func ledgerIsCheckedWhileItsCoordinatorWrites() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    try ledger.commit([.event(Sample.event(4))])
    let bytes = try scratch.bytes()
    #expect(try Ledger.check(scratch.ledgerPath).lastEvent == 4)
    #expect(try scratch.bytes() == bytes)
    try ledger.commit([.event(Sample.event(5))])
    #expect(try Ledger.check(scratch.ledgerPath).lastEvent == 5)
  }

  static let breaches: [(code: LedgerFinding.Code, sql: String, words: String)] = [
    (.eventGap, "DROP TRIGGER event_remains; DELETE FROM event WHERE sequence = 2", "event 3 follows event 1"),
    (.eventGap, "DROP TRIGGER event_remains; DELETE FROM event WHERE sequence = 1", "event 2 follows event 0"),
    (
      .twoActiveJobs,
      """
      INSERT INTO job SELECT 2, plan, host, guest, epoch, 0, 'running', created, NULL,
        json_set(body, '$.job.id', 2, '$.job.generation', 0, '$.state', 'running') FROM job
      """, "guest g1 has jobs 1, 2 under way"
    ),
    (.generationBehind, "DROP TRIGGER generation_stays; DELETE FROM generation", "guest g1, whose newest is 0"),
    (.claimWithoutJob, "DELETE FROM job", "there is no such job"),
    (
      .claimWithoutJob, "UPDATE claim SET guest = 'g2', body = json_set(body, '$.guest', 'g2')",
      "the job is for guest g1 on host h1"
    ),
    (.claimedCPUs, "DELETE FROM claim_pcpu WHERE pcpu = 7", "no row keeps pcpu 7 of host h1 by job 1"),
    (.claimedCPUs, "INSERT INTO claim_pcpu VALUES ('h1', 9, 1)", "no claim has pcpu 9 of host h1 by job 1"),
    (
      .malformedKey,
      """
      INSERT INTO key SELECT '\(String(repeating: "~", count: 40))', owner, role, revoked,
        json_set(body, '$.publicKey', '\(String(repeating: "~", count: 40))') FROM key
      """, "~ of h1"
    ),
    (.unreadableRow, "UPDATE plan SET body = '{}'", "plan 1 cannot be read"),
    (.unreadableRow, "UPDATE job SET body = json_remove(body, '$.job.guestName')", "job 1 cannot be read"),
    (.differingColumns, "UPDATE plan SET state = 'done'", "the columns of plan 1 differ"),
    (.differingColumns, "UPDATE key SET body = json_set(body, '$.revoked', json('true'))", "the columns of key aaaa"),
    (.reference, "DELETE FROM plan", "row 1 of job refers to a plan"),
    (.reference, "DELETE FROM claim", "of claim_pcpu refers to a claim"),
    (
      .structure,
      """
      PRAGMA writable_schema = ON;
      UPDATE sqlite_master SET sql = replace(sql, 'WHERE state', 'WHERE NOT state') WHERE name = 'job_active'
      """, "job_active"
    ),
    (.term, "DROP TRIGGER term_stays; DELETE FROM term", "there are 0 terms"),
  ]

  @Test(arguments: breaches.indices) func breachIsFound(index: Int) throws {
    let breach = Self.breaches[index]
    try scratch.rawConnection().writeWithoutTransaction { db in
      try db.execute(sql: "PRAGMA foreign_keys = OFF")
      try db.execute(sql: breach.sql)
    }
    let found = try Ledger.check(scratch.ledgerPath).findings
    #expect(found.contains { $0.code == breach.code && $0.text.contains(breach.words) }, "\(found)")
    #expect(found.allSatisfy { !$0.remedy.isEmpty })
  }

  @Test func aMigrationsClaimIsOnTheHostThatItsGuestGoesTo() throws {
    var record = Sample.job(2, guest: "g2", state: .running)
    let cells = [GuestCellPlacement(guestCell: 0, cell: 0)]
    record.job.action = .migrate(
      uri: "qemu+tls://h2/system",
      placement: Placement(host: "h2", cells: cells, pinning: Pinning(), dedicated: [3], score: 0, terms: []),
      expected: Pinning())
    let ledger = try Ledger(path: scratch.ledgerPath)
    try ledger.commit([
      .generation("g2", 2), .job(record), .claim(Claim(job: 2, host: "h2", guest: "g2", dedicated: [3], memory: [])),
    ])
    #expect(try Ledger.check(scratch.ledgerPath).findings == [])
    try scratch.rawConnection().write {
      try $0.execute(
        sql: "UPDATE claim SET host = 'h1', body = json_set(body, '$.host', 'h1') WHERE job = 2")
    }
    let found = try Ledger.check(scratch.ledgerPath).findings
    #expect(found.contains { $0.code == .claimWithoutJob && $0.text.contains("for guest g2 on host h2") }, "\(found)")
  }

  @Test func everyKindOfFindingIsTried() {
    #expect(Set(Self.breaches.map(\.code)) == Set(LedgerFinding.Code.allCases))
  }

  @Test func manyFindingsOfAKindAreCounted() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    try ledger.commit((2...41).map { .plan(Sample.plan($0)) })
    try scratch.rawConnection().write { try $0.execute(sql: "UPDATE plan SET body = '{}'") }
    let found = try Ledger.check(scratch.ledgerPath).findings.filter { $0.code == .unreadableRow }
    #expect(found.count == Ledger.findingsMax + 1)
    #expect(found.last?.text == "and 21 more like it")
  }

  @Test func whatCannotBeReadIsAnErrorAndNoFinding() throws {
    #expect(failure { () throws(StoreError) in _ = try Ledger.check(scratch.directory + "/none") } == .missing)
    var bytes = try scratch.bytes()
    bytes.replaceSubrange(4096..<5096, with: repeatElement(0xa5, count: 1000))
    try bytes.write(to: .init(filePath: scratch.ledgerPath))
    guard case .damaged? = failure(of: { () throws(StoreError) in _ = try Ledger.check(scratch.ledgerPath) }) else {
      Issue.record("damage was not told")
      return
    }
  }
}
