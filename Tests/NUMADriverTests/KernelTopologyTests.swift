import Fleet
import NUMA
import Testing

@testable import NUMADriver

private let cpu = "/sys/devices/system/cpu"
private let node = "/sys/devices/system/node"

@Suite struct KernelTopologyTests {
  private func read(_ name: String, _ edits: [MachineDump.Edit] = []) throws -> HostTopology {
    let dump = try MachineDump("sysfs/\(name)", edits)
    return try KernelTopology(root: dump.root).read()
  }

  private func error(_ edits: [MachineDump.Edit]) throws -> KernelError? {
    let dump = try MachineDump("sysfs/five-cells", edits)
    return #expect(throws: KernelError.self) { try KernelTopology(root: dump.root).read() }
  }

  @Test func readsCellsOfAnEmulatedMachine() throws {
    let topology = try read("five-cells")
    #expect(topology.cells.map(\.id) == [0, 1, 2, 3, 4])
    #expect(topology.cells.map(\.cpus) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11], [12, 14, 15], []])
    let cell = try #require(topology.cell(2))
    #expect(cell.memoryTotal == KiB(1_031_024))
    #expect(cell.memoryFree == KiB(999_736))
    // 6 pages of 2 MiB are not in the base pool: (1031024 - 6 * 2048) / 4.
    #expect(cell.pages.map(\.size) == [.base, .huge2M, .huge1G])
    #expect(cell.pages.map(\.total) == [254_684, 6, 0])
    #expect(cell.pages.map(\.free) == [249_934, 6, 0])
    #expect(topology.distances?.rows[2] == [21, 22, 10, 12, 28])
    #expect(topology.contradictions().isEmpty)
  }

  @Test func memoryWithoutCPUsIsACell() throws {
    let topology = try read("five-cells")
    #expect(topology.cell(4)?.cpus == [])
    #expect(topology.memoryNodes == [0, 1, 2, 3, 4])
  }

  @Test func offlineIsolatedAndAllowedCPUsAreTold() throws {
    let topology = try read("five-cells")
    #expect(topology.offline == [13])
    #expect(topology.pcpu(13) == nil)
    #expect(topology.isolated == [6, 7])
    // The kernel prints a missing mask as "(null)".
    #expect(topology.nohzFull == [])
    #expect(topology.allowed == CPUSet("2-12,14-15"))
  }

  @Test func threadsAndCachesAreTold() throws {
    let topology = try read("five-cells")
    #expect(topology.pcpu(6) == PCPU(id: 6, cell: 1, socket: 1, die: 0, core: 1, siblings: [6, 7]))
    // Its sibling 13 is offline.
    #expect(topology.pcpu(12)?.siblings == [12])
    #expect(topology.l3Groups.map(\.cpus) == [CPUSet("0-3"), CPUSet("4-7"), CPUSet("8-11"), CPUSet("12,14-15")])
    #expect(topology.l3Groups.map(\.size) == Array(repeating: KiB(mib: 16), count: 4))
  }

  @Test func devicesAreNearTheirCell() throws {
    let topology = try read("five-cells")
    let card = try #require(topology.devices.first { $0.address == "0000:59:00.0" })
    #expect(card.classID == "0x020000")
    #expect(card.vendor == "0x1af4")
    #expect(card.driver == "virtio-pci")
    #expect(card.cell == 3)
    let bridge = try #require(topology.devices.first { $0.address == "0000:00:00.0" })
    #expect(bridge.driver == nil)
    #expect(bridge.cell == nil)
  }

  @Test func hybridCgroupsHaveNoLimitWithoutMachineSlice() throws {
    let topology = try read("one-cell")
    #expect(topology.cells.map(\.id) == [0])
    #expect(topology.allowed == [0, 1])
    #expect(topology.distances?.rows == [[10]])
  }

  @Test func cpusetOfVersion1LimitsWhatIsAllowed() throws {
    let slice = "/sys/fs/cgroup/cpuset/machine.slice"
    let topology = try read(
      "one-cell", [.set("\(slice)/cpuset.cpus", "1"), .set("\(slice)/cpuset.mems", "0")])
    #expect(topology.allowed == [1])
  }

  @Test func kernelWithoutNUMAIsOneCell() throws {
    let topology = try read("five-cells", [.remove(node)])
    #expect(topology.cells.map(\.id) == [0])
    #expect(topology.cells[0].cpus == CPUSet("0-12,14-15"))
    #expect(topology.cells[0].memoryTotal == KiB(4_527_208))
    #expect(topology.cells[0].pool(.huge2M)?.total == 32)
    #expect(topology.distances == nil)
    #expect(topology.pcpu(9)?.cell == 0)
  }

  @Test func cellWithoutMemoryHasNoPools() throws {
    let topology = try read(
      "five-cells",
      [
        .remove("\(node)/node1/hugepages"),
        .set("\(node)/node1/meminfo", "Node 1 MemTotal:       0 kB\nNode 1 MemFree:        0 kB"),
      ])
    #expect(topology.cell(1)?.memoryTotal == 0)
    #expect(topology.cell(1)?.pages == [PagePool(size: .base, total: 0, free: 0)])
    #expect(topology.memoryNodes == [0, 2, 3, 4])
  }

  @Test func idsMayHaveGaps() throws {
    let topology = try read(
      "five-cells",
      [
        .set("\(node)/online", "0,2-4"), .remove("\(node)/node1"), .set("\(cpu)/online", "0-3,8-12,14-15"),
        .set("\(node)/node0/distance", "10 21 23 26"), .set("\(node)/node2/distance", "21 10 12 28"),
        .set("\(node)/node3/distance", "23 12 10 29"), .set("\(node)/node4/distance", "26 28 29 10"),
      ])
    #expect(topology.nodes == [0, 2, 3, 4])
    #expect(topology.distance(from: 2, to: 3) == 12)
    #expect(topology.pcpu(8)?.cell == 2)
    #expect(topology.pcpu(4) == nil)
  }

  @Test func oldKernelsWithoutDieOrCacheIdAreRead() throws {
    let edits = (0..<16).flatMap { id -> [MachineDump.Edit] in
      [
        .remove("\(cpu)/cpu\(id)/topology/die_id"), .remove("\(cpu)/cpu\(id)/topology/core_cpus_list"),
        .remove("\(cpu)/cpu\(id)/cache/index3/id"),
      ]
    }
    let topology = try read("five-cells", edits + [.remove("\(cpu)/isolated"), .remove("\(cpu)/nohz_full")])
    #expect(topology.l3Groups.map(\.id) == [0, 4, 8, 12])
    #expect(topology.pcpu(6)?.siblings == [6, 7])
    #expect(topology.isolated == [])
  }

  @Test func freeAmountsMatchTheTopology() throws {
    let dump = try MachineDump("sysfs/five-cells")
    let reader = KernelTopology(root: dump.root)
    let topology = try reader.read()
    let states = try reader.cellStates()
    #expect(topology.with(states) == topology)
    #expect(states.map(\.cell) == [0, 1, 2, 3, 4])
  }

  @Test(arguments: [
    ("\(node)/node2/meminfo", "Node 2 MemFree: 1 kB", "MemTotal and MemFree"),
    ("\(node)/node2/meminfo", "Node 2 MemTotal: lots\nNode 2 MemFree: 1 kB", "MemTotal and MemFree"),
    ("\(node)/node2/cpulist", "8-", "a list of cpus"),
    ("\(node)/node2/distance", "21 22 10 12", "5 distances"),
    ("\(node)/node2/distance", "21 22 10 12 999", "5 distances"),
    ("\(node)/online", "0-4096", "a list of nodes"),
    ("\(cpu)/online", "", "a list of cpus"),
    ("\(cpu)/cpu6/topology/core_id", "one", "a whole number"),
    ("\(cpu)/cpu6/topology/core_cpus_list", "4-5", "a list with cpu 6"),
    ("\(cpu)/cpu4/cache/index3/size", "16 potatoes", "a size such as"),
    ("\(node)/node0/hugepages/hugepages-2048kB/nr_hugepages", "-", "a whole number"),
  ])
  func garbageNamesTheFileAndWhatWasExpected(path: String, text: String, expected: String) throws {
    let error = try #require(try error([.set(path, text)]))
    #expect(error.kind == .malformed)
    #expect(error.call.contains(path))
    #expect(error.message.contains(expected), "\(error)")
  }

  @Test func cpuInTwoCellsIsAContradiction() throws {
    let error = try #require(try error([.set("\(node)/node1/cpulist", "3-7")]))
    #expect(error.description.contains("cpus 3 belong to more than one cell"))
  }

  @Test func missingFileIsAbsent() throws {
    let error = try #require(try error([.remove("\(node)/node3/meminfo")]))
    #expect(error.kind == .absent)
    #expect(error.description.contains("node3/meminfo"))
  }

  @Test func thisMachineIsRead() throws {
    let topology = try KernelTopology().read()
    #expect(!topology.cells.isEmpty)
    #expect(topology.contradictions().isEmpty)
    #expect(topology.cells.reduce(0) { $0 + $1.memoryTotal.count } > 0)
    #expect(topology.pcpus.allSatisfy { $0.cell != nil })
  }
}
