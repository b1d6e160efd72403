import ArgumentParser
import Fleet

/// `numafleet host`.
struct HostCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "host", abstract: "Shows hosts.", subcommands: [HostListCommand.self, HostShowCommand.self])
}

/// `numafleet host list`.
struct HostListCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the hosts that report, with their size and what is free.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.hosts, console) }
}

/// `numafleet host show HOST`.
struct HostShowCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows a host's cells, the guests on them and the claims of jobs in flight.")

  @Argument(help: "The host's name.")
  var host: String

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.host(HostID(host)), console) }
}
