public import NUMA

/// A guest as observed on its host: read back from libvirt and the kernel, never from our own writes.
public struct Guest: Sendable, Hashable, Codable {
  public var id: GuestID
  /// For people only; chosen by the guest's owner, so never a key, a path or a piece of shell.
  public var name: String
  public var kind: GuestKind
  public var state: GuestState
  /// The running process; nil when the guest does not run.
  public var incarnation: Incarnation?
  /// Whether a persistent definition exists (a transient domain has none).
  public var persistent: Bool
  /// Vcpus that may be plugged, `<vcpu>N</vcpu>`; for a process, its number of threads.
  public var vcpusMaximum: Int
  /// Vcpus that are online, by id.
  public var vcpusOnline: CPUSet
  /// Memory of the guest now.
  public var memory: KiB
  /// Backing page size; the base page unless hugepages back the guest.
  public var pageSize: PageSize
  /// `<cpu><numa><cell>`, ascending; empty for a guest without guest cells.
  public var guestCells: [GuestCell]
  /// Pins, numatune and cputune as libvirt records them for the running guest; for a process, as the kernel has them.
  public var live: Pinning
  /// The same from the persistent definition; nil without one.
  public var config: Pinning?
  /// `<vcpu cpuset=…>`: the default of everything that has no pin of its own.
  public var defaultCPUSet: CPUSet?
  /// Ids of the guest's iothreads.
  public var iothreads: [Int]
  /// Every thread with what the kernel allows it, ascending by tid.
  public var threads: [GuestThread]
  /// The guest's RAM by mapping, largest first.
  public var regions: [MemoryRegion]
  /// Pages by cell over the whole process.
  public var residency: [CellResidency]
  /// PCI addresses passed through with VFIO.
  public var vfio: [String]
  /// `<locked/>`, or VmLck of the process beyond the guest's memory.
  public var locked: Bool
  /// What may be done to the guest while it runs, and why.
  public var movability: Movability

  /// The most vcpus or iothreads of a guest, and so the largest id of one: QEMU's largest x86-64 machine.
  public static let vcpusLimit = 4096

  public init(
    id: GuestID, name: String, kind: GuestKind, state: GuestState, incarnation: Incarnation? = nil,
    persistent: Bool = false, vcpusMaximum: Int = 0, vcpusOnline: CPUSet = [], memory: KiB = 0,
    pageSize: PageSize = .base, guestCells: [GuestCell] = [], live: Pinning = Pinning(), config: Pinning? = nil,
    defaultCPUSet: CPUSet? = nil, iothreads: [Int] = [], threads: [GuestThread] = [], regions: [MemoryRegion] = [],
    residency: [CellResidency] = [], vfio: [String] = [], locked: Bool = false,
    movability: Movability = Movability(.fixed, because: "it does not run")
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.state = state
    self.incarnation = incarnation
    self.persistent = persistent
    self.vcpusMaximum = vcpusMaximum
    self.vcpusOnline = vcpusOnline
    self.memory = memory
    self.pageSize = pageSize
    self.guestCells = guestCells
    self.live = live
    self.config = config
    self.defaultCPUSet = defaultCPUSet
    self.iothreads = iothreads
    self.threads = threads
    self.regions = regions
    self.residency = residency
    self.vfio = vfio
    self.locked = locked
    self.movability = movability
  }

  /// The guest's cells for placing: its own, or one that spans it when it has none.
  public var cellsToPlace: [GuestCell] {
    guestCells.isEmpty ? [GuestCell(id: 0, vcpus: CPUSet(0..<max(vcpusMaximum, 0)), memory: memory)] : guestCells
  }

  /// What the kernel allows the thread of an online vcpu.
  public func thread(ofVCPU vcpu: Int) -> GuestThread? { threads.first { $0.role == .vcpu(vcpu) } }

  /// MiB on each cell, ascending by cell, all page sizes added.
  public var mibByCell: [(cell: Int, mib: Int)] {
    residency.map(\.cell).reduce(into: [Int]()) { if !$0.contains($1) { $0.append($1) } }.sorted().map { cell in
      (cell, residency.reduce(0) { $0 + ($1.cell == cell ? $1.pages * $1.pageSize.kib : 0) } / 1024)
    }
  }
}

/// What kind of process the guest is.
public enum GuestKind: Sendable, Hashable, Codable {
  /// A libvirt domain; `type` is `kvm`, `qemu`, `test`…
  case domain(type: String)
  /// A process that libvirt does not know, found by the named rule of the agent's config.
  case process(rule: String)
}

/// Whether the guest runs.
public enum GuestState: String, Sendable, Hashable, Codable, CaseIterable {
  case running, paused, shutoff, other
}

/// `<cpu><numa><cell id cpus memory>` with its distances to other guest cells.
public struct GuestCell: Sendable, Hashable, Codable {
  public var id: Int
  public var vcpus: CPUSet
  public var memory: KiB
  /// Distances to the guest's cells by id, where the guest's topology states them.
  public var distances: [GuestCellDistance]
  public init(id: Int, vcpus: CPUSet, memory: KiB, distances: [GuestCellDistance] = []) {
    self.id = id
    self.vcpus = vcpus
    self.memory = memory
    self.distances = distances
  }
}

/// `<distances><sibling id value>`.
public struct GuestCellDistance: Sendable, Hashable, Codable {
  public var to: Int
  public var value: Int
  public init(to: Int, value: Int) {
    self.to = to
    self.value = value
  }
}

/// One thread of a guest and the kernel's masks for it (`/proc/PID/task/TID/status`).
public struct GuestThread: Sendable, Hashable, Codable {
  public var tid: Int
  public var role: ThreadRole
  /// The thread's name (`comm`).
  public var name: String
  /// `Cpus_allowed_list`.
  public var cpusAllowed: CPUSet
  /// `Mems_allowed_list`: the cpuset, not the memory policy.
  public var memsAllowed: NodeSet
  public init(tid: Int, role: ThreadRole, name: String, cpusAllowed: CPUSet, memsAllowed: NodeSet) {
    self.tid = tid
    self.role = role
    self.name = name
    self.cpusAllowed = cpusAllowed
    self.memsAllowed = memsAllowed
  }
}

/// What a thread does for its guest.
public enum ThreadRole: Sendable, Hashable, Codable {
  case vcpu(Int)
  case iothread(Int)
  case emulator
  /// A thread of a process that is not a VM.
  case worker
}

/// One mapping of guest RAM (`/proc/PID/numa_maps` with its size from `/proc/PID/maps`).
public struct MemoryRegion: Sendable, Hashable, Codable {
  public var start: UInt64
  public var size: KiB
  /// The guest cell it backs, where that could be told.
  public var guestCell: Int?
  /// The kernel's policy text, for example `bind:0`, `default`, `prefer:1`.
  public var policy: String
  public var residency: [CellResidency]
  public init(start: UInt64, size: KiB, guestCell: Int?, policy: String, residency: [CellResidency]) {
    self.start = start
    self.size = size
    self.guestCell = guestCell
    self.policy = policy
    self.residency = residency
  }
}

/// Pages of one size on one cell (`N0=…` with `kernelpagesize_kB=…` in numa_maps).
public struct CellResidency: Sendable, Hashable, Codable {
  public var cell: Int
  public var pageSize: PageSize
  public var pages: Int
  public init(cell: Int, pageSize: PageSize, pages: Int) {
    self.cell = cell
    self.pageSize = pageSize
    self.pages = pages
  }
}
