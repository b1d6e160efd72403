import Fleet
import NUMA

/// What one host is worth to the guests that the fleet gets, and what of it a demand would take: the fragmentation of
/// `FitTable`, by the measure of the index.
struct HostWorth {
  private let measure: AvailableSpace
  let spaces: [CellSpace]
  private let needs: [CellSpace]
  /// Slots of the host's cells as they are.
  private let slots: [Lanes]
  private let most: Lanes
  private let worth: Int
  /// What the host's free CPUs cost whoever comes.
  private let price: Int

  init(_ spaces: [CellSpace], _ needs: [CellSpace], _ measure: AvailableSpace) {
    self.measure = measure
    self.spaces = spaces
    self.needs = needs
    // Sums over the cells of a very wide host must not overflow either.
    most = Lanes(repeating: Int16(SlotBlock.slotsMaximum * CellChoice.hostCellsMaximum / max(spaces.count, 16)))
    slots = spaces.flatMap { [most] in Self.lanes($0, measure, most) }
    worth = measure.worth(of: slots, cells: spaces.count)
    price = spaces.reduce(0) { $0 + $1.cpus } * measure.emptiness
  }

  private static func lanes(_ space: CellSpace, _ measure: AvailableSpace, _ most: Lanes) -> [Lanes] {
    (0..<AvailableSpace.blockCount).map { block in
      let lanes = measure.slots(of: space, block: block)
      return lanes.replacing(with: most, where: lanes .> most)
    }
  }

  private func after(_ group: [Int], at cell: Int) -> CellSpace { group.reduce(spaces[cell]) { $0 - needs[$1] } }

  /// What guest cells together take of a cell's worth by itself; never more than they take of the host's.
  func ownLoss(of group: [Int], at cell: Int) -> Int {
    let left = Self.lanes(after(group, at: cell), measure, most)
    return (0..<AvailableSpace.blockCount).reduce(0) { sum, block in
      sum + measure.worth(ofCell: slots[cell * AvailableSpace.blockCount + block], block: block)
        - measure.worth(ofCell: left[block], block: block)
    }
  }

  /// What an assignment takes of the host's worth, with the price of a host that is rather empty.
  func loss(of cells: [Int]) -> Int {
    var left = slots
    for cell in spaces.indices {
      let group = cells.indices.filter { cells[$0] == cell }
      if group.isEmpty { continue }
      let lanes = Self.lanes(after(group, at: cell), measure, most)
      for block in lanes.indices { left[cell * AvailableSpace.blockCount + block] = lanes[block] }
    }
    return worth - measure.worth(of: left, cells: spaces.count) + price
  }
}
