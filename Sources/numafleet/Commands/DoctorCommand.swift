import ArgumentParser
import Fleet

/// `numafleet doctor [HOST]`.
struct DoctorCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Names what is wrong with placements, with numbers and the command that mends it.",
    discussion: """
      Looks for memory on another cell than the vcpus, vcpus over several cells,
      guests on the same CPUs, floating guests, live and config that differ, other
      balancers at work, KSM across nodes, libvirt that does not answer. The exit
      code is 0 whatever is found; count .findings of -o json to decide by it.
      """)

  @Argument(help: "Only this host.")
  var host: String?

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.findings(host: host.map { HostID($0) }), console)
  }
}
