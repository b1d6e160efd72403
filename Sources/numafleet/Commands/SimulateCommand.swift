import ArgumentParser
import Glibc
import PlacementEngine
import Simulation

/// `numafleet simulate`.
struct SimulateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Tries the placement engine on recorded fleets, and whole fleets under faults. Touches no host.",
    discussion: """
      Tables are CSV, gzipped or not. HOSTS is host,rack,cpu0,ram0[,cpu1,ram1…]: what
      is free on each cell, in CPUs and GiB, with up to 16 cells.
      """,
    subcommands: [
      SimulatePackingCommand.self, SimulateChurnCommand.self, SimulateRebalanceCommand.self, SimulateDayCommand.self,
      SimulateWhatIfCommand.self, SimulateFaultsCommand.self, SimulateMutantsCommand.self,
    ])
}

/// What both simulations take.
struct SimulationOptions: ParsableArguments {
  @Option(help: "The table of hosts.")
  var hosts: String

  @OptionGroup var output: TrialOutput

  var format: OutputOptions { output.format }
}

extension CommandFailure {
  /// A table that cannot be used.
  init(_ error: TableError) {
    self.init(code: "table", error.description, remedy: "correct the table", exit: .usage)
  }
}

/// `numafleet simulate packing`.
struct SimulatePackingCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "packing", abstract: "Places requests one after another, for good, and tells how much was lost.",
    discussion: """
      REQUESTS is req,vcpus,ram,cells,strategy,group,domain in order of arrival, ram
      in GiB, both spread evenly over the guest's cells. Strategies: none; aff (a
      group stays on one rack); anti (on distinct hosts); fd (members of different
      domains never share a rack).

      Every assignment is checked by code that shares none with the engine; one that
      breaks a rule makes the command fail.

      JSON keys: hosts, requests, placed, demanded_vcpus, placed_vcpus,
      lost_vcpu_percent (of what was demanded), seconds.

      Example:
        numafleet simulate packing --hosts hosts.csv --requests requests.csv
      """)

  @OptionGroup var options: SimulationOptions

  @Option(help: "The table of requests.")
  var requests: String

  @Option(help: "Uses only so many hosts, from the top of their table.")
  var first: Int?

  @Flag(help: "Places each request as if its strategy were none.")
  var noGroups = false

  @Flag(help: "Places all requests at once, in whatever order loses least.")
  var batch = false

  @Option(help: ArgumentHelp("Writes req,host,cells there, a line for each guest placed.", valueName: "file"))
  var assignments: String?

  var output: OutputOptions { options.format }

  func validate() throws {
    if let first, first < 1 { throw ValidationError("--first is \(first); at least one host is needed") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let fleet: TrialHosts
    let asked: TrialRequests
    do throws(TableError) {
      fleet = try TrialHosts(try table(options.hosts), file: options.hosts, first: first)
      asked = try TrialRequests(try table(requests), file: requests)
    } catch { throw CommandFailure(error) }
    let begun = nanoseconds()
    let trial =
      batch
      ? PackingTrial(batch: asked.requests, on: fleet.hosts, groups: !noGroups)
      : PackingTrial(asked.requests, on: fleet.hosts, groups: !noGroups)
    let seconds = Double(nanoseconds() - begun) / 1e9
    let places = zip(trial.slots, asked.requests).map { slot, request in
      slot.map { slot in (host: slot.host, cells: request.demand.cells.indices.map { slot.cells[$0] }) }
    }
    let found = violations(of: places, for: asked.requests, on: fleet.hosts, groups: !noGroups)
    if let first = found.first {
      throw CommandFailure(
        code: "violations", "\(found.count) broken rules; the first: \(first)", remedy: "report it with both tables",
        exit: .diverged)
    }
    if let assignments { try write(places, asked, fleet, to: assignments) }
    let figures = PackingFigures(
      hosts: fleet.hosts.count, requests: asked.requests.count, placed: trial.placed,
      demanded_vcpus: trial.vcpusAsked, placed_vcpus: trial.vcpusPlaced, lost_vcpu_percent: trial.lostPercent,
      seconds: seconds)
    console.show(table: figures.text, json: figures)
  }

  private func write(
    _ places: [(host: Int, cells: [Int])?], _ asked: TrialRequests, _ fleet: TrialHosts, to path: String
  ) throws(CommandFailure) {
    var text = "req,host,cells\n"
    for (request, place) in zip(asked.requests, places) {
      guard let place else { continue }
      let cells = place.cells.map(String.init).joined(separator: "+")
      text += "\(request.name),\(fleet.names[place.host]),\(cells)\n"
    }
    try write(text, to: path)
  }
}

private struct PackingFigures: Encodable {
  var hosts, requests, placed, demanded_vcpus, placed_vcpus: Int
  var lost_vcpu_percent: Double
  var seconds: Double

  var text: String {
    """
    hosts:     \(hosts)
    requests:  \(requests), \(placed) placed
    vcpus:     \(demanded_vcpus) demanded, \(placed_vcpus) placed
    lost:      \(decimal(lost_vcpu_percent)) % of the vcpus demanded
    took:      \(decimal(seconds)) s
    """
  }
}

/// `numafleet simulate churn`.
struct SimulateChurnCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "churn", abstract: "Lets guests come and go, and tells how much was refused.",
    discussion: """
      SHAPES is f,vcpus,ram,cells,p; EVENTS is t,op,vm,f in order of t (seconds,
      below 0 for guests that are there already), op + or -. The engine is told the
      shape of each arrival, and nothing of p or of departures to come.

      JSON keys, from time 0 on: rejected_vcpu_percent; mean_fragment_rate (the part
      of free CPUs that is in no whole 16 on a cell) and mean_free_32c2_slots (guests
      of 32 vcpus on two cells that would fit by CPUs), means of hourly samples;
      p50_ns and p99_ns of a decision with its update, or of a departure.
      """)

  @OptionGroup var options: SimulationOptions

  @Option(help: "The table of shapes.")
  var shapes: String

  @Option(help: "The table of arrivals and departures.")
  var events: String

  var output: OutputOptions { options.format }

  func perform(_ console: Console) throws(CommandFailure) {
    let fleet: TrialHosts
    let table: TrialEvents
    do throws(TableError) {
      fleet = try TrialHosts(try self.table(options.hosts), file: options.hosts)
      let known = try TrialShapes(try self.table(shapes), file: shapes)
      table = try TrialEvents(try self.table(events), file: events, shapes: known)
    } catch { throw CommandFailure(error) }
    let trial = ChurnTrial(table.events, on: fleet.hosts, clock: nanoseconds)
    let sorted = trial.durations.sorted()
    func quantile(_ percent: Int) -> UInt64 { sorted.isEmpty ? 0 : sorted[(sorted.count - 1) * percent / 100] }
    let figures = ChurnFigures(
      rejected_vcpu_percent: trial.refusedPercent, mean_fragment_rate: trial.meanFragmentRate,
      mean_free_32c2_slots: trial.meanWideSlots, p50_ns: quantile(50), p99_ns: quantile(99))
    console.show(table: figures.text, json: figures)
  }
}

private struct ChurnFigures: Encodable {
  var rejected_vcpu_percent, mean_fragment_rate, mean_free_32c2_slots: Double
  var p50_ns, p99_ns: UInt64

  var text: String {
    """
    rejected:   \(decimal(rejected_vcpu_percent)) % of the vcpus asked for
    fragments:  \(decimal(mean_fragment_rate * 100)) % of free CPUs are in no whole 16
    32-vcpu guests on two cells that would fit: \(Int(mean_free_32c2_slots)) on average
    decision:   \(p50_ns) ns (p50), \(p99_ns) ns (p99)
    """
  }
}

extension FleetCommand {
  /// A table's bytes. What cannot be read at all is a fault of its first line.
  func table(_ path: String) throws(TableError) -> [UInt8] {
    do throws(CommandFailure) { return try readTable(path) } catch {
      throw TableError(file: path, line: 1, text: error.message)
    }
  }

  /// Writes a table whole.
  func write(_ text: String, to path: String) throws(CommandFailure) {
    guard let file = fopen(path, "w") else {
      throw CommandFailure(file: "\(path): \(String(cString: strerror(errno)))", remedy: "check the path", exit: .usage)
    }
    let isWritten = fputs(text, file) >= 0
    guard fclose(file) == 0, isWritten else {
      throw CommandFailure(file: "\(path) could not be written", remedy: "is the disk full?")
    }
  }

  func nanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }
}

/// Two digits behind the point.
func decimal(_ value: Double) -> String {
  let hundredths = Int((value * 100).rounded())
  let rest = hundredths % 100
  return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
}
