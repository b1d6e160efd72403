import Fleet
import NUMA

extension Coordinator {
  /// So many of the newest moves tell how fast memory is copied: what the fleet does now, not what it did last year.
  private static let ratedMax = 64

  /// How fast moves copy, by the steps of those that ended verified.
  func ratesOfCopies() -> CopyRates {
    var (within, between) = (Copied(), Copied())
    var seen = 0
    for index in jobs.indices.reversed() where jobs[index].state == .verified && jobs[index].plan != nil {
      guard seen < Self.ratedMax else { break }
      guard let copied = copied(jobs[index]) else { continue }
      seen += 1
      if jobs[index].job.destination == nil {
        within.add(copied.amount, copied.milliseconds)
      } else {
        between.add(copied.amount, copied.milliseconds)
      }
    }
    return CopyRates(withinHosts: within.rate, betweenHosts: between.rate)
  }

  /// What a job of a plan in memory has copied, and how long its steps took; nil where nothing is known of that.
  func copied(_ record: JobRecord) -> (amount: KiB, milliseconds: Int)? {
    guard let steps = record.report?.steps, !steps.isEmpty, let plan = record.plan.flatMap({ self.plan($0) }) else {
      return nil
    }
    for wave in plan.waves.reversed() {
      guard let move = wave.moves.lastIndex(where: { $0.guest == record.job.guest }) else { continue }
      let amount = wave.moves[move].copy
      return amount > 0 ? (amount, steps.reduce(0) { $0 + $1.milliseconds }) : nil
    }
    return nil
  }

  private struct Copied {
    var amount = KiB(0)
    var milliseconds = 0

    /// KiB a second.
    var rate: Int { milliseconds > 0 ? amount.count * 1000 / milliseconds : 0 }

    mutating func add(_ amount: KiB, _ milliseconds: Int) {
      self.amount = self.amount + amount
      self.milliseconds += milliseconds
    }
  }
}
