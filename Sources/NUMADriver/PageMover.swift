import CNUMA
public import Fleet
import Glibc
public import NUMA

/// Moves pages of running processes between cells, with libnuma's `migrate_pages(2)` and `move_pages(2)`.
///
/// Only pages that exist are moved. The memory policy and the cpuset of the process stay as they were, and nothing can
/// change the policy of a running process from outside: new faults go where the old policy says, so residency is to be
/// watched and the move repeated. Both calls may be repeated at any time; what is in place stays. Their counts are what
/// the kernel said in passing: read the residency back with `ProcessReader` before believing anything.
///
/// | | `migratePages` | `movePages` |
/// | --- | --- | --- |
/// | moves | the whole process, shared libraries too, from cells to cells | one address range |
/// | inside libvirt's cpuset cgroup | works with CAP_SYS_NICE | refused for cells outside cpuset.mems |
/// | progress, cancel | between source cells; one call may take minutes | every 64 MiB |
public struct PageMover: Sendable {
  /// Passes over pages that are busy; most of them move in the second.
  public static let passesMaximum = 5
  /// Pages of at most so much are given to the kernel at once, the grain of progress and cancelling.
  static let batch = KiB(mib: 64)

  /// A mover on this machine.
  public init() {}

  // MARK: Whole processes

  /// Moves every page that lies on `from` to the cell `to`; pages on other cells stay.
  ///
  /// One kernel call per source cell, which holds the caller's thread until all is copied.
  /// - Throws: `outsideCPUSet` for a cell the host or this process's own cpuset does not have, `denied`, `gone`,
  ///   `noRoom` when the target is full; then some pages have moved.
  public func migratePages(
    of incarnation: Incarnation, from: NodeSet, to cell: Int,
    progress: (PageMigration) -> MoveDecision = { _ in .proceed }
  ) throws(KernelError) -> PageMigration {
    let call = "migrate_pages(process \(incarnation.pid), from \(from), to \(cell))"
    try Self.checkCells(from, cell, call)
    let target = try Self.nodemask([cell], call)
    var migration = PageMigration()
    let sources = from.members.filter { $0 != cell }
    migration.cellsTotal = sources.count
    for source in sources {
      let mask = try Self.nodemask([source], call)
      var left = Int.max
      for _ in 0..<Self.passesMaximum where left > 0 {
        guard progress(migration) == .proceed else {
          migration.cancelled = true
          return migration
        }
        try ProcessStat(incarnation, root: .machine, call: call)
        let result = numa_migrate_pages(Int32(incarnation.pid), mask.bits, target.bits)
        if result < 0 { throw Self.error(incarnation, errno, call, cell) }
        migration.passes += 1
        // No fewer than before: those are pinned, and further passes only cost.
        if Int(result) >= left { break }
        left = Int(result)
      }
      migration.pagesLeft += left == .max ? 0 : left
      migration.cellsDone += 1
    }
    try ProcessStat(incarnation, root: .machine, call: call)
    _ = progress(migration)
    return migration
  }

  // MARK: Ranges

  /// Moves the pages of `start ..< start + size` to the cell `to`, so that one guest cell moves and another stays.
  ///
  /// - Parameters:
  ///   - start: the first address, a multiple of the page size.
  ///   - pageSize: the mapping's kernel page size, the stride of the range; transparent hugepages count as base pages.
  ///   - from: moves only pages that lie on these cells; nil means wherever they are.
  ///   - shared: moves pages that other processes map too (memfd, vhost-user); needs CAP_SYS_NICE.
  /// - Throws: `outsideCPUSet` when the target is not in the process's cpuset.mems, `denied`, `gone`, `refused` for a
  ///   range that is not made of whole pages. Pages that merely did not move are counted, not thrown.
  public func movePages(
    of incarnation: Incarnation, start: UInt64, size: KiB, pageSize: PageSize = .base, to cell: Int,
    from: NodeSet? = nil, shared: Bool = false, progress: (PageMove) -> MoveDecision = { _ in .proceed }
  ) throws(KernelError) -> PageMove {
    let call = "move_pages(process \(incarnation.pid), \(size) at 0x\(String(start, radix: 16)), to \(cell))"
    try Self.checkCells(from ?? [], cell, call)
    let stride = UInt64(max(pageSize.kib, 0)) * 1024
    let bytes = UInt64(max(size.count, 0)) * 1024
    guard stride > 0, start % stride == 0, bytes % stride == 0, !start.addingReportingOverflow(bytes).overflow else {
      throw KernelError(
        .refused, errno: EINVAL, call: call, "the range is not made of whole pages of \(pageSize)",
        remedy: "take start, size and page size of a region as observed")
    }
    var move = PageMove()
    move.total = Int(bytes / stride)
    let pagesPerBatch = max(Self.batch.count / pageSize.kib, 1)
    while move.done < move.total {
      guard progress(move) == .proceed else {
        move.cancelled = true
        return move
      }
      try ProcessStat(incarnation, root: .machine, call: call)
      let count = min(pagesPerBatch, move.total - move.done)
      let first = start + UInt64(move.done) * stride
      let pages = (0..<count).map { UInt(first + UInt64($0) * stride) }
      let request = PageRequest(incarnation: incarnation, cell: cell, from: from, shared: shared, call: call)
      try request.move(pages, &move)
      move.done += count
    }
    try ProcessStat(incarnation, root: .machine, call: call)
    _ = progress(move)
    return move
  }

  // MARK: Room

  /// How much of one page size a cell can take in now.
  ///
  /// Hugepages: the free ones of its pool. The kernel may make more for a move (6.1 does where it finds free memory in
  /// one piece), but nothing promises it. Base pages: free memory and half of the file cache, which it drops for them.
  public func room(onCell cell: Int, pageSize: PageSize) throws(KernelError) -> KiB {
    let topology = KernelTopology()
    guard let state = try topology.cellStates().first(where: { $0.cell == cell }) else {
      throw Self.noSuchCell(cell, "read the free pages of cell \(cell)")
    }
    if pageSize == KernelRoot.machine.pageSize {
      return state.memoryFree + KiB(try topology.fileCache(ofCell: cell).count / 2)
    }
    let pool = state.pages.first { $0.size == pageSize }
    return KiB((pool?.free ?? 0) * pageSize.kib)
  }

  /// Throws `noRoom` when the cell cannot take in that amount, in pages of that size, now.
  public func requireRoom(for amount: KiB, onCell cell: Int, pageSize: PageSize) throws(KernelError) {
    let room = try room(onCell: cell, pageSize: pageSize)
    if room >= amount { return }
    throw KernelError(
      .noRoom, errno: ENOMEM, call: "move \(amount) to cell \(cell)",
      "the cell has room for \(room) in pages of \(pageSize)",
      remedy: pageSize == KernelRoot.machine.pageSize
        ? "choose another cell or move other guests away first"
        : "raise nr_hugepages of the cell or choose another one")
  }

  // MARK: Calls

  private static func checkCells(_ from: NodeSet, _ cell: Int, _ call: String) throws(KernelError) {
    guard numa_available() >= 0 else {
      throw KernelError(
        .refused, errno: ENOSYS, call: call, "this kernel has no NUMA policy calls, or a container filters them",
        remedy: "run on a kernel with CONFIG_NUMA, outside of a container's seccomp filter")
    }
    let online = NodeSet(try KernelTopology().cellIDs().map { $0 ?? 0 })
    for wanted in from.members + [cell] where !online.contains(wanted) { throw noSuchCell(wanted, call) }
  }

  private static func noSuchCell(_ cell: Int, _ call: String) -> KernelError {
    KernelError(
      .outsideCPUSet, errno: ENODEV, call: call, "the host has no cell \(cell)",
      remedy: "see `numactl --hardware` for the cells it has")
  }

  private static func nodemask(_ nodes: NodeSet, _ call: String) throws(KernelError) -> Nodemask {
    guard let mask = Nodemask(nodes) else {
      throw KernelError(.failed, errno: ENOMEM, call: call, "out of memory", remedy: "free memory on the host")
    }
    return mask
  }

  static func error(_ incarnation: Incarnation, _ code: Int32, _ call: String, _ cell: Int) -> KernelError {
    let text = KernelError.text(code)
    switch code {
    case ESRCH: return .gone(incarnation, call: call)
    case EPERM:
      return KernelError(.denied, errno: code, call: call, text, remedy: "run as root with CAP_SYS_NICE")
    case EACCES, EINVAL, ENODEV:
      return KernelError(
        .outsideCPUSet, errno: code, call: call,
        "\(text): cell \(cell) has no memory, or is outside the cpuset.mems of the process or of this agent",
        remedy: "use migratePages for a process inside libvirt's cgroup, or widen cpuset.mems")
    case ENOMEM:
      return KernelError(
        .noRoom, errno: code, call: call, "cell \(cell) is full, and some pages may have moved",
        remedy: "read the residency, free memory on the cell, and repeat")
    default: return KernelError(.failed, errno: code, call: call, text, remedy: "see its manual page, error \(code)")
    }
  }
}

/// A libnuma node mask, freed with its owner.
private struct Nodemask: ~Copyable {
  let bits: UnsafeMutablePointer<bitmask>

  init?(_ nodes: NodeSet) {
    guard let bits = numa_allocate_nodemask() else { return nil }
    for id in nodes.members { numa_bitmask_setbit(bits, UInt32(id)) }
    self.bits = bits
  }

  deinit { numa_bitmask_free(bits) }
}
