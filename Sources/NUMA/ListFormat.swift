/// The kernel's list format (`0-3,8`) with libvirt's exclusion (`^2`), read and printed.
///
/// See cpuset(7), "List format", and libvirt's formatdomain, `<vcpu cpuset>`. Text from an operator, an XML
/// document or /proc passes through here, so every malformed text has its own error.
extension IDSet: LosslessStringConvertible, CustomStringConvertible {
  /// Parses a list, for example `0-3,^2,8`. An empty or blank text is the empty set, as in /proc.
  public init(parsing text: some StringProtocol) throws(ListFormatError) {
    self.init()
    let trimmed = text.trimmingBlanks()
    if trimmed.isEmpty { return }
    for part in trimmed.split(separator: ",", omittingEmptySubsequences: false) {
      let item = part.trimmingBlanks()
      guard !item.isEmpty else { throw ListFormatError(text: String(text), reason: "an item is empty") }
      if item.first == "^" {
        let id = try Self.id(item.dropFirst(), in: text)
        guard contains(id) else {
          throw ListFormatError(
            text: String(text), reason: "^\(id) excludes a \(Kind.noun) that no earlier item includes")
        }
        remove(id)
      } else if let dash = item.firstIndex(of: "-") {
        let low = try Self.id(item[..<dash], in: text)
        let high = try Self.id(item[item.index(after: dash)...], in: text)
        guard low <= high else {
          throw ListFormatError(text: String(text), reason: "range \(low)-\(high) runs backwards")
        }
        insert(contentsOf: low...high)
      } else {
        insert(try Self.id(item, in: text))
      }
    }
  }

  /// Parses a list, or gives nil where `init(parsing:)` has an error.
  public init?(_ description: String) {
    do { try self.init(parsing: description) } catch { return nil }
  }

  /// The canonical list: ascending, ranges of two or more joined by a dash. The empty set prints as "".
  public var description: String {
    var text = ""
    var run: ClosedRange<Int>?
    func close() {
      guard let run else { return }
      if !text.isEmpty { text += "," }
      text += run.lowerBound == run.upperBound ? "\(run.lowerBound)" : "\(run.lowerBound)-\(run.upperBound)"
    }
    for id in members {
      if let current = run, current.upperBound + 1 == id {
        run = current.lowerBound...id
      } else {
        close()
        run = id...id
      }
    }
    close()
    return text
  }

  private static func id(_ digits: some StringProtocol, in text: some StringProtocol) throws(ListFormatError) -> Int {
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else {
      throw ListFormatError(text: String(text), reason: "\"\(digits)\" is not a \(Kind.noun) number")
    }
    guard let id = Int(digits), id < Kind.idLimit else {
      throw ListFormatError(
        text: String(text), reason: "\(Kind.noun) \(digits) is beyond the limit of \(Kind.idLimit - 1)")
    }
    return id
  }
}

extension IDSet: Codable {
  /// Reads the list format from a single string.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    try self.init(parsing: container.decode(String.self))
  }

  /// Writes the canonical list as a single string.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// Why a text is not a list of ids.
public struct ListFormatError: Error, Hashable, CustomStringConvertible {
  /// The whole text as it was given.
  public let text: String
  /// What is wrong with it.
  public let reason: String

  /// One line that quotes the text, says what is wrong and what would be right.
  public var description: String {
    "\"\(text.prefix(80))\" is not a list: \(reason); write for example 0-3,8 or 0-7,^2"
  }
}

extension StringProtocol {
  /// The text without leading and trailing blanks and newlines.
  func trimmingBlanks() -> SubSequence {
    func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" || character == "\n" }
    guard let start = firstIndex(where: { !isBlank($0) }), let end = lastIndex(where: { !isBlank($0) }) else {
      return self[endIndex..<endIndex]
    }
    return self[start...end]
  }
}
