import NUMA

/// Memory of a cell as `meminfo` has it.
struct CellMemory {
  var total: KiB
  var free: KiB
}

extension KernelTopology {
  /// The online cells, ascending; a single nil for a kernel without NUMA, which has no node folder at all.
  func cellIDs() throws(KernelError) -> [Int?] {
    guard let text = try root.textIfPresent("\(Self.nodes)/online") else { return [nil] }
    let online: NodeSet = try root.parseList(text, "\(Self.nodes)/online")
    guard !online.isEmpty else { throw .malformed("\(Self.nodes)/online", found: "", expected: "a list of nodes") }
    return online.members
  }

  func readCells(online: CPUSet) throws(KernelError) -> [Cell] {
    var cells: [Cell] = []
    for id in try cellIDs() {
      let memory = try readMemory(ofCell: id)
      var cpus = online
      if let id { cpus = try root.list(CPUKind.self, "\(Self.nodes)/node\(id)/cpulist").intersection(online) }
      cells.append(
        Cell(
          id: id ?? 0, memoryTotal: memory.total, memoryFree: memory.free,
          pages: try readPools(ofCell: id, memory: memory), cpus: cpus))
    }
    return cells
  }

  /// MemTotal and MemFree of `nodeN/meminfo`, or of `/proc/meminfo` without NUMA.
  func readMemory(ofCell id: Int?) throws(KernelError) -> CellMemory {
    let path = id.map { "\(Self.nodes)/node\($0)/meminfo" } ?? "/proc/meminfo"
    var total: Int?
    var free: Int?
    for line in ByteLines(try root.bytes(path)) {
      // "Node 0 MemTotal:  985212 kB", without NUMA "MemTotal:  985212 kB".
      let fields = line.fields(limit: 5)
      guard let name = fields.firstIndex(where: { $0.last == UInt8(ascii: ":") }), name + 1 < fields.count else {
        continue
      }
      if fields[name].elementsEqual("MemTotal:".utf8) { total = fields[name + 1].decimal }
      if fields[name].elementsEqual("MemFree:".utf8) { free = fields[name + 1].decimal }
      if total != nil, free != nil { break }
    }
    guard let total, let free else {
      throw .malformed(path, found: "neither or only one of them", expected: "MemTotal and MemFree in kB")
    }
    return CellMemory(total: KiB(total), free: KiB(min(free, total)))
  }

  /// Pages of files in the page cache of a cell, `Active(file)` and `Inactive(file)`.
  func fileCache(ofCell id: Int) throws(KernelError) -> KiB {
    var cache = 0
    for line in ByteLines(try root.bytesIfPresent("\(Self.nodes)/node\(id)/meminfo") ?? []) {
      let fields = line.fields(limit: 4)
      guard fields.count == 4,
        fields[2].elementsEqual("Active(file):".utf8) || fields[2].elementsEqual("Inactive(file):".utf8)
      else { continue }
      cache += fields[3].decimal ?? 0
    }
    return KiB(cache)
  }

  /// Page pools, ascending by size. The base pool's total excludes what the hugepage pools hold, as libvirt counts it.
  func readPools(ofCell id: Int?, memory: CellMemory) throws(KernelError) -> [PagePool] {
    let folder = id.map { "\(Self.nodes)/node\($0)/hugepages" } ?? "/sys/kernel/mm/hugepages"
    var pools: [PagePool] = []
    for name in try root.entriesIfPresent(folder) ?? [] {
      guard name.hasPrefix("hugepages-"), name.hasSuffix("kB"), let kib = Int(name.dropFirst(10).dropLast(2)), kib > 0
      else { throw .malformed("\(folder)/\(name)", found: name, expected: "a folder such as hugepages-2048kB") }
      let total = try root.integer("\(folder)/\(name)/nr_hugepages")
      let free = try root.integer("\(folder)/\(name)/free_hugepages")
      pools.append(PagePool(size: PageSize(kib: kib), total: total, free: free))
    }
    let huge = pools.reduce(0) { $0 + $1.total * $1.size.kib }
    let base = root.pageSize
    pools.append(
      PagePool(size: base, total: max(memory.total.count - huge, 0) / base.kib, free: memory.free.count / base.kib))
    return pools.sorted { $0.size < $1.size }
  }

  func readDistances(_ cells: [Cell]) throws(KernelError) -> DistanceMatrix? {
    var rows: [[Int]] = []
    for cell in cells {
      let path = "\(Self.nodes)/node\(cell.id)/distance"
      guard let text = try root.textIfPresent(path) else { return nil }
      let row = text.split(separator: " ").map { Int($0) ?? 0 }
      guard row.count == cells.count, row.allSatisfy({ (10...255).contains($0) }) else {
        throw .malformed(path, found: text, expected: "\(cells.count) distances, each 10 to 255")
      }
      rows.append(row)
    }
    return DistanceMatrix(ids: cells.map(\.id), rows: rows)
  }
}
