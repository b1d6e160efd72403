public import PlacementEngine

/// The hosts of a simulation: `host,rack,cpu0,ram0[,cpu1,ram1…]`, what is free on each cell in CPUs and GiB.
public struct TrialHosts: Sendable {
  /// As named in the file, in its order.
  public let names: [Int]
  public let hosts: [FleetIndex.Host]

  /// Reads a file's bytes; at most `first` hosts when given.
  public init(_ bytes: [UInt8], file: String, first: Int? = nil) throws(TableError) {
    var table = try Table(bytes, file: file)
    let cells = (table.header.count - 2) / 2
    guard (1...CellChoice.hostCellsMaximum).contains(cells) else {
      throw table.fault("the header has no host,rack,cpu0,ram0 to cpu15,ram15")
    }
    try table.require(["host", "rack"] + (0..<cells).flatMap { ["cpu\($0)", "ram\($0)"] })
    var names: [Int] = []
    var known: Set<Int> = []
    var hosts: [FleetIndex.Host] = []
    while let row = try table.next() {
      let name = try row.number(0, in: Limits.ids)
      guard known.insert(name).inserted else { throw table.fault("host \(name) is there already") }
      let rack = try row.number(1, in: 0...1_000_000)
      var free: [CellSpace] = []
      for cell in 0..<cells {
        let cpus = try row.number(2 + cell * 2, in: 0...Limits.cpus)
        let gib = try row.number(3 + cell * 2, in: 0...Limits.gib)
        free.append(CellSpace(cpus: cpus, memory: gib * Limits.kibPerGiB))
      }
      if let first, names.count >= first { continue }
      names.append(name)
      hosts.append(FleetIndex.Host(rack: rack, free: free))
    }
    self.names = names
    self.hosts = hosts
  }
}

extension SlotDemand {
  /// A guest whose CPUs and memory are spread evenly over its cells.
  init?(vcpus: Int, gib: Int, cells: Int) {
    guard cells > 0, vcpus % cells == 0, gib * Limits.kibPerGiB % cells == 0 else { return nil }
    let cell = CellSpace(cpus: vcpus / cells, memory: gib * Limits.kibPerGiB / cells)
    self.init(cells: Array(repeating: cell, count: cells))
  }
}
