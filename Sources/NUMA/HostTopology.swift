/// One machine as NUMA sees it: cells, their CPUs, memory, page pools and distances, caches and devices.
///
/// `HostTopology` is what `virsh capabilities` and `numactl --hardware` show, joined. It is a value: parsed once
/// by `LibvirtXML` or read by `NUMADriver`, it travels unchanged to the coordinator and the planner. Invariants,
/// kept by `validate()`: cells ascend by id and ids may have gaps; a pcpu belongs to at most one cell; a cell may
/// lack memory or CPUs (CXL memory is a cell without CPUs); distances, where known, cover every cell.
public struct HostTopology: Sendable, Hashable, Codable {
  /// Cells in ascending order of id.
  public var cells: [Cell]
  /// Online CPUs in ascending order of id.
  public var pcpus: [PCPU]
  /// SLIT distances between cells; nil when the source does not tell (`test:///default`).
  public var distances: DistanceMatrix?
  /// Groups of CPUs that share a last-level (L3) cache.
  public var l3Groups: [L3Group]
  /// PCI devices, with their cell where the firmware says so.
  public var devices: [PCIDevice]
  /// CPUs that are present but offline (`/sys/devices/system/cpu/offline`).
  public var offline: CPUSet
  /// CPUs outside the scheduler's domains (`/sys/devices/system/cpu/isolated`).
  public var isolated: CPUSet
  /// CPUs without a periodic tick (`/sys/devices/system/cpu/nohz_full`).
  public var nohzFull: CPUSet
  /// CPUs that guests may be given: the effective cpuset of the parent cgroup of all guests.
  public var allowed: CPUSet

  public init(
    cells: [Cell], pcpus: [PCPU], distances: DistanceMatrix? = nil, l3Groups: [L3Group] = [],
    devices: [PCIDevice] = [], offline: CPUSet = [], isolated: CPUSet = [], nohzFull: CPUSet = [],
    allowed: CPUSet? = nil
  ) {
    self.cells = cells.sorted { $0.id < $1.id }
    self.pcpus = pcpus.sorted { $0.id < $1.id }
    self.distances = distances
    self.l3Groups = l3Groups
    self.devices = devices
    self.offline = offline
    self.isolated = isolated
    self.nohzFull = nohzFull
    self.allowed = allowed ?? CPUSet(pcpus.map(\.id))
  }

  /// All online CPUs.
  public var cpus: CPUSet { CPUSet(pcpus.map(\.id)) }
  /// All cells.
  public var nodes: NodeSet { NodeSet(cells.map(\.id)) }
  /// Cells that have memory.
  public var memoryNodes: NodeSet { NodeSet(cells.filter { $0.memoryTotal > 0 }.map(\.id)) }

  /// The cell of that id.
  public func cell(_ id: Int) -> Cell? { cells.first { $0.id == id } }
  /// The CPU of that id, if online.
  public func pcpu(_ id: Int) -> PCPU? {
    let index = pcpus.partitionIndex { $0.id >= id }
    return index < pcpus.count && pcpus[index].id == id ? pcpus[index] : nil
  }

  /// The cells whose CPUs the set touches.
  public func nodes(of cpus: CPUSet) -> NodeSet {
    NodeSet(cells.filter { !$0.cpus.isDisjoint(with: cpus) }.map(\.id))
  }

  /// The online CPUs of the cells.
  public func cpus(of nodes: NodeSet) -> CPUSet {
    cells.reduce(into: CPUSet()) { if nodes.contains($1.id) { $0.formUnion($1.cpus) } }
  }

  /// The SLIT distance between two cells; 10 to itself and 20 to another where the host does not tell.
  public func distance(from: Int, to: Int) -> Int { distances?[from, to] ?? (from == to ? 10 : 20) }

  /// What contradicts itself in this topology, in words; empty when all invariants hold.
  public func contradictions() -> [String] {
    var found: [String] = []
    var seen = CPUSet()
    for (index, cell) in cells.enumerated() {
      if index > 0, cells[index - 1].id == cell.id { found.append("cell \(cell.id) is listed twice") }
      let shared = seen.intersection(cell.cpus)
      if !shared.isEmpty { found.append("cpus \(shared) belong to more than one cell") }
      seen.formUnion(cell.cpus)
      if cell.memoryFree > cell.memoryTotal { found.append("cell \(cell.id) has more memory free than in total") }
    }
    let strayed = seen.subtracting(cpus)
    if !strayed.isEmpty { found.append("cells list cpus \(strayed), which are not online") }
    if let distances, distances.ids != cells.map(\.id) { found.append("the distances do not cover the cells") }
    return found
  }
}

/// One NUMA cell (a "node" to the kernel) of a host.
public struct Cell: Sendable, Hashable, Codable {
  /// The kernel's node id.
  public var id: Int
  /// Usable memory of the cell.
  public var memoryTotal: KiB
  /// Memory that is free now.
  public var memoryFree: KiB
  /// Page pools by size; the base-page pool's `free` is `memoryFree` in pages.
  public var pages: [PagePool]
  /// Online CPUs of the cell.
  public var cpus: CPUSet

  public init(id: Int, memoryTotal: KiB, memoryFree: KiB, pages: [PagePool] = [], cpus: CPUSet) {
    self.id = id
    self.memoryTotal = memoryTotal
    self.memoryFree = memoryFree
    self.pages = pages
    self.cpus = cpus
  }

  /// The pool of that page size.
  public func pool(_ size: PageSize) -> PagePool? { pages.first { $0.size == size } }
}

/// One online host CPU and its place in the machine (`/sys/devices/system/cpu/cpuN/topology`).
public struct PCPU: Sendable, Hashable, Codable {
  /// The kernel's CPU id.
  public var id: Int
  /// The cell it belongs to; nil where no NUMA information exists.
  public var cell: Int?
  /// Physical package.
  public var socket: Int
  /// Die within the package.
  public var die: Int
  /// Core within the die.
  public var core: Int
  /// The hardware threads of its core, itself included.
  public var siblings: CPUSet

  public init(id: Int, cell: Int?, socket: Int, die: Int, core: Int, siblings: CPUSet) {
    self.id = id
    self.cell = cell
    self.socket = socket
    self.die = die
    self.core = core
    self.siblings = siblings
  }
}

/// CPUs that share one last-level cache (`<cache><bank level='3'>`).
public struct L3Group: Sendable, Hashable, Codable {
  /// The bank id.
  public var id: Int
  /// The cache's size.
  public var size: KiB
  /// The CPUs behind it.
  public var cpus: CPUSet

  public init(id: Int, size: KiB, cpus: CPUSet) {
    self.id = id
    self.size = size
    self.cpus = cpus
  }
}

/// A PCI device and the cell it is attached to (`/sys/bus/pci/devices/*/numa_node`, nodedev `<numa node>`).
public struct PCIDevice: Sendable, Hashable, Codable {
  /// Domain, bus, slot and function, for example `0000:21:00.0`.
  public var address: String
  /// The class, vendor and device ids as the kernel prints them, for example `0x020000`, `0x1af4`, `0x1041`.
  public var classID: String
  public var vendor: String
  public var device: String
  /// The driver bound to it, if any.
  public var driver: String?
  /// The cell it is near to; nil where the firmware does not tell.
  public var cell: Int?

  public init(address: String, classID: String, vendor: String, device: String, driver: String?, cell: Int?) {
    self.address = address
    self.classID = classID
    self.vendor = vendor
    self.device = device
    self.driver = driver
    self.cell = cell
  }
}
