import Fleet
import NUMA

/// The unweighted cost of guest cells on one host cell, in thousandths.
struct CellCosts: Equatable {
  /// Floating: vcpus per shared pcpu, for the guest's share of vcpus that runs here. Dedicated: the part of its vcpus
  /// that share a core with strangers, and what floating vcpus lose by the CPUs it takes.
  var contention = 0
  /// Memory to copy.
  var copy = 0
  /// Vcpus in blocks of 1 to 64, each with its share of memory, that do not fit any more.
  var fragmentation = 0
}

extension FitTable {
  /// The costs of guest cells together on one host cell, whether or not they fit.
  func costs(of group: [Int], at index: Int) -> CellCosts {
    let cell = room.cells[index]
    let vcpus = group.reduce(0) { $0 + demand.cells[$1].online.count }
    let memory = group.reduce(0) { $0 + demand.cells[$1].memory }
    var costs = CellCosts()
    costs.contention = contention(vcpus, on: cell) * vcpus / demand.vcpus
    if demand.running != nil {
      for guestCell in group {
        let arriving = demand.cells[guestCell].arriving(at: index, wholePages: !room.isBase(demand.pageSize, at: index))
        costs.copy += demand.running?.memoryMoves == true ? Self.copyMilli * arriving / demand.memory : 0
      }
    }
    costs.fragmentation = fragmentation(vcpus, memory, at: index)
    return costs
  }

  private func contention(_ vcpus: Int, on cell: CellRoom) -> Int {
    guard vcpus > 0 else { return 0 }
    switch demand.cpuClass {
    case .floating: return (cell.load + vcpus * 1000) / max(cell.shared.count, 1)
    case .dedicated:
      let among = max(vcpus - cell.wholeThreads, 0) * 1000 / vcpus
      let before = cell.load / max(cell.shared.count, 1)
      let after = cell.load / max(cell.shared.count - vcpus, 1)
      return among + after - before
    }
  }

  /// What can no longer be placed once so much is taken: the loss of available space over blocks of all sizes.
  private func fragmentation(_ vcpus: Int, _ memory: Int, at index: Int) -> Int {
    let cell = room.cells[index]
    guard cell.hasMemory, !cell.usable.isEmpty else { return 0 }
    let isBase = room.isBase(demand.pageSize, at: index)
    var (cpus, ratio) = (cell.dedicable.count, cell.ratio)
    if demand.cpuClass == .floating {
      cpus = max(cell.shared.count * crowding - cell.confined, 0) / 1000
      ratio = ratio * 1000 / crowding
    }
    let space = isBase ? cell.capacity : cell.free(demand.pageSize) ?? 0
    if !isBase { ratio = (cell.pools.first { $0.size == demand.pageSize }?.totalKiB ?? 0) / max(cell.usable.count, 1) }
    var loss = 0
    for block in Self.blocks {
      let share = max(ratio * block, 1)
      let before = min(cpus / block, space / share)
      let after = min(max(cpus - vcpus, 0) / block, max(space - memory, 0) / share)
      loss += (before - after) * block
    }
    return loss * 1000 / Self.blockSum
  }

  /// The terms of a whole assignment, each with the numbers behind it; their sum is the assignment's cost.
  func terms(of cells: [Int]) -> [ScoreTerm] {
    var contention = 0
    var copy = 0
    var fragmentation = 0
    var crowds: [String] = []
    var losses: [String] = []
    for cell in room.cells.indices {
      let group = cells.indices.filter { cells[$0] == cell }
      guard !group.isEmpty else { continue }
      let costs = costs(of: group, at: cell)
      contention += costs.contention
      copy += costs.copy
      fragmentation += costs.fragmentation
      if let crowd = crowd(of: group, at: cell) { crowds.append(crowd) }
      losses.append("cell \(room.cells[cell].id): \(costs.fragmentation) ‰ of a 64-cpu cell's blocks")
    }
    let pairs = cells.count * (cells.count - 1) / 2
    var apart = 0
    var farthest = 10
    for (index, a) in cells.enumerated() {
      for b in cells[(index + 1)...] where a != b {
        apart += Self.distanceMilli(room.bothWays(a, b), pairs: pairs)
        farthest = max(farthest, room.distances[a * room.cells.count + b])
      }
    }
    let used = CPUSet(cells).count
    var locality = used == 1 ? "one cell" : "\(used) cells, farthest distance \(farthest)"
    if let running = demand.running {
      locality += running.memoryMoves ? ", \(KiB(arriving(at: cells))) to copy" : ", memory stays"
    }
    return [
      ScoreTerm(name: "contention", value: weights.contention * contention, detail: crowds.joined(separator: "; ")),
      ScoreTerm(name: "locality", value: weights.locality * (apart + copy), detail: locality),
      ScoreTerm(
        name: "fragmentation", value: weights.fragmentation * fragmentation, detail: losses.joined(separator: "; ")),
    ]
  }

  /// KiB to copy or allocate for a whole assignment.
  func arriving(at cells: [Int]) -> Int {
    cells.indices.reduce(0) { sum, index in
      sum + demand.cells[index].arriving(at: cells[index], wholePages: !room.isBase(demand.pageSize, at: cells[index]))
    }
  }

  private func crowd(of group: [Int], at index: Int) -> String? {
    let cell = room.cells[index]
    let vcpus = group.reduce(0) { $0 + demand.cells[$1].online.count }
    guard vcpus > 0 else { return nil }
    switch demand.cpuClass {
    case .floating:
      let load = Amounts.decimal(milli: cell.load + vcpus * 1000)
      return "cell \(cell.id): \(load) vcpus on \(cell.shared.count) shared pcpus"
    case .dedicated:
      let alone = min(vcpus, cell.wholeThreads)
      return "cell \(cell.id): \(vcpus) of \(cell.dedicable.count) free pcpus, \(alone) on whole cores"
    }
  }
}
