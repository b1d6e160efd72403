import Foundation
import Testing

extension EndToEndTests {
  /// `kill -9` at random moments, many times over, while jobs are asked for all the time.
  ///
  /// `NUMAFLEET_ROUNDS` says how often, `NUMAFLEET_SEED` kills the same ones at the same
  /// moments as an earlier run.
  @Suite struct Kills {
    @Test func nothingIsLostHalfPinnedOrClaimedTwiceHoweverOftenDaemonsDie() async throws {
      let environment = ProcessInfo.processInfo.environment
      let rounds = environment["NUMAFLEET_ROUNDS"].flatMap { Int($0) } ?? 100
      let seed = environment["NUMAFLEET_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1...999_999)
      print("kills: seed \(seed)")
      let began = ContinuousClock.now
      let torture = try await Torture(seed: seed)
      for _ in 0..<rounds { try await torture.round() }
      try await torture.settle()
      let figures = torture.figures
      print("kills: seed \(seed), \(figures), \((ContinuousClock.now - began).components.seconds) s")
      #expect(figures.lost == 0 && figures.halfPinned == 0 && figures.doublyClaimed == 0)
      #expect(figures.looks > rounds && figures.acknowledged.count >= rounds, "there was too little to lose")
      #expect(torture.found.complaints.isEmpty, "\(torture.found.complaints.joined(separator: "\n"))")
    }
  }
}
