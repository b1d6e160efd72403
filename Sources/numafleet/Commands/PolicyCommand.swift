import ArgumentParser
import Fleet

/// `numafleet policy`.
struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Shows the policy.", subcommands: [PolicyShowCommand.self])
}

/// `numafleet policy show`.
struct PolicyShowCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Shows the policy in force. To change it, edit the coordinator's file and send SIGHUP.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.policy, console) }
}
