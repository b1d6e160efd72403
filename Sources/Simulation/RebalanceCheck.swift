public import PlacementEngine

/// Judges the moves of a rebalance by making them one after another: each guest is where the move says, its new cells
/// have room while it still holds the old ones, and no more moves between hosts are made than are allowed. It shares no
/// code with what planned them.
public struct RebalanceVerdict: Sendable {
  public private(set) var violations: [String] = []
  /// What is free after the last move.
  public private(set) var free: [[CellSpace]]

  public init(of moves: [RebalancePlan.Move], in problem: RebalanceProblem) {
    free = problem.free
    var places = problem.guests.map { ($0.host, $0.cells) }
    var crossed = 0
    for (step, move) in moves.enumerated() {
      guard problem.guests.indices.contains(move.guest) else {
        violations.append("step \(step): there is no guest \(move.guest)")
        continue
      }
      let guest = problem.guests[move.guest]
      let (host, cells) = places[move.guest]
      if (move.fromHost, move.fromCells) != (host, cells) {
        violations.append("step \(step): guest \(move.guest) is on host \(host) cells \(cells)")
      }
      guard free.indices.contains(move.toHost), Set(move.toCells).count == guest.cells.count,
        move.toCells.count == guest.cells.count, move.toCells.allSatisfy({ free[move.toHost].indices.contains($0) })
      else {
        violations.append("step \(step): host \(move.toHost) has no cells \(move.toCells) for guest \(move.guest)")
        continue
      }
      if let refusal = Self.refusal(of: guest.freedom, from: host, to: move.toHost, problem.repins) {
        violations.append("step \(step): guest \(move.guest) \(refusal)")
      }
      if host == move.toHost, cells == move.toCells {
        violations.append("step \(step): guest \(move.guest) stays where it is")
      }
      if host != move.toHost { crossed += 1 }
      for cell in move.toCells {
        free[move.toHost][cell].cpus -= guest.need.cpus
        free[move.toHost][cell].memory -= guest.need.memory
        if free[move.toHost][cell].cpus < 0 || free[move.toHost][cell].memory < 0 {
          violations.append("step \(step): no room for guest \(move.guest) on host \(move.toHost) cell \(cell)")
        }
      }
      for cell in cells {
        free[host][cell].cpus += guest.need.cpus
        free[host][cell].memory += guest.need.memory
      }
      places[move.guest] = (move.toHost, move.toCells)
    }
    if crossed > problem.migrations {
      violations.append("\(crossed) moves between hosts where \(problem.migrations) are allowed")
    }
  }

  private static func refusal(
    of freedom: RebalanceProblem.Freedom, from: Int, to: Int, _ repins: Bool
  ) -> String? {
    if freedom == .fixed { return "may not be moved" }
    if from != to { return freedom == .withinHost ? "may not leave its host" : nil }
    return repins ? nil : "is moved within its host"
  }
}
