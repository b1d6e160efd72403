import ArgumentParser
import Fleet

/// `numafleet host`.
struct HostCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "host", abstract: "Shows hosts, lets nothing new be placed on them, sets their KSM, and forgets them.",
    subcommands: [
      HostListCommand.self, HostShowCommand.self, HostDrainCommand.self, HostResumeCommand.self, HostKSMCommand.self,
      HostForgetCommand.self,
    ])
}

/// `numafleet host list`.
struct HostListCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the hosts of the fleet, with their size and what is free.")

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

/// `numafleet host drain HOST`.
struct HostDrainCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Lets nothing new be placed on a host. Guests that are there stay.",
    discussion: """
      Lasts until `numafleet host resume HOST`, also when the coordinator is started
      again. Guests of a draining host are still pinned, tuned and mended there. The
      policy's hosts can say the same.
      """)

  @Argument(help: "The host's name.")
  var host: String

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.drain(HostID(host), true), console) }
}

/// `numafleet host resume HOST`.
struct HostResumeCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lets new guests be placed on a host again after `numafleet host drain`.")

  @Argument(help: "The host's name.")
  var host: String

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.drain(HostID(host), false), console) }
}

/// `numafleet host forget HOST`.
struct HostForgetCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "forget", abstract: "Forgets a host that is gone for good.",
    discussion: """
      The coordinator remembers every host that has reported, and the guests that it
      saw there, until it is told to forget them: a silent host's guests may still
      run. A host that is connected is not forgotten. One that had running guests,
      jobs in flight or claims is only with --lost, which ends the jobs as diverged;
      then nothing keeps the same guests from being started elsewhere, so be sure
      that the machine is off. Its key stays authorized: see `numafleet key revoke`.
      """)

  @Argument(help: "The host's name.")
  var host: String

  @Flag(help: "Its guests and jobs are lost with the machine.")
  var lost = false

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.forgetHost(ForgetHost(host: HostID(host), evenWithGuests: lost)), console)
  }
}
