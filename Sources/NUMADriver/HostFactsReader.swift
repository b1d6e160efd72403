public import Fleet

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
    HostFacts(
      kernelVersion: try root.text("/proc/sys/kernel/osrelease"), cgroupVersion: try CgroupMounts(root: root).version,
      numaBalancing: try root.integerIfPresent("/proc/sys/kernel/numa_balancing"), ksm: try readKSM(),
      foreignBalancers: try readBalancers())
  }

  /// This boot of this host (`/proc/sys/kernel/random/boot_id`).
  public func bootID() throws(KernelError) -> BootID { BootID(try root.text("/proc/sys/kernel/random/boot_id")) }

  private func readKSM() throws(KernelError) -> KSMState? {
    let folder = "/sys/kernel/mm/ksm"
    guard let run = try root.integerIfPresent("\(folder)/run") else { return nil }
    // The file is missing on kernels without NUMA, where there is one cell only.
    let across = try root.integerIfPresent("\(folder)/merge_across_nodes") ?? 1
    let shared = try root.integerIfPresent("\(folder)/pages_shared") ?? 0
    return KSMState(run: run, mergeAcrossNodes: across != 0, pagesShared: shared)
  }

  private func readBalancers() throws(KernelError) -> [String] {
    var found: [String] = []
    for pid in root.numbersIfPresent("/proc") ?? [] {
      guard let name = try root.textIfPresent("/proc/\(pid)/comm") else { continue }
      if Self.balancers.contains(name), !found.contains(name) { found.append(name) }
    }
    return found.sorted()
  }
}
