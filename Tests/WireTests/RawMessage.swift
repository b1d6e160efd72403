/// Bytes of a message that no encoder of ours would make, field by field.
struct RawMessage {
  private(set) var bytes: [UInt8] = []

  static func build(_ fill: (inout RawMessage) -> Void) -> [UInt8] {
    var message = RawMessage()
    fill(&message)
    return message.bytes
  }

  /// An envelope of version 1 and message 42 around a payload of that field number.
  static func envelope(_ number: UInt64, _ payload: [UInt8]) -> [UInt8] {
    build {
      $0.number(1, 1)
      $0.number(2, 1)
      $0.number(3, 42)
      $0.nested(number, payload)
    }
  }

  mutating func number(_ field: UInt64, _ value: UInt64) {
    varint(field << 3)
    varint(value)
  }
  mutating func text(_ field: UInt64, _ value: String) { nested(field, Array(value.utf8)) }
  mutating func nested(_ field: UInt64, _ content: [UInt8]) {
    varint(field << 3 | 2)
    varint(UInt64(content.count))
    bytes += content
  }
  mutating func raw(_ more: [UInt8]) { bytes += more }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(rest & 0x7f) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }
}
