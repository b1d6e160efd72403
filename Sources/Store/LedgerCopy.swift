public import Fleet
import GRDB
import Glibc

/// What a restore did.
public struct Restoration: Sendable, Hashable, Codable {
  /// The restored store; its next term has the epoch after this one.
  public var report: LedgerReport
  /// The newest term of the backup.
  public var backupEpoch: Epoch
  /// The newest term of the store that was replaced, where it could be read.
  public var replacedEpoch: Epoch?
  /// Where the replaced store is; nil when there was none.
  public var replaced: String?
}

/// Copies of ledgers, and ledgers made of copies.
extension Ledger {
  /// What a restore adds to the epoch and to every guest's generation.
  ///
  /// Agents refuse what is not newer than the newest they obeyed, and the old coordinator may have begun terms and
  /// given jobs after the backup. One that was started every two seconds begins a million terms in 23 days.
  public static let restoredAhead = 1_000_000

  /// Copies the ledger at `path` as it is at one moment, also while a coordinator runs on it, and checks the copy.
  ///
  /// The copy is one file of mode 0600, complete and on the disk before it has its name. Throws `exists` unless
  /// `replacing`.
  public static func backUp(_ path: String, to target: String, replacing: Bool) throws(StoreError) -> LedgerReport {
    try LedgerFile(path: path).examineExisting(busyMilliseconds: busyMilliseconds)
    guard replacing || access(target, F_OK) != 0 else { throw StoreError(.exists, path: target) }
    // A store in use has files beside it; replacing it would cost all that is written after.
    for beside in [".lock", "-wal"] where access(target + beside, F_OK) == 0 {
      throw StoreError(.isStore, path: target)
    }
    let fresh = target + ".new"
    try copy(path, to: fresh) { _ in }
    var report = try check(fresh)
    report.path = target
    guard rename(fresh, target) == 0 else { throw StoreError(.io(systemMessage("cannot be named")), path: target) }
    try LedgerFile(path: target).syncFolder()
    return report
  }

  /// Puts a checked copy of a backup in the place of the ledger at `path`, whose file is kept beside it. Its epoch and
  /// generations are `restoredAhead` of the newest of both.
  ///
  /// Throws `inUse` while a coordinator runs on it, and `unsound` when the backup has findings, unless
  /// `despiteFindings`. A cut at any moment leaves the old ledger, the new one, or none and the restore to be repeated.
  public static func restore(
    _ backup: String, to path: String, despiteFindings: Bool
  ) throws(StoreError) -> Restoration {
    let lock = try LedgerLock(path: path)
    defer { withExtendedLifetime(lock) {} }
    let sound = try check(backup)
    if let first = sound.findings.first, !despiteFindings {
      throw StoreError(.unsound("\(sound.findings.count) findings, the first: \(first.text)"), path: backup)
    }
    let file = LedgerFile(path: path)
    let replacedEpoch = (try? file.readEpoch()) ?? nil
    let fresh = path + LedgerFile.restoringSuffix
    try copy(backup, to: fresh) { db in
      let epoch = max(sound.epoch, replacedEpoch ?? 0).number + UInt64(restoredAhead)
      try db.execute(sql: "UPDATE term SET epoch = ?", arguments: [Int64(clamping: epoch)])
      try db.execute(sql: "UPDATE generation SET generation = generation + \(restoredAhead)")
    }
    var report = try check(fresh)
    report.path = path
    let replaced = try file.keepAside()
    guard rename(fresh, path) == 0 else { throw StoreError(.io(systemMessage("cannot be put in place")), path: path) }
    try file.syncFolder()
    return Restoration(
      report: report, backupEpoch: sound.epoch, replacedEpoch: replacedEpoch, replaced: replaced)
  }

  /// Makes the next term newer than `epoch`; the newest epoch of the ledger afterwards. Throws `inUse` while a
  /// coordinator runs on it.
  public static func raiseEpoch(_ path: String, above epoch: Epoch) throws(StoreError) -> Epoch {
    let lock = try LedgerLock(path: path)
    defer { withExtendedLifetime(lock) {} }
    try LedgerFile(path: path).examineExisting(busyMilliseconds: busyMilliseconds)
    guard epoch.number <= UInt64(Int64.max) - UInt64(restoredAhead) else {
      throw StoreError(.constraint("\(epoch) is beyond the largest term"), path: path)
    }
    do {
      let queue = try DatabaseQueue(path: path)
      defer { try? queue.close() }
      let raised = try queue.write { db in
        // The stored epoch is that of the last term; the next one has the number after it.
        try db.execute(
          sql: "UPDATE term SET epoch = ?1 WHERE epoch < ?1", arguments: [Int64(epoch.number)])
        return try Int64.fetchOne(db, sql: "SELECT epoch FROM term")
      }
      return Epoch(UInt64(raised ?? 0))
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Copies a ledger into a new file of its own, without a log beside it, changes it and makes it durable.
  private static func copy(
    _ path: String, to fresh: String, change: (Database) throws -> Void
  ) throws(StoreError) {
    // What an attempt that was cut short left.
    for suffix in LedgerFile.suffixes { unlink(fresh + suffix) }
    try LedgerFile(path: fresh).createEmpty()
    do {
      let source = try LedgerFile(path: path).reading(busyMilliseconds: busyMilliseconds)
      defer { try? source.close() }
      let copy = try DatabaseQueue(path: fresh)
      // All pages in one step, so that no write of the coordinator comes between.
      try source.backup(to: copy)
      try copy.writeWithoutTransaction { db in
        _ = try String.fetchOne(db, sql: "PRAGMA journal_mode = DELETE")
        try db.inTransaction {
          try change(db)
          return .commit
        }
      }
      try copy.close()
    } catch {
      throw StoreError(error, path: fresh)
    }
    try LedgerFile(path: fresh).sync()
  }
}

extension LedgerFile {
  /// What SQLite keeps beside a database.
  static let suffixes = ["", "-wal", "-shm", "-journal"]

  /// The newest epoch, where the file can be read at all.
  fileprivate func readEpoch() throws(StoreError) -> Epoch? {
    try examineExisting(busyMilliseconds: Ledger.busyMilliseconds)
    do {
      let queue = try reading(busyMilliseconds: Ledger.busyMilliseconds)
      defer { try? queue.close() }
      return try queue.read { try Int64.fetchOne($0, sql: "SELECT epoch FROM term") }.map { Epoch(UInt64($0)) }
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// Renames the file and what belongs to it to `PATH.replaced-N`; the first such name that is free.
  fileprivate func keepAside() throws(StoreError) -> String? {
    let present = Self.suffixes.filter { access(path + $0, F_OK) == 0 }
    guard !present.isEmpty else { return nil }
    func isTaken(_ number: Int) -> Bool {
      Self.suffixes.contains { access("\(path).replaced-\(number)\($0)", F_OK) == 0 }
    }
    var number = 1
    while isTaken(number) { number += 1 }
    // A log without its database belongs to the one that a restore renamed before it was cut short.
    if !present.contains(""), number > 1 { number -= 1 }
    let kept = "\(path).replaced-\(number)"
    for suffix in present {
      guard rename(path + suffix, kept + suffix) == 0 else {
        throw StoreError(.io(systemMessage("cannot be renamed to \(kept)\(suffix)")), path: path + suffix)
      }
    }
    try syncFolder()
    return kept
  }

  fileprivate func sync() throws(StoreError) {
    let file = open(path, O_RDWR | O_CLOEXEC)
    guard file >= 0 else { throw StoreError(.io(systemMessage("cannot be opened")), path: path) }
    defer { close(file) }
    guard fsync(file) == 0 else { throw StoreError(.io(systemMessage("cannot be made durable")), path: path) }
  }

  /// A name is durable only when its folder is.
  fileprivate func syncFolder() throws(StoreError) {
    let folder = Self.folder(of: path)
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw StoreError(.io(systemMessage("cannot open \(folder)")), path: path) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else {
      throw StoreError(.io(systemMessage("cannot make \(folder) durable")), path: path)
    }
  }
}
