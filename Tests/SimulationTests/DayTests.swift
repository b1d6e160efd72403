import Fleet
import NUMA
import Simulation
import Testing

/// A small fleet for a day, and the judge of a day.
@Suite struct DayTests {
  /// Small and short, so the copy is fast and hands are many.
  private static let settings = DaySettings(
    hosts: 12, seed: 4, fillPercent: 80, hours: 3, copyPerSecond: KiB(gib: 1), handPerMille: 300)

  @Test func automationMovesGuestsAndBreaksNoRule() {
    let eve = DayEve(Self.settings)
    let off = FleetDay(eve, automation: false)
    let on = FleetDay(eve, automation: true)
    for day in [off, on] {
      #expect(day.verdict.violations.isEmpty, "\(day.verdict.violations.prefix(3))")
      #expect(day.verdict.returns == 0)
    }
    #expect(off.verdict.moves == 0 && off.verdict.repins == 0 && on.verdict.moves > 0 && on.verdict.copied > 0)
    #expect(on.verdict.changesOfOne <= Self.settings.policy.automation.movesPerGuest)
    #expect(off.counts.map(\.asked) == on.counts.map(\.asked))
    #expect(off.handRepins > 0)
    #expect(on.digest != off.digest)
  }

  /// In this process and, through the seed, in any other.
  @Test func theSameEveHasTheSameDay() {
    var settings = Self.settings
    settings.hours = 1
    let day = FleetDay(DayEve(settings), automation: true)
    #expect(day.verdict.moves + day.verdict.repins > 0)
    #expect(FleetDay(DayEve(settings), automation: true).digest == day.digest)
    settings.seed = 5
    #expect(FleetDay(DayEve(settings), automation: true).digest != day.digest)
  }

  /// During quiet hours that last all day nothing moves.
  @Test func quietHoursAndExceptionsHold() {
    var settings = Self.settings
    settings.hours = 2
    settings.policy.automation.quietHours = [QuietHours(begins: 0, ends: 0)]
    #expect(FleetDay(DayEve(settings), automation: true).verdict.moves == 0)
    settings.policy.automation.quietHours = []
    settings.policy.automation.exceptGuests = ["*"]
    #expect(FleetDay(DayEve(settings), automation: true).verdict.moves == 0)
  }

  // MARK: - The judge

  private static let limits = DayJudge.Limits(
    cpusPerCell: 4, cells: 2, memoryPerCell: KiB(gib: 8),
    rules: AutomationRules(residenceMinutes: 30, movesPerGuest: 2, copyPerMinute: KiB(gib: 4), concurrentMigrations: 1))

  private static func record(
    _ kind: DayRecord.Kind, _ minutes: Int, _ guest: Int, host: Int = 0, _ cpus: [Int] = [], _ cells: [Int] = [0],
    gib: Int = 1
  ) -> DayRecord {
    DayRecord(
      kind, at: minutes * 60_000, guest: guest, host: host, cpus: cpus, cells: cells, memoryPerCell: KiB(gib: gib),
      copy: KiB(gib: gib))
  }

  private static func move(
    _ guest: Int, at minutes: Int, for took: Int = 1, host: Int = 0, _ cpus: [Int], _ cells: [Int], gib: Int = 1
  ) -> [DayRecord] {
    [
      record(.moveBegan, minutes, guest, host: host, cpus, cells, gib: gib),
      record(.moveEnded, minutes + took, guest, host: host, cpus, cells, gib: gib),
    ]
  }

  private func judged(_ records: [DayRecord]) -> DayJudge {
    var judge = DayJudge(Self.limits, hosts: 2)
    for record in records { judge.see(record) }
    return judge
  }

  @Test func anHonestDayPasses() {
    let judge = judged(
      [Self.record(.arrived, 0, 1, [0, 1]), Self.record(.arrived, 0, 2, [2, 3])]
        + Self.move(1, at: 1, [4, 5], [1]) + [Self.record(.left, 5, 2)]
        + Self.move(1, at: 40, host: 1, [0, 1], [0]) + [Self.record(.repinned, 50, 1, host: 1, [4, 5], [0])]
        + [Self.record(.arrived, 51, 3, [0, 1, 2, 3], gib: 8)]
        // Emulators go elsewhere as often as they have to.
        + (52...60).flatMap { Self.move(1, at: $0, for: 0, host: 1, [4, 5], [0], gib: 0) })
    #expect(judge.violations.isEmpty, "\(judge.violations)")
    #expect(judge.moves == 2 && judge.migrations == 1 && judge.changesOfOne == 2 && judge.copied == KiB(gib: 2))
    #expect(judge.returns == 0 && judge.repins == 9)
  }

  /// Back on its old cell 29 min after it was taken off, and after 31; a way over another cell is no excuse.
  @Test func pingPongIsCounted() {
    let there = [Self.record(.arrived, 0, 1, [0, 1])] + Self.move(1, at: 0, [4, 5], [1])
    #expect(judged(there + Self.move(1, at: 29, [0, 1], [0])).returns == 1)
    #expect(judged(there + Self.move(1, at: 32, [0, 1], [0])).returns == 0)
    let around = there + Self.move(1, at: 10, host: 1, [0, 1], [0]) + Self.move(1, at: 20, [0, 1], [0])
    #expect(judged(around).returns == 1)
  }

  @Test(
    arguments: [
      ([record(.arrived, 0, 2, [1, 2])], "has CPU 1, which is guest 1's"),
      ([record(.arrived, 0, 2, [2, 3], gib: 8)], "has more memory than cell 0"),
      ([record(.arrived, 0, 2, [2, 2])], "has one CPU for two vcpus"),
      ([record(.arrived, 0, 2, [8])], "has a place that does not exist"),
      ([record(.arrived, 0, 2, host: 2, [1])], "has a place that does not exist"),
      ([record(.arrived, 0, 1, [2])], "is there already"), ([record(.left, 0, 9)], "is not there"),
      // Both places are its own while it moves.
      ([record(.moveBegan, 0, 1, [4, 5], [1]), record(.arrived, 0, 2, [5])], "has CPU 5, which is guest 1's"),
      ([record(.moveBegan, 0, 1, [4, 5], [1]), record(.arrived, 0, 2, [0])], "has CPU 0, which is guest 1's"),
      ([record(.moveBegan, 0, 1, [4, 5], [1]), record(.arrived, 0, 2, [6], [1], gib: 8)], "more memory than cell 1"),
      ([record(.moveBegan, 0, 1, [4, 5], [1]), record(.moveBegan, 1, 1, [6, 7], [1])], "is moving already"),
      ([record(.moveEnded, 0, 1, [4, 5], [1])], "ends a move that did not begin"),
      (move(1, at: 0, [4, 5], [1]) + move(1, at: 20, [6, 7], [1]), "is moved again after 19 min"),
      (
        move(1, at: 0, [4, 5], [1]) + move(1, at: 40, [0, 1], [0]) + move(1, at: 80, [4, 5], [1]),
        "is moved more often than moves_per_guest"
      ),
      (
        [
          record(.arrived, 0, 2, [2, 3], gib: 3), record(.moveBegan, 0, 2, [6, 7], [1], gib: 3),
          record(.moveBegan, 1, 1, [4, 5], [1], gib: 2),
        ], "makes 5 GiB a minute"
      ),
      (
        [
          record(.arrived, 0, 2, [2, 3]), record(.moveBegan, 0, 2, host: 1, [2, 3]),
          record(.moveBegan, 1, 1, host: 1, [0, 1]),
        ], "is one of 2 that migrate"
      ),
    ])
  func brokenRulesAreNamed(_ records: [DayRecord], _ text: String) {
    let found = judged([Self.record(.arrived, 0, 1, [0, 1])] + records).violations
    #expect(found.contains { $0.contains(text) }, "\(found)")
  }
}
