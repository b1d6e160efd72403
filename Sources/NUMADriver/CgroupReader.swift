public import Fleet
public import NUMA

/// What a cpuset cgroup lets its members have now.
public struct EffectiveCPUSet: Sendable, Hashable {
  /// The cgroup's folder, for error texts.
  public let cgroup: String
  /// CPUs.
  public let cpus: CPUSet
  /// Cells that memory may come from.
  public let mems: NodeSet
}

/// Reads cgroups v1 and v2: cpusets and the cpu controller's values.
public struct CgroupReader: Sendable {
  let root: KernelRoot

  /// A reader of the given machine, this one by default.
  public init(root: KernelRoot = .machine) { self.root = root }

  /// The effective cpuset of a thread (`tid`) or of the process's main thread; nil without a cpuset controller.
  public func cpuset(of incarnation: Incarnation, tid: Int? = nil) throws(KernelError) -> EffectiveCPUSet? {
    let task = try task(of: incarnation, tid)
    let mounts = try CgroupMounts(root: root)
    return try mounts.cpuset(of: mounts.folder(ofTask: task, controller: "cpuset"))
  }

  /// The effective cpuset of the cgroup of all guests (machine.slice); nil when there is none.
  public func guestsCPUSet() throws(KernelError) -> EffectiveCPUSet? {
    let mounts = try CgroupMounts(root: root)
    return try mounts.cpuset(of: mounts.guestsParent())
  }

  /// Weight, period and quota of the process's cgroup, which it may share with others.
  ///
  /// `shares` is cpu.weight (1...10000) on v2 and cpu.shares (2...262144) on v1. `globalPeriod` and `globalQuota` are
  /// those of cpu.max or cpu.cfs_*, in µs, quota -1 meaning no limit. All nil in the top cgroup.
  public func cputune(of incarnation: Incarnation) throws(KernelError) -> CPUTune {
    let mounts = try CgroupMounts(root: root)
    guard let folder = try mounts.folder(ofTask: try task(of: incarnation, nil), controller: "cpu") else {
      return CPUTune()
    }
    return try cputune(in: folder)
  }

  func cputune(in folder: CgroupFolder) throws(KernelError) -> CPUTune {
    if folder.version == 1 {
      return CPUTune(
        shares: try root.integerIfPresent("\(folder.path)/cpu.shares"),
        globalPeriod: try root.integerIfPresent("\(folder.path)/cpu.cfs_period_us"),
        globalQuota: try root.integerIfPresent("\(folder.path)/cpu.cfs_quota_us"))
    }
    var tune = CPUTune(shares: try root.integerIfPresent("\(folder.path)/cpu.weight"))
    let path = "\(folder.path)/cpu.max"
    if let text = try root.textIfPresent(path) {
      let parts = text.split(separator: " ")
      guard parts.count == 2, let period = Int(parts[1]), let quota = parts[0] == "max" ? -1 : Int(parts[0]) else {
        throw .malformed(path, found: text, expected: "a quota or max, and a period")
      }
      tune.globalPeriod = period
      tune.globalQuota = quota
    }
    return tune
  }

  private func task(of incarnation: Incarnation, _ tid: Int?) throws(KernelError) -> String {
    try ProcessStat(incarnation, root: root, call: "read the cgroup of process \(incarnation.pid)")
    let task = "/proc/\(incarnation.pid)" + (tid.map { "/task/\($0)" } ?? "")
    guard root.exists(task) else {
      throw .gone(incarnation, call: "read \(task)/cgroup", "process \(incarnation.pid) has no such thread")
    }
    return task
  }
}
