import Fleet
import NUMA

/// `plan list`: one line a plan.
struct PlanTable {
  let plans: [Plan]

  var text: String {
    var table = Table(">PLAN", ">PARENT", "STATE", "PURPOSE", ">WAVES", ">MOVES", ">COPY", ">NOT MOVED", "MADE")
    for plan in plans {
      let copy = plan.moves.reduce(KiB(0)) { $0 + $1.copy }
      table.add(
        "\(plan.id)", "\(plan.parent)", plan.state.rawValue, plan.purpose, "\(plan.waves.count)",
        "\(plan.moves.count)", "\(copy)", "\(plan.unmoved.count)", "\(Moment(wallMilliseconds: plan.wallMilliseconds))")
    }
    return table.text(empty: "there is no plan; `numafleet plan repair` makes one")
  }
}

/// `plan show`: every move with its reason.
struct PlanText {
  let plan: Plan
  /// Whether each move's explanation is printed.
  var explained = false
  /// A plan that was only looked at has no number.
  private var isKept: Bool { plan.id > 0 }

  var text: String {
    let copy = plan.moves.reduce(KiB(0)) { $0 + $1.copy }
    let moves =
      plan.moves.isEmpty
      ? "none"
      : "\(plan.moves.count) in \(plan.waves.count) \(plan.waves.count == 1 ? "wave" : "waves"), \(copy) to copy"
    var parts = [
      fields([
        ("plan", isKept ? "\(plan.id) (parent \(plan.parent))" : "not kept"), ("purpose", plan.purpose),
        ("state", state),
        ("made", "\(Moment(wallMilliseconds: plan.wallMilliseconds))"), ("moves", moves),
      ])
    ]
    for (index, wave) in plan.waves.enumerated() {
      parts.append("wave \(index + 1):\n" + wave.moves.map { Self.text(of: $0, explained) }.joined(separator: "\n"))
    }
    if !plan.unmoved.isEmpty {
      let lines = plan.unmoved.map { printable("  \($0.guestName) on \($0.host): \($0.reason)") }
      parts.append("not moved:\n" + lines.joined(separator: "\n"))
    }
    if plan.state == .proposed, !plan.moves.isEmpty {
      parts.append(
        isKept
          ? "\(plan.wavesDone == nil ? "carry it out" : "go on") with: numafleet plan apply \(plan.id)"
          : "nothing was changed, and the plan is not kept")
    }
    return parts.joined(separator: "\n\n")
  }

  private var state: String {
    guard let done = plan.wavesDone else { return plan.state.rawValue }
    return "\(plan.state.rawValue), \(done) of \(plan.waves.count) waves are done"
  }

  private static func text(of move: Move, _ explained: Bool) -> String {
    let from = move.from.map { "\($0.guestCell):\($0.cell)" }.joined(separator: " ")
    let to = move.placement.cells.map { "\($0.guestCell):\($0.cell)" }.joined(separator: " ")
    var lines = [
      printable(
        "  \(move.guestName) on \(move.host)\(move.isMigration ? " to host \(move.placement.host)" : ""): "
          + "guest cell:node \(from.isEmpty ? "unknown" : from) -> \(to), "
          + "\(move.copy) to copy"
      ),
      printable("    why: \(move.reason)"),
      printable("    cost: \(Self.cost(of: move))"),
      printable("    movability: \(move.movability.class.rawValue), \(move.movability.reason)"),
      printable("    pinning: \(PinningWords(move.placement.pinning).line)"),
    ]
    if let gain = move.gain {
      let terms = gain.map { "\($0.name) \($0.value > 0 ? "+" : "")\($0.value)" }
      lines.insert("    gain: \(terms.joined(separator: ", "))", at: 3)
    }
    if move.isMigration { lines.append(printable("    claim: \(Self.claim(of: move))")) }
    if explained, let explanation = move.explanation {
      lines.append(ExplanationText(explanation: explanation).text.indented(4))
    }
    return lines.joined(separator: "\n")
  }

  /// How long it takes by the rate of earlier moves, and what may go wrong.
  private static func cost(of move: Move) -> String {
    let time = move.copy == 0 ? "" : move.seconds.map { ", about \($0) s" } ?? ", no rate was measured yet"
    let risk =
      switch move.risk {
      case .pinsOnly: "only threads are pinned"
      case .copiesMemory: "memory is copied while it runs"
      case .changesHost: "it stands still for the last of the copy"
      }
    return "\(move.copy)\(time); \(risk)"
  }

  /// What is reserved on the other host from the job's beginning until the guest is seen there.
  private static func claim(of move: Move) -> String {
    let own = move.placement.dedicated
    let nodes = NodeSet(move.placement.pinning.memory.map(\.cell))
    return "\(own.isEmpty ? "no cpus" : "cpus \(own)") for itself and \(move.copy) on node \(nodes) of host "
      + "\(move.placement.host), until it is seen there"
  }
}
