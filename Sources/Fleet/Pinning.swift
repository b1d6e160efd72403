public import NUMA

/// Where a guest's threads and memory are, or shall be: the full set, never a difference.
///
/// The same type says what libvirt records live, what its persistent config says, what a job wants and what it
/// expects to find. In a wish, nil and absent entries mean "leave as it is".
public struct Pinning: Sendable, Hashable, Codable {
  /// `<vcpupin>`, ascending by vcpu; may name vcpus that are offline, so that hot-plug finds its pin.
  public var vcpus: [VCPUPin]
  /// `<emulatorpin>`.
  public var emulator: CPUSet?
  /// `<iothreadpin>`, ascending by iothread id.
  public var iothreads: [IOThreadPin]
  /// `<numatune>`.
  public var numatune: NUMATune?
  /// `<cputune>` shares, periods and quotas.
  public var cputune: CPUTune
  /// Which host cell each guest cell's memory is on or shall be on, ascending by guest cell.
  /// A guest without guest cells is one guest cell, 0.
  public var memory: [GuestCellPlacement]

  public init(
    vcpus: [VCPUPin] = [], emulator: CPUSet? = nil, iothreads: [IOThreadPin] = [], numatune: NUMATune? = nil,
    cputune: CPUTune = CPUTune(), memory: [GuestCellPlacement] = []
  ) {
    self.vcpus = vcpus.sorted { $0.vcpu < $1.vcpu }
    self.emulator = emulator
    self.iothreads = iothreads.sorted { $0.iothread < $1.iothread }
    self.numatune = numatune
    self.cputune = cputune
    self.memory = memory.sorted { $0.guestCell < $1.guestCell }
  }

  /// The cpuset of one vcpu, if it has one.
  public func cpuset(ofVCPU vcpu: Int) -> CPUSet? { vcpus.first { $0.vcpu == vcpu }?.cpuset }
  /// The cpuset of one iothread, if it has one.
  public func cpuset(ofIOThread id: Int) -> CPUSet? { iothreads.first { $0.iothread == id }?.cpuset }
  /// The cpuset of a thread that does this for its guest, if it has one.
  public func cpuset(of role: ThreadRole) -> CPUSet? {
    switch role {
    case .vcpu(let id): cpuset(ofVCPU: id)
    case .iothread(let id): cpuset(ofIOThread: id)
    case .emulator, .worker: emulator
    }
  }
  /// The host cell of one guest cell's memory, if it has one.
  public func cell(ofGuestCell guestCell: Int) -> Int? { memory.first { $0.guestCell == guestCell }?.cell }
  /// Whether nothing is asked for.
  public var isEmpty: Bool { self == Pinning() }
}

/// `<vcpupin vcpu='V' cpuset='C'/>`.
public struct VCPUPin: Sendable, Hashable, Codable {
  public var vcpu: Int
  public var cpuset: CPUSet
  public init(vcpu: Int, cpuset: CPUSet) {
    self.vcpu = vcpu
    self.cpuset = cpuset
  }
}

/// `<iothreadpin iothread='I' cpuset='C'/>`.
public struct IOThreadPin: Sendable, Hashable, Codable {
  public var iothread: Int
  public var cpuset: CPUSet
  public init(iothread: Int, cpuset: CPUSet) {
    self.iothread = iothread
    self.cpuset = cpuset
  }
}

/// The memory of one guest cell on one host cell.
public struct GuestCellPlacement: Sendable, Hashable, Codable {
  public var guestCell: Int
  public var cell: Int
  public init(guestCell: Int, cell: Int) {
    self.guestCell = guestCell
    self.cell = cell
  }
}

/// libvirt's numatune modes (`virDomainNumatuneMemMode`).
public enum NUMAMode: String, Sendable, Hashable, Codable, CaseIterable {
  case strict, preferred, interleave, restrictive
}

/// `<numatune>`: the whole-domain mode and nodeset, and the memnodes of guest cells.
public struct NUMATune: Sendable, Hashable, Codable {
  /// `<memory mode=…>`; nil when there is no `<memory>` element.
  public var mode: NUMAMode?
  /// `<memory nodeset=…>`; nil with `placement='auto'` or no `<memory>` element.
  public var nodeset: NodeSet?
  /// `<memory placement='auto'>`: numad chose once, at start.
  public var automatic: Bool
  /// `<memnode>`, ascending by guest cell.
  public var memnodes: [MemNode]

  public init(mode: NUMAMode? = nil, nodeset: NodeSet? = nil, automatic: Bool = false, memnodes: [MemNode] = []) {
    self.mode = mode
    self.nodeset = nodeset
    self.automatic = automatic
    self.memnodes = memnodes.sorted { $0.guestCell < $1.guestCell }
  }
}

extension NUMATune {
  /// This wish, and another record where the wish leaves something as it is: what `virsh numatune` keeps.
  public func over(_ record: NUMATune) -> NUMATune {
    let kept = record.memnodes.filter { old in !memnodes.contains { $0.guestCell == old.guestCell } }
    return NUMATune(
      mode: mode ?? record.mode, nodeset: nodeset ?? record.nodeset,
      automatic: automatic || (nodeset == nil && record.automatic),
      memnodes: (kept + memnodes).sorted { $0.guestCell < $1.guestCell })
  }
}

/// `<memnode cellid='G' mode='M' nodeset='N'/>`.
public struct MemNode: Sendable, Hashable, Codable {
  public var guestCell: Int
  public var mode: NUMAMode
  public var nodeset: NodeSet
  public init(guestCell: Int, mode: NUMAMode, nodeset: NodeSet) {
    self.guestCell = guestCell
    self.mode = mode
    self.nodeset = nodeset
  }
}

/// `<cputune>` scheduler parameters, as `virsh schedinfo` shows them; nil means unset.
///
/// Ranges, from libvirt: shares 2...262144 on cgroup v1 and weight 1...10000 on v2; periods 1,000...1,000,000 µs;
/// quotas at least 1,000 µs, or -1 for no limit.
public struct CPUTune: Sendable, Hashable, Codable {
  public var shares: Int?
  /// `<period>`, per vcpu, in µs.
  public var vcpuPeriod: Int?
  /// `<quota>`, per vcpu, in µs.
  public var vcpuQuota: Int?
  /// `<global_period>`, whole domain, in µs.
  public var globalPeriod: Int?
  /// `<global_quota>`, whole domain, in µs.
  public var globalQuota: Int?
  public var emulatorPeriod: Int?
  public var emulatorQuota: Int?
  public var iothreadPeriod: Int?
  public var iothreadQuota: Int?

  public init(
    shares: Int? = nil, vcpuPeriod: Int? = nil, vcpuQuota: Int? = nil, globalPeriod: Int? = nil,
    globalQuota: Int? = nil, emulatorPeriod: Int? = nil, emulatorQuota: Int? = nil, iothreadPeriod: Int? = nil,
    iothreadQuota: Int? = nil
  ) {
    self.shares = shares
    self.vcpuPeriod = vcpuPeriod
    self.vcpuQuota = vcpuQuota
    self.globalPeriod = globalPeriod
    self.globalQuota = globalQuota
    self.emulatorPeriod = emulatorPeriod
    self.emulatorQuota = emulatorQuota
    self.iothreadPeriod = iothreadPeriod
    self.iothreadQuota = iothreadQuota
  }

  /// libvirt's typed-parameter names with their values, in libvirt's order (`VIR_DOMAIN_SCHEDULER_*`).
  public var parameters: [(name: String, value: Int)] {
    let all: [(String, Int?)] = [
      ("cpu_shares", shares), ("vcpu_period", vcpuPeriod), ("vcpu_quota", vcpuQuota),
      ("global_period", globalPeriod), ("global_quota", globalQuota), ("emulator_period", emulatorPeriod),
      ("emulator_quota", emulatorQuota), ("iothread_period", iothreadPeriod), ("iothread_quota", iothreadQuota),
    ]
    return all.compactMap { name, value in value.map { (name, $0) } }
  }
}
