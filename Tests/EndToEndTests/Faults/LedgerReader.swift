import Fleet
import Foundation
import GRDB
import NUMA

/// Eyes on a coordinator's store that are not the coordinator's own; it may run, or lie dead.
struct LedgerReader {
  let path: String

  /// Every job there is, ascending by id.
  func jobs() throws -> [JobRecord] {
    try read { db in
      try String.fetchAll(db, sql: "SELECT body FROM job ORDER BY id").map {
        try JSONDecoder().decode(JobRecord.self, from: Data($0.utf8))
      }
    }
  }

  func claims() throws -> [Claim] {
    try read { db in
      try String.fetchAll(db, sql: "SELECT body FROM claim ORDER BY job").map {
        try JSONDecoder().decode(Claim.self, from: Data($0.utf8))
      }
    }
  }

  /// Every event there is, in the order in which they happened.
  func events() throws -> [FleetEvent] {
    try read { db in
      try String.fetchAll(db, sql: "SELECT body FROM event ORDER BY sequence").map {
        try JSONDecoder().decode(FleetEvent.self, from: Data($0.utf8))
      }
    }
  }

  /// How many events each job has that say how it ended.
  func ends() throws -> [JobID: Int] {
    try read { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          SELECT job, count(*) AS ends FROM event WHERE kind IN ('jobVerified', 'jobRefused', 'jobDiverged')
          GROUP BY job
          """)
      return Dictionary(uniqueKeysWithValues: rows.map { (JobID($0["job"] as UInt64), $0["ends"] as Int) })
    }
  }

  /// CPUs that two claims of one host hold, whatever the schema makes of it.
  static func doublyClaimed(_ claims: [Claim]) -> Int {
    claims.enumerated().reduce(0) { sum, entry in
      let later = claims[(entry.offset + 1)...].filter { $0.host == entry.element.host }
      return sum + later.reduce(0) { $0 + $1.dedicated.intersection(entry.element.dedicated).count }
    }
  }

  private func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(5)
    return try DatabaseQueue(path: path, configuration: configuration).read(body)
  }
}

extension LocalFleet {
  /// Its store, read by other eyes than its own.
  var ledger: LedgerReader { LedgerReader(path: folder.path("store.sqlite")) }
}
