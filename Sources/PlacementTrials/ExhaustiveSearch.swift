package import PlacementEngine

/// The best place for a guest by a look at every host and every way to give guest cells cells of their own, in order.
///
/// It shares nothing with the engine but the weights of the mix and the worth of a number of guests: slots are counted
/// guest by guest, and nothing is pruned or remembered.
package struct ExhaustiveSearch {
  /// By guest cell, the host's cells; nil when the guest fits nowhere.
  package private(set) var best: (host: Int, cells: [Int], cost: Int)?
  private let demand: SlotDemand
  private let measure: AvailableSpace

  package init(_ demand: SlotDemand, on hosts: [[CellSpace]], _ measure: AvailableSpace) {
    self.demand = demand
    self.measure = measure
    for (host, free) in hosts.enumerated() { search(host, free, [], worth: worth(free)) }
  }

  private mutating func search(_ host: Int, _ free: [CellSpace], _ chosen: [Int], worth: Int) {
    guard chosen.count < demand.cells.count else {
      var after = free
      for (cell, need) in zip(chosen, demand.cells) { after[cell] = after[cell] - need }
      let empty = measure.emptiness * free.reduce(0) { $0 + $1.cpus }
      let cost = max(worth + empty - self.worth(after), 0)
      if cost < best?.cost ?? .max { best = (host, chosen, cost) }
      return
    }
    let need = demand.cells[chosen.count]
    for cell in free.indices where !chosen.contains(cell) {
      if free[cell].cpus >= need.cpus, free[cell].memory >= need.memory {
        search(host, free, chosen + [cell], worth: worth)
      }
    }
  }

  private func worth(_ free: [CellSpace]) -> Int {
    var sum = 0
    for (index, entry) in measure.entries.enumerated() {
      // Guests are taken off one by one, each from the cells with the most slots left.
      var left = free.map { min($0.cpus / entry.cell.cpus, $0.memory / entry.cell.memory) }.sorted(by: >)
      var count = 0
      while entry.cells <= left.count, left[entry.cells - 1] > 0 {
        for cell in 0..<entry.cells { left[cell] -= 1 }
        left.sort(by: >)
        count += 1
      }
      sum += measure.value(of: count, entry: index)
    }
    return sum
  }
}
