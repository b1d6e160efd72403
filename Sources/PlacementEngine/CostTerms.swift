import Fleet
import NUMA

/// The unweighted cost of guest cells on one host cell, in thousandths but for fragmentation.
struct CellCosts: Equatable {
  /// Floating: vcpus per shared pcpu, for the guest's share of vcpus that runs here. Dedicated: the part of its vcpus
  /// that share a core with strangers, and what floating vcpus lose by the CPUs it takes. Either: on a cell that has
  /// more to do than it can, up to as much as if all vcpus that the policy allows were there.
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
    var costs = CellCosts()
    costs.contention = contention(of: group, on: cell) + pressed(group, at: index)
    if demand.running != nil {
      for guestCell in group {
        let arriving = demand.cells[guestCell].arriving(at: index, wholePages: !room.isBase(demand.pageSize, at: index))
        costs.copy += demand.running?.memoryMoves == true ? Self.copyMilli * arriving / demand.memory : 0
      }
    }
    costs.fragmentation = worth?.ownLoss(of: group, at: index) ?? 0
    return costs
  }

  private func contention(of group: [Int], on cell: CellRoom) -> Int {
    let own = group.reduce(0) { $0 + demand.cells[$1].dedicated.count }
    let floating = group.reduce(0) { $0 + demand.cells[$1].online.count } - own
    let left = max(cell.shared.count - ownOfShared(own, on: cell), 1)
    var contention = 0
    if own > 0 {
      let among = max(own - cell.wholeThreads, 0) * 1000 / own
      contention += (among + cell.load / left - cell.load / max(cell.shared.count, 1)) * own
    }
    if floating > 0 { contention += (cell.load + floating * 1000) / left * floating }
    return contention / demand.vcpus
  }

  /// What is measured weighs as much as what is merely promised could at worst, or nominal vcpus would outvote it.
  private func pressed(_ group: [Int], at index: Int) -> Int {
    let pressure = pressure(of: group, at: index)
    if pressure == 0 { return 0 }
    return pressure * crowding / 1000 * group.reduce(0) { $0 + demand.cells[$1].online.count } / demand.vcpus
  }

  /// How many of a guest's own CPUs come out of those that others share.
  private func ownOfShared(_ own: Int, on cell: CellRoom) -> Int {
    if own == 0 || cell.isolated.isEmpty { return own }
    return CoreChoice.shortfall(own, smt: demand.smt, from: cell.isolated) == nil ? 0 : own
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
    let own = group.reduce(0) { $0 + demand.cells[$1].dedicated.count }
    let floating = group.reduce(0) { $0 + demand.cells[$1].online.count } - own
    var parts: [String] = []
    if own > 0 {
      parts.append("\(own) of \(cell.dedicable.count) free pcpus, \(min(own, cell.wholeThreads)) on whole cores")
    }
    if floating > 0 {
      let load = Amounts.decimal(milli: cell.load + floating * 1000)
      parts.append("\(load) vcpus on \(max(cell.shared.count - ownOfShared(own, on: cell), 0)) shared pcpus")
    }
    let pressed = pressureWords(of: group, at: index).map { "; \($0)" } ?? ""
    return parts.isEmpty ? nil : "cell \(cell.id): \(parts.joined(separator: " and "))\(pressed)"
  }
}
