import ArgumentParser
import Fleet

/// `numafleet auto`.
struct AutoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "auto", abstract: "Lets the coordinator mend placements by itself, within the policy's limits.",
    discussion: """
      Off until you switch it on. What it does is what `numafleet plan repair HOST`
      proposes: host by host, once nothing has changed there for settle_seconds, and
      every review_minutes. A guest that was moved, by whomever, stays for
      residence_minutes, and longer if the move did not pay; `automation` of
      cluster-config/policy.yaml has these limits and more. Hosts with a finding that
      forbids it (numafleet doctor) are left alone.

      Begin with `numafleet auto shadow`, look at `numafleet events` and
      `numafleet plan list`, then `numafleet auto on`.
      """,
    subcommands: [
      AutoOnCommand.self, AutoShadowCommand.self, AutoPauseCommand.self, AutoOffCommand.self, AutoStatusCommand.self,
    ])
}

/// `numafleet auto on`.
struct AutoOnCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "on", abstract: "Switches automation on, and ends a pause.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.automate(Automate(mode: .on)), console) }
}

/// `numafleet auto shadow`.
struct AutoShadowCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "shadow", abstract: "Plans as if automation were on, and only writes down what it would do.",
    discussion: """
      Each plan is kept (numafleet plan list) and each move of it is an event; the
      same plan is not written twice. Nothing is changed on any host; what automation
      had in hand is cancelled as by `numafleet auto off`.
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.automate(Automate(mode: .shadow)), console) }
}

/// `numafleet auto pause`.
struct AutoPauseCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Begins nothing for a while; what has begun ends by itself.")

  @Option(help: "How long, 1...10080.")
  var minutes = 60

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (1...Automate.pauseMinutesMax).contains(minutes) else {
      throw ValidationError("--minutes is \(minutes); allowed: 1...\(Automate.pauseMinutesMax)")
    }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.automate(Automate(mode: nil, pauseMinutes: minutes)), console)
  }
}

/// `numafleet auto off`.
struct AutoOffCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "off", abstract: "Switches automation off. Once this returns, nothing more begins.",
    discussion: """
      Plans of automation end where they are, and their moves are cancelled as by
      `numafleet job cancel`: live migrations and what has not begun are called off,
      copies of pages within a host end by themselves. Each guest is then in its old
      place or in its new one. Plans of operators go on.
      """)

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.automate(Automate(mode: .off)), console) }
}

/// `numafleet auto status`.
struct AutoStatusCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Shows what automation does, its last moves and what they brought, and who stays.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.automation, console) }
}
