import Fleet

/// Verified moves, oldest first, and by guest: reviews ask for those of each guest they see.
struct MoveHistory: Sendable, Hashable {
  private(set) var records: [MoveRecord] = []
  /// Where the moves of each guest are, counted from the first that there ever was.
  private var places: [GuestID: [Int]] = [:]  // lookup only
  private var forgotten = 0

  init(_ records: [MoveRecord] = []) {
    for record in records { append(record, atMost: .max) }
  }

  /// Forgets the oldest where there are more than so many.
  mutating func append(_ record: MoveRecord, atMost most: Int) {
    places[record.guest, default: []].append(forgotten + records.count)
    records.append(record)
    while records.count > most {
      let oldest = records.removeFirst()
      forgotten += 1
      places[oldest.guest]?.removeFirst()
      if places[oldest.guest]?.isEmpty ?? false { places[oldest.guest] = nil }
    }
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
