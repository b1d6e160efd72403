import ArgumentParser
import Fleet

/// `numafleet plan`.
struct PlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Makes, shows and carries out plans.",
    discussion: """
      A plan is made from what was last observed and kept unchanged. It can be
      carried out only while the facts it was made from still hold; else make a new
      one.

        numafleet plan repair && numafleet plan apply 7
      """,
    subcommands: [
      PlanRepairCommand.self, PlanRebalanceCommand.self, PlanFitCommand.self, PlanRoomCommand.self,
      PlanDrainCommand.self, PlanListCommand.self, PlanShowCommand.self, PlanDiffCommand.self, PlanApplyCommand.self,
      PlanVerifyCommand.self, PlanCancelCommand.self,
    ])
}

/// `numafleet plan repair`.
struct PlanRepairCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "repair", abstract: "Makes a plan that mends what `numafleet doctor` names; changes nothing.")

  @Option(help: "Only on this host.")
  var host: String?

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.makePlan(.repair(host: host.map { HostID($0) })), console)
  }
}

/// `numafleet plan drain HOST`.
struct PlanDrainCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "drain", abstract: "Makes a plan that migrates every guest of a host away; moves nothing.",
    discussion: """
      Guests leave one after another, each to the host and cells where it fits best
      beside those before it. Guests that cannot leave are named with the reason.

      With --maintenance nothing new is placed on the host from now on, as after
      `numafleet host drain HOST`, until `numafleet host resume HOST`.

        numafleet plan drain rack1-host7 --maintenance && numafleet plan apply 8
      """)

  @Argument(help: "The host's name.")
  var host: String

  @Flag(help: "Also let nothing new be placed on the host, until it is resumed.")
  var maintenance = false

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let client = try CoordinatorClient(connection, console)
    if maintenance {
      // First, or a guest could be started there after the plan was made.
      let reply = try client.ask(.drain(HostID(host), true))
      guard case .accepted(let accepted) = reply else { throw client.unexpected(reply) }
      console.note(accepted.text)
    }
    try console.show(try client.ask(.makePlan(.drain(host: HostID(host)))))
  }
}

/// `numafleet plan list`.
struct PlanListCommand: AskingCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists plans.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.plans, console) }
}

/// `numafleet plan show ID`.
struct PlanShowCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows a plan's moves in order, each with its reason and cost.")

  @Argument(help: "The plan's number.")
  var id: UInt64

  @Flag(help: "Also name each cell chosen and each refused.")
  var explain = false

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let client = try CoordinatorClient(connection, console)
    let reply = try client.ask(.plan(PlanID(id)))
    guard case .plan(let plan) = reply else { throw client.unexpected(reply) }
    console.show(table: PlanText(plan: plan, explained: explain).text, json: plan)
  }
}

/// `numafleet plan apply ID`.
struct PlanApplyCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "apply", abstract: "Carries a plan out, wave by wave, and waits until its jobs are verified.",
    discussion: """
      Before each wave the plan is checked against the fleet again; when it no
      longer fits, it stops there, guests moved so far stay moved, and the exit code
      is 1.

      With --wave the plan waits after that wave, for a look at what it brought;
      apply it again to go on, as long as no newer plan was committed.

        numafleet plan show 8
        numafleet plan apply 8 --wave 1     the first wave only
        numafleet plan apply 8              the rest
      """)

  @Argument(help: "The plan's number.")
  var id: UInt64

  @Option(help: "Stop after the wave of this number, as plan show counts them.")
  var wave: Int?

  @OptionGroup var waiting: WaitOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let wave, wave < 1 { throw ValidationError("--wave is \(wave); waves are counted from 1") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    try submit(.applyPlan(PlanID(id), throughWave: wave), console, waiting)
  }
}
