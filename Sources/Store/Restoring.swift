import CoordinatorCore
import Fleet
import Foundation
import GRDB
import NUMA

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
      eventFloor: try number("SELECT sequence FROM event_floor"),
      plans: try plansToRestore(),
      jobs: try jobsToRestore(),
      claims: try values(of: Claim.self, "SELECT body FROM claim ORDER BY job"),
      generations: try generations(),
      keys: try keys(),
      draining: try String.fetchAll(self, sql: "SELECT host FROM draining ORDER BY host").map { HostID($0) }.sorted(),
      policy: try policy(),
      automation: try values(of: AutomationState.self, "SELECT body FROM automation").first ?? AutomationState(),
      moves: try values(
        of: MoveRecord.self,
        """
        SELECT body FROM moved WHERE job IN (SELECT job FROM moved ORDER BY job DESC LIMIT \(Ledger.movesRestored))
          OR wall_milliseconds > (SELECT max(wall_milliseconds) FROM moved) - 86400000 ORDER BY job
        """),
      topologies: try topologies(),
      hosts: try hosts(),
      sightings: try sightings(),
      wishes: try values(of: Wish.self, "SELECT body FROM wish").sorted { ($0.host, $0.guest) < ($1.host, $1.guest) },
      commands: try commands(),
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

  /// Every job that is not final, whose claim is held or that belongs to a plan under way or that may go on, and the
  /// newest others, ascending.
  private func jobsToRestore() throws -> [JobRecord] {
    try values(
      of: JobRecord.self,
      """
      SELECT body FROM job
      WHERE state IN ('waiting', 'sent', 'running')
        OR id IN (SELECT job FROM claim)
        OR plan IN (SELECT id FROM plan WHERE state = 'applying')
        OR plan = (SELECT max(id) FROM plan) AND plan IN (SELECT id FROM plan WHERE state = 'proposed')
        OR id IN (SELECT id FROM job ORDER BY id DESC LIMIT \(Ledger.jobsRestored))
      ORDER BY id
      """)
  }

  private func generations() throws -> [GuestGeneration] {
    try rows("SELECT guest, generation FROM generation") { row in
      GuestGeneration(guest: GuestID(row[0]), generation: Generation(UInt64(row[1] as Int64)))
    }.sorted { $0.guest < $1.guest }
  }

  private func policy() throws -> PolicyRevision? {
    try rows("SELECT revision, wall_milliseconds, text FROM policy ORDER BY revision DESC LIMIT 1") { row in
      PolicyRevision(number: UInt64(row[0] as Int64), wallMilliseconds: row[1], text: row[2])
    }.first
  }

  private func topologies() throws -> [TopologyRecord] {
    let machines: [(number: Int64, topology: HostTopology)] = try rows(
      "SELECT number, body FROM machine ORDER BY number"
    ) { row in (row[0], try value(in: row[1])) }
    var next = machines.startIndex
    return try rows("SELECT hash, machine, cells FROM topology ORDER BY machine, hash") { row in
      let number: Int64 = row[1]
      while next < machines.endIndex, machines[next].number < number { next += 1 }
      guard next < machines.endIndex, machines[next].number == number else {
        throw UnreadableRow(row: "a row of topology", reason: "there is no machine \(number)")
      }
      var topology = machines[next].topology
      topology.cells = try value(in: row[2])
      return TopologyRecord(hash: UInt64(bitPattern: row[0]), topology: topology)
    }
  }

  private func hosts() throws -> [HostRecord] {
    try rows("SELECT id, topology, agents_hash, facts FROM host") { row in
      HostRecord(
        id: HostID(row[0]), facts: try value(in: row[3]),
        topology: (row[1] as Int64?).map { UInt64(bitPattern: $0) }, topologyHash: UInt64(bitPattern: row[2]))
    }.sorted { $0.id < $1.id }
  }

  private func sightings() throws -> [Sighting] {
    try rows("SELECT host, guest, name, kind, type, state FROM sighting ORDER BY host, guest") { row in
      let (kind, type): (String, String) = (row[3], row[4])
      return Sighting(
        host: HostID(row[0]), guest: GuestID(row[1]), name: row[2],
        kind: kind == "domain" ? .domain(type: type) : .process(rule: type),
        state: GuestState(rawValue: row[5]) ?? .other)
    }.sorted { ($0.host, $0.guest) < ($1.host, $1.guest) }
  }

  private func commands() throws -> [CommandRecord] {
    try rows(
      "SELECT boot, message_id, actor, wall_milliseconds, name, answer FROM command ORDER BY number"
    ) { row in
      guard let id = RequestID(boot: BootID(row[0]), messageID: UInt64(bitPattern: row[1])) else {
        throw UnreadableRow(row: "a row of command", reason: "its request has no name")
      }
      return CommandRecord(
        id: id, actor: row[2], wallMilliseconds: row[3], command: row[4], answer: try value(in: row[5]))
    }
  }

  /// Rows by the place of their columns, which is much faster than by name.
  private func rows<Value>(_ sql: String, _ value: (Row) throws -> Value) throws -> [Value] {
    var values: [Value] = []
    let cursor = try Row.fetchCursor(self, sql: sql)
    while let row = try cursor.next() { values.append(try value(row)) }
    return values
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
    return try bodies.map { try value(in: $0) }
  }

  private func value<Value: Decodable>(in body: String) throws -> Value {
    do {
      return try LedgerRow.value(Value.self, of: body)
    } catch {
      throw UnreadableRow(row: "a row of \(Value.self)", reason: String(describing: error))
    }
  }

  private func number(_ sql: String) throws -> UInt64 {
    UInt64(try Int64.fetchOne(self, sql: sql) ?? 0)
  }
}

/// The text of a row.
enum LedgerRow {
  private static let decoder = JSONDecoder()

  static func value<Value: Decodable>(_ type: Value.Type, of body: String) throws -> Value {
    try decoder.decode(type, from: Data(body.utf8))
  }
}
