import ArgumentParser

/// `numafleet bench restart`.
struct BenchRestartCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "restart", abstract: "How a fleet comes back to a coordinator that was killed and started again.",
    discussion: """
      Fills a store with a fleet, connects an agent of each host over TCP with CURVE,
      kills numafleet-coordinator, starts it again and waits until it counts every
      host as connected: hello, welcome, and a report of five guests each. The agents
      dial as numafleet-agent does; they know nothing of NUMA.

      A process needs four files for each agent, so `ulimit -Hn` bounds their number.

      JSON keys: agents, spread_milliseconds, seconds_to_serving (from the start of
      the process to its first answer), seconds_to_all (until every host was
      connected), handshakes (finished ones; as many as agents where none was for
      nothing), topologies_asked (0 where all resume by hash), cpu_seconds, rss_kib.
      """)

  @Option(help: "Simulated agents, 400...50000.")
  var agents = 2000

  @Option(help: "Their reconnect_spread_milliseconds, 0...600000; 3 for each agent unless given.")
  var spreadMilliseconds: Int?

  @OptionGroup var trial: TrialOptions

  var output: OutputOptions { trial.output }

  func validate() throws {
    guard (400...50_000).contains(agents) else { throw ValidationError("--agents is \(agents); allowed: 400...50000") }
    if let spread = spreadMilliseconds, !(0...600_000).contains(spread) {
      throw ValidationError("--spread-milliseconds is \(spread); allowed: 0...600000")
    }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    trial.warn(console)
    var contents = StoreContents(hosts: agents, guests: max(5 * agents, 2000), events: 1000)
    // Jobs under way would be sent to agents that do none.
    contents.activeJobs = 0
    let figures = try RestartTrial(
      contents: contents, spreadMilliseconds: spreadMilliseconds ?? 3 * agents, programs: trial.programs
    ).run(console)
    console.show(table: figures.text, json: figures)
  }
}
