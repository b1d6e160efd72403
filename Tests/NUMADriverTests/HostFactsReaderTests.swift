import Fleet
import NUMA
import Testing

@testable import NUMADriver

@Suite struct HostFactsReaderTests {
  @Test func readsSettingsThatActOnPlacement() throws {
    let dump = try MachineDump(
      "sysfs/five-cells", [.set("/sys/kernel/mm/ksm/run", "1"), .set("/sys/kernel/mm/ksm/pages_sharing", "5")])
    let facts = try HostFactsReader(root: dump.root).read()
    #expect(facts.kernelVersion == "6.1.0-56-amd64")
    #expect(facts.kernelRelease == (6, 1))
    #expect(facts.cgroupVersion == 2)
    #expect(facts.numaBalancing == 1)
    #expect(facts.ksm == KSMState(run: 1, mergeAcrossNodes: true, pagesShared: 0, saved: 20))
    #expect(facts.foreignBalancers == [])
  }

  @Test func hybridCgroupsWithAV1CpusetAreVersion1() throws {
    let dump = try MachineDump("sysfs/one-cell")
    #expect(try HostFactsReader(root: dump.root).read().cgroupVersion == 1)
  }

  @Test func missingSettingsAreNil() throws {
    let dump = try MachineDump(
      "sysfs/five-cells",
      [.remove("/sys/kernel/mm/ksm"), .remove("/proc/sys/kernel/numa_balancing"), .remove("/proc/self/mountinfo")])
    let facts = try HostFactsReader(root: dump.root).read()
    #expect(facts.ksm == nil)
    #expect(facts.numaBalancing == nil)
    #expect(facts.cgroupVersion == nil)
  }

  @Test func runningBalancersAreNamedOnce() throws {
    let dump = try MachineDump(
      "sysfs/one-cell",
      [
        .set("/proc/70/comm", "numad"), .set("/proc/71/comm", "irqbalance"), .set("/proc/72/comm", "numad"),
        .set("/proc/73/comm", "numademo"),
      ])
    #expect(try HostFactsReader(root: dump.root).read().foreignBalancers == ["irqbalance", "numad"])
  }

  @Test func whatIrqbalanceWasToldIsRead() throws {
    func banned(_ environment: String?) throws -> CPUSet? {
      let dump = try MachineDump(
        "sysfs/one-cell",
        [.set("/proc/71/comm", "irqbalance")] + (environment.map { [.set("/proc/71/environ", $0)] } ?? []))
      return try HostFactsReader(root: dump.root).read().irqbalanceBanned
    }
    #expect(try banned(nil) == nil)
    #expect(try banned("PATH=/bin\0LANG=C") == nil)
    #expect(try banned("PATH=/bin\0IRQBALANCE_BANNED_CPULIST=2-3,6\0") == [2, 3, 6])
    #expect(try banned("IRQBALANCE_BANNED_CPUS=1,0000000C\0") == [2, 3, 32])
    #expect(try banned("IRQBALANCE_BANNED_CPUS=gibberish\0") == nil)
  }

  @Test func whatWasSetForAllGuestsIsRead() throws {
    let dump = try MachineDump("sysfs/five-cells")
    #expect(
      try HostFactsReader(root: dump.root).read().guestsParent
        == GuestsParent(cgroup: "/machine.slice", cpus: CPUSet(2...15), mems: nil))
    let unset = try MachineDump("sysfs/five-cells", [.set("/sys/fs/cgroup/machine.slice/cpuset.cpus", "")])
    #expect(try HostFactsReader(root: unset.root).read().guestsParent == GuestsParent(cgroup: "/machine.slice"))
    let none = try MachineDump("sysfs/five-cells", [.remove("/sys/fs/cgroup/machine.slice")])
    #expect(try HostFactsReader(root: none.root).read().guestsParent == nil)
  }

  @Test func whatACgroupOfVersion1BeganWithWasNotSet() throws {
    func parent(_ cpus: String) throws -> GuestsParent? {
      let folder = "/sys/fs/cgroup/cpuset"
      let dump = try MachineDump(
        "sysfs/one-cell",
        [
          .set("\(folder)/cpuset.cpus", "0-3"), .set("\(folder)/machine/cpuset.cpus", cpus),
          .set("\(folder)/cpuset.mems", "0"), .set("\(folder)/machine/cpuset.mems", "0"),
        ])
      return try HostFactsReader(root: dump.root).read().guestsParent
    }
    #expect(try parent("0-3") == GuestsParent(cgroup: "/machine"))
    #expect(try parent("1-3") == GuestsParent(cgroup: "/machine", cpus: [1, 2, 3]))
  }

  @Test func bootIsNamed() throws {
    #expect(try HostFactsReader().bootID().text.count == 36)
    #expect(try HostFactsReader().read().kernelRelease > (4, 0))
  }
}
