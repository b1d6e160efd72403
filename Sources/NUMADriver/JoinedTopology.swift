public import Fleet
public import NUMA

/// One topology of what libvirt and the kernel say, with the source of each part.
///
/// Where both know a part and agree, libvirt is named, because operators compare with `virsh capabilities`. Where
/// they contradict each other the kernel wins: libvirt's answer may be older than the last hot-plug. A libvirt that
/// describes another machine (`test:///default`) is taken alone.
public struct JoinedTopology: Sendable, Hashable {
  /// The joined topology.
  public let topology: HostTopology
  /// Which source gave what, for `HostFacts.sources`.
  public let sources: [SourceNote]

  static let libvirtSource = "libvirt capabilities"
  static let kernelSource = "/sys/devices/system"

  /// Joins libvirt's capabilities (nil: the agent runs without libvirt) with the kernel's topology.
  public init(libvirt: HostTopology?, kernel: HostTopology) {
    guard let libvirt else {
      topology = kernel
      sources = [SourceNote(part: "topology", source: "\(Self.kernelSource) alone")]
      return
    }
    guard Self.describesSameMachine(libvirt, kernel) else {
      topology = libvirt
      sources = [
        SourceNote(part: "topology", source: "\(Self.libvirtSource) alone, whose cells are not those of this kernel")
      ]
      return
    }
    var joined = kernel
    var notes: [SourceNote] = []
    func note(_ part: String, _ source: String) { notes.append(SourceNote(part: part, source: source)) }
    func agreed(_ part: String, _ agree: Bool, _ libvirtSays: @autoclosure () -> String) {
      note(part, agree ? Self.libvirtSource : "\(Self.kernelSource); libvirt says otherwise: \(libvirtSays())")
    }

    agreed("cells", libvirt.cells.map(\.id) == kernel.cells.map(\.id), "cells \(libvirt.nodes)")
    agreed("cpus", libvirt.cpus == kernel.cpus && Self.sameCells(libvirt, kernel), "cpus \(libvirt.cpus)")
    let places = Self.disagreeing(libvirt, kernel)
    agreed("sockets, cores, siblings", places.isEmpty, "cpus \(places)")
    note("dies", Self.kernelSource)
    if kernel.distances == nil {
      joined.distances = libvirt.distances
      note("distances", libvirt.distances == nil ? "none" : Self.libvirtSource)
    } else {
      agreed("distances", libvirt.distances == kernel.distances || libvirt.distances == nil, "other distances")
    }
    if kernel.l3Groups.isEmpty { joined.l3Groups = libvirt.l3Groups }
    note("L3 groups", kernel.l3Groups.isEmpty ? Self.libvirtSource : Self.kernelSource)
    if kernel.devices.isEmpty { joined.devices = libvirt.devices }
    note("devices", kernel.devices.isEmpty ? "libvirt nodedev" : "/sys/bus/pci/devices")
    note("memory and pages, total and free", "\(Self.kernelSource)/node")
    note("offline, isolated, nohz_full cpus", "\(Self.kernelSource)/cpu")
    note("allowed cpus", "cpuset cgroup of the guests")
    topology = joined
    sources = notes
  }

  /// Whether libvirt's cells can be the kernel's: each exists and has its memory, give or take what a balloon or
  /// hot-plug changes between two readings.
  private static func describesSameMachine(_ libvirt: HostTopology, _ kernel: HostTopology) -> Bool {
    !libvirt.cells.isEmpty
      && libvirt.cells.allSatisfy { cell in
        guard let own = kernel.cell(cell.id) else { return false }
        return abs(own.memoryTotal.count - cell.memoryTotal.count) <= own.memoryTotal.count / 4
      }
  }

  private static func sameCells(_ libvirt: HostTopology, _ kernel: HostTopology) -> Bool {
    libvirt.cells.allSatisfy { kernel.cell($0.id)?.cpus == $0.cpus }
  }

  /// The CPUs whose socket, core or siblings differ; libvirt numbers dies only where there are several.
  private static func disagreeing(_ libvirt: HostTopology, _ kernel: HostTopology) -> CPUSet {
    CPUSet(
      libvirt.pcpus.compactMap { theirs in
        guard let ours = kernel.pcpu(theirs.id) else { return nil }
        let same = ours.socket == theirs.socket && ours.core == theirs.core && ours.siblings == theirs.siblings
        return same ? nil : theirs.id
      })
  }
}
