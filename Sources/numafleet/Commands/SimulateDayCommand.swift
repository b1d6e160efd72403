import ArgumentParser
import ClusterConfig
import Fleet
import NUMA
import Simulation

/// `numafleet simulate day`.
struct SimulateDayCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "day", abstract: "Runs a fleet for a day, with automation and without, on guests that come and go.",
    discussion: """
      Hosts have two cells of 44 CPUs and 180 GiB. Guests of 2 to 88 vcpus, each with
      a CPU of its own, come in the mix of a recorded fleet and stay as long as
      recorded guests do. The day begins with --fill percent of all CPUs in use by
      guests that went to any host with room, as a manager leaves them that knows no
      cells; with --placed this engine placed them. From then on it places all that
      come. Now and then somebody pins a guest by hand and leaves its memory behind;
      one in twenty cannot be moved at all.

      Both days begin alike, and the same guests ask to come. The coordinator is the
      real one, with automation off and on: it mends what is wrong on a host, else
      brings free CPUs together there (wide_cpus), and keeps room for the widest
      guests (keep_room) by moves within hosts and between them, all within the
      limits of the policy's `automation`. Without --policy wide_cpus is 16, and
      there shall be room for 4 guests of 88 vcpus and 12 of 64, for which 4 guests
      at a time may migrate. A move takes as long as its memory takes to copy at
      --copy-rate, and holds both places meanwhile. Both days of 1,000 hosts take 8
      minutes.

      A judge that shares no code with what places and moves keeps its own books of
      every CPU and GiB, and counts ping-pong: guests that come back to a cell within
      the minimum residence after a move took them off it. A broken rule makes the
      command fail. The same seed does the same, which the digest shows.

      JSON keys: hosts, hours, seed, and for each day in `days`: automation,
      fill_percent (mean), guests (mean), asked, placed (new guests), wide_asked,
      wide_placed, wide_accepted_percent (of those of 16 vcpus or more on a cell),
      shapes ({shape, asked, placed, mean_fits: how many more would fit, sampled each
      hour}), moves (to other cells), migrations (of them, to other hosts),
      moves_per_guest (mean), repins (on the same cells; nearly all of emulators),
      changes_of_one (how often the guest went elsewhere that did so most often),
      gib_moved, ping_pong, violations, hand_pins, plans (asked of the engine),
      plans_stopped (no longer right when their next move's turn came), seconds,
      digest.

      Examples:
        numafleet simulate day
        numafleet simulate day --hosts 100 --seed 7 --policy policy.yaml --json
      """)

  @Option(help: "Hosts, 1 to 10000.")
  var hosts = 1000

  @Option(help: "What chance does follows from it.")
  var seed: UInt64 = 1

  @Option(help: "Which days: on, off or both.")
  var auto = DayArms.both

  @Option(help: "CPUs in use at the beginning, in percent, 1 to 95.")
  var fill = 85

  @Flag(help: "The guests of the beginning were placed by this engine.")
  var placed = false

  @Option(help: "Hours, 1 to 168.")
  var hours = 24

  @Option(help: "What one move copies in a second, with its unit: 105MiB, 1GiB.", transform: amount)
  var copyRate = DaySettings.measuredCopy

  @Option(help: ArgumentHelp("The policy; without it all defaults, and live pages for all guests.", valueName: "file"))
  var policy: String?

  @OptionGroup var printed: TrialOutput

  var output: OutputOptions { printed.format }

  func validate() throws {
    let numbers = [("--hosts", hosts, 1...10_000), ("--fill", fill, 1...95), ("--hours", hours, 1...168)]
    for (option, value, range) in numbers where !range.contains(value) {
      throw ValidationError("\(option) is \(value); allowed: \(range.lowerBound) to \(range.upperBound)")
    }
    guard copyRate >= KiB(mib: 1), copyRate <= KiB(gib: 1024) else {
      throw ValidationError("--copy-rate is \(copyRate); allowed: 1MiB to 1024GiB")
    }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let rules = try readPolicy(policy) ?? DaySettings.policy
    let settings = DaySettings(
      hosts: hosts, seed: seed, fillPercent: fill, hours: hours, policy: rules, copyPerSecond: copyRate,
      isFilledByChance: !placed)
    let eve = DayEve(settings)
    var figures = FleetFigures(hosts: hosts, hours: hours, seed: seed, days: [])
    var broken: [String] = []
    for isOn in auto.automation {
      let begun = nanoseconds()
      let day = FleetDay(eve, automation: isOn)
      figures.days.append(DayFigures(day, isOn: isOn, seconds: Double(nanoseconds() - begun) / 1e9))
      broken += day.verdict.violations
      if day.verdict.returns > 0 { broken.append("\(day.verdict.returns) guests came back within the residence") }
    }
    console.show(table: figures.text, json: figures)
    guard let first = broken.first else { return }
    throw CommandFailure(
      code: "violations", "\(broken.count) broken rules; the first: \(first)", remedy: "report it with the seed",
      exit: .diverged)
  }
}

/// `--auto`.
enum DayArms: String, ExpressibleByArgument, CaseIterable {
  case on, off, both

  var automation: [Bool] {
    switch self {
    case .on: [true]
    case .off: [false]
    case .both: [false, true]
    }
  }
}

private struct FleetFigures: Encodable {
  var hosts, hours: Int
  var seed: UInt64
  var days: [DayFigures]

  var text: String {
    (["\(hosts) hosts for \(hours) h, seed \(seed)"] + days.map(\.text)).joined(separator: "\n\n")
  }
}

private struct DayFigures: Encodable {
  struct ShapeFigures: Encodable {
    var shape: String
    var asked, placed: Int
    var mean_fits: Double
  }

  var automation: Bool
  var fill_percent, guests: Double
  var asked, placed, wide_asked, wide_placed: Int
  var wide_accepted_percent: Double
  var shapes: [ShapeFigures]
  var moves, migrations, repins: Int
  var moves_per_guest: Double
  var changes_of_one: Int
  var gib_moved: Double
  var ping_pong, violations, hand_pins, plans, plans_stopped: Int
  var seconds: Double
  var digest: String

  init(_ day: FleetDay, isOn: Bool, seconds: Double) {
    automation = isOn
    fill_percent = day.fillPercent
    guests = day.meanGuests
    asked = day.counts.reduce(0) { $0 + $1.asked }
    placed = day.counts.reduce(0) { $0 + $1.placed }
    wide_asked = day.wide.asked
    wide_placed = day.wide.placed
    wide_accepted_percent = 100 * Double(wide_placed) / Double(max(wide_asked, 1))
    shapes = DayShape.all.indices.map { index in
      ShapeFigures(
        shape: DayShape.all[index].name, asked: day.counts[index].asked, placed: day.counts[index].placed,
        mean_fits: Double(day.fits[index]) / Double(max(day.samples, 1)))
    }
    moves = day.verdict.moves
    migrations = day.verdict.migrations
    repins = day.verdict.repins
    moves_per_guest = day.movesPerGuest
    changes_of_one = day.verdict.changesOfOne
    gib_moved = Double(day.verdict.copied.count) / 1_048_576
    ping_pong = day.verdict.returns
    violations = day.verdict.violations.count
    hand_pins = day.handRepins
    plans = day.plans
    plans_stopped = day.stopped
    self.seconds = seconds
    digest = String(day.digest, radix: 16)
  }

  var text: String {
    var table = Table("SHAPE", ">ASKED", ">PLACED", ">MORE WOULD FIT")
    for shape in shapes { table.add(shape.shape, "\(shape.asked)", "\(shape.placed)", "\(Int(shape.mean_fits))") }
    return """
      automation \(automation ? "on" : "off")
      \(table.text(empty: ""))
      filled:     \(decimal(fill_percent)) % of all CPUs, by \(Int(guests)) guests
      wide:       \(wide_placed) of \(wide_asked) placed, \(decimal(wide_accepted_percent)) %
      moves:      \(moves), \(migrations) of them to other hosts; \(decimal(moves_per_guest)) a guest
      repins:     \(repins) on the cells they are on; of one guest at most \(changes_of_one) changes
      moved:      \(Int(gib_moved)) GiB
      ping-pong:  \(ping_pong)
      violations: \(violations)
      plans:      \(plans), of which \(plans_stopped) were stopped; \(hand_pins) guests pinned by hand
      digest:     \(digest), in \(decimal(seconds)) s
      """
  }
}
