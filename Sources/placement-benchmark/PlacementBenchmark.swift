import Glibc
import PlacementTrials

/// `placement-benchmark`: fixed workloads of the engine, in a table; with `--check` held against thresholds.
///
/// Times are printed, never judged: they say as much of the machine, and of what else runs on it. What is judged is the
/// same in every run: allocations, memory, costs, searches and their steps; and instructions where they are counted.
@main struct PlacementBenchmark {
  private static let usage = """
    usage: placement-benchmark [--workload NAME]... [--check FILE]
           placement-benchmark --fleets NUMBER [--from SEED]

    Without options, measures every workload: \(Workload.all.map(\.name).joined(separator: ", ")).
      --workload NAME  only this one; may be given more than once
      --check FILE     exit status 1 when a figure exceeds what the file allows, a line for each
      --fleets NUMBER  compares the index with an exhaustive search on so many small random fleets instead;
                       exit status 1 when they differ
      --from SEED      the first fleet's seed, 0 unless given
    Build in release.
    """

  static func main() {
    var arguments = CommandLine.arguments.dropFirst()
    var (names, file): ([String], String?) = ([], nil)
    var (fleets, from): (Int?, Int) = (nil, 0)
    while let option = arguments.popFirst() {
      if option == "--help" { return print(usage) }
      guard let value = arguments.popFirst() else { fail("\(option) needs a value\n\(usage)", status: 64) }
      switch (option, Int(value)) {
      case ("--workload", _): names.append(value)
      case ("--check", _): file = value
      case ("--fleets", let number?) where number > 0: fleets = number
      case ("--from", let seed?): from = seed
      default: fail("unknown: \(option) \(value)\n\(usage)", status: 64)
      }
    }
    if let fleets { return compare(fleets, from: from) }
    let wanted = names.isEmpty ? Workload.all : Workload.all.filter { names.contains($0.name) }
    guard names.allSatisfy({ name in wanted.contains { $0.name == name } }) else {
      fail("no such workload among \(names)\n\(usage)", status: 64)
    }
    measure(wanted, file)
  }

  private static func measure(_ workloads: [Workload], _ file: String?) {
    let thresholds: Thresholds
    do { thresholds = try file.map { try Thresholds(file: $0) } ?? Thresholds() } catch { fail("\(error)", status: 66) }
    var excesses: [String] = []
    print(Table.heading)
    for workload in workloads {
      guard let figures = workload.trial.run(isCompared: false) else { continue }
      print(Table.row(workload.name, figures))
      excesses += thresholds.excesses(workload.name, figures)
    }
    for excess in excesses { print(excess) }
    if !excesses.isEmpty { exit(1) }
    if file != nil { print("all within thresholds") }
  }

  private static func compare(_ fleets: Int, from seed: Int) {
    var (decisions, placed, unlike, differences) = (0, 0, 0, 0)
    for seed in seed..<(seed + fleets) {
      let trial = ExactnessTrial(seed: seed)
      decisions += trial.decisions
      placed += trial.placed
      unlike += trial.unlike
      differences += trial.differences.count
      for difference in trial.differences { print(difference) }
    }
    print("\(fleets) fleets, \(decisions) decisions, \(placed) places, \(unlike) of them for guests of unlike cells")
    print("\(differences) differences from an exhaustive search")
    if differences > 0 { exit(1) }
  }

  private static func fail(_ message: String, status: Int32) -> Never {
    let line = "placement-benchmark: \(message)\n"
    _ = line.withCString { write(STDERR_FILENO, $0, strlen($0)) }
    exit(status)
  }
}
