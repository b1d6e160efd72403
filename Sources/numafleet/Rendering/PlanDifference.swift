import Fleet
import NUMA

/// What one plan does otherwise than another: guests by id, in the order of their moves.
struct PlanDifference: Encodable {
  struct Change: Encodable {
    let from: Move
    let to: Move
  }

  let from: PlanID
  let to: PlanID
  let removed: [Move]
  let added: [Move]
  let changed: [Change]

  init(_ old: Plan, _ new: Plan) {
    from = old.id
    to = new.id
    // Where a guest ends is what counts, by however many moves.
    let before = Self.last(of: old)
    let after = Self.last(of: new)
    removed = before.filter { move in !after.contains { $0.guest == move.guest } }
    added = after.filter { move in !before.contains { $0.guest == move.guest } }
    changed = after.compactMap { move in
      before.first { $0.guest == move.guest && !$0.endsLike(move) }.map { Change(from: $0, to: move) }
    }
  }

  private static func last(of plan: Plan) -> [Move] {
    let moves = plan.moves
    return moves.indices.filter { index in !moves[(index + 1)...].contains { $0.guest == moves[index].guest } }
      .map { moves[$0] }
  }

  var text: String {
    var lines = removed.map { "- \($0.guestName) on \($0.host): \($0.end)" }
    lines += added.map { "+ \($0.guestName) on \($0.host): \($0.end)" }
    lines += changed.map { "~ \($0.to.guestName) on \($0.to.host): \($0.to.end), not \($0.from.end)" }
    if lines.isEmpty { return "plans \(from) and \(to) move the same guests to the same places" }
    return lines.map(printable).joined(separator: "\n")
  }
}

extension Move {
  fileprivate func endsLike(_ other: Move) -> Bool {
    placement.host == other.placement.host && placement.cells == other.placement.cells
      && placement.pinning == other.placement.pinning
  }

  /// Where the guest ends, in words.
  fileprivate var end: String {
    let nodes = placement.cells.map { "\($0.cell)" }.joined(separator: ",")
    return (isMigration ? "host \(placement.host), " : "") + "node \(nodes), \(PinningWords(placement.pinning).line)"
  }
}
