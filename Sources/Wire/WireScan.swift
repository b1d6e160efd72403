/// Walks an encoded message along its layout and adds up what decoding it would cost, before it is decoded.
///
/// protobuf's own decoder allocates as it reads, so counting afterwards would be too late: a megabyte of empty list
/// entries becomes hundreds of megabytes of values.
struct WireScan {
  private let bytes: [UInt8]
  private let elementsMax: Int
  private(set) var elements = 0

  init(_ bytes: [UInt8], limits: WireLimits) {
    self.bytes = bytes
    elementsMax = limits.elements
  }

  /// Checks the message in that range of the bytes, and all within it.
  mutating func check(_ message: WireMessage, in range: Range<Int>) throws(WireError.Kind) {
    var counts = InlineArray<32, Int>(repeating: 0)
    var reader = WireReader(range)
    while let field = try reader.next(in: bytes) {
      // A later version's fields are skipped, as protobuf's decoder does.
      guard let layout = WireLayout.field(field.number, of: message) else { continue }
      switch field.content {
      case .fixed: continue
      case .varint:
        guard case .numbers = layout.content else { continue }
        counts[field.number] += 1
        try spend(1)
      case .bytes(let content):
        counts[field.number] += try check(content, as: layout, of: message)
      }
      guard counts[field.number] <= layout.countMax else {
        throw .tooMany(field: "\(message).\(layout.name)", limit: layout.countMax)
      }
    }
  }

  /// Checks the content of one field; how many entries it adds to the field.
  private mutating func check(
    _ content: Range<Int>, as layout: FieldLayout, of message: WireMessage
  ) throws(WireError.Kind) -> Int {
    switch layout.content {
    case .message(let nested):
      try spend(1)
      try check(nested, in: content)
      return 1
    case .text(let bytesMax):
      guard content.count <= bytesMax else {
        throw .malformed(
          field: "\(message).\(layout.name)",
          reason: "it has \(content.count) bytes and at most \(bytesMax) are allowed")
      }
      if layout.countMax > 1 { try spend(1) }
      return 1
    case .list:
      try spend(1 + lastID(in: content) / 512)
      return 1
    case .numbers:
      let count = bytes[content].reduce(0) { $1 < 0x80 ? $0 + 1 : $0 }
      try spend(count / 16 + 1)
      return count
    }
  }

  /// The number that a list of ids ends with, which is its largest if the list is well-formed.
  private func lastID(in content: Range<Int>) -> Int {
    var digits = content.upperBound
    while digits > content.lowerBound, bytes[digits - 1] >= 48, bytes[digits - 1] <= 57 { digits -= 1 }
    return bytes[digits..<content.upperBound].prefix(5).reduce(0) { $0 * 10 + Int($1 - 48) }
  }

  private mutating func spend(_ count: Int) throws(WireError.Kind) {
    elements += count
    guard elements <= elementsMax else { throw .tooMany(field: "message", limit: elementsMax) }
  }
}
