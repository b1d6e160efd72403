public import Fleet
public import NUMA

/// What the drivers read of a host in one round, not yet joined to guests.
public struct HostObservation: Sendable, Hashable {
  /// Present when the topology was read again in this round.
  public var topology: HostTopology?
  public var facts: HostFacts
  public var cells: [CellState]
  /// Nil when libvirt did not answer; the domains of the last answer are then believed.
  public var domains: [DomainRecord]?
  /// Nil when the agent runs without libvirt.
  public var libvirtAnswers: Bool?
  /// The processes of running domains and of rules, ascending by pid.
  public var processes: [ObservedProcess]
  /// Whether `processes` carry residency; without it the last known residency is kept.
  public var hasResidency: Bool
  /// Nil when it was not read.
  public var load: HostLoad?

  public init(
    topology: HostTopology?, facts: HostFacts, cells: [CellState], domains: [DomainRecord]?, libvirtAnswers: Bool?,
    processes: [ObservedProcess], hasResidency: Bool, load: HostLoad? = nil
  ) {
    self.topology = topology
    self.facts = facts
    self.cells = cells
    self.domains = domains
    self.libvirtAnswers = libvirtAnswers
    self.processes = processes
    self.hasResidency = hasResidency
    self.load = load
  }
}

/// A process and why it is looked at.
public struct ObservedProcess: Sendable, Hashable {
  public var process: ProcessObservation
  /// The config rule that found it; nil for the process of a domain.
  public var rule: String?
  /// What a plain QEMU's command line says of its guest's NUMA; nil for other processes.
  public var machine: MachineArguments?
  public init(process: ProcessObservation, rule: String?, machine: MachineArguments? = nil) {
    self.process = process
    self.rule = rule
    self.machine = machine
  }
}

/// The guest as a QEMU command line describes it (`-smp`, `-m`, `-numa`, `-device vfio-pci`).
public struct MachineArguments: Sendable, Hashable {
  public var name: String?
  public var uuid: String?
  public var vcpusMaximum: Int
  public var memory: KiB
  public var guestCells: [GuestCell]
  public var pageSize: PageSize
  /// VFIO devices; they pin all of the guest's memory.
  public var vfio: [String]
  /// The type of the libvirt domain that this is, `kvm` or `qemu`; nil for a QEMU that libvirt did not start.
  ///
  /// Libvirt's pid file tells it, so it is known while libvirtd is down.
  public var domainType: String?
  public init(
    name: String?, uuid: String?, vcpusMaximum: Int, memory: KiB, guestCells: [GuestCell], pageSize: PageSize = .base,
    vfio: [String] = [], domainType: String? = nil
  ) {
    self.name = name
    self.uuid = uuid
    self.vcpusMaximum = vcpusMaximum
    self.memory = memory
    self.guestCells = guestCells
    self.pageSize = pageSize
    self.vfio = vfio
    self.domainType = domainType
  }
}

/// One guest read again completely.
public struct GuestObservation: Sendable, Hashable {
  public var domain: DomainRecord?
  public var process: ObservedProcess?
  /// Free amounts now, for checking that the pages fit.
  public var cells: [CellState]
  /// CPUs online now; nil where it was not read. The topology is read too seldom to decide a pin by it.
  public var online: CPUSet?
  /// Whether libvirt answered; nil where it was not asked. Without its answer a missing domain is not a gone one.
  public var libvirtAnswers: Bool?
  public init(
    domain: DomainRecord?, process: ObservedProcess?, cells: [CellState], online: CPUSet? = nil,
    libvirtAnswers: Bool? = nil
  ) {
    self.domain = domain
    self.process = process
    self.cells = cells
    self.online = online
    self.libvirtAnswers = libvirtAnswers
  }
}
