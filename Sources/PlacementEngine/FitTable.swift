import Fleet
import NUMA

/// Which guest cell fits which cell of one host, and what it costs there: all that the search needs to know.
///
/// Costs are weighted integers. The cost of an assignment is the sum over host cells of the cost of the guest cells put
/// there together, over pairs of guest cells of the distance between their host cells, and what the whole host loses
/// for other guests beyond what its cells lose each by itself.
struct FitTable {
  let demand: Demand
  let room: HostRoom
  let weights: Weights
  /// What the host is worth to other guests.
  let worth: HostWorth?
  /// Thousandths of floating vcpus that each shared pcpu may carry.
  let crowding: Int
  /// Ids of host cells that are near all devices asked for; nil when any is.
  let deviceCells: NodeSet?
  /// Cost of each guest cell alone on each host cell, row by guest cell; `FitTable.misfit` where it does not fit.
  private(set) var single: [Int] = []
  /// Weighted cost of the distance between the guest cells of one pair, by their host cells, symmetric.
  let pair: [Int]

  /// Costs more than anything that fits.
  static let misfit = Int.max
  /// A move of all memory costs as much locality as this many thousandths: only a real gain pays for it.
  static let copyMilli = 260
  /// A thousandth of contention or locality in the parts that fragmentation is counted in: the room of one average
  /// guest of the fleet weighs as much as a tenth of a CPU's load, or of a step to a cell at distance 20.
  static let thousandth = AvailableSpace.unit / 100

  /// Without a measure it tells only what fits.
  init(_ demand: Demand, on room: HostRoom, policy: Policy, measure: AvailableSpace?, deviceCells: NodeSet?) {
    self.demand = demand
    self.room = room
    self.deviceCells = deviceCells
    crowding = policy.crowding
    let weights = policy.boundedWeights
    self.weights = weights
    worth = measure.map { HostWorth(room.spaces(policy), demand.needs(policy), $0) }
    let count = room.cells.count
    let pairs = demand.cells.count * (demand.cells.count - 1) / 2
    var pair = [Int](repeating: 0, count: pairs > 0 ? count * count : 0)
    if pairs > 0, measure != nil {
      for a in 0..<count {
        for b in 0..<count where a != b {
          pair[a * count + b] =
            weights.locality * Self.thousandth * Self.distanceMilli(room.bothWays(a, b), pairs: pairs)
        }
      }
    }
    self.pair = pair
    single = [Int](repeating: Self.misfit, count: demand.cells.count * count)
    for guestCell in demand.cells.indices {
      for cell in room.cells.indices {
        if measure == nil {
          if shortfall(of: [guestCell], at: cell) == nil { single[guestCell * count + cell] = 0 }
        } else if let cost = cost(of: [guestCell], at: cell) {
          single[guestCell * count + cell] = cost
        }
      }
    }
  }

  /// Thousandths of locality lost by one pair: 1000 for cells at distance 20 when there is but one pair.
  static func distanceMilli(_ bothWays: Int, pairs: Int) -> Int { max(bothWays - 20, 0) * 50 / pairs }

  /// The weighted cost of guest cells together on one host cell; nil where they do not fit.
  func cost(of group: [Int], at cell: Int) -> Int? {
    guard shortfall(of: group, at: cell) == nil else { return nil }
    let parts = costs(of: group, at: cell)
    return Self.thousandth * (weights.contention * parts.contention + weights.locality * parts.copy)
      + weights.fragmentation * parts.fragmentation
  }

  /// What an assignment takes of the host's worth beyond what its cells lose each by itself; 0 or more.
  func coupling(_ cells: [Int]) -> Int {
    guard let worth else { return 0 }
    var own = 0
    for cell in room.cells.indices {
      let group = cells.indices.filter { cells[$0] == cell }
      if !group.isEmpty { own += worth.ownLoss(of: group, at: cell) }
    }
    return weights.fragmentation * (worth.loss(of: cells) - own)
  }

  /// The weighted cost of a whole assignment of host cell indices in order of guest cells; nil where it does not fit.
  func cost(of cells: [Int]) -> Int? {
    guard demand.running?.canMovePages(to: cells) ?? true else { return nil }
    var sum = coupling(cells)
    for cell in room.cells.indices {
      let group = cells.indices.filter { cells[$0] == cell }
      guard !group.isEmpty else { continue }
      guard group.count == 1 || demand.sharing, let cost = cost(of: group, at: cell) else { return nil }
      sum += cost
    }
    for (index, a) in cells.enumerated() {
      for b in cells[(index + 1)...] { sum += pair.isEmpty ? 0 : pair[a * room.cells.count + b] }
    }
    return sum
  }
}

// MARK: - Matching

extension FitTable {
  /// How many guest cells can be placed on distinct host cells at once.
  func matched() -> Int { Self.matching(single, demand.cells.count, room.cells.count).count { $0 != nil } }

  /// The host cell of each guest cell in a matching of the most guest cells, by Kuhn's augmenting paths; `costs` are
  /// rows by guest cell, `misfit` where it does not fit.
  static func matching(_ costs: [Int], _ count: Int, _ cells: Int) -> [Int?] {
    var owner = [Int?](repeating: nil, count: cells)
    func place(_ guestCell: Int, _ seen: inout [Bool]) -> Bool {
      for cell in 0..<cells where !seen[cell] && costs[guestCell * cells + cell] != misfit {
        seen[cell] = true
        if owner[cell].map({ place($0, &seen) }) ?? true {
          owner[cell] = guestCell
          return true
        }
      }
      return false
    }
    for guestCell in 0..<count {
      var seen = [Bool](repeating: false, count: cells)
      _ = place(guestCell, &seen)
    }
    return (0..<count).map { guestCell in owner.firstIndex(of: guestCell) }
  }
}

// MARK: - Constraints

extension FitTable {
  /// The first constraint that guest cells together on one host cell do not meet.
  func shortfall(of group: [Int], at index: Int) -> Shortfall? {
    let cell = room.cells[index]
    for guestCell in group {
      if let fixed = demand.running?.fixed[guestCell], fixed != index {
        let stays = demand.running?.memoryMoves == false
        return Shortfall(stays ? .memoryStays : .notAsked, detail: stays ? demand.running?.memoryReason ?? "" : "")
      }
    }
    if let wanted = demand.wanted, group.contains(where: { wanted[$0] != cell.id }) { return Shortfall(.notAsked) }
    if group.contains(0), let deviceCells, !deviceCells.contains(cell.id) {
      return Shortfall(.deviceElsewhere, detail: demand.near.joined(separator: ", "))
    }
    // Where a running guest is or was sent by its operator, its groups have no say.
    let isFixed = group.contains { demand.running?.fixed[$0] == index || demand.running?.homes[$0] == index }
    if !isFixed, let barred = demand.limits?.shortfall(ofCell: cell.id, on: room) { return barred }
    return cpuShortfall(of: group, on: cell) ?? memoryShortfall(of: group, at: index)
  }

  private func cpuShortfall(of group: [Int], on cell: CellRoom) -> Shortfall? {
    let own = group.reduce(0) { $0 + demand.cells[$1].dedicated.count }
    let floating = group.reduce(0) { $0 + demand.cells[$1].online.count } - own
    let emulator = group.contains(0) ? demand.emulatorPCPUs : 0
    if own + floating + emulator == 0 { return nil }
    if cell.usable.isEmpty { return Shortfall(.noCPUs, need: own + floating) }
    var taken = 0
    if keepsPins(group, on: cell) {
      if floating == 0 { return nil }
      taken = own
    } else if own + emulator > 0 {
      let cores = cell.coresForOwn(own, smt: demand.smt)
      if let short = CoreChoice.shortfall(own, smt: demand.smt, from: cores) { return short }
      let chosen = CoreChoice(own, smt: demand.smt, from: cores, topology: room.view.topology)?.dedicated ?? []
      if chosen.count + emulator > cell.dedicable.count {
        return Shortfall(.dedicated, need: chosen.count + emulator, has: cell.dedicable.count)
      }
      taken = chosen.intersection(cell.shared).count + emulator
    }
    // Those who float here must find the CPUs that the policy promises them.
    let left = max(cell.shared.count - taken, 0)
    let spare = left * crowding - cell.confined
    // One vcpu alone on the last shared CPU could not be told from one that has it for itself.
    let isLone = floating == 1 && left == 1 && demand.hasOwnCPUs
    if spare >= floating * 1000 { return isLone ? Shortfall(.lone) : nil }
    if floating > 0 {
      return Shortfall(
        .shared, need: floating, has: max(spare, 0), detail: "left on \(left) shared pcpus at \(crowding / 10) %")
    }
    let needed = (cell.confined + crowding - 1) / crowding
    return Shortfall(.dedicated, need: taken, has: max(cell.shared.count - needed, 0))
  }

  private func memoryShortfall(of group: [Int], at index: Int) -> Shortfall? {
    let cell = room.cells[index]
    if let running = demand.running, !running.memoryMoves { return nil }
    let memory = group.reduce(0) { $0 + demand.cells[$1].memory }
    guard memory > 0 else { return nil }
    if !cell.hasMemory { return Shortfall(.noMemory, need: memory) }
    let isBase = room.isBase(demand.pageSize, at: index)
    let arriving = group.reduce(0) { $0 + demand.cells[$1].arriving(at: index, wholePages: !isBase) }
    if !isBase {
      let free = cell.free(demand.pageSize) ?? 0
      return free >= arriving ? nil : Shortfall(.pages, need: arriving, has: free, pageSize: demand.pageSize)
    }
    // Memory that is all there already stays even where too much has been promised; nothing gets worse by it.
    let stays = demand.running != nil && arriving == 0
    if !stays, cell.capacity < memory { return Shortfall(.capacity, need: memory, has: cell.capacity) }
    return cell.freeNow >= arriving ? nil : Shortfall(.freeNow, need: arriving, has: cell.freeNow)
  }

  /// Whether a running guest's own CPUs on this cell are still nobody else's, so that it may keep them.
  func keepsPins(_ group: [Int], on cell: CellRoom) -> Bool {
    guard let running = demand.running, !running.pins.isEmpty else { return false }
    let kept = CPUSet(running.pins.lazy.filter { $0.cpuset.isSubset(of: cell.dedicable) }.map(\.vcpu))
    let own = CPUSet(group.flatMap { demand.cells[$0].dedicated })
    return !own.isEmpty && own.isSubset(of: kept)
  }
}

extension HostRoom {
  /// Whether a page size is ordinary memory on a cell.
  func isBase(_ size: PageSize, at index: Int) -> Bool {
    size == .base || size == view.topology.cells[index].basePool
  }
}
