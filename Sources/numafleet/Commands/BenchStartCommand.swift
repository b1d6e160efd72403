import ArgumentParser

/// `numafleet bench start`.
struct BenchStartCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "How long a coordinator takes to serve on the store of a large fleet.",
    discussion: """
      Fills a store with keys of hosts, generations of guests, 1000 ended jobs and
      200 under way with their claims, 200 plans of ten moves, and events; starts
      numafleet-coordinator on it and asks for its status until it answers.

      JSON keys: hosts, guests, events, store_kib, rounds, seconds (from the start of
      the process to its first answer, the median), seconds_min, rss_kib.
      """)

  @Option(help: "Hosts with a key, 1...50000.")
  var hosts = 1000

  @Option(help: "Guests that have had a job, 2000...1000000.")
  var guests = 50_000

  @Option(help: "Events, 1...10000000.")
  var events = 100_000

  @Option(help: "Starts, 1...100.")
  var rounds = 3

  @OptionGroup var trial: TrialOptions

  var output: OutputOptions { trial.output }

  func validate() throws {
    guard (1...50_000).contains(hosts) else { throw ValidationError("--hosts is \(hosts); allowed: 1...50000") }
    guard (2000...1_000_000).contains(guests) else {
      throw ValidationError("--guests is \(guests); allowed: 2000...1000000")
    }
    guard (1...10_000_000).contains(events) else {
      throw ValidationError("--events is \(events); allowed: 1...10000000")
    }
    guard (1...100).contains(rounds) else { throw ValidationError("--rounds is \(rounds); allowed: 1...100") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    trial.warn(console)
    let contents = StoreContents(hosts: hosts, guests: guests, events: events)
    let figures = try StartTrial(contents: contents, rounds: rounds, programs: trial.programs).run(console)
    console.show(table: figures.text, json: figures)
  }
}
