/// One field of an encoded message, before it is known what it means.
struct WireField {
  /// 1 or more; what the schema calls the field number.
  var number: Int
  var content: Content

  enum Content {
    case varint(UInt64)
    /// Four or eight bytes of a fixed width.
    case fixed
    /// A text, a packed list or a nested message.
    case bytes(Range<Int>)
  }
}

/// Walks the fields of one encoded message without decoding them.
///
/// See protobuf's "Encoding": each field is a tag, number and wire type in one varint, and its content. Groups
/// (wire types 3 and 4) are no part of proto3, so they are refused rather than skipped.
struct WireReader {
  private(set) var position: Int
  private let end: Int

  init(_ range: Range<Int>) {
    position = range.lowerBound
    end = range.upperBound
  }

  /// The next field; nil at the end.
  mutating func next(in bytes: [UInt8]) throws(WireError.Kind) -> WireField? {
    guard position < end else { return nil }
    let tag = try varint(in: bytes)
    guard tag >> 3 > 0, tag >> 3 < 1 << 29 else {
      throw .malformed(field: "tag", reason: "no field has number \(tag >> 3)")
    }
    let number = Int(tag >> 3)
    switch tag & 7 {
    case 0: return WireField(number: number, content: .varint(try varint(in: bytes)))
    case 1:
      _ = try take(8)
      return WireField(number: number, content: .fixed)
    case 2:
      let length = try varint(in: bytes)
      guard length <= UInt64(end - position) else { throw .truncated }
      return WireField(number: number, content: .bytes(try take(Int(length))))
    case 5:
      _ = try take(4)
      return WireField(number: number, content: .fixed)
    default: throw .malformed(field: "tag", reason: "wire type \(tag & 7) is not used by this protocol")
    }
  }

  private mutating func take(_ count: Int) throws(WireError.Kind) -> Range<Int> {
    guard count <= end - position else { throw .truncated }
    defer { position += count }
    return position..<(position + count)
  }

  private mutating func varint(in bytes: [UInt8]) throws(WireError.Kind) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 70, by: 7) {
      guard position < end else { throw .truncated }
      let byte = bytes[position]
      position += 1
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw .malformed(field: "varint", reason: "it is longer than ten bytes")
  }
}
