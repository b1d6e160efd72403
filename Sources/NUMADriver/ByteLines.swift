/// The lines of a file of the kernel as slices of its bytes: no text is made of what nobody keeps.
struct ByteLines: Sequence, IteratorProtocol {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func next() -> ArraySlice<UInt8>? {
    guard position < bytes.count else { return nil }
    let start = position
    var end = start
    bytes.withUnsafeBufferPointer { while end < $0.count, $0[end] != UInt8(ascii: "\n") { end += 1 } }
    position = end + 1
    return bytes[start..<end]
  }
}

extension ArraySlice<UInt8> {
  /// Parts between blanks and tabs, at most `limit` of them; what follows is left out.
  func fields(limit: Int = .max) -> [ArraySlice<UInt8>] {
    var parts: [ArraySlice<UInt8>] = []
    var start: Int?
    for index in indices {
      let blank = self[index] == 32 || self[index] == 9
      if blank, let begin = start {
        parts.append(self[begin..<index])
        start = nil
        if parts.count == limit { return parts }
      } else if !blank, start == nil {
        start = index
      }
    }
    if let start { parts.append(self[start..<endIndex]) }
    return parts
  }

  /// The slice without blanks, tabs, newlines and NULs at its ends.
  var trimmed: ArraySlice<UInt8> {
    func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 || byte == 10 || byte == 0 }
    var slice = self
    while let byte = slice.first, isBlank(byte) { slice.removeFirst() }
    while let byte = slice.last, isBlank(byte) { slice.removeLast() }
    return slice
  }

  /// The value of a non-negative decimal number; nil for anything else.
  var decimal: Int? { UInt64(self, radix: 10).flatMap { Int(exactly: $0) } }

  /// The rest of a line that begins with a key such as `VmRSS:`, without blanks; nil for another line.
  func value(of key: StaticString) -> ArraySlice<UInt8>? {
    let size = key.utf8CodeUnitCount
    guard count >= size, let first, first == key.utf8Start[0] else { return nil }
    for offset in 1..<size where self[startIndex + offset] != key.utf8Start[offset] { return nil }
    return self[(startIndex + size)...].trimmed
  }

  /// The bytes as text.
  var text: String { String(decoding: self, as: UTF8.self) }
}

extension UInt64 {
  /// A number of digits in the given radix (10 or 16, lower case); nil when there is none or it is too large.
  init?(_ digits: some Sequence<UInt8>, radix: UInt64) {
    var value: UInt64 = 0
    var seen = false
    for byte in digits {
      let digit: UInt64
      switch byte {
      case 48...57: digit = UInt64(byte - 48)
      case 97...102 where radix == 16: digit = UInt64(byte - 87)
      default: return nil
      }
      let (product, overflow) = value.multipliedReportingOverflow(by: radix)
      let (sum, carry) = product.addingReportingOverflow(digit)
      if overflow || carry { return nil }
      value = sum
      seen = true
    }
    guard seen else { return nil }
    self = value
  }
}
