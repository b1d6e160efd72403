import CoordinatorCore
import Fleet
import Foundation
import GRDB
import NUMA

/// Each write of the coordinator as SQL; the only statements that change the ledger beside `beginTerm`.
///
/// Statements are compiled once for the connection and reused.
extension Database {
  /// Carries one write out inside the caller's transaction.
  func record(_ write: Write) throws {
    switch write {
    case .event(let event): try record(event)
    case .plan(let plan): try record(plan)
    case .job(let record): try self.record(record)
    case .claim(let claim): try record(claim)
    case .releaseClaim(let job):
      try run("DELETE FROM claim WHERE job = ?", [column(job.number)])
    case .generation(let guest, let generation):
      try run(
        """
        INSERT INTO generation (guest, generation) VALUES (?, ?)
        ON CONFLICT (guest) DO UPDATE SET generation = excluded.generation
        """, [guest.text, column(generation.number)])
    case .key(let key): try record(key)
    case .draining(let host, true):
      try run("INSERT INTO draining (host) VALUES (?) ON CONFLICT (host) DO NOTHING", [host.text])
    case .draining(let host, false): try run("DELETE FROM draining WHERE host = ?", [host.text])
    case .policy(let revision):
      try run(
        "INSERT INTO policy (revision, wall_milliseconds, text) VALUES (?, ?, ?)",
        [column(revision.number), revision.wallMilliseconds, revision.text])
    case .automation(let state):
      try run(
        """
        INSERT INTO automation (singleton, mode, body) VALUES (1, ?, ?)
        ON CONFLICT (singleton) DO UPDATE SET mode = excluded.mode, body = excluded.body
        """, [state.mode.rawValue, body(state)])
    case .moved(let move):
      try run(
        """
        INSERT INTO moved (job, guest, wall_milliseconds, body) VALUES (?, ?, ?, ?)
        ON CONFLICT (job) DO UPDATE SET body = excluded.body
        """, [column(move.job.number), move.guest.text, move.wallMilliseconds, body(move)])
    case .topology(let record): try self.record(record)
    case .host(let record): try self.record(record)
    case .sighting(let sighting): try record(sighting)
    case .vanished(let guest, let host):
      try run("DELETE FROM sighting WHERE host = ? AND guest = ?", [host.text, guest.text])
    case .wish(let wish):
      try run(
        """
        INSERT INTO wish (host, guest, body) VALUES (?, ?, ?)
        ON CONFLICT (host, guest) DO UPDATE SET body = excluded.body
        """, [wish.host.text, wish.guest.text, body(wish)])
    case .forgottenWish(let guest, let host):
      try run("DELETE FROM wish WHERE host = ? AND guest = ?", [host.text, guest.text])
    case .forgottenHost(let host): try run("DELETE FROM host WHERE id = ?", [host.text])
    case .command(let record): try self.record(record)
    case .forgottenEvents(let last):
      try run("UPDATE event_floor SET sequence = ?", [column(last)])
      try run("DELETE FROM event WHERE sequence <= ?", [column(last)])
    }
  }

  private func record(_ event: FleetEvent) throws {
    try run(
      """
      INSERT INTO event (sequence, wall_milliseconds, kind, host, guest, job, actor, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)
      """,
      [
        column(event.sequence), event.wallMilliseconds, event.kind.rawValue, event.host?.text, event.guest?.text,
        event.job.map { try column($0.number) }, event.actor, body(event),
      ])
  }

  private func record(_ plan: Plan) throws {
    try run(
      """
      INSERT INTO plan (id, parent, state, body) VALUES (?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, state = excluded.state, body = excluded.body
      """, [column(plan.id.number), column(plan.parent.number), plan.state.rawValue, body(plan)])
  }

  private func record(_ record: JobRecord) throws {
    let job = record.job
    try run(
      """
      INSERT INTO job (id, plan, host, guest, epoch, generation, state, created, ended, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET plan = excluded.plan, host = excluded.host, guest = excluded.guest,
        epoch = excluded.epoch, generation = excluded.generation, state = excluded.state, ended = excluded.ended,
        body = excluded.body
      """,
      [
        column(job.id.number), record.plan.map { try column($0.number) }, job.host.text, job.guest.text,
        column(job.epoch.number), column(job.generation.number), record.state.rawValue, record.created, record.ended,
        body(record),
      ])
  }

  private func record(_ claim: Claim) throws {
    let job = try column(claim.job.number)
    try run(
      "INSERT INTO claim (job, host, guest, body) VALUES (?, ?, ?, ?)",
      [job, claim.host.text, claim.guest.text, body(claim)])
    for pcpu in claim.dedicated.members {
      try run("INSERT INTO claim_pcpu (host, pcpu, job) VALUES (?, ?, ?)", [claim.host.text, pcpu, job])
    }
  }

  private func record(_ key: AuthorizedKey) throws {
    try run(
      """
      INSERT INTO key (public_key, owner, role, revoked, body) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (public_key) DO UPDATE SET owner = excluded.owner, role = excluded.role,
        revoked = excluded.revoked, body = excluded.body
      """, [key.publicKey, key.owner, key.role.rawValue, key.revoked, body(key)])
  }

  private func record(_ record: TopologyRecord) throws {
    var machine = record.topology
    machine.cells = []
    let text = try body(machine)
    try run("INSERT INTO machine (body) VALUES (?) ON CONFLICT (body) DO NOTHING", [text])
    // A hash has its upper bit set as often as not, and SQLite's integers are signed.
    try run(
      "INSERT INTO topology (hash, machine, cells) SELECT ?, number, ? FROM machine WHERE body = ?",
      [Int64(bitPattern: record.hash), body(record.topology.cells), text])
  }

  private func record(_ record: HostRecord) throws {
    try run(
      """
      INSERT INTO host (id, topology, agents_hash, facts) VALUES (?, ?, ?, ?)
      ON CONFLICT (id) DO UPDATE SET topology = excluded.topology, agents_hash = excluded.agents_hash,
        facts = excluded.facts
      """,
      [
        record.id.text, record.topology.map { Int64(bitPattern: $0) }, Int64(bitPattern: record.topologyHash),
        body(record.facts),
      ])
  }

  private func record(_ sighting: Sighting) throws {
    let (kind, type) =
      switch sighting.kind {
      case .domain(let type): ("domain", type)
      case .process(let rule): ("process", rule)
      }
    try run(
      """
      INSERT INTO sighting (host, guest, name, kind, type, state) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT (host, guest) DO UPDATE SET name = excluded.name, kind = excluded.kind, type = excluded.type,
        state = excluded.state
      """, [sighting.host.text, sighting.guest.text, sighting.name, kind, type, sighting.state.rawValue])
  }

  private func record(_ record: CommandRecord) throws {
    try run(
      """
      INSERT INTO command (boot, message_id, actor, wall_milliseconds, name, answer) VALUES (?, ?, ?, ?, ?, ?)
      """,
      [
        record.id.boot.text, Int64(bitPattern: record.id.messageID), record.actor, record.wallMilliseconds,
        record.command, body(record.answer),
      ])
  }

  private func run(_ sql: String, _ values: [(any DatabaseValueConvertible)?]) throws {
    try cachedStatement(sql: sql).execute(arguments: StatementArguments(values))
  }
}

extension Write {
  /// The write in a few words, for the error that refuses it.
  var summary: String {
    switch self {
    case .event(let event): "event \(event.sequence)"
    case .plan(let plan): "plan \(plan.id)"
    case .job(let record): "job \(record.job.id) of guest \(record.job.guest)"
    case .claim(let claim): "claim of job \(claim.job) on host \(claim.host)"
    case .releaseClaim(let job): "release of the claim of job \(job)"
    case .generation(let guest, let generation): "generation \(generation) of guest \(guest)"
    case .key(let key): "key of \(key.owner)"
    case .draining(let host, let isDraining): "\(isDraining ? "draining" : "resuming") of host \(host)"
    case .policy(let revision): "revision \(revision.number) of the policy"
    case .automation(let state): "automation \(state.mode.rawValue)"
    case .moved(let move): "move of guest \(move.guest) by job \(move.job)"
    case .topology(let record): "topology \(record.hash)"
    case .host(let record): "host \(record.id)"
    case .sighting(let sighting): "guest \(sighting.guest) on host \(sighting.host)"
    case .vanished(let guest, let host): "leave of guest \(guest) from host \(host)"
    case .wish(let wish): "wish for guest \(wish.guest) on host \(wish.host)"
    case .forgottenWish(let guest, let host): "forgetting of the wish for guest \(guest) on host \(host)"
    case .forgottenHost(let host): "forgetting of host \(host)"
    case .forgottenEvents(let last): "forgetting of events up to \(last)"
    case .command(let record): "answer to request \(record.id.messageID) of \(record.actor)"
    }
  }
}

/// A counter as SQLite's signed integer.
private func column(_ number: UInt64) throws -> Int64 {
  guard let value = Int64(exactly: number) else { throw RuleBroken(rule: "\(number) is beyond the largest number") }
  return value
}

/// A value as the JSON text of its row, the same text for equal values.
private func body(_ value: some Encodable) throws -> String {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
  return String(decoding: try encoder.encode(value), as: UTF8.self)
}
