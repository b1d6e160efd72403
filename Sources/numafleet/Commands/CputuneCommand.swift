import ArgumentParser
import Fleet

/// `numafleet cputune GUEST`.
struct CputuneCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "cputune", abstract: "Changes the CPU shares, periods and quotas of a guest.",
    discussion: """
      What `virsh schedinfo` does, verified. Shares are 2...262144 on cgroup v1 and
      a weight of 1...10000 on v2. Periods are 1000...1000000 µs; quotas at least
      1000 µs, or -1 for no limit (--vcpu-quota=-1).

        numafleet cputune web --shares 512
        numafleet cputune web --vcpu-period 100000 --vcpu-quota 50000
      """)

  @Argument(help: "The guest's name, HOST/NAME or id.")
  var guest: String

  @Option(help: "CPU shares (cgroup v1) or weight (v2) of the whole guest.")
  var shares: Int?
  @Option(help: ArgumentHelp("Period of each vcpu.", valueName: "µs"))
  var vcpuPeriod: Int?
  @Option(help: ArgumentHelp("Quota of each vcpu.", valueName: "µs"))
  var vcpuQuota: Int?
  @Option(help: ArgumentHelp("Period of the whole guest.", valueName: "µs"))
  var globalPeriod: Int?
  @Option(help: ArgumentHelp("Quota of the whole guest.", valueName: "µs"))
  var globalQuota: Int?
  @Option(help: ArgumentHelp("Period of the emulator threads.", valueName: "µs"))
  var emulatorPeriod: Int?
  @Option(help: ArgumentHelp("Quota of the emulator threads.", valueName: "µs"))
  var emulatorQuota: Int?
  @Option(help: ArgumentHelp("Period of each iothread.", valueName: "µs"))
  var iothreadPeriod: Int?
  @Option(help: ArgumentHelp("Quota of each iothread.", valueName: "µs"))
  var iothreadQuota: Int?

  @OptionGroup var scope: ScopeOptions
  @OptionGroup var change: ChangeOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  var desired: CPUTune {
    CPUTune(
      shares: shares, vcpuPeriod: vcpuPeriod, vcpuQuota: vcpuQuota, globalPeriod: globalPeriod,
      globalQuota: globalQuota, emulatorPeriod: emulatorPeriod, emulatorQuota: emulatorQuota,
      iothreadPeriod: iothreadPeriod, iothreadQuota: iothreadQuota)
  }

  func validate() throws {
    let parameters = desired.parameters
    if parameters.isEmpty { throw ValidationError("name at least one of --shares and the periods and quotas") }
    for (name, value) in parameters {
      let option = "--" + (name == "cpu_shares" ? "shares" : name.replacing("_", with: "-"))
      if name == "cpu_shares", !(1...262_144).contains(value) {
        throw ValidationError("\(option) is \(value); allowed: 2...262144 on cgroup v1, 1...10000 on v2")
      }
      if name.hasSuffix("_period"), !(1000...1_000_000).contains(value) {
        throw ValidationError("\(option) is \(value); allowed: 1000...1000000 µs")
      }
      // The kernel's limit is libvirt's VIR_CGROUP_CPU_QUOTA_MAX, 2^44 - 1 µs.
      if name.hasSuffix("_quota"), value != -1, !(1000...17_592_186_044_415).contains(value) {
        throw ValidationError("\(option) is \(value); allowed: 1000...17592186044415 µs, or -1 for no limit")
      }
    }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    try changeGuest(guest, to: Pinning(cputune: desired), scope, change, console)
  }
}
