import CoordinatorCore
import Fleet
import Foundation
import GRDB

/// What the ledger reads: values decoded from their rows, and the state a term starts from.
extension Database {
  /// Raises the epoch by one and gives everything durable, inside the caller's transaction.
  func beginTerm() throws -> Restored {
    try execute(sql: "UPDATE term SET epoch = epoch + 1")
    return try restored()
  }

  /// Everything durable that a coordinator keeps in memory.
  func restored() throws -> Restored {
    Restored(
      epoch: Epoch(try number("SELECT epoch FROM term")),
      lastEvent: try number("SELECT coalesce(max(sequence), 0) FROM event"),
      plans: try plansToRestore(),
      jobs: try jobsToRestore(),
      claims: try values(of: Claim.self, "SELECT body FROM claim ORDER BY job"),
      generations: try generations(),
      keys: try keys(),
      draining: try String.fetchAll(self, sql: "SELECT host FROM draining ORDER BY host").map { HostID($0) }.sorted(),
      lastPlan: PlanID(try number("SELECT coalesce(max(id), 0) FROM plan")),
      lastJob: JobID(try number("SELECT coalesce(max(id), 0) FROM job")))
  }

  /// Every plan under way and the newest others, ascending.
  private func plansToRestore() throws -> [Plan] {
    try values(
      of: Plan.self,
      """
      SELECT body FROM plan
      WHERE state = 'applying' OR id IN (SELECT id FROM plan ORDER BY id DESC LIMIT \(Ledger.plansRestored))
      ORDER BY id
      """)
  }

  /// Every job that is not final or belongs to a plan under way, and the newest others, ascending.
  private func jobsToRestore() throws -> [JobRecord] {
    try values(
      of: JobRecord.self,
      """
      SELECT body FROM job
      WHERE state IN ('waiting', 'sent', 'running')
        OR plan IN (SELECT id FROM plan WHERE state = 'applying')
        OR id IN (SELECT id FROM job ORDER BY id DESC LIMIT \(Ledger.jobsRestored))
      ORDER BY id
      """)
  }

  private func generations() throws -> [GuestGeneration] {
    try Row.fetchAll(self, sql: "SELECT guest, generation FROM generation")
      .map { row in
        let generation: Int64 = row["generation"]
        return GuestGeneration(guest: GuestID(row["guest"]), generation: Generation(UInt64(generation)))
      }
      .sorted { $0.guest < $1.guest }
  }

  /// Every key, revoked ones too, by owner.
  func keys() throws -> [AuthorizedKey] {
    try values(of: AuthorizedKey.self, "SELECT body FROM key ORDER BY owner, public_key")
  }

  /// The bodies that a query selects, decoded.
  func values<Value: Decodable>(of type: Value.Type, _ sql: String, _ arguments: StatementArguments = [])
    throws -> [Value]
  {
    let bodies = try String.fetchAll(try cachedStatement(sql: sql), arguments: arguments)
    let decoder = JSONDecoder()
    return try bodies.map { body in
      do {
        return try decoder.decode(type, from: Data(body.utf8))
      } catch {
        throw UnreadableRow(row: "a row of \(type)", reason: String(describing: error))
      }
    }
  }

  private func number(_ sql: String) throws -> UInt64 {
    UInt64(try Int64.fetchOne(self, sql: sql) ?? 0)
  }
}
