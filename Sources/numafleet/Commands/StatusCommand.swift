import ArgumentParser
import Fleet

/// `numafleet status`.
struct StatusCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Shows whether the coordinator answers, and who reports to it.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.status, console) }
}
