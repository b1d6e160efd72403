import ArgumentParser
import ClusterConfig
import Daemon
import Fleet
import Store

/// `numafleet-coordinator check`.
struct CheckCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Examines a store without changing it, also while a coordinator runs on it.",
    discussion: """
      Reads every row and compares what the rows say together: jobs, claims,
      claimed cpus, generations, the numbers of events, keys. It takes backups
      too.

        numafleet-coordinator check
        numafleet-coordinator check /var/backups/numafleet/coordinator.sqlite -o json

      Exit status: 0 nothing is wrong, 1 there are findings, 64 bad usage, 73 the
      store cannot be read, and no coordinator would start on it.
      """)

  @Argument(help: "The store; without it the one that the configuration names.")
  var store: String?

  @Option(help: "The coordinator's configuration file.")
  var config = Coordinatord.defaultConfig

  @OptionGroup var output: StoreOutput

  func perform() throws {
    let report = try Ledger.check(store ?? StoreOutput.store(of: config))
    try output.show(report, report.text)
    if !report.findings.isEmpty { throw ExitCode(1) }
  }
}

/// `numafleet-coordinator backup`.
struct BackupCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copies a store as it is at one moment, also while a coordinator runs on it.",
    discussion: """
      The copy is one file of mode 0600. It is written beside its name, checked,
      and durable before it has it: a name never stands for half a backup.

        numafleet-coordinator backup /var/lib/numafleet/coordinator.sqlite \\
          /var/backups/numafleet/coordinator.sqlite --force

      Exit status: 0 done, 1 done, but the store has findings, 64 bad usage, 73
      no backup was made.
      """)

  @Argument(help: "The store.")
  var store: String

  @Argument(help: "The file to make.")
  var target: String

  @Flag(help: "Replaces TARGET when it exists.")
  var force = false

  @OptionGroup var output: StoreOutput

  func perform() throws {
    let report = try Ledger.backUp(store, to: target, replacing: force)
    try output.show(report, report.text)
    if !report.findings.isEmpty { throw ExitCode(1) }
  }
}

/// `numafleet-coordinator restore`.
struct RestoreCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Puts a backup in the place of a store, while no coordinator runs on it.",
    discussion: """
      The backup is checked and copied. The old store is kept beside the new one
      as STORE.replaced-1, -2 and so on; nothing is deleted. Plans, jobs and keys
      that are younger than the backup are lost. Keys that were revoked since are
      valid again: revoke them once more. Where guests are, their hosts say, as
      after any start.

      Agents obey no term older than the newest that they have seen. So the next
      term of the restored store comes \(Ledger.restoredAhead) after the newest of the
      backup and of the old store, and each guest's next job as many after its
      last: more than a coordinator that crashes every two seconds begins in three
      weeks. If the log still says "host obeys another coordinator", see raise-epoch.

        systemctl stop numafleet-coordinator
        numafleet-coordinator restore /var/backups/numafleet/coordinator.sqlite \\
          /var/lib/numafleet/coordinator.sqlite
        systemctl start numafleet-coordinator

      Exit status: 0 done, 64 bad usage, 73 it could not be done; the old store is in
      its place or beside it.
      """)

  @Argument(help: "The backup.")
  var backup: String

  @Argument(help: "The store to replace or to make.")
  var store: String

  @Flag(help: "Takes a backup that has findings.")
  var force = false

  @OptionGroup var output: StoreOutput

  func perform() throws {
    let done = try Ledger.restore(backup, to: store, despiteFindings: force)
    try output.show(done, done.text)
  }
}

/// `numafleet-coordinator raise-epoch`.
struct RaiseEpochCommand: StoreCommand {
  static let configuration = CommandConfiguration(
    commandName: "raise-epoch", abstract: "Makes the next term newer than one that hosts already obey.",
    discussion: """
      For a store that is older than its hosts' memory: the coordinator's log says
      "host obeys another coordinator" with its term, and jobs for it wait. Make
      sure first that no other coordinator lives, which began that term.

        systemctl stop numafleet-coordinator
        numafleet-coordinator raise-epoch --above 17
        systemctl start numafleet-coordinator

      Exit status: 0 done, or the next term is newer anyway, 64 bad usage, 73
      nothing was changed.
      """)

  @Argument(help: "The store; without it the one that the configuration names.")
  var store: String?

  @Option(help: "The newest term that a host obeys.")
  var above: UInt64

  @Option(help: "The coordinator's configuration file.")
  var config = Coordinatord.defaultConfig

  @OptionGroup var output: StoreOutput

  func perform() throws {
    let path = try store ?? StoreOutput.store(of: config)
    let epoch = try Ledger.raiseEpoch(path, above: Epoch(above))
    try output.show(["nextEpoch": epoch.next], "the next term on \(path) is \(epoch.next)")
  }
}

/// A command that works on a store's file, with the exit status of its errors.
protocol StoreCommand: ParsableCommand {
  func perform() throws
}

extension StoreCommand {
  func run() throws { try Coordinatord.exiting(perform) }
}
