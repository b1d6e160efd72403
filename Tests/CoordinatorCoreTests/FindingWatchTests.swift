import Fleet
import Testing

@testable import CoordinatorCore

@Suite struct FindingWatchTests {
  private func finding(_ guest: Int?, _ severity: Finding.Severity = .warning) -> Finding {
    Finding(
      severity: severity, kind: .floating, host: "h", guest: guest.map { GuestID("g\($0)") }, evidence: "e", remedy: "")
  }

  /// What is told of reports that come one after another, a second apart.
  private func tell(
    _ reports: [[Finding]], isKnown: Bool = false, underWay: (Int) -> Bool = { _ in false },
    spacing: Int = 1000
  ) -> [[FindingWatch.Change]] {
    var watch = FindingWatch()
    return reports.enumerated().map { index, report in
      watch.judge(
        report, isKnown: isKnown, underWay: { _ in underWay(index) },
        now: Instant(milliseconds: index * spacing, wallMilliseconds: 0))
    }
  }

  @Test func twoReportsInARowAreNeeded() {
    let one = finding(1)
    #expect(tell([[one], [one], [one]]) == [[], [.appeared(one)], []])
    #expect(tell([[one], [one], [], [], []]) == [[], [.appeared(one)], [], [.ended(one.key)], []])
    #expect(tell([[], [one], [], [one], []]) == [[], [], [], [], []])
  }

  @Test func numbersThatChangeAreNoOtherFinding() {
    var (before, after) = (finding(1), finding(1))
    before.evidence = "10 MiB"
    after.evidence = "11 MiB"
    #expect(tell([[before], [before], [after], [after]]) == [[], [.appeared(before)], [], []])
  }

  @Test func infosAreNoEvents() {
    #expect(tell([[finding(1, .info)], [finding(1, .info)]]) == [[], []])
  }

  @Test func aGuestOnItsWayIsNotJudged() {
    let one = finding(1)
    #expect(tell([[one], [one], [one]], underWay: { $0 == 1 }) == [[], [], [.appeared(one)]])
    let host = finding(nil)
    #expect(tell([[host], [host]], underWay: { _ in true }) == [[], [.appeared(host)]], "its host is")
  }

  @Test func whatAnEarlierTermToldIsNotToldAgain() {
    let (one, two) = (finding(1), finding(2))
    #expect(
      tell([[one], [one], [one, two], [one, two], [two], [two]], isKnown: true)
        == [[], [], [], [.appeared(two)], [], [.ended(one.key)]])
  }

  @Test func eventsOfAHostAreBounded() {
    let many = (1...100).map { finding($0) }
    let told = tell(Array(repeating: many, count: 4), spacing: FindingWatch.windowMilliseconds / 3)
    #expect(told.map(\.count) == [0, FindingWatch.eventsMax, 0, 0])
    let later = tell(Array(repeating: many, count: 4), spacing: FindingWatch.windowMilliseconds)
    #expect(later.map(\.count) == [0, FindingWatch.eventsMax, 100 - FindingWatch.eventsMax, 0])
    #expect(Set(later.joined()).count == 100, "each is told once")
  }

  @Test func flappingForADayIsBounded() {
    let on = (1...50).map { finding($0) }
    let reports: [[Finding]] = (0..<2880).map { $0 / 2 % 2 == 0 ? on : [] }
    let events = tell(reports, spacing: 30_000).reduce(0) { $0 + $1.count }
    #expect(events <= 144 * FindingWatch.eventsMax, "\(events)")
  }
}
