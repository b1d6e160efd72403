/// Finds where each element of a document stands in its bytes, and refuses what no document of libvirt has.
///
/// It runs before libxml2, so that a document with a DTD, too many levels or too many elements never reaches it.
/// Without a DTD, XML's structure needs no more than this: comments, CDATA, instructions, tags with quoted values.
struct XMLScanner {
  /// The largest document. libvirt's own RPC string limit is 4 MiB (`VIR_NET_MESSAGE_STRING_MAX` of libvirt 1-10).
  static let bytesMaximum = 4 << 20
  /// The deepest nesting; libvirt's schemas stay below 20, metadata of guests' owners may be deeper.
  static let depthMaximum = 100
  /// The most elements; a domain with a thousand devices has about 20,000.
  static let elementsMaximum = 100_000

  /// Where one element stands, in bytes.
  struct Extent {
    /// From `<` to the end of the end tag.
    var whole: Range<Int>
    /// From `<` to before the `>` or `/>` of the start tag.
    var startTag: Range<Int>
  }

  /// The elements in the order of their start tags.
  private(set) var extents: [Extent] = []
  private let bytes: [UInt8]
  private let document: String
  private var position = 0
  private var open: [Int] = []

  init(_ bytes: [UInt8], document: String) throws(XMLError) {
    self.bytes = bytes
    self.document = document
    guard bytes.count <= Self.bytesMaximum else {
      throw XMLError(.tooLarge, in: document, "it has \(bytes.count) bytes, more than \(Self.bytesMaximum)")
    }
    while let next = find(0x3c, from: position) {
      position = next
      try scanMarkup()
    }
    guard open.isEmpty else { throw fault(.malformed, "an element is not closed") }
    guard !extents.isEmpty else { throw fault(.malformed, "it has no element") }
  }

  private mutating func scanMarkup() throws(XMLError) {
    if matches("<!--") {
      try skip(past: "-->", from: position + 4, what: "a comment")
    } else if matches("<![CDATA[") {
      try skip(past: "]]>", from: position + 9, what: "a CDATA section")
    } else if matches("<!") {
      throw fault(.doctype, "it has a document type declaration")
    } else if matches("<?") {
      try skip(past: "?>", from: position + 2, what: "a processing instruction")
    } else if matches("</") {
      guard let end = find(0x3e, from: position) else { throw fault(.malformed, "an end tag is cut off") }
      guard let element = open.popLast() else { throw fault(.malformed, "an end tag has no start tag") }
      position = end + 1
      extents[element].whole = extents[element].whole.lowerBound..<position
    } else {
      try scanStartTag()
    }
  }

  private mutating func scanStartTag() throws(XMLError) {
    let start = position
    var index = start + 1
    var quote: UInt8?
    while index < bytes.count {
      let byte = bytes[index]
      if let current = quote {
        if byte == current { quote = nil }
      } else if byte == 0x22 || byte == 0x27 {
        quote = byte
      } else if byte == 0x3e {
        break
      }
      index += 1
    }
    guard index < bytes.count else { throw fault(.malformed, "a start tag is cut off") }
    guard extents.count < Self.elementsMaximum else {
      throw fault(.tooManyElements, "it has more than \(Self.elementsMaximum) elements")
    }
    guard open.count < Self.depthMaximum else {
      throw fault(.tooDeep, "its elements are nested deeper than \(Self.depthMaximum) levels")
    }
    let isEmpty = bytes[index - 1] == 0x2f && index - 1 > start
    position = index + 1
    extents.append(Extent(whole: start..<position, startTag: start..<(isEmpty ? index - 1 : index)))
    if !isEmpty { open.append(extents.count - 1) }
  }

  private func matches(_ mark: StaticString) -> Bool {
    guard position + mark.utf8CodeUnitCount <= bytes.count else { return false }
    return (0..<mark.utf8CodeUnitCount).allSatisfy { bytes[position + $0] == mark.utf8Start[$0] }
  }

  private func find(_ byte: UInt8, from start: Int) -> Int? {
    var index = start
    while index < bytes.count {
      if bytes[index] == byte { return index }
      index += 1
    }
    return nil
  }

  private mutating func skip(past mark: StaticString, from start: Int, what: String) throws(XMLError) {
    let length = mark.utf8CodeUnitCount
    var index = start
    while index + length <= bytes.count {
      if (0..<length).allSatisfy({ bytes[index + $0] == mark.utf8Start[$0] }) {
        position = index + length
        return
      }
      index += 1
    }
    throw fault(.malformed, "\(what) is cut off")
  }

  private func fault(_ kind: XMLError.Kind, _ message: String) -> XMLError {
    let line = bytes[..<min(position, bytes.count)].reduce(1) { $1 == 0x0a ? $0 + 1 : $0 }
    return XMLError(kind, in: document, message, line: line)
  }
}
