/// What a move was to take off the cell that its guest left, and what came of it.
public struct Relief: Sendable, Hashable, Codable {
  public var cell: Int
  public var strain: Strain
  /// When the move was planned: percent of the time of the CPUs that vcpus share there, or MiB a second.
  public var before: Int
  /// Some time after the move; nil until it was measured.
  public var after: Int?

  /// What a cell has too much of.
  public enum Strain: String, Sendable, Hashable, Codable, CaseIterable {
    case busy, bandwidth
  }

  public init(cell: Int, strain: Strain, before: Int, after: Int? = nil) {
    self.cell = cell
    self.strain = strain
    self.before = before
    self.after = after
  }

  /// What must be gone at least for a move to have paid: points of busy percent, or percent of the traffic.
  public static let leastPercent = 5

  /// Whether the cell has as much to do as before.
  public var wasInVain: Bool {
    guard let after else { return false }
    return switch strain {
    case .busy: before - after < Self.leastPercent
    case .bandwidth: (before - after) * 100 < Self.leastPercent * before
    }
  }

  /// Before and after, in words.
  public var words: String {
    let unit = strain == .busy ? "% busy" : "MiB/s"
    guard let after else { return "cell \(cell) \(before) \(unit)" }
    return "cell \(cell) \(before) to \(after) \(unit)"
  }
}
