import ArgumentParser
import Fleet
import NUMA

/// `numafleet pin GUEST`.
struct PinCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "pin", abstract: "Pins vcpus, emulator and iothreads of a guest to host CPUs.",
    discussion: """
      What `virsh vcpupin`, `emulatorpin` and `iothreadpin` do, in one job that the
      kernel verifies and that is undone as a whole when a part of it fails. What is
      not named stays as it is. Memory does not move: see `place` and `numatune`.

        numafleet pin db --vcpu 0=2 --vcpu 1=3 --emulator 6-7
        numafleet pin db --vcpu 0-3=8-11 --iothread 1=12 --live
        numafleet pin db --vcpu 0=2-3 --config --dry-run
      """)

  @Argument(help: "The guest's name, HOST/NAME or id.")
  var guest: String

  @Option(
    help: ArgumentHelp("CPUs of one or several vcpus: 0=2-3, 0-3=8-11. May be repeated.", valueName: "vcpu=cpus"),
    transform: { try CPUSetAssignment($0) })
  var vcpu: [CPUSetAssignment] = []

  @Option(
    help: ArgumentHelp("CPUs of the emulator threads.", valueName: "cpus"),
    transform: { try nonEmptyList($0) as CPUSet })
  var emulator: CPUSet?

  @Option(
    help: ArgumentHelp("CPUs of one or several iothreads: 1=4. May be repeated.", valueName: "iothread=cpus"),
    transform: { try CPUSetAssignment($0) })
  var iothread: [CPUSetAssignment] = []

  @OptionGroup var scope: ScopeOptions
  @OptionGroup var change: ChangeOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if try desired().isEmpty { throw ValidationError("name at least one of --vcpu, --emulator and --iothread") }
  }

  func desired() throws -> Pinning {
    let vcpus = try CPUSetAssignment.pairs(vcpu, option: "--vcpu")
    let iothreads = try CPUSetAssignment.pairs(iothread, option: "--iothread")
    return Pinning(
      vcpus: vcpus.map { VCPUPin(vcpu: $0.id, cpuset: $0.cpuset) }, emulator: emulator,
      iothreads: iothreads.map { IOThreadPin(iothread: $0.id, cpuset: $0.cpuset) })
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let pinning: Pinning
    do { pinning = try desired() } catch { throw CommandFailure(usage: "\(error)") }
    try changeGuest(guest, to: pinning, scope, change, console)
  }
}

extension AskingCommand {
  /// Sends one manual change, the same way as a planned one.
  func changeGuest(
    _ guest: String, to pinning: Pinning, _ scope: ScopeOptions, _ options: ChangeOptions, _ console: Console
  ) throws(CommandFailure) {
    let manual = ManualChange(
      guest: guest, desired: pinning, scope: scope.scope, driver: scope.driver, dryRun: options.dryRun)
    try submit(.change(manual), console, options.waiting)
  }
}
