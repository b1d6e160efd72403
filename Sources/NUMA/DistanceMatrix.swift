/// SLIT distances between the cells of a host: 10 is local, 20 is twice as far.
public struct DistanceMatrix: Sendable, Hashable, Codable {
  /// The cells, ascending; row and column order.
  public let ids: [Int]
  /// Row-major values, `ids.count` squared of them, each 10...255 (255 is unreachable).
  public let values: [Int]

  /// A matrix of rows in the order of `ids`; nil when the counts do not fit or a value is outside 10...255.
  public init?(ids: [Int], rows: [[Int]]) {
    guard rows.count == ids.count, rows.allSatisfy({ $0.count == ids.count }) else { return nil }
    guard rows.allSatisfy({ $0.allSatisfy { (10...255).contains($0) } }) else { return nil }
    let order = ids.indices.sorted { ids[$0] < ids[$1] }
    self.ids = order.map { ids[$0] }
    values = order.flatMap { row in order.map { rows[row][$0] } }
  }

  /// Reads what `encode(to:)` writes; a matrix whose counts do not fit is refused, because a lookup would trap.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    ids = try container.decode([Int].self, forKey: .ids)
    values = try container.decode([Int].self, forKey: .values)
    let ascends = zip(ids, ids.dropFirst()).allSatisfy { $0 < $1 }
    guard ascends, values.count == ids.count * ids.count, values.allSatisfy({ (10...255).contains($0) }) else {
      throw DecodingError.dataCorruptedError(
        forKey: .values, in: container, debugDescription: "\(values.count) distances do not fit cells \(ids)")
    }
  }

  private enum CodingKeys: CodingKey { case ids, values }

  /// The distance between two cells; nil when one of them is unknown.
  public subscript(from: Int, to: Int) -> Int? {
    guard let row = ids.firstIndex(of: from), let column = ids.firstIndex(of: to) else { return nil }
    return values[row * ids.count + column]
  }

  /// Rows in the order of `ids`.
  public var rows: [[Int]] {
    ids.indices.map { Array(values[($0 * ids.count)..<(($0 + 1) * ids.count)]) }
  }
}
