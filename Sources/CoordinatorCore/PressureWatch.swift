import Fleet

/// Which cells of one host have been pressed for how long.
///
/// A peak is no reason to move a guest: a cell must be pressed in each of the reports that come in
/// `lastingMilliseconds`, and the time after a move, in which it is seen what that brought, does not count.
struct PressureWatch: Sendable, Hashable {
  /// Ascending by cell.
  private var spells: [Spell] = []
  /// No report before this counts.
  private var notBefore: Instant?

  /// A cell that was pressed in all reports since a moment.
  private struct Spell: Sendable, Hashable {
    var cell: Int
    var since: Instant
    /// Since when it lasts; nil while it may be a peak.
    var toldAt: Instant?
  }

  /// More than what one busy percent is averaged over, less than two of the reports that agents make by themselves.
  static let lastingMilliseconds = 20_000
  /// A cell that stays pressed is told again: a cell that could help it may have come to have less to do.
  static let againMilliseconds = 600_000

  /// Cells that are pressed, ascending, whether that lasts or not.
  var cells: [Int] { spells.map(\.cell) }

  /// Whether a cell is pressed and not only for a peak.
  func lasts(_ cell: Int) -> Bool { spells.contains { $0.cell == cell && $0.toldAt != nil } }

  /// Takes the pressed cells of one more report; those of them that are to be told, in their order.
  mutating func judge(_ pressed: [PressedCell], now: Instant) -> [PressedCell] {
    let isLate = notBefore.map { now < $0 } ?? false
    spells = pressed.map { cell in
      var spell = spells.first { $0.cell == cell.cell } ?? Spell(cell: cell.cell, since: now)
      if isLate { (spell.since, spell.toldAt) = (now, nil) }
      return spell
    }.sorted { $0.cell < $1.cell }
    return pressed.filter { cell in
      guard let place = spells.firstIndex(where: { $0.cell == cell.cell }) else { return false }
      let (begin, pause) =
        spells[place].toldAt.map { ($0, Self.againMilliseconds) } ?? (spells[place].since, Self.lastingMilliseconds)
      guard now.milliseconds - begin.milliseconds >= pause else { return false }
      spells[place].toldAt = now
      return true
    }
  }

  /// A guest has moved: what was measured before, and what will be at once, tells nothing of the cells as they are now.
  mutating func restart(after milliseconds: Int, _ now: Instant) {
    notBefore = now.advanced(byMilliseconds: milliseconds)
    for index in spells.indices { spells[index].toldAt = nil }
  }
}
