import PlacementEngine

/// How long it takes to count how many more guests of each shape fit, of like cells and of unlike ones.
struct CapacityTrial {
  let alike: Times
  let unlike: Times

  private static let rounds = 5

  init(_ index: FleetIndex, _ demands: [SlotDemand]) {
    alike = Self.times(index, demands)
    unlike = Self.times(index, demands.compactMap(Self.unlike))
  }

  private static func times(_ index: FleetIndex, _ demands: [SlotDemand]) -> Times {
    var times: [UInt64] = []
    for _ in 0..<rounds {
      for demand in demands {
        let begun = nanoseconds()
        _ = index.capacity(for: demand)
        times.append(nanoseconds() - begun)
      }
    }
    return Times(times)
  }

  /// A guest of the same size whose first cell takes a half more than the others; nil for guests of one cell.
  private static func unlike(_ demand: SlotDemand) -> SlotDemand? {
    guard demand.cells.count > 1 else { return nil }
    var cells = demand.cells
    cells[0] = CellSpace(cpus: cells[0].cpus * 3 / 2 + 1, memory: cells[0].memory * 3 / 2)
    return SlotDemand(cells: cells)
  }
}
