import Fleet
import NUMA
import Testing

@testable import CoordinatorCore

/// The moves of a guest are found by guest, however many have been forgotten.
@Suite struct MoveHistoryTests {
  private func record(_ job: Int, _ guest: GuestID, seconds: Int = 0) -> MoveRecord {
    MoveRecord(
      job: JobID(UInt64(job)), guest: guest, guestName: guest.text, host: "a", from: [0], to: [1],
      wallMilliseconds: seconds * 1000, actor: "automation", copy: 1)
  }

  private func guest(_ job: Int) -> GuestID { GuestID("g\(job % 997)") }

  @Test func movesOfAGuestAreThoseOfAllMoves() {
    var history = MoveHistory((1...3).map { record($0, "old") })
    var all = history.records
    for job in 4...25_000 {
      let made = record(job, guest(job), seconds: job * 10)
      history.append(made)
      all.append(made)
    }
    #expect((MoveHistory.enough...MoveHistory.enough + MoveHistory.atOnce).contains(history.records.count))
    all = all.suffix(history.records.count)
    #expect(history.records == all)
    for id in (0..<997).map(guest) + ["old"] { #expect(history.of(id) == all.filter { $0.guest == id }) }
    var last = all[all.count - 1]
    last.elsewhere = 7
    history.replace(last)
    #expect(history.of(last.guest).last?.elsewhere == 7 && history.of(last.job)?.elsewhere == 7)
    history.replace(record(1, "old"))
    #expect(history.of("old") == [] && history.of(JobID(1)) == nil)
  }
  /// Limits count the moves of a day, however many they are; what the store keeps no more is forgotten all the same.
  @Test func movesOfADayAreKept() {
    var history = MoveHistory()
    for job in 1...25_000 { history.append(record(job, guest(job), seconds: 1)) }
    #expect(history.records.count == 25_000)
    history.append(record(25_001, "late", seconds: 86_402))
    #expect(history.records.count == MoveHistory.enough && history.of("late").count == 1)
    for job in 25_002...140_000 { history.append(record(job, guest(job), seconds: 86_402)) }
    #expect((MoveHistory.most...MoveHistory.most + MoveHistory.atOnce).contains(history.records.count))
  }
}
