/// What one guest costs on each host, kept up to date as hosts change, and by state what has been worked out.
struct CostColumn: Sendable {
  let demand: SlotDemand
  /// By state: cost, `unknown` until somebody asks.
  private var costs: [Int32] = []
  private var choices: [CellChoice] = []
  private(set) var tournament = Tournament([])
  /// How much of the index's journal is in the tournament.
  private(set) var seen = Int.min

  private static let unknown: Int32 = -1

  init(_ demand: SlotDemand) { self.demand = demand }

  /// The cells chosen on a host of that state, whose cost is known.
  func choice(in state: Int) -> CellChoice { choices[state] }

  /// Takes in what changed: `journal` lists hosts whose state is new, the first of them at position `start`.
  mutating func catchUp(hosts: [Int32], journal: [Int32], start: Int, states: CellLists, measure: AvailableSpace) {
    let end = start + journal.count
    if seen < start {
      tournament = Tournament(hosts.map { cost(in: Int($0), states, measure) })
    } else {
      for host in journal[(seen - start)...] {
        tournament.set(Int(host), cost(in: Int(hosts[Int(host)]), states, measure))
      }
    }
    seen = end
  }

  /// The journal begins anew at 0; what is in the tournament stays if all of the old one is.
  mutating func forgetJournal(upTo end: Int) { seen = seen == end ? 0 : Int.min }

  /// States have new numbers: `origins` are the old ones of those that are left.
  mutating func renumber(_ origins: [Int32]) {
    let known = origins.map { Int($0) }
    choices = known.map { $0 < costs.count ? choices[$0] : CellChoice() }
    costs = known.map { $0 < costs.count ? costs[$0] : Self.unknown }
  }

  mutating func cost(in state: Int, _ states: CellLists, _ measure: AvailableSpace) -> Int32 {
    if state >= costs.count {
      let more = states.count - costs.count
      costs.append(contentsOf: repeatElement(Self.unknown, count: more))
      choices.append(contentsOf: repeatElement(CellChoice(), count: more))
    }
    if costs[state] == Self.unknown {
      var search = ChoiceSearch(demand, on: Array(states[state]), by: measure)
      search.run()
      costs[state] = search.cost
      choices[state] = search.choice
    }
    return costs[state]
  }
}

/// The cells of one host on which a guest costs least, of all ways to give guest cells a cell of their own; like guest
/// cells, and like host cells, are told apart only once.
struct ChoiceSearch {
  private let demand: SlotDemand
  private let measure: AvailableSpace
  private var cells: [CellSpace]
  private let before: Int
  private var current = CellChoice()
  private var taken: UInt32 = 0
  private var stepsLeft = 4096
  private(set) var cost = Tournament.impossible
  private(set) var choice = CellChoice()

  init(_ demand: SlotDemand, on cells: [CellSpace], by measure: AvailableSpace) {
    self.demand = demand
    self.measure = measure
    self.cells = cells
    before = measure.worth(of: cells) + AvailableSpace.emptiness * cells.reduce(0) { $0 + $1.cpus }
  }

  mutating func run() { place(0) }

  private mutating func place(_ guestCell: Int) {
    if guestCell == demand.cells.count {
      let loss = before - measure.worth(of: cells)
      let bounded = Int32(clamping: min(max(loss, 0), Int(Tournament.impossible) - 1))
      if bounded < cost { (cost, choice) = (bounded, current) }
      return
    }
    let need = demand.cells[guestCell]
    let isLikePrevious = guestCell > 0 && demand.cells[guestCell - 1] == need
    let first = isLikePrevious ? current[guestCell - 1] + 1 : 0
    guard first < cells.count else { return }
    for cell in first..<cells.count where taken >> UInt32(cell) & 1 == 0 && cells[cell].holds(need) {
      if stepsLeft <= 0, cost < Tournament.impossible { return }
      if hasLikeBefore(cell, from: first) { continue }
      stepsLeft -= 1
      cells[cell] = cells[cell] - need
      taken |= 1 << UInt32(cell)
      current[guestCell] = cell
      place(guestCell + 1)
      taken &= ~(1 << UInt32(cell))
      cells[cell] = cells[cell] + need
    }
  }

  /// Whether a free cell with the same room was tried for this guest cell already.
  private func hasLikeBefore(_ cell: Int, from first: Int) -> Bool {
    for other in first..<cell where taken >> UInt32(other) & 1 == 0 && cells[other] == cells[cell] { return true }
    return false
  }
}
