/// Finds the cells of one host on which a guest costs least, of all ways to give its cells a cell of their own.
///
/// Depth first in order of guest and host cells, so that the first of equals is found first. Like guest cells go to
/// ascending host cells, host cells of one state are tried once, and a branch ends when what it lost so far and the
/// least that the rest can lose are no better than the best known. What a guest cell takes of the worth that its cell
/// has by itself is lost on any host (`CellStates`), whatever the other guest cells take.
///
/// It keeps its memory from one search to the next, so that a search takes none.
struct ChoiceSearch: Sendable {
  /// In parts of `AvailableSpace.unit`, `CostRows.costMaximum` at most; `impossible` when the guest does not fit.
  private(set) var cost = CostRows.impossible
  private(set) var choice = CellChoice()
  /// Nodes looked at in the last search.
  private(set) var steps = 0

  private var cells = 0
  private var guestCells = 0
  /// Slots of each cell as the search goes.
  private var slots: [Lanes]
  private var states = [Int32](repeating: 0, count: CellChoice.hostCellsMaximum)
  /// By guest cell and cell: the state that the cell is in afterwards, -1 where it does not fit; and what that costs by
  /// itself.
  private var after: [Int32]
  private var own: [Int]
  /// By guest cell and cell: the part of `own` that is no loss of worth but contention.
  private var crowding: [Int]
  /// By guest cell: whether it is like the one before, and the least that those behind it can lose.
  private var isLike = [Bool](repeating: false, count: SlotDemand.cellsMaximum)
  private var rest = [Int](repeating: 0, count: SlotDemand.cellsMaximum)
  private var before = 0
  private var price = 0
  private var sureLoss = 0
  private var limit = 0
  /// Whether it pays to look at what a part of the guest takes together: only where there is much to choose from.
  private var looksAtParts = false
  /// Whether all guest cells are alike.
  private var isPlain = false
  /// A first answer, and what it costs.
  private var isGreeted = false
  private var greeting = CellChoice()
  private var greetingCost = 0
  private var taken: UInt32 = 0
  private var current = CellChoice()

  /// Nodes after which a search takes the best that it has.
  static let stepsMaximum = 2048

  init() {
    slots = Array(repeating: .zero, count: CellChoice.hostCellsMaximum * AvailableSpace.blockCount)
    after = Array(repeating: -1, count: SlotDemand.cellsMaximum * CellChoice.hostCellsMaximum)
    own = Array(repeating: 0, count: SlotDemand.cellsMaximum * CellChoice.hostCellsMaximum)
    crowding = own
  }

  /// Searches the host whose cells are in these states for the guest of a column.
  mutating func run(
    _ columns: borrowing Columns, _ column: Int, on hostCells: Range<Int>, of fleet: borrowing [Int32],
    _ known: inout CellStates, _ measure: borrowing AvailableSpace
  ) {
    (cost, choice, steps, taken) = (CostRows.impossible, CellChoice(), 0, 0)
    // Nothing of a wider guest's cells may stay in the answer.
    current = CellChoice()
    (cells, guestCells) = (hostCells.count, columns.cellCounts[column / CostRows.columnsPerBlock])
    guard guestCells <= cells else { return }
    price = 0
    sureLoss = columns.sureLoss(column)
    for cell in 0..<cells {
      let state = fleet[hostCells.lowerBound + cell]
      states[cell] = state
      known.prepare(state, for: columns.demands, measure)
      known.copySlots(of: state, to: &slots, cell: cell)
      price += known.price(state)
    }
    isPlain = columns.arePlain[column]
    if !(isPlain && prepare(column, known)) {
      guard let demand = columns.demands[column] else { return }
      prepare(demand, &known, measure)
    }
    guard addUp() else { return }
    before = measure.worth(of: slots, cells: cells)
    // However much a guest costs, it fits; only what is stored has a maximum.
    limit = .max >> 1
    looksAtParts = guestCells > 2 && guestCells + 1 < cells
    isGreeted = false
    if guestCells < cells { greet(known, measure) }
    descend(0, own: 0, crowded: 0, known, measure)
    if cost == CostRows.impossible, isGreeted {
      (cost, choice) = (Int32(min(greetingCost, CostRows.costMaximum)), greeting)
    }
  }

  /// Looks up what guest cells that are all alike would do to each cell; false when not all is known.
  private mutating func prepare(_ column: Int, _ known: borrowing CellStates) -> Bool {
    for cell in 0..<cells {
      guard let step = known.step(from: states[cell], by: column) else { return false }
      var at = cell
      for guestCell in 0..<guestCells {
        (after[at], own[at], crowding[at]) = (step.after, step.loss, 0)
        isLike[guestCell] = guestCell > 0
        at += CellChoice.hostCellsMaximum
      }
    }
    return true
  }

  /// Works out what each guest cell would do to each cell.
  private mutating func prepare(
    _ demand: borrowing SlotDemand, _ known: inout CellStates, _ measure: borrowing AvailableSpace
  ) {
    let stride = CellChoice.hostCellsMaximum
    for guestCell in 0..<guestCells {
      let need = demand.cells[guestCell]
      isLike[guestCell] = guestCell > 0 && demand.cells[guestCell - 1] == need
      for cell in 0..<cells {
        let at = guestCell * stride + cell
        if isLike[guestCell] {
          (after[at], own[at], crowding[at]) = (after[at - stride], own[at - stride], crowding[at - stride])
        } else if cell > 0, states[cell] == states[cell - 1] {
          (after[at], own[at], crowding[at]) = (after[at - 1], own[at - 1], crowding[at - 1])
        } else {
          let space = known[states[cell]]
          after[at] = space.holds(need) ? known.number(of: space - need, measure) : -1
          if after[at] >= 0 {
            crowding[at] = measure.crowding(of: space, by: need, in: demand)
            own[at] = known.ownLoss(from: states[cell], to: after[at]) + crowding[at]
          }
        }
      }
    }
  }

  /// Adds up the least that the guest cells behind each can lose; false when one of them fits nowhere.
  private mutating func addUp() -> Bool {
    var sum = 0
    for guestCell in (0..<guestCells).reversed() {
      var least = Int.max
      for at in (guestCell * CellChoice.hostCellsMaximum)..<(guestCell * CellChoice.hostCellsMaximum + cells)
      where after[at] >= 0 {
        least = min(least, own[at])
      }
      if least == Int.max { return false }
      rest[guestCell] = sum
      sum += least
    }
    return true
  }

  /// A first answer by taking the cell of least own loss for each guest cell in turn, so that the search ends branches
  /// early. It only sets the limit: the search still finds the first of equals.
  private mutating func greet(_ known: borrowing CellStates, _ measure: borrowing AvailableSpace) {
    var chosen: UInt32 = 0
    var crowded = 0
    greeting = CellChoice()
    for guestCell in 0..<guestCells {
      let row = guestCell * CellChoice.hostCellsMaximum
      var best = -1
      for cell in 0..<cells where chosen >> UInt32(cell) & 1 == 0 {
        guard after[row + cell] >= 0 else { continue }
        if best < 0 || own[row + cell] < own[row + best] { best = cell }
      }
      guard best >= 0 else { break }
      chosen |= 1 << UInt32(best)
      greeting[guestCell] = best
      crowded += crowding[row + best]
      known.copySlots(of: after[row + best], to: &slots, cell: best)
    }
    if chosen.nonzeroBitCount == guestCells {
      isGreeted = true
      greetingCost = before - measure.worth(of: slots, cells: cells) + crowded + price
      limit = min(limit, greetingCost + 1)
    }
    // The search gives like guest cells ascending cells.
    if isPlain {
      var rest = chosen
      for guestCell in 0..<guestCells {
        greeting[guestCell] = rest.trailingZeroBitCount & 15
        rest &= rest &- 1
      }
    }
    for cell in 0..<cells where chosen >> UInt32(cell) & 1 == 1 {
      known.copySlots(of: states[cell], to: &slots, cell: cell)
    }
  }

  private mutating func descend(
    _ guestCell: Int, own lost: Int, crowded: Int, _ known: borrowing CellStates, _ measure: borrowing AvailableSpace
  ) {
    let first = isLike[guestCell] ? current[guestCell - 1] + 1 : 0
    guard first < cells else { return }
    let isLast = guestCell + 1 == guestCells
    for cell in first..<cells where taken >> UInt32(cell) & 1 == 0 {
      let at = guestCell * CellChoice.hostCellsMaximum + cell
      if after[at] < 0 || price + sureLoss + lost + own[at] + rest[guestCell] >= limit || hasTwin(cell, from: first) {
        continue
      }
      if steps >= Self.stepsMaximum, cost < CostRows.impossible || isGreeted { return }
      steps += 1
      current[guestCell] = cell
      if isLast, isGreeted, current == greeting {
        if greetingCost < limit { settle(greetingCost) }
        continue
      }
      known.copySlots(of: after[at], to: &slots, cell: cell)
      let worse = crowded + crowding[at]
      let loss =
        isLast || looksAtParts
        ? before - measure.worth(of: slots, cells: cells) + worse : lost + own[at] + sureLoss
      if price + loss + rest[guestCell] < limit {
        if isLast {
          settle(price + loss)
        } else {
          taken |= 1 << UInt32(cell)
          descend(guestCell + 1, own: lost + own[at], crowded: worse, known, measure)
          taken &= ~(1 << UInt32(cell))
        }
      }
      known.copySlots(of: states[cell], to: &slots, cell: cell)
    }
  }

  /// The present choice is the best so far.
  private mutating func settle(_ cost: Int) {
    self.cost = Int32(min(cost, CostRows.costMaximum))
    (limit, choice) = (cost, current)
  }

  /// Whether a free cell of the same state was tried for this guest cell already.
  private func hasTwin(_ cell: Int, from first: Int) -> Bool {
    for other in first..<cell where taken >> UInt32(other) & 1 == 0 && states[other] == states[cell] { return true }
    return false
  }
}
