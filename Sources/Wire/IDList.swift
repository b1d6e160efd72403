import NUMA

/// Sets of ids as they travel: the list format, strictly ascending, without blanks and exclusions.
///
/// Stricter than `IDSet.init(parsing:)`, because order bounds the work: a list that names the same thousand ids over
/// and over costs its sender few bytes and would cost the receiver seconds.
enum IDList {
  /// Reads a list.
  static func set<Kind: IDKind>(_ text: String, _ field: StaticString) throws(WireError.Kind) -> IDSet<Kind> {
    var set = IDSet<Kind>()
    var text = text
    let reason = text.withUTF8 { parse($0, into: &set) }
    if let reason { throw .malformed(field: "\(field)", reason: "\(reason); write for example 0-3,8") }
    return set
  }

  /// Adds what the bytes list to the set; the reason when they are no list.
  private static func parse<Kind: IDKind>(_ bytes: UnsafeBufferPointer<UInt8>, into set: inout IDSet<Kind>) -> String? {
    var position = 0
    var next = 0
    func id() -> Int? {
      let start = position
      var value = 0
      while position < bytes.count, bytes[position] >= 48, bytes[position] <= 57 {
        value = value * 10 + Int(bytes[position] - 48)
        if value >= Kind.idLimit { return nil }
        position += 1
      }
      return position > start ? value : nil
    }
    while position < bytes.count {
      guard let low = id() else { return "a \(Kind.noun) number from 0 to \(Kind.idLimit - 1) is expected" }
      var high = low
      if position < bytes.count, bytes[position] == UInt8(ascii: "-") {
        position += 1
        guard let end = id() else { return "a range lacks its end below \(Kind.idLimit)" }
        high = end
      }
      guard low >= next, high >= low else { return "the list does not ascend" }
      set.insert(low...high)
      next = high + 1
      if position == bytes.count { return nil }
      guard bytes[position] == UInt8(ascii: ","), position + 1 < bytes.count else { return "an item is malformed" }
      position += 1
    }
    return nil
  }
}
