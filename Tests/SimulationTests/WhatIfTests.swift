import Fleet
import NUMA
import Simulation
import Testing

/// Hosts that nobody has yet.
@Suite struct WhatIfTests {
  /// Two cells of 8 CPUs and 32 GiB, of which 8 GiB are pages of 1 GiB; much of it in use.
  private static let host = HostTopology(
    cells: (0..<2).map { cell in
      Cell(
        id: cell, memoryTotal: KiB(gib: 32), memoryFree: KiB(gib: 1),
        pages: [PagePool(size: .base, total: 6 << 20, free: 1 << 18), PagePool(size: .huge1G, total: 8, free: 1)],
        cpus: CPUSet(cell * 8...(cell * 8 + 7)))
    },
    pcpus: (0..<16).map { PCPU(id: $0, cell: $0 / 8, socket: $0 / 8, die: 0, core: $0 % 8, siblings: [$0]) })

  private func trial(_ shape: Shape, hosts: Int = 10, _ policy: Policy = Policy()) throws -> (WhatIfTrial, Capacity) {
    let trial = WhatIfTrial(shape, on: hosts, of: Self.host, policy: policy, clock: { 0 })
    return (trial, try trial.answer.get())
  }

  @Test func whatIsInUseOnTheModelCountsAsFree() throws {
    let empty = Self.host.emptied
    #expect(empty.cells.map(\.memoryFree) == [KiB(gib: 24), KiB(gib: 24)])
    #expect(empty.cells[0].pages.map(\.free) == [6 << 20, 8])
    #expect(empty.contradictions().isEmpty)
  }

  @Test func cpusMemoryPagesAndReserveLimit() throws {
    func shape(_ vcpus: Int, gib: Int, cells: Int = 1, page: PageSize = .base) -> Shape {
      Shape(
        guestCells: (0..<cells).map { _ in ShapeCell(vcpus: vcpus / cells, memory: KiB(gib: gib / cells)) },
        cpuClass: .dedicated, pageSize: page)
    }
    let byCPU = try trial(shape(4, gib: 1))
    #expect(byCPU.1.fits == 40 && byCPU.1.isExact && byCPU.0.fitsPerHost == 4)
    #expect(try trial(shape(2, gib: 10)).1.fits == 40)
    #expect(try trial(shape(1, gib: 4, page: .huge1G)).1.fits == 40)
    #expect(try trial(shape(16, gib: 32, cells: 2)).1.fits == 10)
    let reserved = Policy(reserve: Reserve(pcpusPerCell: 1))
    let none = try trial(shape(16, gib: 32, cells: 2), reserved)
    #expect(none.1.fits == 0 && none.0.fitsPerHost == 0 && !none.1.counts.isEmpty)
  }

  /// Members of a group that keeps apart go to one host each.
  @Test func groupsOfThePolicyHold() throws {
    let policy = Policy(groups: [GuestGroup(name: "db", rule: .apart, level: .host, members: ["db*"])])
    let shape = Shape(name: "db1", guestCells: [ShapeCell(vcpus: 1, memory: KiB(gib: 1))])
    let capacity = try trial(shape, hosts: 7, policy).1
    #expect(capacity.fits == 7)
  }
}
