public import Fleet
import NUMA

/// Reads the settings of a host that act on placement: kernel version, cgroups, NUMA balancing, KSM, balancers.
public struct HostFactsReader: Sendable {
  let root: KernelRoot

  /// Programs that move processes or interrupts between cells on their own; `comm` of their processes.
  static let balancers = ["irqbalance", "ksmtuned", "numad"]

  /// A reader of the given machine, this one by default.
  public init(root: KernelRoot = .machine) { self.root = root }

  /// The facts that the kernel knows; libvirt's versions, its URI and `sources` stay empty.
  ///
  /// Looks at the name of every process (about 10 µs each): once a minute is often enough.
  public func read() throws(KernelError) -> HostFacts {
    let mounts = try CgroupMounts(root: root)
    let balancers = try readBalancers()
    return HostFacts(
      kernelVersion: try root.text("/proc/sys/kernel/osrelease"), cgroupVersion: try mounts.version,
      numaBalancing: try root.integerIfPresent("/proc/sys/kernel/numa_balancing"), ksm: try readKSM(),
      foreignBalancers: balancers.names, irqbalanceBanned: balancers.irqbalance.flatMap { bannedCPUs(of: $0) },
      guestsParent: try readGuestsParent(mounts))
  }

  /// This boot of this host (`/proc/sys/kernel/random/boot_id`).
  public func bootID() throws(KernelError) -> BootID { BootID(try root.text("/proc/sys/kernel/random/boot_id")) }

  /// KSM's settings now; nil where the kernel lacks it.
  public func readKSM() throws(KernelError) -> KSMState? {
    let folder = KSMWriter.folder
    guard let run = try root.integerIfPresent("\(folder)/run") else { return nil }
    // The file is missing on kernels without NUMA, where there is one cell only.
    let across = try root.integerIfPresent("\(folder)/merge_across_nodes") ?? 1
    let shared = try root.integerIfPresent("\(folder)/pages_shared") ?? 0
    let sharing = try root.integerIfPresent("\(folder)/pages_sharing")
    return KSMState(
      run: run, mergeAcrossNodes: across != 0, pagesShared: shared,
      saved: sharing.map { KiB($0 * root.pageSize.kib) })
  }

  private func readBalancers() throws(KernelError) -> (names: [String], irqbalance: Int?) {
    var found: [String] = []
    var irqbalance: Int?
    for pid in root.numbersIfPresent("/proc") ?? [] {
      guard let name = try root.textIfPresent("/proc/\(pid)/comm") else { continue }
      if name == "irqbalance" { irqbalance = irqbalance ?? pid }
      if Self.balancers.contains(name), !found.contains(name) { found.append(name) }
    }
    return (found.sorted(), irqbalance)
  }

  /// What irqbalance's environment forbids it: a list since 1.8, a mask of hexadecimal words before.
  private func bannedCPUs(of pid: Int) -> CPUSet? {
    guard let bytes = try? root.bytesIfPresent("/proc/\(pid)/environ") else { return nil }
    for entry in bytes.split(separator: 0) {
      let line = entry[...]
      if let list = line.value(of: "IRQBALANCE_BANNED_CPULIST=") { return try? CPUSet(parsing: list.text) }
      if let mask = line.value(of: "IRQBALANCE_BANNED_CPUS=") { return CPUSet(hexadecimal: mask) }
    }
    return nil
  }

  private func readGuestsParent(_ mounts: CgroupMounts) throws(KernelError) -> GuestsParent? {
    guard let folder = try mounts.guestsParent() else { return nil }
    var parent = GuestsParent(cgroup: String(folder.path.dropFirst(folder.top.count)))
    if let cpus = try setting("cpuset.cpus", of: folder) { parent.cpus = try root.parseList(cpus.text, cpus.path) }
    if let mems = try setting("cpuset.mems", of: folder) { parent.mems = try root.parseList(mems.text, mems.path) }
    return parent
  }

  /// What was written into a cgroup's file; nil when nothing was. On v1 a cgroup begins with what is written above it.
  private func setting(_ name: String, of folder: CgroupFolder) throws(KernelError) -> (text: String, path: String)? {
    let path = "\(folder.path)/\(name)"
    guard let text = try root.textIfPresent(path), !text.isEmpty else { return nil }
    if folder.version == 1, try root.textIfPresent("\(folder.top)/\(name)") == text { return nil }
    return (text, path)
  }
}

extension CPUSet {
  /// The CPUs of a mask in hexadecimal words of 32 bits, the lowest last: `1,00000003`; nil for anything else.
  init?(hexadecimal mask: ArraySlice<UInt8>) {
    var set = CPUSet()
    for (index, word) in mask.split(separator: UInt8(ascii: ",")).reversed().enumerated() {
      guard let bits = UInt64(word.map { (65...70).contains($0) ? $0 + 32 : $0 }, radix: 16), bits <= UInt32.max,
        index < CPUKind.idLimit / 32
      else { return nil }
      for bit in 0..<32 where bits >> UInt64(bit) & 1 == 1 { set.insert(index * 32 + bit) }
    }
    self = set
  }
}
