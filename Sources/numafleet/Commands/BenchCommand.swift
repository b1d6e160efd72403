import ArgumentParser

/// `numafleet bench`.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measures this build on this machine. Needs no fleet and touches none.",
    discussion: """
      wire, agent, start and restart run the real daemons, found beside this command,
      in a folder of their own under $TMPDIR, and remove them when they end. Build in
      release.
      """,
    subcommands: [
      BenchWireCommand.self, BenchAgentCommand.self, BenchStartCommand.self, BenchRestartCommand.self,
      BenchPlacementCommand.self,
      BenchReferenceCommand.self,
    ])
}

/// `numafleet bench wire`.
struct BenchWireCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "wire", abstract: "Requests and replies between many agents and one coordinator, beside bare C.",
    discussion: """
      Simulated agents say hello over TCP with CURVE, each waiting for its welcome
      before the next: to numafleet-coordinator, and to a C program on bare libzmq
      that answers with the same bytes. One C client loads both in turn; each figure
      is the median of the rounds.

      JSON keys: agents, requests_per_second, p50_us, p99_us, cpu_us_per_request (of
      the server), the same of the C program with c_ before them, ratio (of the
      rates), p50_ratio, rss_kib (the coordinator with all agents connected),
      rss_kib_per_agent (its growth by their keys and connections), rss_alone_kib,
      rss_loaded_kib (after the rounds), in_flight, rounds, seconds.
      """)

  @Option(help: "Simulated agents, 1...5000.")
  var agents = 100

  @Option(help: "Requests that each agent keeps in flight, 1...64.")
  var inFlight = 1

  @Option(help: "Rounds against either side, 1...100.")
  var rounds = 10

  @Option(help: "Seconds to measure in each round, 0.1...600.")
  var seconds = 0.5

  @OptionGroup var trial: TrialOptions

  var output: OutputOptions { trial.output }

  func validate() throws {
    guard (1...5000).contains(agents) else { throw ValidationError("--agents is \(agents); allowed: 1...5000") }
    guard (1...64).contains(inFlight) else { throw ValidationError("--in-flight is \(inFlight); allowed: 1...64") }
    guard (1...100).contains(rounds) else { throw ValidationError("--rounds is \(rounds); allowed: 1...100") }
    guard (0.1...600).contains(seconds) else { throw ValidationError("--seconds is \(seconds); allowed: 0.1...600") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    trial.warn(console)
    let figures = try WireTrial(
      agents: agents, inFlight: inFlight, rounds: rounds, seconds: seconds, programs: trial.programs
    ).run(console)
    console.show(table: figures.text, json: figures)
  }
}

/// `numafleet bench agent`.
struct BenchAgentCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "What an idle agent costs its host: resident memory and cpu.",
    discussion: """
      Starts a coordinator, guests (processes of 8 threads and 16 MiB that do
      nothing, matched by a process rule) and numafleet-agent with its default
      intervals, waits until the coordinator knows all guests and the agent has
      settled, and then reads the agent's use from /proc.

      JSON keys: guests, seconds, rss_kib (VmRSS), pss_kib (shared pages counted in
      part), cpu_percent (of one cpu, user and system), cells, emulated (whether the
      cpu is QEMU's translation, on which everything takes tens of times as long).
      """)

  @Option(help: "Guests, 0...200.")
  var guests = 20

  @Option(help: "Seconds to measure, 1...86400.")
  var seconds = 60

  @Option(help: ArgumentHelp("The agent's libvirt connection, or none.", valueName: "uri"))
  var libvirtURI = "none"

  @OptionGroup var trial: TrialOptions

  var output: OutputOptions { trial.output }

  func validate() throws {
    guard (0...200).contains(guests) else { throw ValidationError("--guests is \(guests); allowed: 0...200") }
    guard (1...86_400).contains(seconds) else { throw ValidationError("--seconds is \(seconds); allowed: 1...86400") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    trial.warn(console)
    let figures = try AgentTrial(guests: guests, seconds: seconds, libvirtURI: libvirtURI, programs: trial.programs)
      .run(console)
    console.show(table: figures.text, json: figures)
  }
}

/// `numafleet bench reference`: the C server of `bench wire`, in a process of its own as the coordinator is.
struct BenchReferenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reference", abstract: "Serves bare C libzmq until stdin ends.", shouldDisplay: false)

  @Option(help: "What to answer each request with, in hexadecimal.")
  var reply: String

  func run() throws {
    guard let bytes = ReferenceServer.bytes(hexadecimal: reply) else {
      throw ValidationError("--reply is not hexadecimal")
    }
    try ReferenceServer.serve(bytes)
  }
}

/// Options of every measurement.
struct TrialOptions: ParsableArguments {
  @Flag(help: "Prints JSON, like -o json.")
  var json = false

  @OptionGroup private var shown: OutputOptions

  @Option(help: ArgumentHelp("The daemons' folder (default: that of this command).", valueName: "folder"))
  var programs: String?

  var output: OutputOptions {
    var output = shown
    if json { output.format = .json }
    return output
  }

  /// Figures of a debug build say nothing.
  func warn(_ console: Console) {
    #if DEBUG
      console.note("numafleet: this is a debug build, which is many times slower; measure with swift build -c release")
    #endif
  }
}
