import CLinux
public import Fleet
import Glibc
public import NUMA

/// Sets and reads the CPU affinity of threads of other processes, `sched_setaffinity(2)`.
///
/// Each call names the run of the process it is meant for. The start time is compared before and after the call, and
/// the thread must be listed under the process, so a reused pid or tid is not touched: for that, the process would
/// have to end and all pids to be handed out once within the microseconds between check and call.
///
/// A set is all or nothing: the kernel silently drops CPUs that are offline or outside the thread's cpuset, so the
/// mask is read back, and if it is not the one that was asked for, the old one is restored and an error thrown.
///
/// On threads of a libvirt domain this is invisible to libvirt's record; from kernel 6.2 on, the mask outlives a later
/// widening of the cpuset. Use it for threads that libvirt does not know, or while libvirtd is down.
public struct KernelPinner: Sendable {
  private let reader = ProcessReader()
  private let root = KernelRoot.machine

  /// A pinner on this machine.
  public init() {}

  /// The CPUs that the thread may run on now: `sched_getaffinity(2)`, without offline CPUs.
  public func affinity(of incarnation: Incarnation, tid: Int) throws(KernelError) -> CPUSet {
    let call = "sched_getaffinity(thread \(tid))"
    try check(incarnation, tid, call)
    let cpuset = try readMask(incarnation, tid, call)
    try check(incarnation, tid, call)
    return cpuset
  }

  /// Gives one thread exactly these CPUs.
  ///
  /// - Throws: `gone`, `denied`, `outsideCPUSet` (the message names the cgroup and what it has), `refused` for an
  ///   empty set. The thread's old mask stands after any of them.
  public func setAffinity(of incarnation: Incarnation, tid: Int, to cpuset: CPUSet) throws(KernelError) {
    let call = "sched_setaffinity(thread \(tid), cpus \(cpuset))"
    guard !cpuset.isEmpty else {
      throw KernelError(.refused, errno: EINVAL, call: call, "the cpuset is empty", remedy: "name at least one cpu")
    }
    try check(incarnation, tid, call)
    let before = try readMask(incarnation, tid, call)
    let code = Self.write(tid, cpuset)
    if code == EINVAL { throw outside(incarnation, tid, cpuset, call) }
    if code != 0 { throw Self.error(incarnation, code, call) }
    try check(incarnation, tid, call)
    let after = try readMask(incarnation, tid, call)
    if after != cpuset {
      _ = Self.write(tid, before)
      throw outside(incarnation, tid, cpuset, call)
    }
  }

  /// Gives one thread exactly these CPUs, and first adds them to the cpuset of its own cgroup where they are missing.
  ///
  /// This is what libvirt's vcpupin does, for a domain whose libvirtd is down: see `CgroupWriter.addCPUs`.
  public func setAffinity(
    of incarnation: Incarnation, tid: Int, to cpuset: CPUSet, wideningCgroup: Bool
  ) throws(KernelError) {
    if wideningCgroup, !cpuset.isEmpty {
      try CgroupWriter().addCPUs(cpuset, toCgroupOf: incarnation, tid: tid)
    }
    try setAffinity(of: incarnation, tid: tid, to: cpuset)
  }

  /// Gives these CPUs to every thread whose role is chosen, again and again until no new thread appears.
  ///
  /// A thread started meanwhile inherits its creator's mask, old or new, so one pass is not enough. Threads that end
  /// meanwhile are skipped.
  /// - Returns: the tids that have the mask, ascending.
  public func setAffinity(
    of incarnation: Incarnation, to cpuset: CPUSet, where isChosen: (ThreadRole) -> Bool
  ) throws(KernelError) -> [Int] {
    var pinned: [Int] = []
    for _ in 0..<ProcessReader.listingsMaximum {
      let chosen = try reader.threads(of: incarnation).filter { isChosen($0.role) && !pinned.contains($0.tid) }
      if chosen.isEmpty { return pinned.sorted() }
      for thread in chosen {
        do {
          try setAffinity(of: incarnation, tid: thread.tid, to: cpuset)
          pinned.append(thread.tid)
        } catch  where error.kind == .gone {
          guard try reader.isAlive(incarnation) else { throw error }
        }
      }
    }
    throw KernelError(
      .failed, call: "pin the threads of process \(incarnation.pid)",
      "new threads appeared in \(ProcessReader.listingsMaximum) listings",
      remedy: "try again when it is less busy; \(pinned.count) threads have the new mask")
  }

  // MARK: Calls

  /// Words for the largest mask of any kernel.
  private static let words = CPUKind.idLimit / 64

  private func check(_ incarnation: Incarnation, _ tid: Int, _ call: String) throws(KernelError) {
    try ProcessStat(incarnation, root: root, call: call)
    guard root.exists("/proc/\(incarnation.pid)/task/\(tid)") else {
      throw .gone(incarnation, call: call, "process \(incarnation.pid) has no thread \(tid)")
    }
  }

  private func readMask(_ incarnation: Incarnation, _ tid: Int, _ call: String) throws(KernelError) -> CPUSet {
    var words = [UInt64](repeating: 0, count: Self.words)
    let result = clinux_sched_getaffinity(pid_t(tid), &words, words.count)
    if result < 0 { throw Self.error(incarnation, -result, call) }
    var cpuset = CPUSet()
    for (index, word) in words.enumerated() where word != 0 {
      for bit in 0..<64 where word & (1 << UInt64(bit)) != 0 { cpuset.insert(index * 64 + bit) }
    }
    return cpuset
  }

  /// 0 or an errno.
  private static func write(_ tid: Int, _ cpuset: CPUSet) -> Int32 {
    var words = [UInt64](repeating: 0, count: Self.words)
    for id in cpuset.members { words[id >> 6] |= 1 << UInt64(id & 63) }
    let result = clinux_sched_setaffinity(pid_t(tid), words, words.count)
    return result < 0 ? -result : 0
  }

  private static func error(_ incarnation: Incarnation, _ code: Int32, _ call: String) -> KernelError {
    switch code {
    case ESRCH: .gone(incarnation, call: call)
    case EPERM, EACCES:
      KernelError(.denied, errno: code, call: call, KernelError.text(code), remedy: "run as root with CAP_SYS_NICE")
    default: KernelError(.failed, errno: code, call: call, KernelError.text(code), remedy: "see sched_setaffinity(2)")
    }
  }

  private func outside(_ incarnation: Incarnation, _ tid: Int, _ cpuset: CPUSet, _ call: String) -> KernelError {
    var message = "cpus \(cpuset) are not all online and inside the thread's cpuset"
    var remedy = "name online cpus of the host"
    // The reason is a courtesy; that it cannot be read must not hide the refusal.
    if let online = try? root.list(CPUKind.self, "\(KernelTopology.cpus)/online") {
      let offline = cpuset.subtracting(online)
      if !offline.isEmpty {
        message = "cpus \(offline) are offline or do not exist"
        remedy = "online are \(online)"
      } else if let own = try? CgroupReader(root: root).cpuset(of: incarnation, tid: tid) {
        message = "cpus \(cpuset.subtracting(own.cpus)) are outside cpus \(own.cpus) of its cgroup \(own.cgroup)"
        remedy = "name cpus inside, or widen cpuset.cpus there"
      }
    }
    return KernelError(.outsideCPUSet, errno: EINVAL, call: call, message, remedy: remedy)
  }
}
