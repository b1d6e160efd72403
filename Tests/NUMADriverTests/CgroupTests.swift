import Fleet
import Glibc
import NUMA
import Testing

@testable import NUMADriver

/// A cgroup of this test under the top of the given controller's tree, with a child in it.
private final class OwnCgroup {
  let folder: String
  let child: Child
  let incarnation: Incarnation

  /// Nil where cgroups cannot be made: not root, or the tree is read-only as in most containers.
  init?(_ controller: String, name: String = #function) {
    guard let mounts = try? CgroupMounts(root: .machine), let child = try? Child(),
      let incarnation = try? child.started(as: "sleep")
    else { return nil }
    guard let mount = mounts.v1(controller) ?? mounts.unified else { return nil }
    let folder = "\(mount.folder)/numafleet-test-\(getpid())-\(child.pid)"
    let root = KernelRoot.machine
    do {
      if mounts.v1(controller) == nil { try root.write("+\(controller)", to: "\(mount.folder)/cgroup.subtree_control") }
      guard mkdir(folder, 0o755) == 0 else { return nil }
      if mounts.v1("cpuset") != nil, controller == "cpuset" {
        try root.write("0", to: "\(folder)/cpuset.cpus")
        try root.write("0", to: "\(folder)/cpuset.mems")
      } else if controller == "cpuset" {
        try root.write("0", to: "\(folder)/cpuset.cpus")
      }
      try root.write("\(child.pid)", to: "\(folder)/cgroup.procs")
    } catch {
      rmdir(folder)
      return nil
    }
    self.folder = folder
    self.child = child
    self.incarnation = incarnation
  }

  deinit {
    child.end()
    // A cgroup may be busy for a moment after its last process has gone.
    while rmdir(folder) != 0, errno == EBUSY { sched_yield() }
  }

  static let possible = OwnCgroup("cpu") != nil && OwnCgroup("cpuset") != nil
}

@Suite struct CgroupTests {
  private let qemu = Incarnation(pid: 212, startTicks: 1327)

  @Test func effectiveCpusetIsThatOfTheNearestGroup() throws {
    let dump = try MachineDump("procfs/two-cell-qemu")
    let reader = CgroupReader(root: dump.root)
    let cpuset = try #require(try reader.cpuset(of: qemu))
    #expect(cpuset.cpus == CPUSet(0...5))
    #expect(cpuset.mems == [0, 1])
    #expect(cpuset.cgroup == "/sys/fs/cgroup/machine.slice/machine-qemu\\x2d1.scope/libvirt")
    #expect(try reader.guestsCPUSet()?.cpus == CPUSet(0...7))
  }

  @Test func cpuValuesOfVersion2() throws {
    let dump = try MachineDump("procfs/two-cell-qemu")
    #expect(
      try CgroupReader(root: dump.root).cputune(of: qemu)
        == CPUTune(shares: 100, globalPeriod: 100_000, globalQuota: 50_000))
  }

  @Test func cpuValuesOfVersion1() throws {
    let top = "/sys/fs/cgroup/cpu,cpuacct"
    let dump = try MachineDump(
      "procfs/two-cell-qemu",
      [
        .set("/proc/self/mountinfo", "33 31 0:30 / \(top) rw - cgroup cgroup rw,cpu,cpuacct"),
        .set("/proc/212/cgroup", "4:memory:/other\n3:cpu,cpuacct:/machine/a:b"),
        .set("\(top)/machine/a:b/cpu.shares", "2048"), .set("\(top)/machine/a:b/cpu.cfs_period_us", "100000"),
        .set("\(top)/machine/a:b/cpu.cfs_quota_us", "-1"),
      ])
    let reader = CgroupReader(root: dump.root)
    #expect(try reader.cputune(of: qemu) == CPUTune(shares: 2048, globalPeriod: 100_000, globalQuota: -1))
    #expect(try reader.cpuset(of: qemu) == nil)
  }

  @Test func mountedSubtreeTakesItsTopOff() throws {
    let mount = CgroupMounts.Mount(folder: "/sys/fs/cgroup", top: "/docker/abc")
    let folder = CgroupFolder(mount: mount, path: "/docker/abc/x", version: 2)
    #expect(folder.path == "/sys/fs/cgroup/x")
    #expect(folder.pathsUpwards == ["/sys/fs/cgroup/x", "/sys/fs/cgroup"])
    #expect(CgroupFolder(mount: mount, path: "/docker/abc", version: 2).isTop)
  }

  @Test func quotaThatIsNoNumberIsMalformed() throws {
    let path = "/sys/fs/cgroup/machine.slice/machine-qemu\\x2d1.scope/libvirt/emulator/cpu.max"
    let dump = try MachineDump("procfs/two-cell-qemu", [.set(path, "lots")])
    let error = #expect(throws: KernelError.self) { try CgroupReader(root: dump.root).cputune(of: qemu) }
    #expect(error?.kind == .malformed)
  }

  @Test func sharedGroupIsRefused() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    let error = #expect(throws: KernelError.self) {
      try CgroupWriter().setCPUTune(CPUTune(shares: 200), of: incarnation)
    }
    // The child shares the test's cgroup, or nothing is mounted at all.
    #expect(error?.kind == .refused || error?.kind == .absent, "\(String(describing: error))")
  }

  @Test func valuesOfVcpusAreRefused() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    let error = #expect(throws: KernelError.self) {
      try CgroupWriter().setCPUTune(CPUTune(vcpuQuota: 5000), of: incarnation)
    }
    #expect(error?.kind == .refused)
  }

  @Test(.enabled(if: OwnCgroup.possible, "cgroups cannot be made here (not root, or read-only)"))
  func ownGroupIsTunedAndReadBack() throws {
    let group = try #require(OwnCgroup("cpu"))
    let wanted = CPUTune(shares: 300, globalPeriod: 50_000, globalQuota: 25_000)
    #expect(try CgroupWriter().setCPUTune(wanted, of: group.incarnation) == wanted)
    #expect(try CgroupReader().cputune(of: group.incarnation) == wanted)
    let error = #expect(throws: KernelError.self) {
      try CgroupWriter().setCPUTune(CPUTune(shares: 400, globalQuota: 1), of: group.incarnation)
    }
    #expect(error?.kind == .refused)
    #expect(try CgroupReader().cputune(of: group.incarnation) == wanted)
  }

  @Test(.enabled(if: OwnCgroup.possible, "cgroups cannot be made here (not root, or read-only)"))
  func strangerInTheGroupIsRefused() throws {
    let group = try #require(OwnCgroup("cpu"))
    let stranger = try Child()
    try KernelRoot.machine.write("\(stranger.pid)", to: "\(group.folder)/cgroup.procs")
    let error = #expect(throws: KernelError.self) {
      try CgroupWriter().setCPUTune(CPUTune(shares: 300), of: group.incarnation)
    }
    #expect(error?.message.contains("thread \(stranger.pid) of another process") == true)
  }

  @Test(.enabled(if: OwnCgroup.possible, "cgroups cannot be made here (not root, or read-only)"))
  func pinOutsideTheGroupNamesItAndWideningHelps() throws {
    let group = try #require(OwnCgroup("cpuset"))
    let pid = group.child.pid
    let pinner = KernelPinner()
    let error = #expect(throws: KernelError.self) { try pinner.setAffinity(of: group.incarnation, tid: pid, to: [1]) }
    #expect(error?.kind == .outsideCPUSet)
    #expect(error?.message == "cpus 1 are outside cpus 0 of its cgroup \(group.folder)")
    try pinner.setAffinity(of: group.incarnation, tid: pid, to: [1], wideningCgroup: true)
    #expect(try pinner.affinity(of: group.incarnation, tid: pid) == [1])
    #expect(try CgroupReader().cpuset(of: group.incarnation)?.cpus == [0, 1])
  }
}
