import ArgumentParser
import Fleet

/// `numafleet topology HOST`.
struct TopologyCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "topology", abstract: "Shows the NUMA topology of a host.",
    discussion: """
      Begins with the lines of `numactl --hardware` (its MB are MiB), then sockets
      and SMT siblings, L3 caches, pages by size, PCI devices with their node, and
      the settings that act on placement. The last table says which source, libvirt
      or the kernel, gave which part.

        numafleet topology host-a
        numafleet topology host-a -o json | jq '.topology.cells[] | {id, memoryFree}'
      """)

  @Argument(help: "The host's name, as `numafleet host list` shows it.")
  var host: String

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let client = try CoordinatorClient(connection, console)
    let reply = try client.ask(.host(HostID(host)))
    guard case .host(let view) = reply else { throw client.unexpected(reply) }
    console.show(table: TopologyText(view).text, json: TopologyDocument(view))
  }
}
