public import ArgumentParser
public import Fleet

/// What every changing command has.
struct ChangeOptions: ParsableArguments {
  @Flag(help: "Only check and show; nothing is changed.")
  var dryRun = false

  @OptionGroup var waiting: WaitOptions
}

/// Whether and how long to wait for the end of jobs.
struct WaitOptions: ParsableArguments {
  @Flag(inversion: .prefixedNo, help: "Wait until the jobs have ended, with progress on stderr.")
  var wait = true

  @Option(help: ArgumentHelp("How long to wait for the jobs' end, 1 to 86400.", valueName: "seconds"))
  var waitTimeout: Int = 900

  func validate() throws {
    guard (1...86_400).contains(waitTimeout) else {
      throw ValidationError("--wait-timeout is \(waitTimeout); allowed: 1...86400")
    }
  }
}

/// virsh's `--live` and `--config`, and who carries the job out.
struct ScopeOptions: ParsableArguments {
  @Flag(help: "Change the running guest. Without --live and --config the policy's scope holds.")
  var live = false

  @Flag(help: "Change the persistent definition, for the next start.")
  var config = false

  @Option(help: "Who carries it out: automatic, libvirt or kernel (default: as the policy says).")
  var driver: DriverChoice?

  /// Nil: as the policy says.
  var scope: Scope? {
    switch (live, config) {
    case (true, true): .both
    case (true, false): .live
    case (false, true): .config
    case (false, false): nil
    }
  }
}

extension DriverChoice: ExpressibleByArgument {}
extension NUMAMode: ExpressibleByArgument {}
extension SMTPolicy: ExpressibleByArgument {}
extension Role: ExpressibleByArgument {}
extension Finding.Severity: ExpressibleByArgument {}
