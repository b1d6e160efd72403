import CoordinatorCore
import Fleet
import Foundation
import GRDB
import Testing

@testable import Store

/// Files that are not as they should be are refused with what to do, and left as they are.
@Suite struct FileTests {
  let scratch: Scratch

  init() throws { scratch = try Scratch() }

  private func open(pagesMax: Int? = nil) -> StoreError.Kind? {
    failure { () throws(StoreError) in
      _ = try Ledger(path: scratch.ledgerPath, pagesMax: pagesMax, busyMilliseconds: 20)
    }
  }

  @Test func onlyTheOwnerMayRead() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    try ledger.commit(Sample.transaction)
    for name in ["ledger.sqlite", "ledger.sqlite-wal", "ledger.sqlite-shm", "ledger.sqlite.lock"] {
      #expect(try scratch.mode(of: name) == 0o600, "\(name)")
    }
  }

  @Test func looseModeIsTightened() throws {
    _ = try Ledger(path: scratch.ledgerPath)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: scratch.ledgerPath)
    _ = try Ledger(path: scratch.ledgerPath)
    #expect(try scratch.mode(of: "ledger.sqlite") == 0o600)
  }

  /// Page 0 holds the header, page 1 the schema; the last page is met by nothing but the check itself.
  @Test(arguments: [(page: 0, byte: 0), (page: 0, byte: 30), (page: 1, byte: 0), (page: -1, byte: 0)])
  func damagedFileIsReportedAndUntouched(page: Int, byte: Int) throws {
    do {
      let ledger = try Ledger(path: scratch.ledgerPath)
      try ledger.commit(Sample.transaction + (2...200).map { .event(Sample.event($0)) })
    }
    var bytes = try scratch.bytes()
    let start = (page >= 0 ? page : bytes.count / 4096 + page) * 4096 + byte
    bytes.replaceSubrange(start..<(start + 3000), with: Data(repeating: 0xa5, count: 3000))
    try bytes.write(to: URL(fileURLWithPath: scratch.ledgerPath))
    guard case .damaged = open() else {
      Issue.record("\(String(describing: open()))")
      return
    }
    #expect(try scratch.bytes() == bytes)
  }

  @Test func emptyFileIsNotANewCluster() throws {
    try Data().write(to: URL(fileURLWithPath: scratch.ledgerPath))
    guard case .damaged(let what) = open() else {
      Issue.record("\(String(describing: open()))")
      return
    }
    #expect(what.contains("empty"))
    #expect(try scratch.bytes().isEmpty)
  }

  @Test func missingFileBesideItsLogIsNotANewCluster() throws {
    try Data([1]).write(to: URL(fileURLWithPath: scratch.ledgerPath + "-wal"))
    guard case .damaged = open() else {
      Issue.record("\(String(describing: open()))")
      return
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.ledgerPath))
  }

  @Test func directoryIsNoLedger() throws {
    try FileManager.default.createDirectory(atPath: scratch.ledgerPath, withIntermediateDirectories: false)
    #expect(open() == .io("it is not a regular file"))
  }

  @Test func missingDirectoryIsToBeCreated() {
    let directory = scratch.directory + "/none"
    let error = #expect(throws: StoreError.self) { try Ledger(path: directory + "/ledger") }
    #expect(error?.kind == .noDirectory)
    #expect(error?.remedy == "create the directory \(directory) and start it again")
  }

  @Test func foreignDatabaseIsRefusedAndUntouched() throws {
    try scratch.rawConnection().write { try $0.execute(sql: "CREATE TABLE other (a)") }
    let bytes = try scratch.bytes()
    #expect(open() == .foreign("its application id is 0"))
    #expect(try scratch.bytes() == bytes)
  }

  @Test func newerReleasesFileIsRefused() throws {
    _ = try Ledger(path: scratch.ledgerPath)
    try scratch.rawConnection().write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('v9999')") }
    #expect(open() == .foreign("a newer release has written it"))
  }

  @Test func startThatWasCutShortIsTakenUp() throws {
    try scratch.rawConnection().writeWithoutTransaction { db in
      _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
    }
    #expect(try Ledger(path: scratch.ledgerPath).beginTerm().epoch == 1)
  }

  @Test func secondCoordinatorIsRefusedWithTheFirstOnesPid() throws {
    let first = try Ledger(path: scratch.ledgerPath)
    #expect(open() == .inUse(pid: Int(getpid())))
    try first.commit(Sample.transaction)
  }

  @Test func lockEndsWithItsOwner() throws {
    do { _ = try Ledger(path: scratch.ledgerPath) }
    #expect(open() == nil)
  }

  /// A coordinator that waits hears no host, and they speak every 2 s.
  @Test func aLockIsWaitedForOnlyBrieflyOnceATermHasBegun() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    func wait() throws -> Int? { try ledger.queue.read { try Int.fetchOne($0, sql: "PRAGMA busy_timeout") } }
    #expect(try wait() == 5000)
    _ = try ledger.beginTerm()
    #expect(try wait() == 250)
  }

  @Test func fileHeldByAnotherProgramIsLocked() throws {
    let ledger = try Ledger(path: scratch.ledgerPath, pagesMax: nil, busyMilliseconds: 20)
    try scratch.rawConnection().writeWithoutTransaction { db in
      try db.execute(sql: "BEGIN IMMEDIATE")
      #expect(failure { () throws(StoreError) in try ledger.commit(Sample.transaction) } == .locked)
      #expect(failure { () throws(StoreError) in try ledger.tryWriting() } == .locked)
      #expect(try ledger.restored() == Restored(epoch: 0))
      try db.execute(sql: "COMMIT")
    }
    try ledger.tryWriting()
    try ledger.commit(Sample.transaction)
    #expect(try ledger.events(after: 0, limit: 9).count == 1)
  }
}
