import ArgumentParser
import Fleet

/// `numafleet doctor [HOST|GUEST]`.
struct DoctorCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Names what is wrong with placements, with numbers and the command that mends it.",
    discussion: """
      Looks at each guest: memory on another cell than its vcpus, vcpus over several
      cells, pins that overlap or differ between libvirt, kernel and config,
      emulators and iothreads on CPUs of vcpus, shared hardware threads, devices on
      other cells, strict guests on cells with little memory left. At each cell: more
      promised than there is, too few hugepages. And at what undoes placements:
      numad, irqbalance, the kernel's NUMA balancing, KSM across nodes, AllowedCPUs
      on machine.slice, versions with known traps. The README has a table of all
      kinds.

        numafleet doctor                    the fleet
        numafleet doctor rack1-h7           one host
        numafleet doctor db                 one guest, and the settings of its host
        numafleet doctor --severity error -o json | jq -e '.findings == []'

      error: a guest suffers now, or automation keeps off the host until it is
      mended. warning: worth mending. info: could be better with the guest's next
      start. The exit status is 0 whatever is found, so that a finding is told from a
      failure: 1 refused, such as a name that nobody has; 3 no coordinator; 64 wrong
      arguments. Findings that appear or end are events too: numafleet events
      --follow.
      """)

  @Argument(help: ArgumentHelp("Only this host, or this guest by name, HOST/NAME or id.", valueName: "host|guest"))
  var subject: String?

  @Option(help: "Only findings of this severity and worse: info, warning or error.")
  var severity: Finding.Severity = .info

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let reply = try CoordinatorClient(connection, console).ask(.findings(of: subject))
    guard case .findings(let found) = reply else { return try console.show(reply) }
    try console.show(.findings(found.filter { $0.severity >= severity }))
  }
}
