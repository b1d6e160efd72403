public import NUMA

/// What an agent knows of its host beside the topology: versions, and the settings that act on placement.
public struct HostFacts: Sendable, Hashable, Codable {
  /// `uname -r`.
  public var kernelVersion: String
  /// libvirt daemon's version as `major.minor.release`; nil without libvirt.
  public var libvirtVersion: String?
  /// Hypervisor's version as libvirt tells it; nil without libvirt.
  public var qemuVersion: String?
  /// The connection URI in use; nil when the agent runs on the kernel alone.
  public var libvirtURI: String?
  /// Where libvirtds of other hosts reach this one's to send it guests; nil where none may come.
  public var migrationURI: String?
  /// 1 or 2; nil where no cpuset controller is mounted.
  public var cgroupVersion: Int?
  /// `/proc/sys/kernel/numa_balancing`; nil where the kernel lacks it.
  public var numaBalancing: Int?
  /// Kernel same-page merging; nil where the kernel lacks it.
  public var ksm: KSMState?
  /// Names of running processes that move guests on their own, for example `numad`, `irqbalance`.
  public var foreignBalancers: [String]
  /// CPUs that irqbalance was told to leave alone (`IRQBALANCE_BANNED_CPULIST`); nil when it was told nothing, and
  /// then it leaves isolated CPUs alone by itself.
  public var irqbalanceBanned: CPUSet?
  /// What was set for the cgroup of all guests; nil where there is none, or from agents that do not tell.
  public var guestsParent: GuestsParent?
  /// Which source gave what, for example `cells: libvirt capabilities`, `free pages: /sys/devices/system/node`.
  public var sources: [SourceNote]

  public init(
    kernelVersion: String, libvirtVersion: String? = nil, qemuVersion: String? = nil, libvirtURI: String? = nil,
    cgroupVersion: Int? = nil, numaBalancing: Int? = nil, ksm: KSMState? = nil, foreignBalancers: [String] = [],
    irqbalanceBanned: CPUSet? = nil, guestsParent: GuestsParent? = nil, sources: [SourceNote] = [],
    migrationURI: String? = nil
  ) {
    self.kernelVersion = kernelVersion
    self.libvirtVersion = libvirtVersion
    self.qemuVersion = qemuVersion
    self.libvirtURI = libvirtURI
    self.cgroupVersion = cgroupVersion
    self.numaBalancing = numaBalancing
    self.ksm = ksm
    self.foreignBalancers = foreignBalancers
    self.irqbalanceBanned = irqbalanceBanned
    self.guestsParent = guestsParent
    self.sources = sources
    self.migrationURI = migrationURI
  }

  /// Kernel major and minor, for version gates; (0, 0) when unreadable.
  public var kernelRelease: (major: Int, minor: Int) {
    let parts = kernelVersion.split(whereSeparator: { !$0.isNumber }).prefix(2).compactMap { Int($0) }
    return parts.count == 2 ? (parts[0], parts[1]) : (0, 0)
  }

  /// Whether a cpuset.mems change moves pages: always on cgroup v1 as libvirt sets it, on v2 since kernel 5.15.
  public var cpusetMigratesPages: Bool {
    guard let cgroupVersion else { return false }
    return cgroupVersion == 1 || kernelRelease >= (5, 15)
  }
}

/// What somebody set for the cgroup of all guests (`AllowedCPUs=`, `AllowedMemoryNodes=` of machine.slice).
///
/// What guests may really have, after all cgroups above have had their say, is `HostTopology.allowed`.
public struct GuestsParent: Sendable, Hashable, Codable {
  /// The cgroup, for example `/machine.slice`.
  public var cgroup: String
  /// `cpuset.cpus`; nil when nothing was set.
  public var cpus: CPUSet?
  /// `cpuset.mems`; nil when nothing was set.
  public var mems: NodeSet?
  public init(cgroup: String, cpus: CPUSet? = nil, mems: NodeSet? = nil) {
    self.cgroup = cgroup
    self.cpus = cpus
    self.mems = mems
  }
}

/// Which source a part of the topology came from.
public struct SourceNote: Sendable, Hashable, Codable {
  public var part: String
  public var source: String
  public init(part: String, source: String) {
    self.part = part
    self.source = source
  }
}
