import Fleet
import NUMA

extension Coordinator {
  /// So many of the newest moves tell how fast memory is copied: what the fleet does now, not what it did last year.
  private static let ratedMax = 64

  /// How fast moves copy, by the steps of those that ended verified.
  var copyRates: CopyRates {
    var (within, between) = (Copied(), Copied())
    var seen = 0
    for record in jobs.reversed() where record.state == .verified && record.plan != nil {
      guard seen < Self.ratedMax else { break }
      guard let steps = record.report?.steps, !steps.isEmpty, let plan = record.plan.flatMap({ self.plan($0) }),
        let move = plan.moves.last(where: { $0.guest == record.job.guest }), move.copy > 0
      else { continue }
      seen += 1
      let milliseconds = steps.reduce(0) { $0 + $1.milliseconds }
      if move.isMigration { between.add(move.copy, milliseconds) } else { within.add(move.copy, milliseconds) }
    }
    return CopyRates(withinHosts: within.rate, betweenHosts: between.rate)
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
