import Fleet
import Glibc
import NUMA
import Testing

@testable import NUMADriver

@Suite struct ProcessReaderTests {
  private let qemu = Incarnation(pid: 212, startTicks: 1327)

  private func observe(_ edits: [MachineDump.Edit] = []) throws -> ProcessObservation {
    let dump = try MachineDump("procfs/two-cell-qemu", edits)
    return try ProcessReader(root: dump.root).observe(qemu)
  }

  // MARK: A recorded QEMU

  @Test func threadsHaveTheirRoles() throws {
    let threads = try observe().threads
    #expect(threads.map(\.tid) == [212, 213, 214, 215, 216])
    #expect(threads.map(\.role) == [.emulator, .emulator, .iothread(1), .vcpu(0), .vcpu(1)])
    #expect(threads.map(\.name) == ["qemu-system-x86", "call_rcu", "IO iothread1", "CPU 0/TCG", "CPU 1/TCG"])
    #expect(threads.allSatisfy { $0.cpusAllowed == CPUSet(0...7) && $0.memsAllowed == NodeSet(0...3) })
  }

  @Test func guestMemoryIsTheLargestRegions() throws {
    let regions = try observe().regions
    #expect(regions[0].start == 0x7f06_d140_0000)
    #expect(regions[0].policy == "bind:1")
    #expect(regions[0].residency == [CellResidency(cell: 1, pageSize: .base, pages: 16384)])
    #expect(regions[1].policy == "bind:0")
    #expect(regions.prefix(2).allSatisfy { $0.size == KiB(mib: 64) })
    // Code buffers of 31 MiB (rwx), arenas without rights and mappings below 1 MiB are no guest memory.
    #expect(regions.allSatisfy { $0.size >= KiB(mib: 1) && ($0.size == KiB(mib: 64) || $0.size < KiB(mib: 16)) })
  }

  @Test func residencyLeavesOutTextAndLibraries() throws {
    let observation = try observe()
    // libc's 353 pages of text and QEMU's 1,529 on cell 3 are not the guest's; its writable data is.
    let byCell = observation.residency.map { ($0.cell, $0.pages) }
    #expect(byCell.map(\.0) == [0, 1, 2, 3])
    #expect(byCell[0].1 == 16384 + 1 + 3 + 2)
    #expect(byCell[1].1 == 16384)
    #expect(byCell[3].1 < 600)
  }

  @Test func amountsAndArgumentsAreRead() throws {
    let observation = try observe()
    #expect(observation.name == "qemu-system-x86")
    #expect(observation.arguments.first == "qemu-system-x86_64")
    #expect(observation.arguments.contains("two-cells,debug-threads=on"))
    #expect(observation.arguments.last == "-daemonize")
    #expect(observation.resident == KiB(157_508))
    #expect(observation.locked == 0)
  }

  @Test func cheapObservationReadsNoMaps() throws {
    let dump = try MachineDump("procfs/two-cell-qemu", [.remove("/proc/212/numa_maps"), .remove("/proc/212/maps")])
    let observation = try ProcessReader(root: dump.root).observe(qemu, memory: false)
    #expect(observation.threads.count == 5)
    #expect(observation.regions.isEmpty && observation.residency.isEmpty)
    #expect(observation.resident == KiB(157_508))
  }

  @Test func hugepagesAreCountedBySize() throws {
    let observation = try observe([
      .set("/proc/212/maps", "7f0000000000-7f0010000000 rw-p 00000000 00:0f 12  /dev/hugepages/ram (deleted)"),
      .set(
        "/proc/212/numa_maps",
        "7f0000000000 bind:2 file=/dev/hugepages/ram\\040(deleted) huge anon=128 dirty=128 N2=96 N3=32 "
          + "kernelpagesize_kB=2048"),
    ])
    #expect(
      observation.residency == [
        CellResidency(cell: 2, pageSize: .huge2M, pages: 96), CellResidency(cell: 3, pageSize: .huge2M, pages: 32),
      ])
    #expect(observation.regions.map(\.size) == [KiB(mib: 256)])
  }

  @Test func manyPreferredNodesAreOnePolicy() throws {
    let line = Array("7f0000000000 prefer (many):0-1 anon=1 N0=1 kernelpagesize_kB=4".utf8)
    #expect(try NUMAMapsLine(line[...], "numa_maps").policy == "prefer (many):0-1")
  }

  @Test func nameMayLookLikeFields() throws {
    let tail = Array(repeating: "0", count: 30).joined(separator: " ")
    let dump = try MachineDump(
      "procfs/two-cell-qemu",
      [.set("/proc/212/stat", "212 (a) S 1 (x) R) S 1 2 3 0 -1 64 0 0 0 0 0 0 0 0 20 0 5 0 1327 \(tail)")])
    let stat = try #require(try ProcessStat(pid: 212, root: dump.root))
    #expect(stat.comm == "a) S 1 (x) R")
    #expect(stat.startTicks == 1327)
    #expect(stat.threads == 5)
  }

  @Test(arguments: [
    ("/proc/212/stat", "212 qemu S 1"), ("/proc/212/stat", "212 (qemu) S 1 2 3"),
    ("/proc/212/task/214/status", "Name: x\nCpus_allowed_list: 3-1\nMems_allowed_list: 0"),
    ("/proc/212/task/214/status", "Name: x"), ("/proc/212/numa_maps", "nonsense"),
    ("/proc/212/numa_maps", "7f0000000000 default anon=1 N0=x kernelpagesize_kB=4"),
    ("/proc/212/maps", "7f0000000000 rw-p"),
  ])
  func garbageIsMalformed(path: String, text: String) throws {
    let dump = try MachineDump("procfs/two-cell-qemu", [.set(path, text)])
    let error = #expect(throws: KernelError.self) { try ProcessReader(root: dump.root).observe(qemu) }
    #expect(error?.kind == .malformed)
    #expect(error?.call == path)
  }

  @Test func otherStartTimeIsAnotherProcess() throws {
    let dump = try MachineDump("procfs/two-cell-qemu")
    let stale = Incarnation(pid: 212, startTicks: 1326)
    let error = #expect(throws: KernelError.self) { try ProcessReader(root: dump.root).observe(stale) }
    #expect(error?.kind == .gone)
    #expect(error?.message.contains("belongs to another process") == true)
  }

  @Test(arguments: [
    ("CPU 12/KVM", ThreadRole.vcpu(12)), ("CPU 0/TCG", .vcpu(0)), ("ALL CPUs/TCG", .vcpu(0)), ("vcpu3", .vcpu(3)),
    ("fc_vcpu 1", .vcpu(1)), ("IO iothread2", .iothread(2)), ("IO mon_iothread", nil), ("CPU x/KVM", nil),
    ("vcpu", nil), ("qemu-kvm", nil), ("worker", nil),
  ])
  func rolesComeFromThreadNames(name: String, role: ThreadRole?) {
    #expect(ThreadRole(threadName: name) == role)
  }

  // MARK: This kernel

  @Test func observesARealChild() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    let observation = try ProcessReader().observe(incarnation)
    #expect(observation.incarnation == incarnation)
    #expect(observation.arguments == ["/bin/sleep", "1000"])
    #expect(observation.threads.map(\.tid) == [child.pid])
    #expect(observation.threads[0].role == .worker)
    #expect(observation.resident > 0)
    #expect(observation.residency.reduce(0) { $0 + $1.pages } > 0)
  }

  @Test func processWithoutArgumentsHasNone() throws {
    #expect(try observe([.remove("/proc/212/cmdline")]).arguments == [])
    #expect(try observe([.set("/proc/212/cmdline", "\0")]).arguments == ["", "\n"])
  }

  @Test func threadsOfThisProcessAreListedOnce() throws {
    let own = try ProcessReader().incarnation(ofPID: Int(getpid()))
    let threads = try ProcessReader().threads(of: own)
    #expect(threads.contains { $0.tid == own.pid })
    #expect(Set(threads.map(\.tid)).count == threads.count)
  }

  @Test func endedProcessIsGone() throws {
    let child = try Child()
    let incarnation = try child.incarnation()
    #expect(try ProcessReader().isAlive(incarnation))
    child.end()
    #expect(try !ProcessReader().isAlive(incarnation))
    for read in [
      { _ = try ProcessReader().observe(incarnation) }, { _ = try ProcessReader().threads(of: incarnation) },
      { _ = try ProcessReader().incarnation(ofPID: child.pid) }, { _ = try CgroupReader().cputune(of: incarnation) },
    ] {
      let error = #expect(throws: KernelError.self) { try read() }
      #expect(error?.kind == .gone)
    }
  }
}
