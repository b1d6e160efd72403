import ArgumentParser
import ClusterConfig
import Daemon
import Store
import ZeroMQTransport

/// The coordinator daemon, and what its owner does with its store.
@main
struct Coordinatord: ParsableCommand {
  static let version = "0.1.0"
  static let defaultConfig = "/etc/numafleet/coordinator.yaml"

  static let configuration = CommandConfiguration(
    commandName: "numafleet-coordinator",
    abstract: "Gathers the NUMA topology of a fleet, plans placements and sends jobs to agents.",
    discussion: """
      First run:
        numafleet key new --out /etc/numafleet/coordinator.key
        numafleet-coordinator --config /etc/numafleet/coordinator.yaml
        numafleet key authorize HOST PUBLIC-KEY --role agent

      Without a subcommand it runs. The others look after its store: make backups,
      check them, and read `restore --help` before you need it.
      """,
    version: version,
    subcommands: [
      RunCommand.self, CheckCommand.self, BackupCommand.self, RestoreCommand.self, RaiseEpochCommand.self,
    ],
    defaultSubcommand: RunCommand.self)

  /// Runs the body; its error is one line on stderr and the exit status.
  static func exiting(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as ConfigurationError {
      throw fail(error.description, 64)
    } catch let error as TransportError {
      throw fail(error.description, 64)
    } catch let error as FileError {
      throw fail(error.description, 64)
    } catch let error as StoreError {
      throw fail(error.description, 73)
    }
  }

  private static func fail(_ text: String, _ status: Int32) -> ExitCode {
    complain("numafleet-coordinator: \(text)")
    return ExitCode(status)
  }
}
