import CNUMA
import Fleet
import Glibc
import NUMA

/// One batch of `move_pages(2)`: asks where the pages are, moves those that are elsewhere, and asks again.
///
/// The statuses of a moving call are not used for counting: when some pages fail, the kernel stops in the middle and
/// leaves the rest of the array as it was.
struct PageRequest {
  let incarnation: Incarnation
  let cell: Int
  let from: NodeSet?
  let shared: Bool
  let call: String

  /// Adds what became of the pages at these addresses to `counts`.
  func move(_ pages: [UInt], _ counts: inout PageMove) throws(KernelError) {
    var pending: [UInt] = []
    let places = try locate(pages)
    for (page, place) in zip(pages, places) {
      switch Int(place) {
      case cell: counts.alreadyThere += 1
      case 0...:
        if let from, !from.contains(Int(place)) { counts.passedOver += 1 } else { pending.append(page) }
      case _ where Self.isAbsent(place): counts.absent += 1
      default: counts.unknown += 1
      }
    }
    let wanted = pending.count
    var fruitless = 0
    for _ in 0..<PageMover.passesMaximum where !pending.isEmpty && fruitless < 2 {
      let before = pending.count
      let reason = try send(pending)
      pending = zip(pending, try locate(pending)).filter { $1 >= 0 && Int($1) != cell }.map(\.0)
      if !pending.isEmpty, reason != 0 { counts.lastErrno = reason }
      // Busy pages are let go in their own time, so one pass without effect is not the end.
      fruitless = pending.count < before ? 0 : fruitless + 1
    }
    counts.left += pending.count
    counts.moved += wanted - pending.count
  }

  /// The cell of each page, or a negative errno.
  private func locate(_ pages: [UInt]) throws(KernelError) -> [Int32] {
    var places = try ask(pages)
    let absent = zip(pages, places).filter { Self.isAbsent($1) }.map(\.0)
    let hidden = HintingFaults(pid: incarnation.pid).take(absent)
    if hidden.isEmpty { return places }
    var found = zip(hidden, try ask(hidden)).makeIterator()
    var next = found.next()
    for (index, page) in pages.enumerated() {
      guard let (hiddenPage, place) = next, hiddenPage == page else { continue }
      places[index] = place
      next = found.next()
    }
    return places
  }

  /// Kernels from 5.16 on give EFAULT for some untouched pages and ENOENT for others.
  private static func isAbsent(_ place: Int32) -> Bool { place == -ENOENT || place == -EFAULT }

  private func ask(_ pages: [UInt]) throws(KernelError) -> [Int32] {
    var pages = pages.map { UnsafeMutableRawPointer(bitPattern: $0) }
    var status = [Int32](repeating: -ENOENT, count: pages.count)
    let result = numa_move_pages(Int32(incarnation.pid), UInt(pages.count), &pages, nil, &status, 0)
    if result < 0 { throw PageMover.error(incarnation, errno, call, cell) }
    return status
  }

  /// Asks for the move; the errno of a page that failed, 0 if none was reported.
  private func send(_ pages: [UInt]) throws(KernelError) -> Int32 {
    var pages = pages.map { UnsafeMutableRawPointer(bitPattern: $0) }
    let nodes = [Int32](repeating: Int32(cell), count: pages.count)
    // A value the kernel never writes tells what it left as it was.
    var status = [Int32](repeating: Int32.min, count: pages.count)
    let flags = cnuma_move_flags(shared ? 1 : 0)
    let result = numa_move_pages(Int32(incarnation.pid), UInt(pages.count), &pages, nodes, &status, flags)
    if result < 0 {
      let code = errno
      // A full target is a fact about the pages that are left, and earlier ones have moved.
      if code == ENOMEM { return ENOMEM }
      throw PageMover.error(incarnation, code, call, cell)
    }
    return status.last { $0 < 0 && $0 > Int32.min }.map { -$0 } ?? (result > 0 ? EBUSY : 0)
  }
}
