import Fleet
import NUMA
import Testing

@testable import NUMADriver

@Suite struct HostLoadReaderTests {
  private let stat = """
    cpu  0 0 0 0 0 0 0 0 0 0
    cpu0 100 0 50 800 50 0 0 0 0 0
    cpu4 100 0 50 800 50 0 0 0 0 0
    cpu5 900 0 0 100 0 0 0 0 0 0
    intr 5
    """
  private let later = """
    cpu  0 0 0 0 0 0 0 0 0 0
    cpu0 150 0 75 900 75 0 0 0 0 0
    cpu4 100 0 50 1000 50 0 0 0 0 0
    cpu5 1100 0 0 100 0 0 0 0 0 0
    intr 5
    """

  private func dump(_ edits: [MachineDump.Edit]) throws -> MachineDump { try MachineDump("sysfs/five-cells", edits) }

  private func load(_ before: [MachineDump.Edit], _ after: [MachineDump.Edit], milliseconds: Int) throws -> HostLoad {
    let (old, new) = (try dump(before), try dump(after))
    let reader = HostLoadReader(root: new.root)
    return try reader.load(
      of: KernelTopology(root: new.root).read(), since: HostLoadReader(root: old.root).counters(),
      until: reader.counters(), milliseconds: milliseconds)
  }

  @Test func pressureIsReadInWholePercent() throws {
    let machine = try dump([
      .set("/proc/pressure/cpu", "some avg10=12.93 avg60=1.00 avg300=0.00 total=5\nfull avg10=0.00 avg60=0.00"),
      .set("/proc/pressure/memory", "some avg10=3.10 avg60=1.00 avg300=0.00 total=5\nfull avg10=2.99 avg60=0.00"),
    ])
    let reader = HostLoadReader(root: machine.root)
    let load = try reader.load(
      of: KernelTopology(root: machine.root).read(), since: nil, until: reader.counters(), milliseconds: 0)
    #expect(load.cpuPressure == 12)
    #expect(load.memoryPressure == 3)
    #expect(load.memoryStalled == 2)
    #expect(load.cells.map(\.cell) == [0, 1, 2, 3, 4])
    #expect(load.cells.allSatisfy { $0.busy == nil && $0.bandwidth == nil })
  }

  @Test func whatTheHostDoesNotOfferIsNil() throws {
    let load = try load([], [], milliseconds: 10_000)
    #expect(load.cpuPressure == nil && load.memoryPressure == nil && load.memoryStalled == nil)
    #expect(load.cells.allSatisfy { $0.busy == nil && $0.bandwidth == nil })
  }

  @Test func busyIsWhatWasNotIdleBetweenTwoLooks() throws {
    let load = try load([.set("/proc/stat", stat)], [.set("/proc/stat", later)], milliseconds: 10_000)
    // cpu0: 75 of 200 ticks; cpus 4 and 5 of cell 1: 0 of 200 and 200 of 200.
    #expect(load.cells.map(\.busy) == [37, 50, nil, nil, nil])
  }

  @Test func countersThatBeginAnewAreNoLoad() throws {
    let load = try load([.set("/proc/stat", later)], [.set("/proc/stat", stat)], milliseconds: 10_000)
    #expect(load.cells.allSatisfy { $0.busy == nil })
  }

  @Test func trafficIsAddedOverGroupsAndGivenToTheCachesCell() throws {
    let machine = try dump([])
    let caches = try KernelTopology(root: machine.root).read().l3Groups.map(\.id)
    func groups(_ first: Int, _ second: Int) -> [MachineDump.Edit] {
      [
        .set("/sys/fs/resctrl/mon_data/mon_L3_0\(caches[0])/mbm_total_bytes", "\(first)"),
        .set("/sys/fs/resctrl/mon_data/mon_L3_0\(caches[1])/mbm_total_bytes", "Unavailable"),
        .set("/sys/fs/resctrl/qemu-1-db/mon_data/mon_L3_0\(caches[0])/mbm_total_bytes", "\(second)"),
        .set("/sys/fs/resctrl/mon_groups/x/mon_data/mon_L3_0\(caches[0])/mbm_total_bytes", "99999999999"),
      ]
    }
    let load = try load(groups(1 << 30, 0), groups(3 << 30, 1 << 30), milliseconds: 10_000)
    // 3 GiB in 10 s.
    #expect(load.cells.map(\.bandwidth) == [307, nil, nil, nil, nil])
  }

  @Test func thisMachineHasALoad() throws {
    let reader = HostLoadReader()
    let now = try reader.counters()
    #expect(!now.cpus.isEmpty)
    let load = try reader.load(of: KernelTopology().read(), since: nil, until: now, milliseconds: 0)
    #expect(!load.cells.isEmpty)
  }
}
