import ArgumentParser
import Fleet

/// `numafleet capacity`.
struct CapacityCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "capacity", abstract: "Tells how many more guests of a shape fit on the fleet.",
    discussion: """
      Counts with everything that placing heeds: the reserve, what guests were
      promised, jobs in flight, hardware threads, pages, devices, labels, taints,
      draining hosts and groups. Each guest cell has a host cell of its own.

        numafleet capacity --vcpus 8 --memory 16GiB --guest-cells 2 --dedicated
        numafleet capacity --shape cluster-config/shapes/database.yaml --by-host

      With --after-rebalance or --after-drain a plan is made, not kept, and counted
      with: what fits is told as it is now and as it would be then.

        numafleet capacity --shape shapes/wide.yaml --after-rebalance --migrations 20
        numafleet capacity --shape shapes/wide.yaml --after-drain rack1-host7

      JSON keys: fits, isExact (false: more may fit), hosts ({host, fits} of those
      with room, with --by-host), counts (why others have none), after ({purpose,
      fits, isExact, moves, migrations, copy, unmoved}).
      """)

  @OptionGroup(title: "Shape of the guests") var shape: ShapeOptions

  @Flag(help: "Also host by host, and why the others have no room.")
  var byHost = false

  @Flag(help: "Also once `plan rebalance` with these options is carried out.")
  var afterRebalance = false

  @OptionGroup(title: "Rebalance") var rebalance: RebalanceOptions

  @Option(help: ArgumentHelp("Also once all guests that can leave this host have left it.", valueName: "host"))
  var afterDrain: String?

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if afterRebalance, afterDrain != nil {
      throw ValidationError("ask for one of --after-rebalance and --after-drain")
    }
    if !shape.isGiven { throw ValidationError("give a shape: --vcpus and --memory, or --shape FILE") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let shape = try shape.resolved()
    var after = afterDrain.map { PlanRequest.drain(host: HostID($0)) }
    if afterRebalance { after = rebalance.request(host: nil) }
    try show(.capacity(shape, byHost: byHost, after: after), console)
  }
}
