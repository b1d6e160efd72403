import NUMA

/// What is the same and needs to be tried only once.
///
/// Exchanging two host cells of a class, or two twins among the guest cells, turns every assignment into another of
/// the same cost; the assignment that comes first in order survives both rules, so the search stays exact.
extension CellSearch {
  /// For each host cell the lowest one that it can be exchanged with.
  static func hostClasses(_ table: FitTable) -> [Int] {
    let count = table.room.cells.count
    var classes: [Int] = []
    for cell in 0..<count {
      let match = (0..<cell).first { classes[$0] == $0 && isExchangeable($0, cell, table) }
      classes.append(match ?? cell)
    }
    return classes
  }

  private static func isExchangeable(_ a: Int, _ b: Int, _ table: FitTable) -> Bool {
    let count = table.room.cells.count
    for guestCell in table.demand.cells.indices {
      let row = guestCell * count
      if table.single[row + a] != table.single[row + b] { return false }
      let resident = table.demand.cells[guestCell].resident
      if !resident.isEmpty, resident[a] != resident[b] { return false }
    }
    if let running = table.demand.running, running.homes.contains(a) || running.homes.contains(b) { return false }
    if let worth = table.worth, worth.spaces[a] != worth.spaces[b] { return false }
    if table.demand.sharing {
      let (one, other) = (table.room.cells[a], table.room.cells[b])
      // What several guest cells bring may be too much for one cell and not for the other, although each alone is not.
      if !one.equals(other) || (table.demand.use != HostStrain.Use() && one.strain != other.strain) { return false }
    }
    guard !table.pair.isEmpty else { return true }
    return (0..<count).allSatisfy {
      $0 == a || $0 == b || table.pair[a * count + $0] == table.pair[b * count + $0]
    }
  }

  /// For each guest cell the nearest earlier one that it can be exchanged with.
  static func twins(_ table: FitTable) -> [Int?] {
    let demand = table.demand
    let count = table.room.cells.count
    return demand.cells.indices.map { index in
      (0..<index).last { other in
        let (a, b) = (demand.cells[other], demand.cells[index])
        // The first guest cell carries emulator and devices; a guest cell with memory somewhere differs from the rest.
        if other == 0, demand.emulatorPCPUs > 0 || !demand.near.isEmpty { return false }
        if demand.running != nil, a.resident != b.resident { return false }
        if let running = demand.running, running.homes[other] != running.homes[index] { return false }
        return a.online.count == b.online.count && a.dedicated.count == b.dedicated.count && a.memory == b.memory
          && table.single[(other * count)..<(other * count + count)].elementsEqual(
            table.single[(index * count)..<(index * count + count)])
      }
    }
  }

  /// The cheapest distance between two different host cells.
  static func nearestPair(_ table: FitTable) -> Int {
    guard !table.pair.isEmpty else { return 0 }
    let count = table.room.cells.count
    var least = FitTable.misfit
    for a in 0..<count { for b in 0..<a { least = min(least, table.pair[a * count + b]) } }
    return least == FitTable.misfit ? 0 : least
  }
}
