import ArgumentParser
import Fleet

/// `numafleet plan cancel ID`.
struct PlanCancelCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Ends a plan that is being carried out: no further wave begins.",
    discussion: """
      Its jobs that have not ended are cancelled as by `numafleet job cancel`, and
      what is done stays done. Make a new plan to go on from there, or back.

        numafleet plan cancel 8 && numafleet job list --active
      """)

  @Argument(help: "The plan's number.")
  var id: UInt64

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.cancel(.plan(PlanID(id))), console) }
}
