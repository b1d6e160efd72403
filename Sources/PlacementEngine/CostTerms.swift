import Fleet
import NUMA

/// The unweighted cost of guest cells on one host cell, in thousandths but for fragmentation.
struct CellCosts: Equatable {
  /// Floating: vcpus per shared pcpu, for the guest's share of vcpus that runs here. Dedicated: the part of its vcpus
  /// that share a core with strangers, and what floating vcpus lose by the CPUs it takes.
  var contention = 0
  /// Memory to copy.
  var copy = 0
  /// What the cell loses by itself of its worth to other guests, in parts of `AvailableSpace.unit`.
  var fragmentation = 0
}

extension FitTable {
  /// The costs of guest cells together on one host cell, whether or not they fit.
  func costs(of group: [Int], at index: Int) -> CellCosts {
    let cell = room.cells[index]
    let vcpus = group.reduce(0) { $0 + demand.cells[$1].online.count }
    var costs = CellCosts()
    costs.contention = contention(vcpus, on: cell) * vcpus / demand.vcpus
    if demand.running != nil {
      for guestCell in group {
        let arriving = demand.cells[guestCell].arriving(at: index, wholePages: !room.isBase(demand.pageSize, at: index))
        costs.copy += demand.running?.memoryMoves == true ? Self.copyMilli * arriving / demand.memory : 0
      }
    }
    costs.fragmentation = worth?.ownLoss(of: group, at: index) ?? 0
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

  /// The terms of a whole assignment in weighted thousandths, each with the numbers behind it. Costs are compared in
  /// finer parts; the sum of the terms is the cost rounded.
  func terms(of cells: [Int]) -> [ScoreTerm] {
    var contention = 0
    var copy = 0
    var crowds: [String] = []
    for cell in room.cells.indices {
      let group = cells.indices.filter { cells[$0] == cell }
      guard !group.isEmpty else { continue }
      let costs = costs(of: group, at: cell)
      contention += costs.contention
      copy += costs.copy
      if let crowd = crowd(of: group, at: cell) { crowds.append(crowd) }
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
    let loss = worth?.loss(of: cells) ?? 0
    let room = Amounts.decimal(milli: loss * 1000 / AvailableSpace.unit)
    return [
      ScoreTerm(
        name: "contention", value: weights.contention * contention, detail: crowds.joined(separator: "; ")),
      ScoreTerm(name: "locality", value: weights.locality * (apart + copy), detail: locality),
      ScoreTerm(
        name: "fragmentation", value: (weights.fragmentation * loss + Self.thousandth / 2) / Self.thousandth,
        detail: "takes the room of \(room) of the guests that the fleet gets"),
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
