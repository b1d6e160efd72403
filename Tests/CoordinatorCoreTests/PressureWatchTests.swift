import Fleet
import Testing

@testable import CoordinatorCore

/// When a pressed cell is told.
@Suite struct PressureWatchTests {
  private var watch = PressureWatch()

  private func at(_ seconds: Int) -> Instant { Instant(milliseconds: seconds * 1000, wallMilliseconds: seconds * 1000) }

  /// A report at that second in which these cells are pressed; which of them are told.
  private mutating func report(_ second: Int, _ cells: [Int]) -> [Int] {
    let pressed = cells.map { PressedCell(cell: $0, pressure: 500, strain: .busy, amount: 95, words: "") }
    return watch.judge(pressed, now: at(second)).map(\.cell)
  }

  @Test mutating func aPeakIsNotTold() {
    #expect(report(0, [1]) == [] && report(19, [1]) == [], "reports of one look come in a row")
    #expect(watch.cells == [1] && !watch.lasts(1))
    #expect(report(30, []) == [] && report(60, [1]) == [] && report(70, [1]) == [], "it begins anew")
  }

  @Test mutating func whatLastsIsToldOnceAndAgainMuchLater() {
    #expect(report(0, [2, 1]) == [] && report(30, [2, 1]) == [2, 1] && watch.lasts(1))
    #expect(report(60, [2, 1]) == [] && report(629, [2, 1]) == [] && report(630, [2]) == [2])
    #expect(!watch.lasts(1) && watch.lasts(2))
  }

  @Test mutating func timeAfterAMoveDoesNotCount() {
    #expect(report(0, [1]) == [] && report(30, [1]) == [1])
    watch.restart(after: 60_000, at(40))
    #expect(!watch.lasts(1))
    #expect(report(60, [1]) == [] && report(95, [1]) == [] && report(105, [1]) == [] && !watch.lasts(1))
    #expect(report(115, [1]) == [1])
  }
}
