import ArgumentParser
import PlacementTrials

/// `numafleet bench placement`.
struct BenchPlacementCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "placement", abstract: "Decisions of the placement engine on a full fleet, beside plain C.",
    discussion: """
      Fills hosts whose cells have 64 CPUs and 256 GiB, then lets one guest leave and
      another come, again and again, and times both together. Guests have 1 to 16
      CPUs, with 1 to 8 GiB each, on each of their cells. The C program does the same
      by best fit, with an index and by a scan over all hosts. Draws have a seed.

      JSON keys: hosts, cells, fill, shapes, decisions, p50_ns, p99_ns, min_ns,
      max_ns, c_index_ns and c_scan_ns (p50), ratio_to_c_index (of the p50),
      bytes_per_cell, allocations_per_decision; lessons (times that the mix was drawn
      anew, which is no decision but falls into one) and allocations_per_lesson;
      costs_per_decision (worked out for hosts), searches_per_decision (of their
      cells) and steps_per_decision, the same in every run;
      instructions_per_decision, where the machine counts them; capacity_ns and
      capacity_unlike_ns (p50), to count how many more of a shape fit, with like
      cells and with unlike ones.
      """)

  @Option(help: "Hosts, 1...1000000.")
  var hosts = 10_000

  @Option(help: "Cells of each host, 1...16.")
  var cells = 4

  @Option(help: "Percent of the CPUs that are taken, 1...95.")
  var fill = 70

  @Option(help: "Cells of each guest: 1, 2, 4, 8, or mix for 1, 2 and 4.")
  var guestCells = GuestCells.mix

  @Option(help: "Different shapes, 1...256.")
  var shapes = 24

  @Option(help: "Decisions that are timed, 100...10000000.")
  var decisions = 100_000

  @OptionGroup var options: TrialOutput

  enum GuestCells: String, ExpressibleByArgument, CaseIterable {
    case mix, one = "1", two = "2", four = "4", eight = "8"

    var counts: [Int] { Int(rawValue).map { [$0] } ?? [1, 2, 4] }
  }

  var output: OutputOptions { options.format }

  func validate() throws {
    guard (1...1_000_000).contains(hosts) else { throw ValidationError("--hosts is \(hosts); allowed: 1...1000000") }
    guard (1...16).contains(cells) else { throw ValidationError("--cells is \(cells); allowed: 1...16") }
    guard (1...95).contains(fill) else { throw ValidationError("--fill is \(fill); allowed: 1...95") }
    guard (1...256).contains(shapes) else { throw ValidationError("--shapes is \(shapes); allowed: 1...256") }
    guard (100...10_000_000).contains(decisions) else {
      throw ValidationError("--decisions is \(decisions); allowed: 100...10000000")
    }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let counts = guestCells.counts.filter { $0 <= cells }
    guard !counts.isEmpty else {
      throw CommandFailure(usage: "guests of \(guestCells.rawValue) cells do not fit on hosts of \(cells)")
    }
    let trial = PlacementTrial(
      hosts: hosts, cells: cells, fill: fill, guestCells: counts, shapes: shapes, decisions: decisions)
    guard let figures = trial.run(note: { console.note($0) }) else {
      throw CommandFailure(usage: "--fill \(fill) leaves nothing to remove; ask for more")
    }
    console.show(table: figures.text, json: figures)
  }
}
