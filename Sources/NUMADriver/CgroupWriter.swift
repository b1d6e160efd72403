public import Fleet
import Glibc
public import NUMA

/// Writes to cgroups, only where nobody but the one process is concerned.
///
/// A cgroup that other processes share, one with groups below it (libvirt's scopes) and the top of the tree are
/// refused, so that no other process's cpu time or CPUs change. Every value is read back.
public struct CgroupWriter: Sendable {
  private let root = KernelRoot.machine

  /// A writer on this machine.
  public init() {}

  /// Sets weight, period and quota of the process's own cgroup: `shares`, `globalPeriod` and `globalQuota` (µs, -1
  /// for no limit); nil leaves a value alone. The old values are restored when one of them is refused.
  ///
  /// - Returns: the values read back.
  /// - Throws: `refused` when the cgroup is not the process's own, or for values of vcpus, emulator and iothreads,
  ///   which only libvirt keeps in cgroups of their own.
  public func setCPUTune(_ tune: CPUTune, of incarnation: Incarnation) throws(KernelError) -> CPUTune {
    let call = "set cputune of process \(incarnation.pid)"
    var general = tune
    general.shares = nil
    general.globalPeriod = nil
    general.globalQuota = nil
    guard general == CPUTune() else {
      throw KernelError(
        .refused, call: call, "a process without libvirt has no periods and quotas for vcpus, emulator or iothreads",
        remedy: "give shares, global_period and global_quota")
    }
    try ProcessStat(incarnation, root: root, call: call)
    let mounts = try CgroupMounts(root: root)
    guard let folder = try mounts.folder(ofTask: "/proc/\(incarnation.pid)", controller: "cpu") else {
      throw KernelError(.absent, call: call, "no cpu controller is mounted", remedy: "mount cgroup v2")
    }
    try requireOwn(folder, incarnation, call)
    let before = try CgroupReader(root: root).cputune(in: folder)
    let (old, new) = (Self.files(before, in: folder), Self.files(tune.filled(from: before), in: folder))
    for index in new.indices where new[index].value != old[index].value {
      do {
        try root.write(new[index].value, to: new[index].path)
      } catch {
        for done in old[..<index].reversed() { try? root.write(done.value, to: done.path) }
        if error.errno != EINVAL && error.errno != ERANGE { throw error }
        throw KernelError(
          .refused, errno: error.errno, call: error.call, "the kernel does not take \(new[index].value)",
          remedy: "shares 2-262144 on cgroup v1, 1-10000 on v2; period 1000-1000000 µs; quota at least 1000 µs or -1")
      }
    }
    return try CgroupReader(root: root).cputune(in: folder)
  }

  /// Adds CPUs to the cpuset of a thread's own cgroup, such as libvirt's `vcpu0`, so that it can be pinned to them.
  ///
  /// The affinity of the group's other threads is put back afterwards, because kernels before 6.2 reset it.
  /// - Throws: `refused` when threads of other processes are in the group, or when a group above lacks the CPUs.
  public func addCPUs(_ cpus: CPUSet, toCgroupOf incarnation: Incarnation, tid: Int) throws(KernelError) {
    let call = "add cpus \(cpus) to the cgroup of thread \(tid)"
    try ProcessStat(incarnation, root: root, call: call)
    let mounts = try CgroupMounts(root: root)
    let task = "/proc/\(incarnation.pid)/task/\(tid)"
    guard let folder = try mounts.folder(ofTask: task, controller: "cpuset"),
      let now = try mounts.cpuset(of: folder)
    else { throw KernelError(.absent, call: call, "no cpuset controller is mounted", remedy: "mount cgroup v2") }
    if cpus.isSubset(of: now.cpus) { return }
    let members = try requireOwn(folder, incarnation, call)
    let pinner = KernelPinner()
    var masks: [(tid: Int, cpuset: CPUSet)] = []
    for member in members where member != tid {
      if let cpuset = try? pinner.affinity(of: incarnation, tid: member) { masks.append((member, cpuset)) }
    }
    let file = "\(folder.path)/cpuset.cpus"
    let before = try root.text(file)
    try root.write(now.cpus.union(cpus).description, to: file)
    let after = try mounts.cpuset(of: folder)?.cpus ?? []
    guard cpus.isSubset(of: after) else {
      try root.write(before.isEmpty ? "\n" : before, to: file)
      throw KernelError(
        .outsideCPUSet, errno: EINVAL, call: call,
        "a cgroup above \(folder.path) lacks cpus \(cpus.subtracting(after))",
        remedy: "widen cpuset.cpus there, or name other cpus")
    }
    for mask in masks { try? pinner.setAffinity(of: incarnation, tid: mask.tid, to: mask.cpuset) }
  }

  // MARK: Ownership

  /// The threads of the cgroup, if all of them are the process's own and there is no cgroup below.
  @discardableResult
  private func requireOwn(
    _ folder: CgroupFolder, _ incarnation: Incarnation, _ call: String
  ) throws(KernelError) -> [Int] {
    func refused(_ message: String) -> KernelError {
      KernelError(
        .refused, call: call, message,
        remedy: "give the process a cgroup of its own, for example with systemd-run --scope, or use libvirt's call")
    }
    if folder.isTop { throw refused("the process is in the top cgroup, which is everybody's") }
    for entry in try root.entriesIfPresent(folder.path) ?? []
    where root.exists("\(folder.path)/\(entry)/cgroup.procs") {
      throw refused("cgroup \(folder.path) has groups below it, such as \(entry)")
    }
    let file = "\(folder.path)/\(folder.version == 1 ? "tasks" : "cgroup.threads")"
    let members = try root.text(file).split(separator: "\n").compactMap { Int($0) }
    let own = root.numbersIfPresent("/proc/\(incarnation.pid)/task") ?? []
    if let stranger = members.first(where: { !own.contains($0) }) {
      throw refused("thread \(stranger) of another process is in cgroup \(folder.path) too")
    }
    return members
  }

  private static func files(_ tune: CPUTune, in folder: CgroupFolder) -> [(path: String, value: String)] {
    let period = tune.globalPeriod ?? 100_000
    let quota = tune.globalQuota ?? -1
    if folder.version == 1 {
      return [
        ("\(folder.path)/cpu.shares", "\(tune.shares ?? 1024)"), ("\(folder.path)/cpu.cfs_period_us", "\(period)"),
        ("\(folder.path)/cpu.cfs_quota_us", "\(quota)"),
      ]
    }
    return [
      ("\(folder.path)/cpu.weight", "\(tune.shares ?? 100)"),
      ("\(folder.path)/cpu.max", "\(quota < 0 ? "max" : "\(quota)") \(period)"),
    ]
  }
}

extension CPUTune {
  /// These values, and those of another where this one has none.
  fileprivate func filled(from other: CPUTune) -> CPUTune {
    CPUTune(
      shares: shares ?? other.shares, globalPeriod: globalPeriod ?? other.globalPeriod,
      globalQuota: globalQuota ?? other.globalQuota)
  }
}
