import Fleet
import NUMA

/// Where a process's pages are: `numa_maps`, with sizes and rights from `maps`.
///
/// Counted as the process's own are the pages of every anonymous mapping (heap, stacks, guest RAM, hugepages), of
/// shared memory, and of every file mapping that it may write (memfd, `/dev/shm`, hugetlbfs, RAM files). Not counted
/// are file mappings without write permission: program text, libraries and locale archives, which other processes
/// share and which say nothing of where the guest's memory is.
struct ProcessMemory {
  /// Writable mappings of at least 1 MiB without program code, largest first.
  private(set) var regions: [MemoryRegion] = []
  /// Pages over all counted mappings, ascending by cell and page size.
  private(set) var residency: [CellResidency] = []

  static let regionMinimum = KiB(mib: 1)
  /// Guest RAM is in a few large mappings; the smaller ones of a process with hundreds say nothing more.
  static let regionsMaximum = 64

  init(pid: Int, root: KernelRoot) throws(KernelError) {
    let path = "/proc/\(pid)/numa_maps"
    guard let numaMaps = try root.bytesIfPresent(path, expecting: 1 << 16) else {
      // The kernel has no numa_maps without CONFIG_NUMA, where every page is on the only cell.
      guard root.exists("/proc/\(pid)/stat"), !root.exists(KernelTopology.nodes) else {
        throw .gone(Incarnation(pid: pid, startTicks: 0), call: "open \(path)")
      }
      return
    }
    let mappings = try Self.mappings(pid: pid, root: root)
    var next = mappings[...]
    for line in ByteLines(numaMaps) {
      let entry = try NUMAMapsLine(line, path)
      // Both files ascend by address; a mapping may have been split or joined between the two readings.
      while let first = next.first, first.end <= entry.start { next.removeFirst() }
      let mapping = next.first.flatMap { $0.start <= entry.start ? $0 : nil }
      guard entry.isAnonymous || mapping?.writable == true else { continue }
      entry.residency.forEach { Self.add($0, to: &residency) }
      guard let mapping, mapping.start == entry.start, mapping.writable, !mapping.executable else { continue }
      let size = KiB(bytes: Int(clamping: mapping.end - mapping.start))
      guard size >= Self.regionMinimum else { continue }
      regions.append(
        MemoryRegion(
          start: entry.start, size: size, guestCell: nil, policy: entry.policy, residency: entry.residency))
    }
    residency.sort { ($0.cell, $0.pageSize) < ($1.cell, $1.pageSize) }
    regions.sort { ($0.size, $1.start) > ($1.size, $0.start) }
    if regions.count > Self.regionsMaximum { regions.removeSubrange(Self.regionsMaximum...) }
  }

  private static func add(_ more: CellResidency, to sums: inout [CellResidency]) {
    if let index = sums.firstIndex(where: { $0.cell == more.cell && $0.pageSize == more.pageSize }) {
      sums[index].pages += more.pages
    } else {
      sums.append(more)
    }
  }

  private struct Mapping {
    var start: UInt64
    var end: UInt64
    var writable: Bool
    var executable: Bool
  }

  private static func mappings(pid: Int, root: KernelRoot) throws(KernelError) -> [Mapping] {
    let path = "/proc/\(pid)/maps"
    var mappings: [Mapping] = []
    for line in ByteLines(try root.bytes(path, expecting: 1 << 16)) {
      // 7f0000000000-7f0004000000 rw-p 00000000 00:00 0
      let fields = line.fields(limit: 2)
      let ends = fields.first?.split(separator: UInt8(ascii: "-")) ?? []
      guard ends.count == 2, fields.count == 2, let start = UInt64(ends[0], radix: 16),
        let end = UInt64(ends[1], radix: 16), end > start, fields[1].count >= 4
      else { throw .malformed(path, found: line.text, expected: "START-END RIGHTS …, see proc(5)") }
      let rights = fields[1]
      mappings.append(
        Mapping(
          start: start, end: end, writable: rights[rights.startIndex + 1] == UInt8(ascii: "w"),
          executable: rights[rights.startIndex + 2] == UInt8(ascii: "x")))
    }
    return mappings
  }
}

/// One line of numa_maps: `7f0000000000 bind:0 anon=512 dirty=512 N0=512 kernelpagesize_kB=4`.
struct NUMAMapsLine {
  let start: UInt64
  /// The kernel's policy text, for example `default`, `bind:0`, `prefer (many):0-1`.
  let policy: String
  /// Whether no file is behind the mapping.
  let isAnonymous: Bool
  /// Ascending by cell; empty for a mapping that was never touched.
  let residency: [CellResidency]

  init(_ line: ArraySlice<UInt8>, _ path: String) throws(KernelError) {
    let fields = line.fields()
    guard fields.count >= 2, let start = UInt64(fields[0], radix: 16) else {
      throw .malformed(path, found: line.text, expected: "ADDRESS POLICY …, see numa(7)")
    }
    var policy = fields[1].text
    var anonymous = true
    var pageSize = PageSize.base
    var counts: [(cell: Int, pages: Int)] = []
    for field in fields.dropFirst(2) {
      // The policy "prefer (many):0-1" is the only one with a blank in it.
      if field.first == UInt8(ascii: "(") { policy += " \(field.text)" }
      if field.value(of: "file=") != nil { anonymous = false }
      if let value = field.value(of: "kernelpagesize_kB="), let kib = value.decimal, kib > 0 {
        pageSize = PageSize(kib: kib)
      }
      guard field.first == UInt8(ascii: "N"), let equals = field.firstIndex(of: UInt8(ascii: "=")) else { continue }
      guard let cell = field[(field.startIndex + 1)..<equals].decimal, cell < NodeKind.idLimit,
        let pages = field[(equals + 1)...].decimal
      else { throw .malformed(path, found: line.text, expected: "counts such as N0=512") }
      counts.append((cell, pages))
    }
    self.start = start
    self.policy = policy
    isAnonymous = anonymous
    residency = counts.map { CellResidency(cell: $0.cell, pageSize: pageSize, pages: $0.pages) }
  }
}
