import Fleet
import NUMA
import PlacementEngine

/// Cells with more to do than they can are a reason for automation to look at their host.
extension Coordinator {
  /// Looks at the load of a report that was just taken in; whether other cells are pressed than before.
  mutating func feelPressure(_ index: Int, _ now: Instant) -> Bool {
    let before = hosts[index].pressure.cells
    let pressed = placer.pressedCells(of: hosts[index].id)
    let told = hosts[index].pressure.judge(pressed, now: now)
    if let first = told.first { disturb(index, first.words, now) }
    return hosts[index].pressure.cells != before
  }

  /// A plan without the moves that relieve cells which may be pressed for a moment only, and whose they are.
  func withoutPeaks(_ plan: Plan, on index: Int) -> (plan: Plan, held: [UnmovedGuest]) {
    var settled = plan
    var held: [UnmovedGuest] = []
    for wave in settled.waves.indices {
      settled.waves[wave].moves.removeAll { move in
        guard let relief = move.relief, !hosts[index].pressure.lasts(relief.cell) else { return false }
        held.append(move.left("\(relief.words), and that may be a peak"))
        return true
      }
    }
    settled.waves.removeAll(where: \.moves.isEmpty)
    return (settled, held)
  }
}
