import ArgumentParser
import Fleet

/// `numafleet plan diff A B`.
struct PlanDiffCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "Shows what one plan does otherwise than another.",
    discussion: """
      Lines that begin with - are in the first plan only, + in the second only, and ~
      move the same guest to another place.

        numafleet plan diff 7 8

      JSON keys: from, to (plan numbers), removed, added (moves), changed ({from,
      to}).
      """)

  @Argument(help: "The plan's number.")
  var from: UInt64

  @Argument(help: "The other plan's number.")
  var to: UInt64

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let client = try CoordinatorClient(connection, console)
    func plan(_ number: UInt64) throws(CommandFailure) -> Plan {
      let reply = try client.ask(.plan(PlanID(number)))
      guard case .plan(let plan) = reply else { throw client.unexpected(reply) }
      return plan
    }
    let difference = PlanDifference(try plan(from), try plan(to))
    console.show(table: difference.text, json: difference)
  }
}
