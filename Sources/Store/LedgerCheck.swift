import CoordinatorCore
public import Fleet
import GRDB
import NUMA

/// Something in a ledger that can be read and should not be there, with what to do about it.
public struct LedgerFinding: Sendable, Hashable, Codable {
  /// What is wrong, for programs.
  public enum Code: String, Sendable, Hashable, Codable, CaseIterable {
    /// SQLite's own checks: an index, a constraint, a page that nothing refers to.
    case structure
    /// A row refers to one that is missing.
    case reference
    /// A row whose text is not a value of its kind.
    case unreadableRow
    /// A row whose columns say something else than its value.
    case differingColumns
    case eventGap
    case twoActiveJobs
    case generationBehind
    case claimWithoutJob
    case claimedCPUs
    case malformedKey
    /// Not exactly one term.
    case term
  }

  public var code: Code
  /// Which row, and what is wrong with it.
  public var text: String
  /// What the reader can do.
  public var remedy: String
}

/// What a ledger holds, and what is wrong with it.
public struct LedgerReport: Sendable, Hashable, Codable {
  public var path: String
  /// The newest term that has begun on it.
  public var epoch: Epoch
  public var lastEvent: UInt64
  public var plans: Int
  public var jobs: Int
  public var jobsInFlight: Int
  public var claims: Int
  /// Guests that ever had a job.
  public var guests: Int
  public var keys: Int
  public var findings: [LedgerFinding]
}

extension Ledger {
  /// Findings of one kind that are told; more of them say nothing new.
  static let findingsMax = 20

  /// Examines the ledger at `path` without changing it, also while a coordinator runs on it: SQLite's own checks, every
  /// row, and what the rows must mean together.
  ///
  /// Throws `missing`, `damaged`, `foreign`, `locked` or `io` when it cannot be read at all.
  public static func check(_ path: String) throws(StoreError) -> LedgerReport {
    let file = LedgerFile(path: path)
    try file.examineExisting(busyMilliseconds: busyMilliseconds)
    do {
      let queue = try file.reading(busyMilliseconds: busyMilliseconds)
      defer { try? queue.close() }
      // One transaction, so that all is seen as it was at one moment.
      return try queue.read { db in
        var examination = LedgerExamination(db: db)
        try examination.run()
        return try db.report(path: path, findings: examination.findings)
      }
    } catch {
      throw StoreError(error, path: path)
    }
  }
}

extension Database {
  fileprivate func report(path: String, findings: [LedgerFinding]) throws -> LedgerReport {
    func count(_ what: String) throws -> Int { try Int.fetchOne(self, sql: "SELECT count(*) FROM \(what)") ?? 0 }
    return LedgerReport(
      path: path, epoch: Epoch(UInt64(try Int64.fetchOne(self, sql: "SELECT max(epoch) FROM term") ?? 0)),
      lastEvent: UInt64(try Int64.fetchOne(self, sql: "SELECT max(sequence) FROM event") ?? 0),
      plans: try count("plan"), jobs: try count("job"),
      jobsInFlight: try count("job WHERE state IN ('waiting', 'sent', 'running')"), claims: try count("claim"),
      guests: try count("generation"), keys: try count("key"), findings: findings)
  }
}

/// One look at all rows of a ledger.
struct LedgerExamination {
  let db: Database
  private(set) var findings: [LedgerFinding] = []

  init(db: Database) { self.db = db }

  mutating func run() throws {
    try lookAtStructure()
    try readRows(of: FleetEvent.self, in: "event", key: "sequence")
    try readRows(of: Plan.self, in: "plan", key: "id")
    try readRows(of: HostTopology.self, in: "machine", key: "number")
    try readRows(of: [Cell].self, in: "topology", key: "hash", column: "cells")
    try readRows(of: HostFacts.self, in: "host", key: "id", column: "facts")
    try readRows(of: CommandAnswer.self, in: "command", key: "number", column: "answer")
    try readRows(of: AutomationState.self, in: "automation", key: "singleton")
    try readRows(of: MoveRecord.self, in: "moved", key: "job")
    try readRows(of: Wish.self, in: "wish", key: "guest")
    try readRows(of: JobRecord.self, in: "job", key: "id")
    var dedicated: [String] = []
    try readRows(of: Claim.self, in: "claim", key: "job") { claim in
      dedicated += claim.dedicated.members.map { "pcpu \($0) of host \(claim.host) by job \(claim.job)" }
    }
    var malformed: [String] = []
    try readRows(of: AuthorizedKey.self, in: "key", key: "public_key") { key in
      if !key.isWellFormed { malformed.append("key \(key.publicKey) of \(key.owner)") }
    }
    note(.malformedKey, malformed, "it is admitted nowhere; authorize a new key for its owner")
    try compareCPUs(dedicated)
    for rule in Self.rules { note(rule.code, try String.fetchAll(db, sql: rule.sql), rule.remedy) }
  }

  private mutating func note(_ code: LedgerFinding.Code, _ texts: [String], _ remedy: String) {
    for text in texts.prefix(Ledger.findingsMax) {
      findings.append(LedgerFinding(code: code, text: text, remedy: remedy))
    }
    if texts.count > Ledger.findingsMax {
      let more = "and \(texts.count - Ledger.findingsMax) more like it"
      findings.append(LedgerFinding(code: code, text: more, remedy: remedy))
    }
  }

  private mutating func lookAtStructure() throws {
    let problems = try String.fetchAll(db, sql: "PRAGMA integrity_check(\(Ledger.findingsMax + 1))")
    if problems != ["ok"] { note(.structure, problems, Self.restore) }
    let references = try Row.fetchAll(db, sql: "PRAGMA foreign_key_check").map { row in
      let (table, id, parent): (String, Int64?, String) = (row[0], row[1], row[2])
      return "row \(id.map(String.init) ?? "?") of \(table) refers to a \(parent) that is missing"
    }
    note(.reference, references, Self.restore)
  }

  private mutating func readRows<Value: Decodable>(
    of type: Value.Type, in table: String, key: String, column: String = "body", _ body: (Value) -> Void = { _ in }
  ) throws {
    var unreadable: [String] = []
    let rows = try Row.fetchCursor(db, sql: "SELECT CAST(\(key) AS TEXT), \(column) FROM \(table) ORDER BY \(key)")
    while let row = try rows.next() {
      let (id, text): (String, String) = (row[0], row[1])
      do { body(try LedgerRow.value(type, of: text)) } catch {
        unreadable.append("\(table) \(id) cannot be read: \(error)")
      }
    }
    note(.unreadableRow, unreadable, Self.restore)
  }

  /// The table that forbids two claims of one pcpu must say what the claims say.
  private mutating func compareCPUs(_ dedicated: [String]) throws {
    let claimed = try String.fetchAll(
      db, sql: "SELECT 'pcpu ' || pcpu || ' of host ' || host || ' by job ' || job FROM claim_pcpu")
    let (table, values) = (Set(claimed), Set(dedicated))
    note(.claimedCPUs, values.subtracting(table).sorted().map { "no row keeps \($0)" }, Self.restore)
    note(.claimedCPUs, table.subtracting(values).sorted().map { "no claim has \($0)" }, Self.restore)
  }

  private static let restore = "restore the newest backup that has no findings: numafleet-coordinator restore --help"

  private struct Rule {
    var code: LedgerFinding.Code
    /// Selects one text for each row that breaks it.
    var sql: String
    var remedy = LedgerExamination.restore
  }

  /// What rows must mean together, as questions whose answers are the exceptions.
  private static let rules = [
    Rule(
      code: .term, sql: "SELECT 'there are ' || count(*) || ' terms' FROM term HAVING count(*) <> 1"),
    Rule(
      code: .eventGap,
      sql: """
        SELECT 'event ' || sequence || ' follows event ' || before FROM
          (SELECT sequence, lag(sequence, 1, (SELECT sequence FROM event_floor)) OVER (ORDER BY sequence) AS before
           FROM event)
        WHERE sequence <> before + 1
        """, remedy: "events were removed; compare with the newest backup"),
    Rule(
      code: .twoActiveJobs,
      sql: """
        SELECT 'guest ' || guest || ' has jobs ' || group_concat(id, ', ') || ' under way' FROM
          (SELECT guest, id FROM job WHERE state IN ('waiting', 'sent', 'running') ORDER BY guest, id)
        GROUP BY guest HAVING count(*) > 1 ORDER BY guest
        """),
    Rule(
      code: .generationBehind,
      sql: """
        SELECT 'job ' || job.id || ' has generation ' || job.generation || ' of guest ' || job.guest ||
          ', whose newest is ' || coalesce(generation.generation, 0)
        FROM job LEFT JOIN generation ON generation.guest = job.guest
        WHERE job.generation > coalesce(generation.generation, 0) ORDER BY job.id
        """),
    Rule(
      code: .claimWithoutJob,
      sql: """
        SELECT 'the claim of job ' || claim.job || ' on host ' || claim.host || ' is left, but ' ||
          CASE WHEN job.id IS NULL THEN 'there is no such job'
          ELSE 'the job is for guest ' || job.guest || ' on host ' ||
          coalesce(json_extract(job.body, '$.job.action.migrate.placement.host'), job.host) END
        FROM claim LEFT JOIN job ON job.id = claim.job
        WHERE job.id IS NULL OR job.guest <> claim.guest OR
          coalesce(json_extract(job.body, '$.job.action.migrate.placement.host'), job.host) <> claim.host
        ORDER BY claim.job
        """),
    differing("event", "sequence", ["sequence": "$.sequence", "kind": "$.kind", "host": "$.host", "guest": "$.guest"]),
    differing("plan", "id", ["id": "$.id", "parent": "$.parent", "state": "$.state"]),
    differing(
      "job", "id",
      [
        "id": "$.job.id", "plan": "$.plan", "host": "$.job.host", "guest": "$.job.guest", "epoch": "$.job.epoch",
        "generation": "$.job.generation", "state": "$.state", "ended": "$.ended",
      ]),
    differing("claim", "job", ["job": "$.job", "host": "$.host", "guest": "$.guest"]),
    differing(
      "key", "public_key",
      ["public_key": "$.publicKey", "owner": "$.owner", "role": "$.role", "revoked": "$.revoked"]),
  ]

  private static func differing(
    _ table: String, _ key: String, _ columns: KeyValuePairs<String, String>
  ) -> Rule {
    let isDifferent = columns.map { "\($0.key) IS NOT json_extract(body, '\($0.value)')" }.joined(separator: " OR ")
    return Rule(
      code: .differingColumns,
      sql: """
        SELECT 'the columns of \(table) ' || \(key) || ' differ from its value' FROM \(table)
        WHERE json_valid(body) AND (\(isDifferent)) ORDER BY \(key)
        """)
  }
}
