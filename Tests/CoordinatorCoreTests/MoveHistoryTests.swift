import Fleet
import NUMA
import Testing

@testable import CoordinatorCore

/// The moves of a guest are found by guest, however many have been forgotten.
@Suite struct MoveHistoryTests {
  private func record(_ job: UInt64, _ guest: GuestID) -> MoveRecord {
    MoveRecord(
      job: JobID(job), guest: guest, guestName: guest.text, host: "a", from: [0], to: [1],
      wallMilliseconds: Int(job), actor: "automation", copy: 1)
  }

  @Test func movesOfAGuestAreThoseOfAllMoves() {
    var history = MoveHistory((1...3).map { record($0, "old") })
    var all = history.records
    for job in 4...200 as ClosedRange<UInt64> {
      let made = record(job, GuestID("g\(job % 7)"))
      history.append(made, atMost: 20)
      all = Array((all + [made]).suffix(20))
      #expect(history.records == all)
      for guest in (0..<7).map({ GuestID("g\($0)") }) + ["old"] {
        #expect(history.of(guest) == all.filter { $0.guest == guest })
      }
    }
    var last = all[19]
    last.elsewhere = 7
    history.replace(last)
    #expect(history.of(last.guest).last?.elsewhere == 7 && history.of(last.job)?.elsewhere == 7)
    history.replace(record(1, "old"))
    #expect(history.of("old") == [] && history.of(JobID(1)) == nil)
  }
}
