import ArgumentParser
import Fleet

/// `numafleet guest`.
struct GuestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "guest", abstract: "Shows guests.", subcommands: [GuestListCommand.self, GuestShowCommand.self])
}

/// `numafleet guest list`.
struct GuestListCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists guests: where their threads may run and their memory is, as the kernel has it.",
    discussion: """
      CPUSET OF VCPU puts vcpus of one cpuset together: "0-1:4-7 2:8" means vcpus 0
      and 1 on cpus 4-7, vcpu 2 on cpu 8. MiB ON NODE comes from numa_maps: "0:96
      3:32" means 96 MiB on node 0 and 32 MiB on node 3. MOVABILITY says what may be
      done to the guest while it runs: liveMemory (libvirt can move it), livePages
      (libnuma can, where the policy allows), cpuOnly, migrateOnly, fixed. `guest
      show` gives the reason.
      """)

  @Option(help: "Only the guests of this host.")
  var host: String?

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.guests(host: host.map { HostID($0) }), console)
  }
}

/// `numafleet guest show GUEST`.
struct GuestShowCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows everything about a guest: pins live and config, threads, memory, movability.",
    discussion: """
      Four layers stand side by side: WANTED, what numafleet last verified or an
      operator adopted; CONFIG, the persistent definition, which the next start has;
      LIVE, libvirt's record of the running guest; KERNEL, the masks of its threads
      and the node that holds most of its memory. A `*` marks a line on which they
      differ: somebody changed one of them. `numafleet adopt GUEST` makes what the
      kernel shows the wish, `numafleet place GUEST` places the guest anew.

        numafleet guest show db
        numafleet guest show host-a/db
      """)

  @Argument(help: "The guest's name, HOST/NAME or id.")
  var guest: String

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.guest(guest), console) }
}
