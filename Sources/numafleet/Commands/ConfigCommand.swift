import ArgumentParser
import ClusterConfig

/// `numafleet config`.
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Checks configuration files.", subcommands: [ConfigCheckCommand.self])
}

/// `numafleet config check FILE…`.
struct ConfigCheckCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Validates coordinator, agent, policy, shape and batch files. Asks nobody.",
    discussion: """
      Says what is wrong with file, line and the allowed values, and stops at the
      first mistake.

        numafleet config check cluster-config/*.yaml
      """)

  @Argument(help: "Files with `kind: coordinator`, `agent`, `policy`, `shape` or `batch`.")
  var files: [String]

  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    var checked: [Checked] = []
    for file in files {
      let text = try readText(file, kind: "configuration")
      do {
        checked.append(Checked(file: file, kind: try checkAny(text, file: file).kind))
      } catch {
        throw CommandFailure(configuration: error)
      }
    }
    let lines = checked.map { "\(printable($0.file)): a valid \($0.kind) file" }
    console.show(table: lines.joined(separator: "\n"), json: ["files": checked])
  }

  private struct Checked: Encodable {
    let file: String
    let kind: String
  }
}
