public import NUMA

/// A domain as libvirt describes it, before the kernel's view is joined to it.
public struct DomainRecord: Sendable, Hashable, Codable {
  public var uuid: String
  public var name: String
  /// `<domain type=…>`: `kvm`, `qemu`, `test`.
  public var type: String
  public var state: GuestState
  public var persistent: Bool
  /// The hypervisor process (`/run/libvirt/qemu/NAME.pid`); nil when it does not run or libvirt does not tell.
  public var pid: Int?
  public var vcpusMaximum: Int
  public var vcpusOnline: CPUSet
  public var memory: KiB
  /// The page size of `<hugepages>`; the base page without it.
  public var pageSize: PageSize
  public var guestCells: [GuestCell]
  /// From the live XML; `memory` in it stays empty, because libvirt does not know where pages are.
  public var live: Pinning
  /// From the inactive XML; nil for a transient domain.
  public var config: Pinning?
  public var defaultCPUSet: CPUSet?
  public var iothreads: [Int]
  /// PCI addresses of `<hostdev>`s in use.
  public var vfio: [String]
  /// `<memoryBacking><locked/>`.
  public var locked: Bool
  /// `<memoryBacking><access mode='shared'/>` or memfd: other processes may map the pages.
  public var sharedMemory: Bool
  /// The type of `<launchSecurity>`, for example `sev`; nil without.
  public var launchSecurity: String?

  public init(
    uuid: String, name: String, type: String, state: GuestState, persistent: Bool, pid: Int? = nil,
    vcpusMaximum: Int, vcpusOnline: CPUSet, memory: KiB, pageSize: PageSize = .base, guestCells: [GuestCell] = [],
    live: Pinning = Pinning(), config: Pinning? = nil, defaultCPUSet: CPUSet? = nil, iothreads: [Int] = [],
    vfio: [String] = [], locked: Bool = false, sharedMemory: Bool = false, launchSecurity: String? = nil
  ) {
    self.uuid = uuid
    self.name = name
    self.type = type
    self.state = state
    self.persistent = persistent
    self.pid = pid
    self.vcpusMaximum = vcpusMaximum
    self.vcpusOnline = vcpusOnline
    self.memory = memory
    self.pageSize = pageSize
    self.guestCells = guestCells
    self.live = live
    self.config = config
    self.defaultCPUSet = defaultCPUSet
    self.iothreads = iothreads
    self.vfio = vfio
    self.locked = locked
    self.sharedMemory = sharedMemory
    self.launchSecurity = launchSecurity
  }
}

/// A process as the kernel shows it: `/proc/PID/task/*/status`, `numa_maps`, `maps`.
public struct ProcessObservation: Sendable, Hashable, Codable {
  public var incarnation: Incarnation
  /// `/proc/PID/comm`.
  public var name: String
  /// Arguments of `/proc/PID/cmdline`.
  public var arguments: [String]
  /// Ascending by tid; roles are by the names that QEMU gives its threads (`CPU 0/KVM`, `IO iothread1`).
  public var threads: [GuestThread]
  /// Mappings of at least 1 MiB, largest first; `guestCell` is not yet told.
  public var regions: [MemoryRegion]
  /// Pages by cell over all mappings that belong to the process.
  public var residency: [CellResidency]
  /// `VmLck`.
  public var locked: KiB
  /// `VmRSS`.
  public var resident: KiB

  public init(
    incarnation: Incarnation, name: String, arguments: [String], threads: [GuestThread], regions: [MemoryRegion],
    residency: [CellResidency], locked: KiB, resident: KiB
  ) {
    self.incarnation = incarnation
    self.name = name
    self.arguments = arguments
    self.threads = threads
    self.regions = regions
    self.residency = residency
    self.locked = locked
    self.resident = resident
  }
}
