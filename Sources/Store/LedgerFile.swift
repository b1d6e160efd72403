import GRDB
import Glibc

/// The database file before it is a ledger: made, or examined without being changed.
///
/// An existing file is first opened read-only, because whatever is wrong with it shall still be there for whoever
/// repairs it. A missing file is a new cluster; an empty one is not, because that is what a lost disk leaves.
struct LedgerFile {
  var path: String

  /// Marks the file as ours in SQLite's header: "NUMF".
  static let applicationID = 0x4e55_4d46

  /// Makes the file, readable by its owner only, or examines the one that exists.
  func prepare(busyMilliseconds: Int) throws(StoreError) {
    var status = stat()
    if stat(path, &status) != 0 {
      guard errno == ENOENT else { throw StoreError(.io(systemMessage("cannot look at it")), path: path) }
      try create()
      return
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw StoreError(.io("it is not a regular file"), path: path) }
    guard status.st_size > 0 else {
      let advice = "it is empty; if this coordinator has never run, remove the file"
      throw StoreError(.damaged(advice), path: path)
    }
    try examine(busyMilliseconds: busyMilliseconds)
    guard status.st_mode & 0o077 == 0 || chmod(path, 0o600) == 0 else {
      throw StoreError(.io(systemMessage("cannot set its mode to 0600")), path: path)
    }
  }

  private func create() throws(StoreError) {
    guard access(path + "-wal", F_OK) != 0 else {
      throw StoreError(.damaged("it is missing while its log \(path)-wal exists"), path: path)
    }
    // SQLite gives its -wal and -shm files the mode of this one.
    let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StoreError(.io(systemMessage("cannot create it")), path: path) }
    close(file)
  }

  private func examine(busyMilliseconds: Int) throws(StoreError) {
    do {
      var configuration = Configuration()
      configuration.readonly = true
      configuration.busyMode = .timeout(Double(busyMilliseconds) / 1000)
      let queue = try DatabaseQueue(path: path, configuration: configuration)
      try queue.read { db in
        let problems = try String.fetchAll(db, sql: "PRAGMA quick_check(3)")
        guard problems == ["ok"] else {
          throw StoreError(.damaged(problems.joined(separator: "; ")), path: path)
        }
        let identity = try Int.fetchOne(db, sql: "PRAGMA application_id")
        // A start that was cut short before its first migration leaves a database without any table.
        let isNewborn = try identity == 0 && Int.fetchOne(db, sql: "SELECT count(*) FROM sqlite_master") == 0
        guard identity == Self.applicationID || isNewborn else {
          throw StoreError(.foreign("its application id is \(identity ?? 0)"), path: path)
        }
        if try Schema.migrator.hasBeenSuperseded(db) {
          throw StoreError(.foreign("a newer release has written it"), path: path)
        }
      }
      try queue.close()
    } catch let error as DatabaseError where error.resultCode == .SQLITE_ERROR {
      // Our statements are right, so a general error (an impossible format or encoding) comes from the bytes.
      throw StoreError(.damaged(error.message ?? "SQLite cannot read it"), path: path)
    } catch {
      throw StoreError(error, path: path)
    }
  }
}
