import ArgumentParser
import ClusterConfig
import Fleet
import NUMA
import Simulation

/// `numafleet simulate whatif`.
struct SimulateWhatIfCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "whatif", abstract: "Tells how many guests of a shape hosts would take that you do not have yet.",
    discussion: """
      Answers what `numafleet capacity` does, for so many empty hosts of one kind.
      The kind is the file of a machine like it, or cells x CPUs x memory of each
      cell:

        virsh capabilities > new.xml             libvirt's own words, or
        numafleet topology host-a -o json > new.json
        2x44x180GiB                              two cells of 44 CPUs and 180 GiB

      Whatever is in use on the machine of the file counts as free; its hugepage
      pools, isolated CPUs and devices count. --policy is the coordinator's
      policy.yaml, for its reserve, overcommit and groups.

      Examples:
        numafleet simulate whatif --hosts 40 --topology 2x64x256GiB \\
            --vcpus 32 --memory 128GiB --guest-cells 2 --dedicated
        numafleet simulate whatif --hosts 10 --topology new.xml \\
            --shape cluster-config/shapes/database.yaml --policy policy.yaml

      JSON keys: hosts, fits, is_exact (false: more may fit), fits_per_host (on a
      host by itself), counts (why hosts have no room), seconds (of counting).
      """)

  @Option(help: "How many hosts, 1 to 100000.")
  var hosts: Int

  @Option(help: ArgumentHelp("Their kind: a file, or CELLSxCPUSxMEMORY.", valueName: "file or kind"))
  var topology: String

  @Option(help: ArgumentHelp("The policy; without it all defaults.", valueName: "file"))
  var policy: String?

  @OptionGroup(title: "Shape of the guests") var shape: ShapeOptions

  @OptionGroup var printed: TrialOutput

  var output: OutputOptions { printed.format }

  func validate() throws {
    guard (1...100_000).contains(hosts) else { throw ValidationError("--hosts is \(hosts); allowed: 1 to 100000") }
    if !shape.isGiven { throw ValidationError("give a shape: --vcpus and --memory, or --shape FILE") }
    if !shape.host.isEmpty { throw ValidationError("--host names hosts that are there; these are not") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let kind = try HostKind(topology)
    let trial = WhatIfTrial(
      try shape.resolved(), on: hosts, of: kind.topology, policy: try readPolicy(policy) ?? Policy(), clock: nanoseconds
    )
    let capacity: Capacity
    do throws(Refusal) { capacity = try trial.answer.get() } catch { throw CommandFailure(error) }
    let figures = WhatIfFigures(
      hosts: hosts, fits: capacity.fits, is_exact: capacity.isExact, fits_per_host: trial.fitsPerHost,
      counts: capacity.counts, seconds: Double(trial.duration) / 1e9)
    console.show(table: figures.text, json: figures)
  }
}

/// A policy from a file; nil without one.
func readPolicy(_ file: String?) throws(CommandFailure) -> Policy? {
  guard let file else { return nil }
  let text = try readText(file, kind: "policy")
  do { return try Policy(parsing: text, file: file) } catch { throw CommandFailure(configuration: error) }
}

private struct WhatIfFigures: Encodable {
  var hosts, fits: Int
  var is_exact: Bool
  var fits_per_host: Int
  var counts: [String]
  var seconds: Double

  var text: String {
    let first = """
      fits:      \(is_exact ? "" : "at least ")\(fits) on \(hosts) hosts
      a host:    \(fits_per_host) by itself
      """
    guard !counts.isEmpty else { return first }
    return first + "\nno room:\n" + counts.map { "  " + printable($0) }.joined(separator: "\n")
  }
}
