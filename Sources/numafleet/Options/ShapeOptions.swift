import ArgumentParser
import ClusterConfig
import Fleet
import NUMA

/// A shape from a file or from options.
struct ShapeOptions: ParsableArguments {
  @Option(help: ArgumentHelp("Read the shape from a YAML file of `kind: shape`.", valueName: "file"))
  var shape: String?

  // Unconditional parsing lets a negative number be refused for what it is, and not be taken for an option.
  @Option(parsing: .unconditional, help: "How many vcpus, over all guest cells.")
  var vcpus: Int?

  @Option(
    parsing: .unconditional, help: "How much memory, over all guest cells, with its unit: 512MiB, 4GiB.",
    transform: amount)
  var memory: KiB?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("How many guest cells, 1 to 8; vcpus and memory are shared out evenly.", valueName: "n"))
  var guestCells: Int?

  @Option(help: "What to call it.")
  var name: String?

  @Flag(help: "A host CPU for each vcpu alone; without it the vcpus share the cell's CPUs.")
  var dedicated = false

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Of each guest cell so many vcpus have a host CPU alone, the others share.", valueName: "n"))
  var dedicatedVcpus: Int?

  @Option(help: "Hardware threads of a dedicated guest: prefer, require or isolate.")
  var smt: SMTPolicy?

  @Option(help: "The pages that back it: 4KiB, 2MiB, 1GiB.", transform: numafleet.pageSize)
  var pageSize: PageSize?

  @Option(help: "The numatune mode of its configuration: strict, preferred, interleave or restrictive.")
  var mode: NUMAMode?

  @Option(
    help: ArgumentHelp(
      "A host device that it must be near: 0000:21:00.0 or 8086:1572. May be repeated.", valueName: "device"))
  var near: [String] = []

  @Option(
    parsing: .unconditional, help: ArgumentHelp("Host CPUs for its emulator threads alone.", valueName: "n"))
  var emulatorPcpus: Int?

  @Option(parsing: .unconditional, help: ArgumentHelp("How many iothreads.", valueName: "n"))
  var iothreads: Int?

  @Option(help: "A host it may go to. May be repeated; without it any host.")
  var host: [String] = []

  @Option(help: "A label that its host must have, such as disk=nvme. May be repeated.")
  var label: [String] = []

  @Option(help: ArgumentHelp("A taint of hosts that it does not mind. May be repeated.", valueName: "taint"))
  var tolerate: [String] = []

  /// Whether a shape is asked for at all.
  var isGiven: Bool { shape != nil || isSpelledOut }

  private var isSpelledOut: Bool {
    vcpus != nil || memory != nil || guestCells != nil || dedicated || smt != nil || pageSize != nil || mode != nil
      || !near.isEmpty || dedicatedVcpus != nil || !label.isEmpty || !tolerate.isEmpty || emulatorPcpus != nil
      || iothreads != nil || name != nil
  }

  func validate() throws {
    if shape != nil, isSpelledOut {
      throw ValidationError("--shape FILE says it all; of the other shape options only --host goes with it")
    }
    for device in near where !isDeviceName(device) {
      throw ValidationError(
        "--near \(device): write a PCI address such as 0000:21:00.0 or vendor:device such as 8086:1572")
    }
    for label in label + tolerate where !isLabel(label) {
      throw ValidationError("\(label) is no label; write a word such as ssd, or key=value such as disk=nvme")
    }
    if dedicated, dedicatedVcpus != nil {
      throw ValidationError("--dedicated gives every vcpu a host CPU; --dedicated-vcpus only some")
    }
    if let dedicatedVcpus, !(0...Guest.vcpusLimit).contains(dedicatedVcpus) {
      throw ValidationError("--dedicated-vcpus is \(dedicatedVcpus); allowed: 0...\(Guest.vcpusLimit)")
    }
    for (option, value) in [("--emulator-pcpus", emulatorPcpus), ("--iothreads", iothreads)] {
      if let value, !(0...64).contains(value) { throw ValidationError("\(option) is \(value); allowed: 0...64") }
    }
  }

  /// The shape; throws where options or file make none.
  func resolved() throws(CommandFailure) -> Shape {
    var result: Shape
    if let file = shape {
      let text = try readText(file, kind: "shape")
      do { result = try Shape(parsing: text, file: file) } catch { throw CommandFailure(configuration: error) }
    } else {
      result = try spelledOut()
    }
    if !host.isEmpty { result.hosts = host.map { HostID($0) } }
    if let contradiction = result.contradictions().first { throw CommandFailure(usage: contradiction) }
    return result
  }

  private func spelledOut() throws(CommandFailure) -> Shape {
    guard let vcpus, let memory else {
      throw CommandFailure(usage: "a shape needs --vcpus and --memory, or --shape FILE")
    }
    let cells = guestCells ?? 1
    guard (1...8).contains(cells) else { throw CommandFailure(usage: "--guest-cells is \(cells); allowed: 1...8") }
    guard (cells...Guest.vcpusLimit).contains(vcpus) else {
      throw CommandFailure(
        usage: "--vcpus is \(vcpus); allowed: \(cells)...\(Guest.vcpusLimit), at least one for each guest cell")
    }
    let page = pageSize ?? .base
    // Whole MiB where the pages allow it, because libvirt's users expect round numbers.
    let grain = max(page.kib, 1024)
    let grains = memory.count / grain
    guard memory.count % grain == 0, grains >= cells else {
      throw CommandFailure(
        usage: "--memory is \(memory.count) KiB; for \(cells) guest cells it must be at least \(cells) times "
          + "\(KiB(grain)) and whole multiples of that")
    }
    func share(_ total: Int, _ index: Int) -> Int { total / cells + (index < total % cells ? 1 : 0) }
    return Shape(
      name: name ?? "guest",
      guestCells: (0..<cells).map {
        ShapeCell(
          vcpus: share(vcpus, $0), memory: KiB(share(grains, $0) * grain), dedicatedVCPUs: dedicatedVcpus ?? 0)
      },
      cpuClass: dedicated ? .dedicated : dedicatedVcpus == nil ? .floating : .mixed, smt: smt ?? .prefer,
      pageSize: page, mode: mode ?? .strict,
      near: near, emulatorPCPUs: emulatorPcpus ?? 0, iothreads: iothreads ?? 0, labels: label,
      tolerates: tolerate)
  }
}

extension CommandFailure {
  /// A configuration or shape file that is wrong.
  init(configuration error: ConfigurationError) {
    self.init(code: "configuration", error.description, remedy: "mend the file; nothing was changed", exit: .usage)
  }
}
