import ArgumentParser
import Fleet

/// What a rebalance may do and is for.
struct RebalanceOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("Moves between hosts at most: \(PlanRequest.migrationsRange.words).", valueName: "count"))
  var migrations = 10

  @Option(
    help: ArgumentHelp(
      "CPUs of one cell that the guests need for which room is made: \(PlanRequest.wideCPUsRange.words).",
      valueName: "cpus"))
  var wide = 16

  func validate() throws {
    try check(migrations, in: PlanRequest.migrationsRange, "--migrations")
    try check(wide, in: PlanRequest.wideCPUsRange, "--wide")
  }

  func request(host: String?) -> PlanRequest {
    .rebalance(host: host.map { HostID($0) }, migrations: migrations, wideCPUs: wide)
  }
}

/// `numafleet plan rebalance`.
struct PlanRebalanceCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebalance", abstract: "Makes a plan that brings free CPUs together; moves nothing.",
    discussion: """
      Free CPUs of a cell that make no whole block of --wide are of no use to a guest
      that needs so many. The plan moves guests that have CPUs of their own, within
      their hosts and with at most --migrations moves between hosts, so that as many
      whole blocks as possible come together, and ends with the last move that
      brings one.

        numafleet plan rebalance --wide 16 --migrations 20
        numafleet plan rebalance --host rack1-host7
      """)

  @Option(help: "Only within this host.")
  var host: String?

  @OptionGroup var rebalance: RebalanceOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.makePlan(rebalance.request(host: host)), console)
  }
}

/// `numafleet plan fit`.
struct PlanFitCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "fit", abstract: "Makes a plan that makes room for guests to come; moves nothing.",
    discussion: """
      For each that finds no room as the fleet is, guests are taken off the cells
      where least is missing: to other cells of their host first, then, with at most
      --migrations moves, to other hosts.

        numafleet plan fit --shape shapes/wide.yaml --count 3
        numafleet plan fit --vcpus 16 --memory 64GiB --dedicated --migrations 0
      """)

  @OptionGroup(title: "Shape of the guests") var shape: ShapeOptions

  @Option(help: "How many guests: \(PlanRequest.countRange.words).")
  var count = 1

  @Option(
    help: ArgumentHelp("Moves between hosts at most: \(PlanRequest.migrationsRange.words).", valueName: "count"))
  var migrations = 10

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !shape.isGiven { throw ValidationError("give a shape: --vcpus and --memory, or --shape FILE") }
    try check(count, in: PlanRequest.countRange, "--count")
    try check(migrations, in: PlanRequest.migrationsRange, "--migrations")
  }

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.makePlan(.fit(shape: try shape.resolved(), count: count, migrations: migrations)), console)
  }
}

/// `numafleet plan room`.
struct PlanRoomCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "room", abstract: "Makes a plan for the room that the policy keeps; moves nothing.",
    discussion: """
      The policy's automation.keep_room says how many guests of which shapes shall
      find a place at any time. Where fewer do, guests are moved as by plan fit, for
      one shape after another; what one has, the next may not take. Automation does
      this by itself once it is on.

        numafleet plan room
        numafleet plan room --migrations 0
      """)

  @Option(
    help: ArgumentHelp("Moves between hosts at most: \(PlanRequest.migrationsRange.words).", valueName: "count"))
  var migrations = 10

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws { try check(migrations, in: PlanRequest.migrationsRange, "--migrations") }

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.makePlan(.keepRoom(migrations: migrations)), console)
  }
}

extension ClosedRange<Int> {
  fileprivate var words: String { "\(lowerBound) to \(upperBound)" }
}

private func check(_ value: Int, in range: ClosedRange<Int>, _ option: String) throws {
  if !range.contains(value) { throw ValidationError("\(option) \(value): allowed are \(range.words)") }
}
