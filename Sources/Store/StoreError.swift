public import Fleet
import GRDB

/// Why the ledger could not be opened, read or written, with what its owner can do about it.
///
/// After an error of `commit` nothing of that transaction is stored, so a coordinator's state in memory is then ahead
/// of its ledger: it takes up `Ledger.restored()` when the error may pass, or stops and starts again.
public struct StoreError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What went wrong, for programs.
  public enum Kind: Sendable, Hashable {
    /// No room on the file system, or in the file.
    case full
    /// Another program holds SQLite's lock for longer than the busy timeout.
    case locked
    /// Another coordinator runs on this file; its process id where the lock file tells.
    case inUse(pid: Int?)
    /// The file is not what this program wrote.
    case damaged(String)
    /// The file belongs to another program, or to a newer release of this one.
    case foreign(String)
    /// A write broke a rule of the schema; the rule.
    case constraint(String)
    /// The directory that shall hold it is missing.
    case noDirectory
    /// There is no such file, where one must be.
    case missing
    /// A file that would be overwritten.
    case exists
    /// A store that a coordinator uses or has used, where a backup was to be written.
    case isStore
    /// A backup that has findings; how many, and the first.
    case unsound(String)
    /// The operating system refused; its words.
    case io(String)
  }

  public var kind: Kind
  /// The ledger's path; `:memory:` for one without a file.
  public var path: String

  init(_ kind: Kind, path: String) {
    self.kind = kind
    self.path = path
  }

  /// What is wrong, without a final period.
  public var message: String {
    switch kind {
    case .full: "the store \(path) cannot grow: no space is left"
    case .locked: "the store \(path) is locked by another program"
    case .inUse(let pid):
      "the store \(path) belongs to a coordinator that is running\(pid.map { " as process \($0)" } ?? "")"
    case .damaged(let what): "the store \(path) is damaged: \(what)"
    case .foreign(let what): "the store \(path) is not for this program: \(what)"
    case .constraint(let rule): "the store \(path) refused a change that breaks its rules: \(rule)"
    case .noDirectory: "the store \(path) cannot be made, for there is no such directory"
    case .missing: "there is no store \(path)"
    case .exists: "\(path) exists"
    case .isStore: "\(path) is a coordinator's store, not a backup"
    case .unsound(let what): "the backup \(path) has \(what)"
    case .io(let what): "the store \(path) cannot be used: \(what)"
    }
  }

  /// What the reader can do.
  public var remedy: String {
    switch kind {
    case .full: "free some space on its file system and try again; nothing acknowledged is lost"
    case .locked: "end the program that holds it (`fuser \(path)` names it) and try again"
    case .inUse: "stop that coordinator first, or give this one a store of its own"
    case .damaged: "leave it as it is and put a backup in its place: numafleet-coordinator restore --help"
    case .foreign: "check the path, or run the release that wrote it"
    case .constraint: "nothing was changed; start the coordinator again and report this line with its log"
    case .noDirectory:
      "create the directory \(path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ".") and start it again"
    case .missing: "check the path"
    case .exists: "name another file, or replace it with --force"
    case .isStore: "name another file; to put a backup in its place use numafleet-coordinator restore"
    case .unsound: "look at all with `numafleet-coordinator check`, take an older backup, or add --force"
    case .io: "check the directory's owner, its mode and the disk, then start the coordinator again"
    }
  }

  /// Whether later writes may succeed in the same process. An `io` error may not: what a failed fsync left is unknown
  /// until the file is opened anew.
  public var mayPass: Bool {
    switch kind {
    case .full, .locked: true
    case .inUse, .damaged, .foreign, .constraint, .noDirectory, .missing, .exists, .isStore, .unsound, .io: false
    }
  }

  /// The error as the refusal that operators are shown.
  public var refusal: Refusal { Refusal(.storeUnavailable, message, remedy: remedy) }

  public var description: String { "\(message); \(remedy)" }
}

extension StoreError {
  /// What an error thrown inside a database access means; `doing` names the change that met it.
  init(_ error: any Error, path: String, doing: String? = nil) {
    self.init(Self.kind(of: error, doing: doing), path: path)
  }

  private static func kind(of error: any Error, doing: String?) -> Kind {
    let prefix = doing.map { "\($0): " } ?? ""
    switch error {
    case let error as StoreError: return error.kind
    case let error as RuleBroken: return .constraint(prefix + error.rule)
    case let error as UnreadableRow: return .damaged("\(error.row) cannot be read: \(error.reason)")
    case let error as DatabaseError:
      let text = error.message ?? "SQLite error \(error.extendedResultCode.rawValue)"
      switch error.resultCode {
      case .SQLITE_FULL: return .full
      case .SQLITE_BUSY, .SQLITE_LOCKED: return .locked
      case .SQLITE_CORRUPT, .SQLITE_NOTADB: return .damaged(text)
      case .SQLITE_CONSTRAINT: return .constraint(prefix + text)
      default: return .io("\(text) (SQLite error \(error.extendedResultCode.rawValue))")
      }
    default: return .io(prefix + String(describing: error))
    }
  }
}

/// A value that no column may hold, found before SQLite saw it.
struct RuleBroken: Error {
  var rule: String
}

/// A stored value that does not decode.
struct UnreadableRow: Error {
  var row: String
  var reason: String
}
