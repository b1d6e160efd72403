import NUMA

/// What may go wrong with a move while it runs, from least to most. Whatever does, the guest ends in its old place or
/// its new one.
public enum MoveRisk: String, Sendable, Hashable, Codable, CaseIterable {
  /// Threads are pinned anew; memory stays.
  case pinsOnly
  /// Memory is copied between cells of the host under the running guest, which is slower meanwhile.
  case copiesMemory
  /// All memory is sent to another host; the guest stands still for the last of it, and a guest that writes faster than
  /// is sent does not arrive.
  case changesHost
}

/// How fast moves that ended verified copied memory, in KiB a second; 0 where none was measured.
public struct CopyRates: Sendable, Hashable, Codable {
  public var withinHosts: Int
  public var betweenHosts: Int
  public init(withinHosts: Int = 0, betweenHosts: Int = 0) {
    self.withinHosts = withinHosts
    self.betweenHosts = betweenHosts
  }

  /// How long a move will copy, in seconds, rounded up; nil where no move like it was measured.
  public func seconds(for move: Move) -> Int? {
    let rate = move.isMigration ? betweenHosts : withinHosts
    if move.copy == 0 { return 0 }
    return rate > 0 ? (move.copy.count + rate - 1) / rate : nil
  }
}

extension Move {
  public var risk: MoveRisk { isMigration ? .changesHost : copy > 0 ? .copiesMemory : .pinsOnly }
}
