import CoordinatorCore
import Fleet
import Foundation
import GRDB
import Testing

@testable import Store

/// The schema of each released version, kept as text in `Schemas`, and the way from each to the newest.
///
/// `RERECORD=1 swift test --filter SchemaTests` writes the newest one anew; only a version that was never released
/// may change.
@Suite struct SchemaTests {
  static let versions = Schema.migrator.migrations
  static let directory = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Schemas")

  private static func text(of version: String) throws -> String {
    try String(contentsOf: directory.appendingPathComponent("\(version).sql"), encoding: .utf8)
  }

  private func schema(in queue: DatabaseQueue) throws -> String {
    try queue.read { db in
      try String.fetchAll(db, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid")
        .map { $0 + ";\n" }.joined()
    }
  }

  @Test func newLedgerHasTheRecordedSchema() throws {
    let scratch = try Scratch()
    _ = try Ledger(path: scratch.ledgerPath)
    let schema = try schema(in: scratch.rawConnection())
    let newest = try #require(Self.versions.last)
    if ProcessInfo.processInfo.environment["RERECORD"] != nil {
      try schema.write(to: Self.directory.appendingPathComponent("\(newest).sql"), atomically: true, encoding: .utf8)
    }
    #expect(try schema == Self.text(of: newest))
  }

  @Test(arguments: versions)
  func ledgerOfEachVersionIsMigrated(version: String) throws {
    let scratch = try Scratch()
    try scratch.rawConnection().write { db in
      try db.execute(sql: "PRAGMA application_id = \(LedgerFile.applicationID)")
      try db.execute(sql: Self.text(of: version))
      try db.execute(sql: "INSERT INTO term VALUES (1, 41)")
      for earlier in Self.versions.prefix(through: try #require(Self.versions.firstIndex(of: version))) {
        try db.execute(sql: "INSERT INTO grdb_migrations VALUES (?)", arguments: [earlier])
      }
    }
    let ledger = try Ledger(path: scratch.ledgerPath)
    #expect(try ledger.beginTerm().epoch == 42)
    try ledger.commit(Sample.transaction)
    let newest = try #require(Self.versions.last)
    #expect(try schema(in: scratch.rawConnection()).count == Self.text(of: newest).count)
  }

  /// What version 2 wrote is read as it was, and the inventory begins empty: its hosts report when they connect.
  @Test func whatVersion2WroteIsKept() throws {
    let scratch = try Scratch()
    let earlier = Sample.transaction.filter { !$0.isOfInventory }
    try scratch.rawConnection().write { db in
      try db.execute(sql: "PRAGMA application_id = \(LedgerFile.applicationID)")
      try db.execute(sql: Self.text(of: "v2"))
      try db.execute(sql: "INSERT INTO term VALUES (1, 41); INSERT INTO grdb_migrations VALUES ('v1'), ('v2')")
      for write in earlier { try db.record(write) }
    }
    let ledger = try Ledger(path: scratch.ledgerPath)
    var restored = try ledger.beginTerm()
    #expect(restored.epoch == 42 && restored.topologies.isEmpty && restored.hosts.isEmpty)
    #expect(restored.jobs == [Sample.job(1, plan: 1, state: .sent)] && restored.keys == [Sample.key("a")])
    #expect(restored.claims == [Sample.claim(1, dedicated: [6, 7])] && restored.draining == ["h1"])
    #expect(try ledger.events(after: 0, limit: 9) == [Sample.event(1)])
    try ledger.commit(Sample.transaction.filter(\.isOfInventory))
    restored = try ledger.beginTerm()
    #expect(restored.hosts.map(\.id) == ["h1"] && restored.sightings == [Sample.sighting("g1")])
  }
}

extension Write {
  /// Whether the tables for it came with version 3 or later.
  fileprivate var isOfInventory: Bool {
    switch self {
    case .topology, .host, .sighting, .vanished, .forgottenHost, .command, .policy, .wish: true
    default: false
    }
  }
}
