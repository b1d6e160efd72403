import Fleet
import NUMA
import Testing

/// What is told of a host from its facts and reports.
@Suite struct HostTests {
  @Test(arguments: [
    ("6.1.0-13-amd64", 6, 1), ("5.15.0", 5, 15), ("4.18.0-553.el8", 4, 18), ("6", 0, 0), ("", 0, 0), ("rolling", 0, 0),
  ])
  func kernelReleaseIsReadFromItsVersion(version: String, major: Int, minor: Int) {
    #expect(HostFacts(kernelVersion: version).kernelRelease == (major, minor))
  }

  @Test(
    arguments: [
      ("6.1.0", 2, true), ("5.15.0", 2, true), ("5.14.21", 2, false), ("4.18.0", 2, false), ("4.18.0", 1, true),
      ("6.1.0", nil, false), ("?", 2, false),
    ] as [(String, Int?, Bool)])
  func pagesFollowTheCpusetWhereTheKernelMovesThem(version: String, cgroup: Int?, moves: Bool) {
    #expect(HostFacts(kernelVersion: version, cgroupVersion: cgroup).cpusetMigratesPages == moves)
  }

  @Test func topologyTakesTheFreeAmountsOfALaterReport() {
    let state = CellState(cell: 1, memoryFree: 77, pages: [PagePool(size: .huge2M, total: 5, free: 5)])
    let later = Sample.topology.with([state, CellState(cell: 9, memoryFree: 1, pages: [])])
    #expect(later.cell(1)?.memoryFree == 77 && later.cell(1)?.pages == state.pages)
    #expect(later.cell(0) == Sample.topology.cell(0) && later.cells.count == 3)
    #expect(
      Sample.topology.with([CellState(cell: 0, memoryFree: 1, pages: [])]).withoutFreeAmounts.cell(0)?.memoryFree == 0)
  }

  @Test func freeAmountsAreRemovedForComparing() {
    let bare = Sample.topology.withoutFreeAmounts
    #expect(bare.cells.allSatisfy { $0.memoryFree == 0 && $0.pages.allSatisfy { $0.free == 0 } })
    #expect(bare.contentHash == Sample.topology.contentHash)
  }

  @Test func countersOnlyRise() {
    #expect(Epoch(3).next == 4 && Generation(1) < 2 && JobID(7).description == "7")
    #expect(Incarnation(pid: 4, startTicks: 5).description == "4@5")
  }

  @Test func deadlineIsOnBothClocks() {
    let now = Instant(milliseconds: 5, wallMilliseconds: 1000)
    let later = now.advanced(byMilliseconds: 10)
    #expect(later == Instant(milliseconds: 15, wallMilliseconds: 1010) && now < later)
    #expect(!(Instant(milliseconds: 5, wallMilliseconds: 9) < now), "the wall clock decides nothing")
  }

  @Test func refusalReadsAsOneSentence() {
    #expect(Refusal(.busy, "it is busy", remedy: "wait").description == "it is busy; wait")
    #expect(Refusal(.busy, "it is busy", remedy: "").description == "it is busy")
  }
}
