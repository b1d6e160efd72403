import Fleet

/// Verified moves, oldest first, and by guest: reviews ask for those of each guest they see.
struct MoveHistory: Sendable, Hashable {
  private(set) var records: [MoveRecord] = []
  /// Where the moves of each guest are, counted from the first that there ever was.
  private var places: [GuestID: [Int]] = [:]  // lookup only
  private var forgotten = 0

  /// So many are enough where they are older than a day; those of a day are all needed, because limits count them.
  static let enough = 10_000
  /// Beyond so many and `atOnce` even those of a day go. The store keeps those of the newest 100,000 jobs.
  static let most = 100_000
  /// Forgotten together, because the rest is copied for it.
  static let atOnce = 1000

  init(_ records: [MoveRecord] = []) {
    for record in records { append(record) }
  }

  mutating func append(_ record: MoveRecord) {
    places[record.guest, default: []].append(forgotten + records.count)
    records.append(record)
    guard records.count >= Self.enough + Self.atOnce else { return }
    let dayAgo = record.wallMilliseconds - Automation.dayMilliseconds
    let old = records.dropLast(Self.enough).prefix { $0.wallMilliseconds <= dayAgo }.count
    let surplus = max(old, records.count - Self.most)
    if surplus >= Self.atOnce { forget(surplus) }
  }

  private mutating func forget(_ count: Int) {
    for record in records.prefix(count) {
      places[record.guest]?.removeFirst()
      if places[record.guest]?.isEmpty ?? false { places[record.guest] = nil }
    }
    records.removeFirst(count)
    forgotten += count
  }

  /// The moves of one guest, oldest first.
  func of(_ guest: GuestID) -> [MoveRecord] { places[guest]?.map { records[$0 - forgotten] } ?? [] }

  /// The newest move that a job has made.
  func of(_ job: JobID) -> MoveRecord? { records.last { $0.job == job } }

  /// Writes down what came of a move.
  mutating func replace(_ record: MoveRecord) {
    guard let place = records.lastIndex(where: { $0.job == record.job }) else { return }
    records[place] = record
  }
}
