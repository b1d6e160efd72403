import NUMA
import Testing

/// A topology answers by id, and says where it contradicts itself.
@Suite struct HostTopologyTests {
  /// Two cells with SMT, a memory-only cell 5 and a CPU-only cell 7; ids have gaps.
  static let odd = HostTopology(
    cells: [
      Cell(id: 7, memoryTotal: 0, memoryFree: 0, cpus: [16, 17]),
      Cell(
        id: 0, memoryTotal: KiB(gib: 4), memoryFree: KiB(gib: 1), pages: [PagePool(size: .huge2M, total: 8, free: 3)],
        cpus: [0, 1, 8, 9]),
      Cell(id: 2, memoryTotal: KiB(gib: 4), memoryFree: KiB(gib: 2), cpus: [2, 3, 10, 11]),
      Cell(id: 5, memoryTotal: KiB(gib: 16), memoryFree: KiB(gib: 16), cpus: []),
    ],
    pcpus: [17, 16, 11, 10, 9, 8, 3, 2, 1, 0].map { id in
      let cell = id >= 16 ? 7 : id % 8 < 2 ? 0 : 2
      return PCPU(
        id: id, cell: cell, socket: 0, die: 0, core: id % 8, siblings: id >= 16 ? [id] : [id % 8, id % 8 + 8])
    },
    distances: DistanceMatrix(
      ids: [0, 2, 5, 7], rows: [[10, 21, 31, 20], [21, 10, 30, 20], [31, 30, 10, 40], [20, 20, 40, 10]]),
    l3Groups: [L3Group(id: 0, size: KiB(mib: 32), cpus: [0, 1, 8, 9])],
    devices: [
      PCIDevice(address: "0000:21:00.0", classID: "0x020000", vendor: "0x8086", device: "0x1", driver: "ice", cell: 2)
    ],
    offline: [4, 5], isolated: [9], nohzFull: [9])

  @Test func cellsAndCPUsAscend() {
    #expect(Self.odd.cells.map(\.id) == [0, 2, 5, 7])
    #expect(Self.odd.pcpus.map(\.id) == [0, 1, 2, 3, 8, 9, 10, 11, 16, 17])
    #expect(Self.odd.nodes == [0, 2, 5, 7])
    #expect(Self.odd.memoryNodes == [0, 2, 5])
  }

  @Test func allCPUsAreAllowedUnlessTold() {
    #expect(Self.odd.allowed == Self.odd.cpus)
    #expect(HostTopology(cells: [], pcpus: Self.odd.pcpus, allowed: [1]).allowed == [1])
  }

  @Test func cpuIsFoundByItsId() {
    for id in -1...20 { #expect(Self.odd.pcpu(id) == Self.odd.pcpus.first { $0.id == id }) }
  }

  @Test func cpusAndCellsAreMappedToEachOther() {
    #expect(Self.odd.nodes(of: [1, 16]) == [0, 7])
    #expect(Self.odd.nodes(of: [4]) == [])
    #expect(Self.odd.cpus(of: [0, 5]) == [0, 1, 8, 9])
    #expect(Self.odd.cell(5)?.cpus == [] && Self.odd.cell(1) == nil)
    #expect(Self.odd.cell(0)?.pool(.huge2M)?.free == 3)
  }

  @Test func distanceHasADefaultWhereTheHostDoesNotTell() {
    #expect(Self.odd.distance(from: 0, to: 5) == 31)
    let silent = HostTopology(cells: [], pcpus: [])
    #expect(silent.distance(from: 1, to: 1) == 10 && silent.distance(from: 0, to: 1) == 20)
  }

  @Test func oddButTrueTopologyHasNoContradiction() {
    #expect(Self.odd.contradictions() == [])
  }

  @Test func cellListedTwiceIsNamed() {
    var topology = Self.odd
    topology.cells[1].id = 0
    #expect(topology.contradictions().contains("cell 0 is listed twice"))
  }

  @Test func cpuOfTwoCellsIsNamed() {
    var topology = Self.odd
    topology.cells[1].cpus.insert(8)
    #expect(topology.contradictions() == ["cpus 8 belong to more than one cell"])
  }

  @Test func moreFreeThanThereIsIsNamed() {
    var topology = Self.odd
    topology.cells[0].memoryFree = KiB(gib: 5)
    #expect(topology.contradictions() == ["cell 0 has more memory free than in total"])
  }

  @Test func cellWithAnOfflineCPUIsNamed() {
    var topology = Self.odd
    topology.cells[0].cpus.insert(4)
    #expect(topology.contradictions() == ["cells list cpus 4, which are not online"])
  }

  @Test func distancesOfOtherCellsAreNamed() {
    var topology = Self.odd
    topology.distances = DistanceMatrix(ids: [0], rows: [[10]])
    #expect(topology.contradictions() == ["the distances do not cover the cells"])
  }

  @Test func topologyTravelsWhole() throws {
    #expect(try JSONForm.value(HostTopology.self, from: JSONForm.text(of: Self.odd)) == Self.odd)
  }
}
