import Fleet

/// Records of domains whose documents did not change since they were last read: a host at rest parses nothing.
struct RecordCache {
  /// What a record was made of.
  struct Source: Hashable {
    var live: String
    var config: String?
    var state: GuestState
    var persistent: Bool
    var pid: Int?
  }

  private var entries: [String: (source: Source, record: DomainRecord)] = [:]

  /// The record made of the very same texts.
  func record(_ uuid: String, from source: Source) -> DomainRecord? {
    guard let entry = entries[uuid], entry.source == source else { return nil }
    return entry.record
  }

  mutating func keep(_ record: DomainRecord, _ uuid: String, from source: Source) { entries[uuid] = (source, record) }

  /// Forgets all domains but these.
  mutating func keepOnly(_ uuids: Set<String>) { entries = entries.filter { uuids.contains($0.key) } }
}
