import ClusterConfig
import CoordinatorCore
import Daemon
import Fleet
import Logging

/// The policy as its file says it, with the text that the store keeps.
struct PolicyFile {
  var path: String

  /// Throws a `ConfigError` with the line that is wrong, or what keeps the file from being read.
  func read() throws -> (policy: Policy, text: String) {
    let text = try TextFile.read(path)
    return (try Policy(parsing: text, file: path), text)
  }

  /// The policy to start a term with: that of the file, or else the one that was last in force, as a reload of a file
  /// that is broken keeps it too. A fleet must not stay without its coordinator for an indentation.
  func read(orElse kept: PolicyRevision?, _ log: Logger) throws -> (policy: Policy, text: String) {
    do { return try read() } catch {
      guard let kept, let policy = try? Policy(parsing: kept.text, file: "revision \(kept.number) of \(path)") else {
        throw error
      }
      log.error(
        "policy not readable, the last one stays in force; mend the file and send SIGHUP",
        metadata: ["reason": "\(error)", "revision": "\(kept.number)"])
      return (policy, kept.text)
    }
  }
}
