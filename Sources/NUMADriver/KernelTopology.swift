public import Fleet
import Glibc
public import NUMA

/// The kernel side of a host: what libnuma, the scheduler, /proc, /sys and cgroups tell and do.
///
///     /sys/devices/system ──> KernelTopology ─┐                      KernelPinner ──> sched_setaffinity(2)
///     libvirt capabilities ───────────────────┴─> JoinedTopology     PageMover ─────> migrate_pages(2), move_pages(2)
///     /proc/PID ──> ProcessReader, ProcessFinder                     CgroupWriter ──> cpu.weight, cpu.max
///
/// Invariants of the module: every write names the `Incarnation` it is meant for and is refused when the pid now
/// belongs to another process; no write is believed, callers read the state back through `ProcessReader`; nothing is
/// cached, so a value is as old as its call; every failure is a `KernelError` that names the call or file, what was
/// expected and what to do. Readers take a `KernelRoot`, so that dumps of other machines are read by the same code.
///
/// `KernelTopology` reads `/sys/devices/system/{node,cpu}`, `/sys/bus/pci` and the cpuset of all guests. It reads a
/// few thousand small files on a large host: call it at start and when hot-plug is suspected, `cellStates()` often.
public struct KernelTopology: Sendable {
  let root: KernelRoot

  static let nodes = "/sys/devices/system/node"
  static let cpus = "/sys/devices/system/cpu"

  /// A reader of the given machine, this one by default.
  public init(root: KernelRoot = .machine) { self.root = root }

  /// The whole topology, free amounts included.
  ///
  /// - Throws: `KernelError` when a file that every kernel has is missing or holds something else.
  public func read() throws(KernelError) -> HostTopology {
    let online = try onlineCPUs()
    let cells = try readCells(online: online)
    let topology = HostTopology(
      cells: cells, pcpus: try readPCPUs(online: online, cells: cells), distances: try readDistances(cells),
      l3Groups: try readL3Groups(online: online), devices: try readDevices(),
      offline: try optionalList("\(Self.cpus)/offline"), isolated: try optionalList("\(Self.cpus)/isolated"),
      nohzFull: try optionalList("\(Self.cpus)/nohz_full"), allowed: try allowedCPUs(online: online))
    if let contradiction = topology.contradictions().first {
      throw .malformed(Self.nodes, found: contradiction, expected: "cells, cpus and distances that agree")
    }
    return topology
  }

  /// What is free on each cell now, ascending by cell: one or two dozen small files on a 4-cell host.
  public func cellStates() throws(KernelError) -> [CellState] {
    var states: [CellState] = []
    for id in try cellIDs() {
      let memory = try readMemory(ofCell: id)
      states.append(
        CellState(cell: id ?? 0, memoryFree: memory.free, pages: try readPools(ofCell: id, memory: memory)))
    }
    return states
  }

  // MARK: CPUs

  /// CPUs that are online now (`/sys/devices/system/cpu/online`).
  public func onlineCPUs() throws(KernelError) -> CPUSet {
    let online = try root.list(CPUKind.self, "\(Self.cpus)/online")
    guard !online.isEmpty else { throw .malformed("\(Self.cpus)/online", found: "", expected: "a list of cpus") }
    return online
  }

  private func optionalList(_ path: String) throws(KernelError) -> CPUSet {
    guard let text = try root.textIfPresent(path) else { return [] }
    // Kernels print a missing nohz_full mask as "(null)".
    return text == "(null)" ? [] : try root.parseList(text, path)
  }

  /// The effective cpuset of the cgroup that holds all guests; every online CPU where no such cgroup exists.
  private func allowedCPUs(online: CPUSet) throws(KernelError) -> CPUSet {
    let mounts = try CgroupMounts(root: root)
    guard let cpuset = try mounts.cpuset(of: mounts.guestsParent()) else { return online }
    let allowed = cpuset.cpus.intersection(online)
    return allowed.isEmpty ? online : allowed
  }

  private func readPCPUs(online: CPUSet, cells: [Cell]) throws(KernelError) -> [PCPU] {
    var pcpus: [PCPU] = []
    for id in online.members {
      let folder = "\(Self.cpus)/cpu\(id)/topology"
      let siblingsFile = root.exists("\(folder)/core_cpus_list") ? "core_cpus_list" : "thread_siblings_list"
      let siblings = try root.list(CPUKind.self, "\(folder)/\(siblingsFile)").intersection(online)
      guard siblings.contains(id) else {
        throw .malformed("\(folder)/\(siblingsFile)", found: siblings.description, expected: "a list with cpu \(id)")
      }
      // Firmware that does not tell gives -1; kernels before 5.2 have no dies.
      let socket = max(try root.integer("\(folder)/physical_package_id"), 0)
      let die = max(try root.integerIfPresent("\(folder)/die_id") ?? 0, 0)
      let core = max(try root.integer("\(folder)/core_id"), 0)
      let cell = cells.first { $0.cpus.contains(id) }?.id
      pcpus.append(PCPU(id: id, cell: cell, socket: socket, die: die, core: core, siblings: siblings))
    }
    return pcpus
  }

  private func readL3Groups(online: CPUSet) throws(KernelError) -> [L3Group] {
    var groups: [L3Group] = []
    var grouped = CPUSet()
    for cpu in online.members where !grouped.contains(cpu) {
      let caches = "\(Self.cpus)/cpu\(cpu)/cache"
      for index in try root.entriesIfPresent(caches) ?? [] where index.hasPrefix("index") {
        guard try root.integer("\(caches)/\(index)/level") == 3 else { continue }
        let cpus = try root.list(CPUKind.self, "\(caches)/\(index)/shared_cpu_list").intersection(online)
        // Before 4.11 caches had no id, and the lowest CPU tells them apart as well.
        let id = try root.integerIfPresent("\(caches)/\(index)/id") ?? cpu
        groups.append(L3Group(id: id, size: try readCacheSize("\(caches)/\(index)/size"), cpus: cpus))
        grouped.formUnion(cpus)
      }
    }
    return groups.sorted { ($0.id, $0.cpus.first ?? 0) < ($1.id, $1.cpus.first ?? 0) }
  }

  private func readCacheSize(_ path: String) throws(KernelError) -> KiB {
    guard let text = try root.textIfPresent(path) else { return 0 }
    let unit = text.last == "K" ? 1 : text.last == "M" ? 1024 : 0
    guard unit > 0, let count = Int(text.dropLast()) else {
      throw .malformed(path, found: text, expected: "a size such as 32768K")
    }
    return KiB(count * unit)
  }

  // MARK: Devices

  private func readDevices() throws(KernelError) -> [PCIDevice] {
    let bus = "/sys/bus/pci/devices"
    var devices: [PCIDevice] = []
    for address in try root.entriesIfPresent(bus) ?? [] {
      // A device may be unplugged while the bus is read; the next one is not concerned.
      guard let classID = try root.textIfPresent("\(bus)/\(address)/class"),
        let vendor = try root.textIfPresent("\(bus)/\(address)/vendor"),
        let device = try root.textIfPresent("\(bus)/\(address)/device")
      else { continue }
      let cell = try root.integerIfPresent("\(bus)/\(address)/numa_node") ?? -1
      devices.append(
        PCIDevice(
          address: address, classID: classID, vendor: vendor, device: device,
          driver: root.linkName("\(bus)/\(address)/driver"), cell: cell < 0 ? nil : cell))
    }
    return devices
  }
}
