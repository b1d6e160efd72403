import Fleet
import NUMA

/// Takes work off the pressed cells of one host: of each, as few guests as make a difference go to cells that have
/// less to do and still will have.
///
/// What a guest uses is only estimated (`HostStrain`), so a plan takes off little, and what it brought is measured
/// before more is. Nothing swings back: a guest goes only where it is better off by the engine's own score, which
/// judges its present cell with it and any other as it would be with it, and only to a cell that stays clear of the
/// limit.
struct HostRelief {
  private(set) var moves: [(move: Move, before: Footprint)] = []
  private(set) var unmoved: [UnmovedGuest] = []
  private var view: HostView
  private let policy: Policy
  private var handled: [GuestID]

  /// How much less than the pressed cell another must have to do now, in points of busy percent, or in percent.
  static let leastDifference = 20
  /// Guests of one cell that a plan moves where a single one makes no difference.
  static let movesMax = 4
  /// Guests of one cell for which a place is looked for.
  static let triesMax = 16

  init(_ view: HostView, policy: Policy, leaving: [GuestID]) {
    self.view = view
    self.policy = policy
    handled = leaving
  }

  /// Looks at each pressed cell once, the worst first.
  mutating func run(budget: inout Int) {
    for pressed in HostRoom(view, policy: policy).pressedCells { relieve(pressed, &budget) }
  }

  private mutating func relieve(_ pressed: PressedCell, _ budget: inout Int) {
    guard let index = view.topology.cells.firstIndex(where: { $0.id == pressed.cell }) else { return }
    let candidates = candidates(of: pressed, at: index)
    // In thousandths of the cell's shared CPUs, or MiB a second.
    var wanted = candidates.wanted
    var made = 0
    var refused: (candidate: Candidate, why: String)?
    var tries = 0
    for candidate in candidates.all where wanted > 0 && made < Self.movesMax && tries < Self.triesMax {
      if let why = candidate.stays {
        if refused.map({ candidate.use > $0.candidate.use }) ?? true { refused = (candidate, why) }
        continue
      }
      tries += 1
      switch place(candidate.guest, off: pressed, &budget) {
      case .move(let move):
        guard let footprint = Footprint(of: candidate.guest, on: view.topology) else { continue }
        moves.append((move, footprint))
        view = view.after(move, policy: policy)
        handled.append(candidate.guest.id)
        wanted -= candidate.use
        made += 1
      case .stays(let why):
        if refused.map({ candidate.use > $0.candidate.use }) ?? true { refused = (candidate, why) }
      }
    }
    guard made == 0, let (candidate, why) = refused else { return }
    unmoved.append(
      UnmovedGuest(
        guest: candidate.guest.id, guestName: candidate.guest.name, host: view.id,
        reason: "\(pressed.words), and \(why)"
      ))
  }

  private struct Candidate {
    let guest: Guest
    let use: Int
    let copy: Int
    /// Why it cannot go to another cell; nil where it can.
    let stays: String?
  }

  /// Those whose going alone makes a difference, cheapest to copy first; then the others, the busiest first.
  private func candidates(of pressed: PressedCell, at index: Int) -> (all: [Candidate], wanted: Int) {
    let running = view.guests.filter(\.isRunning).compactMap { guest in
      Footprint(of: guest, on: view.topology).map { (guest: guest, footprint: $0) }
    }
    let footprints = running.map(\.footprint)
    let host = HostStrain(of: view, footprints, without: nil)
    guard let host, let strain = host.cells[index] else { return ([], 0) }
    let whole = pressed.strain == .busy ? strain.shared * 1000 : strain.traffic ?? 0
    let wanted = max(whole * Relief.leastPercent / 100, 1)
    var found: [Candidate] = []
    for (guest, footprint) in running where guest.state == .running && !handled.contains(guest.id) {
      let uses = host.use(of: footprint, among: footprints, at: index, view.topology.cells[index])
      let use = pressed.strain == .busy ? uses.busy : uses.traffic
      guard use > 0 else { continue }
      let copy = view.topology.cells.indices.reduce(0) { $0 + footprint.resident(onCellAt: $1) }
      let homes = guest.boundedCells.indices.map { footprint.home(ofGuestCellAt: $0) }
      let (moves, _, reason) = Demand.memoryMoves(of: guest, homes: homes, policy: policy)
      let stays = "guest \(guest.name) stays: it is \(guest.movability.class.rawValue), because \(reason)"
      found.append(Candidate(guest: guest, use: use, copy: copy, stays: moves ? nil : stays))
    }
    func rank(_ candidate: Candidate) -> [Int] {
      candidate.use >= wanted ? [0, candidate.copy, -candidate.use] : [1, -candidate.use, candidate.copy]
    }
    found.sort { a, b in
      let (left, right) = (rank(a), rank(b))
      return left == right ? a.guest.id < b.guest.id : left.lexicographicallyPrecedes(right)
    }
    return (found, wanted)
  }

  private enum Answer {
    case move(Move)
    case stays(String)
  }

  private func place(_ guest: Guest, off pressed: PressedCell, _ budget: inout Int) -> Answer {
    var placer = Placer(policy: policy)
    placer.update(view)
    let found = placer.replaceCounting(guest, on: view.id, cells: nil, explain: true, budget: max(budget, 1))
    budget = max(budget - found.steps, 0)
    guard let placement = found.decision.placement else {
      return .stays(found.decision.refusal?.description ?? "it was refused")
    }
    guard !placement.cells.contains(where: { $0.cell == pressed.cell }) else {
      return .stays("guest \(guest.name) is best off where it is, for no other cell would be better with it")
    }
    guard let present = found.present, present.reduce(0, { $0 + $1.value }) > placement.score else {
      return .stays("guest \(guest.name) gains nothing elsewhere")
    }
    var move = Move(
      guest, on: view, to: placement, instead: found.present, reason: "pressedCell: \(pressed.words)",
      explanation: found.decision.explanation)
    let cells = NodeSet(placement.cells.map(\.cell)).members
    if let busy = cells.first(where: { !isClear($0, of: pressed, after: move) }) {
      return .stays("cell \(busy) has too much to do for guest \(guest.name) to be better off there")
    }
    move.relief = Relief(cell: pressed.cell, strain: pressed.strain, before: pressed.amount)
    return .move(move)
  }

  /// Whether a cell has clearly less to do than the pressed one, and is not pressed with the guest.
  private func isClear(_ cell: Int, of pressed: PressedCell, after move: Move) -> Bool {
    let now = HostRoom(view, policy: policy)
    let then = HostRoom(view.after(move, policy: policy), policy: policy)
    guard let index = now.index(ofCell: cell), let before = now.cells[index].strain,
      let after = then.cells[index].strain, let amount = before.amount(pressed.strain)
    else { return false }
    let limit =
      switch pressed.strain {
      case .busy: pressed.amount - Self.leastDifference
      case .bandwidth: pressed.amount * (100 - Self.leastDifference) / 100
      }
    return amount <= limit && then.limits.pressure(of: after) == 0
  }
}
