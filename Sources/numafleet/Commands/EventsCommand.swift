import ArgumentParser
import Fleet

/// `numafleet events`.
struct EventsCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "events", abstract: "Shows what happened: hosts, guests, commands, jobs, keys.",
    discussion: """
      Events are numbered without gaps; the oldest go (keep_events). --after goes on
      where an earlier listing ended. With --follow later events are printed as they
      happen, until Ctrl-C; with -o json one object a line.

        numafleet events --after 120
        numafleet events --follow -o json | jq -c 'select(.kind == "jobVerified")'
      """)

  @Option(help: ArgumentHelp("Only events after this number.", valueName: "n"))
  var after: UInt64 = 0

  @Flag(help: "Go on with what happens from now on.")
  var follow = false

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let client = try CoordinatorClient(connection, console)
    guard follow else {
      var events: [FleetEvent] = []
      try client.past(after: after) { events.append($0) }
      return try console.show(.events(events))
    }
    try client.follow(after: after) { event in
      console.showLine(table: EventLine(event: event).text, json: event)
    }
  }
}
