public import CoordinatorCore
public import Fleet
import GRDB
import Synchronization

/// The coordinator's durable truth: events, plans, jobs, claims, generations and keys, in one SQLite file.
///
/// Invariants:
/// - One process at a time; a lock beside the file is held for as long as the ledger lives.
/// - When `commit` returns, all its writes are on the disk (WAL, `synchronous=FULL`); when it throws, none is.
/// - The epoch rises with every term, a guest's generation with every decision, and neither ever falls.
/// - Of the events only the oldest go, up to a recorded floor; what remains is numbered without gaps.
/// - Two claims never hold the same dedicated pcpu of a host; the schema refuses the second.
/// - An existing file that is damaged, foreign or newer is reported and left exactly as it was found.
/// - After the disk has failed once nothing more is written: what a failed fsync left behind is unknown until the
///   file is opened anew.
public final class Ledger: Sendable {
  /// The newest plans that a term starts with, beside those under way.
  static let plansRestored = 256
  /// The newest final jobs that a term starts with, beside those that are needed.
  static let jobsRestored = 1024
  /// The newest moves that a term starts with, beside those of a day.
  static let movesRestored = 10_000
  /// The most values one read gives.
  public static let readLimit = 10_000
  /// How long a lock held by another program is waited for before a term begins.
  static let busyMilliseconds = 5000
  /// And after that: a coordinator that waits hears no host.
  static let busyMillisecondsInTerm = 250

  let path: String
  private let lock: LedgerLock?
  let queue: DatabaseQueue
  /// The error after which nothing more may be written.
  private let broken = Mutex<StoreError?>(nil)

  /// Opens the ledger at `path` or creates it, with mode 0600, and migrates it to this release's schema.
  ///
  /// Throws `inUse` when another coordinator has it, `damaged`, `foreign`, `locked`, `full` or `io` otherwise.
  public convenience init(path: String) throws(StoreError) { try self.init(path: path, pagesMax: nil) }

  /// The same with a limit of pages and a shorter wait, for tests of what happens there.
  init(path: String, pagesMax: Int?, busyMilliseconds: Int = Ledger.busyMilliseconds) throws(StoreError) {
    self.path = path
    lock = try LedgerLock(path: path)
    try LedgerFile(path: path).prepare(busyMilliseconds: busyMilliseconds)
    var configuration = Configuration()
    configuration.busyMode = .timeout(Double(busyMilliseconds) / 1000)
    do {
      queue = try DatabaseQueue(path: path, configuration: configuration)
      try queue.writeWithoutTransaction { db in
        let mode = try String.fetchOne(db, sql: "PRAGMA journal_mode = WAL")
        guard mode == "wal" else {
          throw StoreError(.io("its file system has no shared memory for SQLite's write-ahead log"), path: path)
        }
        try db.execute(sql: "PRAGMA synchronous = FULL")
        // A WAL that one large transaction has stretched shrinks again at the next checkpoint.
        try db.execute(sql: "PRAGMA journal_size_limit = 67108864")
        if let pagesMax { try db.execute(sql: "PRAGMA max_page_count = \(pagesMax)") }
      }
      try Schema.migrator.migrate(queue)
    } catch {
      throw StoreError(error, path: path)
    }
  }

  private init() throws(StoreError) {
    path = ":memory:"
    lock = nil
    do {
      queue = try DatabaseQueue()
      try Schema.migrator.migrate(queue)
    } catch {
      throw StoreError(error, path: path)
    }
  }

  /// A ledger with the same rules and no file, which lives as long as this object.
  public static func inMemory() throws(StoreError) -> Ledger { try Ledger() }

  // The database closes before the lock is given back, so that the next owner never meets our last checkpoint.
  deinit { try? queue.close() }

  /// Begins a new term: raises the epoch by one, commits that, and returns everything durable. From then on a lock
  /// that another program holds is waited for only briefly.
  public func beginTerm() throws(StoreError) -> Restored {
    let restored = try write { db in try db.beginTerm() }
    _ = try read { db in try Int.fetchOne(db, sql: "PRAGMA busy_timeout = \(Self.busyMillisecondsInTerm)") }
    return restored
  }

  /// Everything durable, in the term that has begun; changes nothing.
  public func restored() throws(StoreError) -> Restored {
    try read { db in try db.restored() }
  }

  /// Makes one change that changes nothing, durably: it tells whether writes succeed again.
  public func tryWriting() throws(StoreError) {
    // A page is written even where the number stays what it is.
    try write { db in try db.execute(sql: "PRAGMA user_version = 0") }
  }

  /// Stores all writes in one transaction, in their order; durable on return. No writes, no transaction.
  public func commit(_ writes: [Write]) throws(StoreError) {
    if writes.isEmpty { return }
    try write { [path] db in
      for write in writes {
        do { try db.record(write) } catch { throw StoreError(error, path: path, doing: write.summary) }
      }
    }
  }

  /// Up to `limit` events after a sequence, ascending.
  public func events(after sequence: UInt64, limit: Int) throws(StoreError) -> [FleetEvent] {
    // Nothing is numbered beyond SQLite's largest integer, so nothing lies after it either.
    let first = Int64(clamping: sequence)
    return try read { db in
      try db.values(
        of: FleetEvent.self, "SELECT body FROM event WHERE sequence > ? ORDER BY sequence LIMIT ?",
        [first, Self.clamped(limit)])
    }
  }

  /// Up to `limit` jobs, newest first; with `active` only those that are not final.
  public func jobs(limit: Int, active: Bool = false) throws(StoreError) -> [JobRecord] {
    let condition = active ? "WHERE state IN ('waiting', 'sent', 'running')" : ""
    return try read { db in
      try db.values(
        of: JobRecord.self, "SELECT body FROM job \(condition) ORDER BY id DESC LIMIT ?", [Self.clamped(limit)])
    }
  }

  /// The job of that id, if there is one.
  public func job(_ id: JobID) throws(StoreError) -> JobRecord? {
    try read { db in
      try db.values(of: JobRecord.self, "SELECT body FROM job WHERE id = ?", [Int64(clamping: id.number)]).first
    }
  }

  /// Up to `limit` plans, newest first.
  public func plans(limit: Int) throws(StoreError) -> [Plan] {
    try read { db in
      try db.values(of: Plan.self, "SELECT body FROM plan ORDER BY id DESC LIMIT ?", [Self.clamped(limit)])
    }
  }

  /// The plan of that id, if there is one.
  public func plan(_ id: PlanID) throws(StoreError) -> Plan? {
    try read { db in
      try db.values(of: Plan.self, "SELECT body FROM plan WHERE id = ?", [Int64(clamping: id.number)]).first
    }
  }

  /// Every key, revoked ones too, by owner.
  public func keys() throws(StoreError) -> [AuthorizedKey] {
    try read { db in try db.keys() }
  }

  private static func clamped(_ limit: Int) -> Int { min(max(limit, 0), readLimit) }

  private func read<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    do { return try queue.read(body) } catch { throw StoreError(error, path: path) }
  }

  /// Runs one transaction; on an error everything in it is undone.
  private func write<Value>(_ body: (Database) throws -> Value) throws(StoreError) -> Value {
    if let error = broken.withLock({ $0 }) { throw error }
    do {
      return try queue.write(body)
    } catch {
      let error = StoreError(error, path: path)
      switch error.kind {
      case .io, .damaged: broken.withLock { $0 = error }
      case .full, .locked, .inUse, .foreign, .constraint, .noDirectory, .missing, .exists, .isStore, .unsound: break
      }
      throw error
    }
  }
}
