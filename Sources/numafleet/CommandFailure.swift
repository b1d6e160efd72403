import ArgumentParser
import Fleet

/// Why a command did not do what it was asked: the coordinator's refusal, or this command's own.
struct CommandFailure: Error, Hashable {
  /// A `Refusal.Code`, or one of this command's: `usage`, `noAnswer`, `file`, `key`.
  var code: String
  var message: String
  var remedy: String
  var exit: CommandExit
  /// Why nothing fits, when that was asked.
  var explanation: Explanation?

  init(code: String, _ message: String, remedy: String, exit: CommandExit) {
    self.code = code
    self.message = message
    self.remedy = remedy
    self.exit = exit
  }

  /// What the coordinator or the agent refused.
  init(_ refusal: Refusal) {
    let exit: CommandExit = refusal.code == .diverged ? .diverged : .refused
    self.init(code: refusal.code.rawValue, refusal.message, remedy: refusal.remedy, exit: exit)
  }

  /// Wrong arguments.
  init(usage message: String) {
    self.init(code: "usage", message, remedy: "see `numafleet help` and its subcommands", exit: .usage)
  }

  /// A local file that cannot be used.
  init(file message: String, remedy: String, exit: CommandExit = .refused) {
    self.init(code: "file", message, remedy: remedy, exit: exit)
  }

  /// For people: one line.
  var text: String { printable(remedy.isEmpty ? message : "\(message); \(remedy)") }
}

/// The exit codes that `numafleet --help` documents.
enum CommandExit: Int32, Hashable {
  case done = 0
  case refused = 1
  case diverged = 2
  case noAnswer = 3
  case usage = 64
}
