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

  /// A copy that a restore has made and not yet put in place.
  static let restoringSuffix = ".restoring"

  /// Makes the file, readable by its owner only, or examines the one that exists.
  func prepare(busyMilliseconds: Int) throws(StoreError) {
    do throws(StoreError) {
      try examineExisting(busyMilliseconds: busyMilliseconds)
    } catch {
      guard error.kind == .missing else { throw error }
      return try create()
    }
    var status = stat()
    guard stat(path, &status) == 0, status.st_mode & 0o077 == 0 || chmod(path, 0o600) == 0 else {
      throw StoreError(.io(systemMessage("cannot set its mode to 0600")), path: path)
    }
  }

  /// Examines the file without changing it; it must exist.
  func examineExisting(busyMilliseconds: Int) throws(StoreError) {
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw StoreError(errno == ENOENT ? .missing : .io(systemMessage("cannot look at it")), path: path)
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw StoreError(.io("it is not a regular file"), path: path) }
    guard status.st_size > 0 else {
      let advice = "it is empty; if this coordinator has never run, remove the file"
      throw StoreError(.damaged(advice), path: path)
    }
    try examine(busyMilliseconds: busyMilliseconds)
  }

  /// A connection that cannot change the file.
  func reading(busyMilliseconds: Int) throws -> DatabaseQueue {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(Double(busyMilliseconds) / 1000)
    return try DatabaseQueue(path: path, configuration: configuration)
  }

  private func create() throws(StoreError) {
    guard access(path + "-wal", F_OK) != 0 else {
      throw StoreError(.damaged("it is missing while its log \(path)-wal exists"), path: path)
    }
    guard access(path + Self.restoringSuffix, F_OK) != 0 else {
      let advice = "it is missing while \(path)\(Self.restoringSuffix) exists: a restore was cut short, repeat it"
      throw StoreError(.damaged(advice), path: path)
    }
    try createEmpty()
  }

  /// Makes an empty file that only its owner may read.
  func createEmpty() throws(StoreError) {
    // SQLite gives its -wal and -shm files the mode of this one.
    let file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw StoreError(.io(systemMessage("cannot create it")), path: path) }
    Self.giveAway(file, path: path)
    close(file)
  }

  /// The folder that the file is in.
  static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { path[..<$0].isEmpty ? "/" : String(path[..<$0]) } ?? "."
  }

  /// What root makes by hand belongs to the folder's owner, for the daemon that shall open it is not root.
  static func giveAway(_ descriptor: Int32, path: String) {
    var status = stat()
    guard geteuid() == 0, stat(folder(of: path), &status) == 0 else { return }
    _ = fchown(descriptor, status.st_uid, status.st_gid)
  }

  private func examine(busyMilliseconds: Int) throws(StoreError) {
    do {
      let queue = try reading(busyMilliseconds: busyMilliseconds)
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
