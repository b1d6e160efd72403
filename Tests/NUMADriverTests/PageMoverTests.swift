import Fleet
import Glibc
import NUMA
import Testing

@testable import NUMADriver

/// Memory of this process, some of its pages touched, between two pages without rights: the kernel joins neighbours
/// that are alike, and they would be one line of numa_maps.
private final class Mapping {
  let start: UInt64
  let size: KiB
  private let whole: UnsafeMutableRawPointer

  init(mib: Int, touching pages: Int) throws {
    size = KiB(mib: mib)
    let whole = mmap(nil, (mib << 20) + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
    guard let whole, whole != MAP_FAILED else { throw MachineDump.Failure(text: "mmap: errno \(errno)") }
    self.whole = whole
    let memory = whole + 4096
    start = UInt64(UInt(bitPattern: memory))
    // 15 is MADV_NOHUGEPAGE, so that each page is touched, or not, by itself.
    guard mprotect(memory, mib << 20, PROT_READ | PROT_WRITE) == 0, madvise(memory, mib << 20, 15) == 0 else {
      throw MachineDump.Failure(text: "mprotect: errno \(errno)")
    }
    for page in 0..<pages { memory.storeBytes(of: 1, toByteOffset: page << 12, as: UInt8.self) }
  }

  deinit { munmap(whole, (size.count << 10) + 8192) }
}

@Suite(
  .enabled(if: Machine.movesPages, "move_pages(2) is not allowed here (container without NUMA calls)"), .serialized)
struct PageMoverTests {
  private let mover = PageMover()
  private let own: Incarnation

  init() throws { own = try ProcessReader().incarnation(ofPID: Int(getpid())) }

  private func pages(of mapping: Mapping) throws -> [CellResidency] {
    try ProcessReader().observe(own).regions.first { $0.start == mapping.start }?.residency ?? []
  }

  @Test func pagesThatAreThereAreNotMovedAndUntouchedOnesAreAbsent() throws {
    let cell = try #require(Machine.cells.first)
    let mapping = try Mapping(mib: 2, touching: 256)
    _ = try mover.movePages(of: own, start: mapping.start, size: mapping.size, to: cell)
    var reports = 0
    let move = try mover.movePages(of: own, start: mapping.start, size: mapping.size, to: cell) { _ in
      reports += 1
      return .proceed
    }
    var expected = PageMove()
    expected.total = 512
    expected.done = 512
    expected.alreadyThere = 256
    expected.absent = 256
    #expect(move == expected)
    #expect(reports == 2)
  }

  @Test func sourceWithoutPagesLeavesNothing() throws {
    let cell = try #require(Machine.cells.first)
    let migration = try mover.migratePages(of: own, from: [cell], to: cell)
    #expect(migration == PageMigration())
  }

  @Test func stopBeforeTheFirstBatchMovesNothing() throws {
    let cell = try #require(Machine.cells.first)
    let mapping = try Mapping(mib: 2, touching: 1)
    let move = try mover.movePages(of: own, start: mapping.start, size: mapping.size, to: cell) { _ in .stop }
    #expect(move.cancelled)
    #expect(move.done == 0)
  }

  @Test func unknownCellIsRefused() throws {
    let first = #expect(throws: KernelError.self) { try mover.migratePages(of: own, from: [0], to: 900) }
    let second = #expect(throws: KernelError.self) { try mover.migratePages(of: own, from: [900], to: 0) }
    let third = #expect(throws: KernelError.self) { try mover.movePages(of: own, start: 0, size: 4, to: 900) }
    for error in [first, second, third] {
      #expect(error?.kind == .outsideCPUSet)
      #expect(error?.message == "the host has no cell 900")
    }
  }

  @Test func anotherRunOfThePidIsRefused() throws {
    let cell = try #require(Machine.cells.last)
    let stale = Incarnation(pid: own.pid, startTicks: own.startTicks + 1)
    let error = #expect(throws: KernelError.self) { try mover.movePages(of: stale, start: 0, size: 4, to: cell) }
    #expect(error?.kind == .gone)
  }

  @Test func brokenPagesAreRefused() throws {
    let cell = try #require(Machine.cells.first)
    for (start, size, pageSize) in [(UInt64(1), KiB(4), PageSize.base), (0, 5, .base), (4096, 2048, .huge2M)] {
      let error = #expect(throws: KernelError.self) {
        try mover.movePages(of: own, start: start, size: size, pageSize: pageSize, to: cell)
      }
      #expect(error?.kind == .refused)
    }
  }

  @Test func roomIsCheckedBySize() throws {
    let cell = try #require(Machine.cells.first)
    #expect(try mover.room(onCell: cell, pageSize: .base) > 0)
    try mover.requireRoom(for: KiB(4), onCell: cell, pageSize: .base)
    let error = #expect(throws: KernelError.self) {
      try mover.requireRoom(for: KiB(gib: 1 << 20), onCell: cell, pageSize: .base)
    }
    #expect(error?.kind == .noRoom)
    #expect(throws: KernelError.self) { try mover.requireRoom(for: 4, onCell: cell, pageSize: PageSize(kib: 12)) }
    #expect(throws: KernelError.self) { try mover.room(onCell: 900, pageSize: .base) }
  }

  // MARK: Several cells

  @Test(.enabled(if: Machine.cells.count > 1, "this machine has one cell; runs inside Tests/numa-machine"))
  func rangeMovesAndTheRestStays() throws {
    let (first, last) = (Machine.cells[0], Machine.cells[Machine.cells.count - 1])
    let (moving, staying) = (try Mapping(mib: 8, touching: 2048), try Mapping(mib: 8, touching: 2048))
    for mapping in [moving, staying] {
      let move = try mover.movePages(of: own, start: mapping.start, size: mapping.size, to: first)
      #expect(move.moved + move.alreadyThere == 2048, "\(move)")
    }
    let move = try mover.movePages(of: own, start: moving.start, size: moving.size, to: last)
    var expected = PageMove()
    (expected.total, expected.done, expected.moved) = (2048, 2048, 2048)
    #expect(move == expected)
    #expect(try pages(of: moving) == [CellResidency(cell: last, pageSize: .base, pages: 2048)])
    #expect(try pages(of: staying) == [CellResidency(cell: first, pageSize: .base, pages: 2048)])
  }

  /// NUMA balancing hides idle pages soon after their process has begun to compute; a second or two are enough.
  @Test(.enabled(if: Machine.cells.count > 1, "this machine has one cell; runs inside Tests/numa-machine"))
  func pagesThatNUMABalancingSamplesMoveToo() throws {
    let mapping = try Mapping(mib: 8, touching: 2048)
    _ = try mover.movePages(of: own, start: mapping.start, size: mapping.size, to: Machine.cells[0])
    for round in 1...4 {
      var now = time(nil)
      let end = now + 2
      while now < end { now = time(nil) }
      let cell = Machine.cells[round % Machine.cells.count]
      let move = try mover.movePages(of: own, start: mapping.start, size: mapping.size, to: cell)
      #expect(move.moved + move.alreadyThere == 2048, "round \(round): \(move)")
      #expect(try pages(of: mapping) == [CellResidency(cell: cell, pageSize: .base, pages: 2048)])
    }
  }

  @Test(.enabled(if: Machine.cells.count > 1, "this machine has one cell; runs inside Tests/numa-machine"))
  func onlyChosenSourcesAreMovedFrom() throws {
    let (first, last) = (Machine.cells[0], Machine.cells[Machine.cells.count - 1])
    let mapping = try Mapping(mib: 2, touching: 512)
    _ = try mover.movePages(of: own, start: mapping.start, size: mapping.size, to: first)
    let move = try mover.movePages(of: own, start: mapping.start, size: mapping.size, to: last, from: [last])
    #expect(move.passedOver == 512 && move.moved == 0)
    #expect(try pages(of: mapping) == [CellResidency(cell: first, pageSize: .base, pages: 512)])
  }

  @Test(.enabled(if: Machine.cells.count > 1 && Machine.isRoot, "needs several cells; runs inside Tests/numa-machine"))
  func wholeProcessMovesBetweenCells() throws {
    let (first, last) = (Machine.cells[0], Machine.cells[Machine.cells.count - 1])
    let mapping = try Mapping(mib: 8, touching: 2048)
    _ = try mover.movePages(of: own, start: mapping.start, size: mapping.size, to: first)
    let migration = try mover.migratePages(of: own, from: [first], to: last)
    #expect(migration.cellsDone == 1)
    #expect(try pages(of: mapping) == [CellResidency(cell: last, pageSize: .base, pages: 2048)])
  }
}
