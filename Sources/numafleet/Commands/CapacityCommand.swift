import ArgumentParser
import Fleet

/// `numafleet capacity`.
struct CapacityCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "capacity", abstract: "Tells how many more guests of a shape fit on the fleet.",
    discussion: """
      Counts with everything that placing heeds: the reserve, what guests were promised,
      jobs in flight, hardware threads, pages, devices, labels, taints, draining hosts
      and groups. Each guest cell has a host cell of its own.

        numafleet capacity --vcpus 8 --memory 16GiB --guest-cells 2 --dedicated
        numafleet capacity --shape cluster-config/shapes/database.yaml --by-host

      JSON keys: fits, isExact (false: more may fit), hosts ({host, fits} of those with
      room, with --by-host), counts (why others have none).
      """)

  @OptionGroup(title: "Shape of the guests") var shape: ShapeOptions

  @Flag(help: "Also host by host, and why the others have no room.")
  var byHost = false

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if !shape.isGiven { throw ValidationError("give a shape: --vcpus and --memory, or --shape FILE") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.capacity(try shape.resolved(), byHost: byHost), console)
  }
}
