import Fleet
import Testing

@testable import NUMADriver

@Suite struct HostFactsReaderTests {
  @Test func readsSettingsThatActOnPlacement() throws {
    let dump = try MachineDump("sysfs/five-cells", [.set("/sys/kernel/mm/ksm/run", "1")])
    let facts = try HostFactsReader(root: dump.root).read()
    #expect(facts.kernelVersion == "6.1.0-56-amd64")
    #expect(facts.kernelRelease == (6, 1))
    #expect(facts.cgroupVersion == 2)
    #expect(facts.numaBalancing == 1)
    #expect(facts.ksm == KSMState(run: 1, mergeAcrossNodes: true, pagesShared: 0))
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

  @Test func bootIsNamed() throws {
    #expect(try HostFactsReader().bootID().text.count == 36)
    #expect(try HostFactsReader().read().kernelRelease > (4, 0))
  }
}
