import ArgumentParser
import Glibc
import PlacementEngine
import Simulation

/// `numafleet simulate rebalance`.
struct SimulateRebalanceCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebalance", abstract: "Moves guests of a recorded fleet so that its free CPUs come together.",
    discussion: """
      HOSTS is host,cpu0,ram0[,cpu1,ram1…]: what is free on each cell. GUESTS is
      vm,vcpus,ram,cells,host,where, where being a guest's cells, such as 0+1; vcpus
      and GiB are spread evenly over them. Fragments are the part of free CPUs that
      is in no whole 16 on a cell.

      Each move finds room while its guest still holds its old place. A judge that
      shares no code with the planner makes the moves again; one that breaks a rule
      makes the command fail.

      JSON keys: start_fragment_rate, fragment_rate, cross_host_moves,
      same_host_moves, seconds (of planning).

      Example:
        numafleet simulate rebalance --hosts hosts.csv --guests vms.csv \\
            --migrations 50
      """)

  @OptionGroup var options: SimulationOptions

  @Option(help: "The table of guests.")
  var guests: String

  @Option(help: "Moves between hosts at most.")
  var migrations: Int

  @Flag(help: "Moves no guest between the cells of its host.")
  var noRepins = false

  @Option(
    help: ArgumentHelp(
      "Writes step,vm,from_host,from_where,to_host,to_where there, a line for each move.", valueName: "file"))
  var moves: String?

  var output: OutputOptions { options.format }

  func validate() throws {
    if migrations < 0 { throw ValidationError("--migrations is \(migrations); 0 is the least") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let tables: RebalanceTables
    do throws(TableError) {
      tables = try RebalanceTables(
        hosts: try table(options.hosts), hostsFile: options.hosts, guests: try table(guests), guestsFile: guests)
    } catch { throw CommandFailure(error) }
    let trial = RebalanceTrial(tables, migrations: migrations, repins: !noRepins, clock: nanoseconds)
    if let first = trial.violations.first {
      throw CommandFailure(
        code: "violations", "\(trial.violations.count) broken rules; the first: \(first)",
        remedy: "report it with both tables", exit: .diverged)
    }
    if let moves { try write(Self.lines(trial.plan, tables), to: moves) }
    let figures = RebalanceFigures(
      start_fragment_rate: trial.startFragmentRate, fragment_rate: trial.fragmentRate,
      cross_host_moves: trial.plan.crossHostMoves, same_host_moves: trial.plan.sameHostMoves,
      seconds: Double(trial.duration) / 1e9)
    console.show(table: figures.text, json: figures)
  }

  private static func lines(_ plan: RebalancePlan, _ tables: RebalanceTables) -> String {
    var text = "step,vm,from_host,from_where,to_host,to_where\n"
    func cells(_ cells: [Int]) -> String { cells.map(String.init).joined(separator: "+") }
    for (step, move) in plan.moves.enumerated() {
      text += "\(step + 1),\(tables.guests[move.guest]),\(tables.hosts[move.fromHost]),\(cells(move.fromCells)),"
      text += "\(tables.hosts[move.toHost]),\(cells(move.toCells))\n"
    }
    return text
  }
}

private struct RebalanceFigures: Encodable {
  var start_fragment_rate, fragment_rate: Double
  var cross_host_moves, same_host_moves: Int
  var seconds: Double

  var text: String {
    """
    fragments: \(decimal(start_fragment_rate * 100)) % of free CPUs, \(decimal(fragment_rate * 100)) % after the moves
    moves:     \(cross_host_moves) between hosts, \(same_host_moves) within hosts
    took:      \(decimal(seconds)) s
    """
  }
}
