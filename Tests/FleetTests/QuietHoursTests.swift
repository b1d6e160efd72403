import Fleet
import Testing

/// Parts of each day in which automation begins nothing.
@Suite struct QuietHoursTests {
  private let midnight = 20_000 * 86_400_000
  private let hour = 3_600_000

  private func left(_ begins: Int, _ ends: Int, at hours: Int) -> Int {
    AutomationRules(quietHours: [QuietHours(begins: begins * 60, ends: ends * 60)])
      .quietMilliseconds(from: midnight + hours * hour) / hour
  }

  @Test func withinOneDay() {
    #expect([7, 8, 11, 12].map { left(8, 12, at: $0) } == [0, 4, 1, 0])
  }

  @Test func overMidnight() {
    #expect([21, 22, 23, 0, 5, 6].map { left(22, 6, at: $0) } == [0, 8, 7, 6, 1, 0])
  }

  @Test func theWholeDay() {
    #expect([0, 8, 9].map { left(8, 8, at: $0) } == [8, 24, 23])
  }

  @Test func before1970AndTheLongestOfSeveral() {
    let rules = AutomationRules(quietHours: [QuietHours(begins: 60, ends: 120), QuietHours(begins: 60, ends: 180)])
    #expect(rules.quietMilliseconds(from: hour - 86_400_000) == 2 * hour)
    #expect(AutomationRules().quietMilliseconds(from: midnight) == 0)
  }
}
