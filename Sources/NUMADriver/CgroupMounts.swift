import Fleet
import NUMA

/// Where cgroups are mounted: v2 (one tree), v1 (a tree per controller), or both.
///
/// Paths are those of this process's mount namespace (`/proc/self/mountinfo`), with a mounted subtree's root taken
/// off, so that a container sees its own part.
struct CgroupMounts {
  struct Mount {
    /// The folder, for example `/sys/fs/cgroup`.
    var folder: String
    /// Which cgroup is mounted there; `/` for the whole tree.
    var top: String
  }

  let root: KernelRoot
  /// The v2 tree, if mounted.
  private(set) var unified: Mount?
  /// v1 trees by controller, for example `cpuset` or `cpu`.
  private(set) var controllers: [(name: String, mount: Mount)] = []

  init(root: KernelRoot) throws(KernelError) {
    self.root = root
    for line in ByteLines(try root.bytesIfPresent("/proc/self/mountinfo") ?? []) {
      // 29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw
      let fields = line.fields()
      guard let dash = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash + 3 < fields.count, dash > 5
      else { continue }
      let mount = Mount(folder: fields[4].text, top: fields[3].text)
      switch fields[dash + 1].text {
      case "cgroup2": unified = unified ?? mount
      case "cgroup":
        for option in fields[dash + 3].split(separator: UInt8(ascii: ",")) { controllers.append((option.text, mount)) }
      default: continue
      }
    }
  }

  /// The v1 tree of a controller.
  func v1(_ controller: String) -> Mount? { controllers.first { $0.name == controller }?.mount }

  /// Which version has the cpuset controller; nil where neither has.
  var version: Int? {
    get throws(KernelError) {
      if v1("cpuset") != nil { return 1 }
      return try unifiedHas("cpuset") ? 2 : nil
    }
  }

  func unifiedHas(_ controller: String) throws(KernelError) -> Bool {
    guard let unified, let names = try root.textIfPresent("\(unified.folder)/cgroup.controllers") else { return false }
    return names.split(separator: " ").contains { $0 == controller }
  }

  /// The folder of the cgroup that a process or thread is in; nil where that controller is not mounted.
  ///
  /// `task` is `/proc/PID` or `/proc/PID/task/TID`.
  func folder(ofTask task: String, controller: String) throws(KernelError) -> CgroupFolder? {
    let old = v1(controller)
    guard let mount = old ?? unified else { return nil }
    if old == nil, try !unifiedHas(controller) { return nil }
    for line in ByteLines(try root.bytes("\(task)/cgroup", expecting: 1024)) {
      // "3:cpuset:/path" on v1, "0::/path" on v2; the path itself may contain colons.
      let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3 else { continue }
      let names = parts[1].split(separator: UInt8(ascii: ",")).map(\.text)
      guard old == nil ? parts[0].elementsEqual("0".utf8) && names.isEmpty : names.contains(controller) else {
        continue
      }
      return CgroupFolder(mount: mount, path: parts[2].text, version: old == nil ? 2 : 1)
    }
    return nil
  }

  /// The cgroup under which libvirt puts all guests, with systemd and without; nil when there is none yet.
  func guestsParent() throws(KernelError) -> CgroupFolder? {
    let old = v1("cpuset")
    guard let mount = old ?? unified else { return nil }
    for path in ["/machine.slice", "/machine"] where root.exists(mount.folder + path) {
      return CgroupFolder(mount: mount, path: path, version: old == nil ? 2 : 1)
    }
    return nil
  }

  /// The effective cpuset of a cgroup: the nearest one upwards that has the controller; nil without any.
  func cpuset(of folder: CgroupFolder?) throws(KernelError) -> EffectiveCPUSet? {
    guard let folder else { return nil }
    for path in folder.pathsUpwards {
      // v1 without cgroup_noprefix calls them cpuset.effective_*, and its plain files are as good before 4.0.
      for (cpus, mems) in [
        ("cpuset.cpus.effective", "cpuset.mems.effective"), ("cpuset.effective_cpus", "cpuset.effective_mems"),
        ("cpuset.cpus", "cpuset.mems"),
      ] where folder.version == 1 || cpus != "cpuset.cpus" {
        guard let cpusText = try root.textIfPresent("\(path)/\(cpus)"),
          let memsText = try root.textIfPresent("\(path)/\(mems)")
        else { continue }
        return EffectiveCPUSet(
          cgroup: path, cpus: try root.parseList(cpusText, "\(path)/\(cpus)"),
          mems: try root.parseList(memsText, "\(path)/\(mems)"))
      }
    }
    return nil
  }
}

/// One cgroup of one tree.
struct CgroupFolder: Sendable, Hashable {
  /// Its folder, for example `/sys/fs/cgroup/machine.slice`.
  let path: String
  /// The folder where its tree is mounted.
  let top: String
  /// 1 or 2.
  let version: Int

  init(mount: CgroupMounts.Mount, path: String, version: Int) {
    var inside = path
    if mount.top != "/", inside == mount.top || inside.hasPrefix(mount.top + "/") {
      inside.removeFirst(mount.top.count)
    }
    while inside.hasSuffix("/") { inside.removeLast() }
    top = mount.folder
    self.path = mount.folder + inside
    self.version = version
  }

  /// Whether this is the top of what is mounted.
  var isTop: Bool { path == top }

  /// This folder and those above it, down to the top of the tree.
  var pathsUpwards: [String] {
    var paths = [path]
    var current = Substring(path)
    while current.count > top.count, let slash = current.lastIndex(of: "/") {
      current = current[..<slash]
      paths.append(String(current))
    }
    return paths
  }
}
