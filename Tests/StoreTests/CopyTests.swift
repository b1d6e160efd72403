import CoordinatorCore
import Fleet
import Foundation
import GRDB
import Testing

@testable import Store

/// A backup is the ledger at one moment, and a restored one is ahead of all that its hosts may have obeyed.
@Suite struct CopyTests {
  let scratch: Scratch
  var backup: String { scratch.directory + "/backup.sqlite" }

  init() throws { scratch = try Scratch() }

  private func names() throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: scratch.directory).sorted()
  }

  @Test func backupHasAllThatWasCommittedAndNothingBesideIt() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    _ = try ledger.beginTerm()
    try ledger.commit(Sample.transaction)
    let report = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
    #expect(report.path == backup && report.epoch == 1 && report.lastEvent == 1 && report.findings.isEmpty)
    #expect(try names().filter { $0.hasPrefix("backup") } == ["backup.sqlite"])
    #expect(try scratch.mode(of: "backup.sqlite") == 0o600)
    // The ledger goes on, the backup does not.
    try ledger.commit([.event(Sample.event(2))])
    var copied = try Ledger(path: backup).beginTerm()
    var own = try ledger.restored()
    #expect(copied.lastEvent == 1 && own.lastEvent == 2)
    (copied.epoch, copied.lastEvent, own.epoch, own.lastEvent) = (0, 0, 0, 0)
    #expect(copied == own)
  }

  @Test func aBackupNeverReplacesAStore() throws {
    let other = scratch.directory + "/other.sqlite"
    _ = try Ledger(path: other).beginTerm()
    let before = try Data(contentsOf: URL(filePath: other))
    _ = try Ledger(path: scratch.ledgerPath).beginTerm()
    let error = #expect(throws: StoreError.self) {
      try Ledger.backUp(scratch.ledgerPath, to: other, replacing: true)
    }
    #expect(error?.kind == .isStore)
    #expect(try Data(contentsOf: URL(filePath: other)) == before)
  }

  @Test func backupIsReplacedOnlyWhenAsked() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    _ = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
    try ledger.commit(Sample.transaction)
    let again = failure { () throws(StoreError) in
      _ = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
    }
    #expect(again == .exists)
    #expect(try Ledger.check(backup).lastEvent == 0)
    #expect(try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: true).lastEvent == 1)
  }

  @Test func whatACutBackupLeftIsNoHindrance() throws {
    _ = try Ledger(path: scratch.ledgerPath)
    for suffix in ["", "-wal", "-journal"] { try Data([1, 2, 3]).write(to: .init(filePath: backup + ".new" + suffix)) }
    _ = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
    #expect(try names().filter { $0.hasPrefix("backup") } == ["backup.sqlite"])
  }

  @Test func restoredLedgerIsAheadOfBothAndKeepsTheOldOne() throws {
    do {
      let ledger = try Ledger(path: scratch.ledgerPath)
      _ = try ledger.beginTerm()
      try ledger.commit(Sample.transaction)
      _ = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
      try ledger.commit([.event(Sample.event(2)), .generation("g1", 2)])
      for _ in 0..<3 { _ = try ledger.beginTerm() }
    }
    let done = try Ledger.restore(backup, to: scratch.ledgerPath, despiteFindings: false)
    #expect(done.backupEpoch == 1 && done.replacedEpoch == 4)
    #expect(done.replaced == scratch.ledgerPath + ".replaced-1")
    let restored = try Ledger(path: scratch.ledgerPath).beginTerm()
    #expect(restored.epoch == 1_000_005)
    #expect(restored.lastEvent == 1)
    #expect(restored.generations == [GuestGeneration(guest: "g1", generation: 1_000_001)])
    #expect(try scratch.mode(of: "ledger.sqlite") == 0o600)
    #expect(try Ledger.check(scratch.ledgerPath + ".replaced-1").lastEvent == 2)
    #expect(try Ledger.check(backup).epoch == 1)
    // Once more: the second old one has a name of its own.
    let again = try Ledger.restore(backup, to: scratch.ledgerPath, despiteFindings: false)
    #expect(again.replaced == scratch.ledgerPath + ".replaced-2" && again.report.epoch == 2_000_005)
  }

  @Test func restoreMakesALedgerWhereThereIsNone() throws {
    try Ledger(path: scratch.ledgerPath).commit(Sample.transaction)
    _ = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
    let other = scratch.directory + "/other.sqlite"
    let done = try Ledger.restore(backup, to: other, despiteFindings: false)
    #expect(done.replaced == nil && done.replacedEpoch == nil)
    #expect(try Ledger(path: other).beginTerm().jobs.count == 1)
  }

  /// The log of a coordinator that was killed holds what was acknowledged last.
  @Test func theOldLedgersLogIsKeptWithIt() throws {
    let killed = scratch.directory + "/killed.sqlite"
    let ledger = try Ledger(path: scratch.ledgerPath)
    try ledger.commit(Sample.transaction)
    for suffix in ["", "-wal"] {
      try FileManager.default.copyItem(atPath: scratch.ledgerPath + suffix, toPath: killed + suffix)
    }
    _ = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
    let done = try Ledger.restore(backup, to: killed, despiteFindings: false)
    #expect(try Ledger.check(#require(done.replaced)).lastEvent == 1)
    #expect(try !names().contains("killed.sqlite-wal"))
  }

  @Test func runningCoordinatorsLedgerIsNotReplaced() throws {
    let ledger = try Ledger(path: scratch.ledgerPath)
    _ = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
    let restored = failure { () throws(StoreError) in
      _ = try Ledger.restore(backup, to: scratch.ledgerPath, despiteFindings: false)
    }
    #expect(restored == .inUse(pid: Int(getpid())))
    let raised = failure { () throws(StoreError) in _ = try Ledger.raiseEpoch(scratch.ledgerPath, above: 9) }
    #expect(raised == .inUse(pid: Int(getpid())))
    try ledger.commit(Sample.transaction)
  }

  @Test func unsoundBackupIsTakenOnlyWhenAsked() throws {
    try Ledger(path: scratch.ledgerPath).commit(Sample.transaction)
    _ = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
    try DatabaseQueue(path: backup).write { try $0.execute(sql: "DELETE FROM claim_pcpu") }
    let bytes = try scratch.bytes()
    let refused = failure { () throws(StoreError) in
      _ = try Ledger.restore(backup, to: scratch.ledgerPath, despiteFindings: false)
    }
    guard case .unsound(let what)? = refused else {
      Issue.record("\(String(describing: refused))")
      return
    }
    #expect(what.contains("2 findings, the first: no row keeps pcpu 6"))
    #expect(try scratch.bytes() == bytes)
    let taken = try Ledger.restore(backup, to: scratch.ledgerPath, despiteFindings: true)
    #expect(taken.report.findings.count == 2)
  }

  /// Between the renames nothing has the ledger's name, and a new cluster there would forget everything.
  @Test func cutRestoreIsNoNewClusterAndIsRepeated() throws {
    try Ledger(path: scratch.ledgerPath).commit(Sample.transaction)
    _ = try Ledger.backUp(scratch.ledgerPath, to: backup, replacing: false)
    let manager = FileManager.default
    for suffix in LedgerFile.suffixes where manager.fileExists(atPath: scratch.ledgerPath + suffix) {
      try manager.moveItem(atPath: scratch.ledgerPath + suffix, toPath: scratch.ledgerPath + ".replaced-1" + suffix)
    }
    try manager.copyItem(atPath: backup, toPath: scratch.ledgerPath + ".restoring")
    let started = failure { () throws(StoreError) in _ = try Ledger(path: scratch.ledgerPath) }
    guard case .damaged(let what)? = started else {
      Issue.record("\(String(describing: started))")
      return
    }
    #expect(what.contains("a restore was cut short"))
    _ = try Ledger.restore(backup, to: scratch.ledgerPath, despiteFindings: false)
    #expect(try Ledger(path: scratch.ledgerPath).beginTerm().epoch == 1_000_001)
    #expect(try Ledger.check(scratch.ledgerPath + ".replaced-1").lastEvent == 1)
  }

  @Test func epochIsRaisedAndNeverLowered() throws {
    _ = try Ledger(path: scratch.ledgerPath)
    #expect(try Ledger.raiseEpoch(scratch.ledgerPath, above: 17) == 17)
    #expect(try Ledger.raiseEpoch(scratch.ledgerPath, above: 3) == 17)
    #expect(try Ledger(path: scratch.ledgerPath).beginTerm().epoch == 18)
    let beyond = failure { () throws(StoreError) in
      _ = try Ledger.raiseEpoch(scratch.ledgerPath, above: Epoch(.max))
    }
    guard case .constraint? = beyond else {
      Issue.record("\(String(describing: beyond))")
      return
    }
  }
}
