/// The keys of one mapping: an enum whose raw values are the words of the file.
protocol SectionKey: RawRepresentable<String>, CaseIterable, Sendable {}

/// A mapping whose keys are all known: the unknown one is reported before anything else is read, because a
/// misspelled key would otherwise show as a missing one or not at all.
struct Section<Key: SectionKey> {
  private let entries: [Entry]
  private let name: String
  private let position: Position

  init(_ value: Value) throws(ConfigurationError) {
    try self.init(value.entries(), name: value.name, position: value.position)
  }

  init(_ entries: [Entry], name: String, position: Position) throws(ConfigurationError) {
    self.entries = entries
    self.name = name
    self.position = position
    let known = Key.allCases.map(\.rawValue)
    for entry in entries where !known.contains(entry.key) {
      let nearest = nearestWord(to: entry.key, among: known)
      throw entry.position.error(
        "unknown key \(quoted(entry.key)) in \(name); did you mean \(nearest)? "
          + "allowed: \(known.joined(separator: ", "))"
      )
    }
  }

  /// The value of a key; nil when the file does not give it or leaves it empty.
  subscript(key: Key) -> Value? {
    guard let value = entries.first(where: { $0.key == key.rawValue })?.value else { return nil }
    return value.isEmpty ? nil : value
  }

  /// The value of a key without which the file makes no sense.
  func required(_ key: Key, example: String) throws(ConfigurationError) -> Value {
    if let value = self[key] { return value }
    let place = entries.first { $0.key == key.rawValue }?.position ?? position
    throw place.error("\(key.rawValue) is missing in \(name); write for example \(key.rawValue): \(example)")
  }
}

/// The word with the fewest edits (insert, delete, replace one character); the earlier of two equals.
func nearestWord(to word: String, among words: [String]) -> String {
  words.map { (edits(from: word, to: $0), $0) }.min { $0.0 < $1.0 }?.1 ?? ""
}

private func edits(from a: String, to b: String) -> Int {
  let (left, right) = (Array(a.utf8.prefix(100)), Array(b.utf8))
  var row = Array(0...right.count)
  for (i, x) in left.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for (j, y) in right.enumerated() {
      let replaced = diagonal + (x == y ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
    }
  }
  return row[right.count]
}

/// A text of a file, cut and freed of control characters, for an error line.
func quoted(_ text: String) -> String {
  let shown = text.prefix(60).unicodeScalars.map { $0.value < 32 || $0.value == 127 ? "?" : String($0) }
  return "\"\(shown.joined())\(text.count > 60 ? "…" : "")\""
}
