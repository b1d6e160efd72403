import CLibXML2

/// One document as libvirt writes it: read typed, edited without touching a byte that the edit does not mean.
///
/// `LibvirtXML` turns libvirt's capabilities, domain and nodedev documents into values of `NUMA` and `Fleet` and
/// writes a placement into a domain document. Invariants:
/// - Only this file calls libxml2, and it gives libxml2 only what `XMLScanner` let through: no DTD, at most 4 MiB,
///   100 levels and 100,000 elements. Nothing is ever loaded from a file or the network.
/// - An element that no edit changed is written with the very bytes it was read from: unknown elements, foreign
///   namespaces, comments, quotes and layout stay as they are.
/// - The same text gives the same values and the same edit gives the same text: no clock, no randomness, no IO.
package struct XMLDocument: Sendable {
  package var root: XMLElement
  private let bytes: [UInt8]
  private let rootExtent: Range<Int>

  /// Parses the text of a document whose root element must have that name.
  package init(parsing text: String, root expected: String, document: String) throws(XMLError) {
    guard text.utf8.count <= XMLScanner.bytesMaximum else {
      throw XMLError(.tooLarge, in: document, "it has \(text.utf8.count) bytes, more than \(XMLScanner.bytesMaximum)")
    }
    bytes = Array(text.utf8)
    let scanner = try XMLScanner(bytes, document: document)
    root = try Self.parse(bytes, extents: scanner.extents, document: document)
    rootExtent = scanner.extents[0].whole
    guard root.isPlain, root.name == expected else {
      throw XMLError(.missing, in: document, "its root element is <\(root.name.prefix(40))>, not <\(expected)>")
    }
  }

  /// The document's text; the text it was parsed from as long as nothing was changed.
  package var text: String {
    var output: [UInt8] = []
    output.reserveCapacity(bytes.count + 1024)
    output += bytes[..<rootExtent.lowerBound]
    root.write(into: &output, from: bytes)
    output += bytes[rootExtent.upperBound...]
    return String(decoding: output, as: UTF8.self)
  }

  private static let libraryIsReady: Void = xmlInitParser()

  private static func parse(
    _ bytes: [UInt8], extents: [XMLScanner.Extent], document: String
  ) throws(XMLError) -> XMLElement {
    _ = libraryIsReady
    guard let context = xmlNewParserCtxt() else { throw XMLError(.malformed, in: document, "no memory to parse it") }
    defer { xmlFreeParserCtxt(context) }
    let tree = bytes.withUnsafeBytes { buffer in
      clibxml2_read(context, buffer.baseAddress?.assumingMemoryBound(to: CChar.self), Int32(buffer.count))
    }
    guard let tree else {
      var line: Int32 = 0
      let message = clibxml2_last_error(context, &line).map { String(cString: $0).withoutOuterBlanks }
      throw XMLError(.malformed, in: document, message ?? "it is not well-formed", line: line > 0 ? Int(line) : nil)
    }
    defer { xmlFreeDoc(tree) }
    guard tree.pointee.intSubset == nil, tree.pointee.extSubset == nil else {
      throw XMLError(.doctype, in: document, "it has a document type declaration")
    }
    var reader = TreeReader(extents: extents)
    guard let node = xmlDocGetRootElement(tree), let root = reader.element(node), reader.next == extents.count else {
      throw XMLError(.malformed, in: document, "its elements cannot be told apart")
    }
    return root
  }
}

/// Copies libxml2's tree into values, element by element in the order of the scanner's extents.
private struct TreeReader {
  let extents: [XMLScanner.Extent]
  var next = 0

  /// The element as a value; nil when the scanner saw fewer elements than libxml2.
  mutating func element(_ node: xmlNodePtr) -> XMLElement? {
    guard next < extents.count else { return nil }
    let extent = extents[next]
    next += 1
    var children: [XMLNode] = []
    var child = node.pointee.children
    while let current = child {
      switch current.pointee.type {
      case XML_ELEMENT_NODE:
        guard let value = element(current) else { return nil }
        children.append(.element(value))
      case XML_TEXT_NODE: children.append(.text(text(current.pointee.content)))
      case XML_CDATA_SECTION_NODE: children.append(.cdata(text(current.pointee.content)))
      case XML_COMMENT_NODE: children.append(.comment(text(current.pointee.content)))
      case XML_PI_NODE:
        let content = text(current.pointee.content)
        children.append(.instruction(target: text(current.pointee.name), content: content))
      default: return nil
      }
      child = current.pointee.next
    }
    let space = node.pointee.ns
    return XMLElement(
      name: qualified(node.pointee.name, space), isPlain: space == nil, attributes: attributes(node),
      children: children, extent: extent)
  }

  private func attributes(_ node: xmlNodePtr) -> [XMLAttribute] {
    var result: [XMLAttribute] = []
    var declaration = node.pointee.nsDef
    while let current = declaration {
      let name = current.pointee.prefix.map { "xmlns:" + String(cString: $0) } ?? "xmlns"
      result.append(XMLAttribute(name: name, value: text(current.pointee.href)))
      declaration = current.pointee.next
    }
    var attribute = node.pointee.properties
    while let current = attribute {
      var value = ""
      var part = current.pointee.children
      while let piece = part {
        value += text(piece.pointee.content)
        part = piece.pointee.next
      }
      result.append(XMLAttribute(name: qualified(current.pointee.name, current.pointee.ns), value: value))
      attribute = current.pointee.next
    }
    return result
  }

  private func qualified(_ name: UnsafePointer<xmlChar>?, _ space: xmlNsPtr?) -> String {
    guard let prefix = space?.pointee.prefix else { return text(name) }
    return String(cString: prefix) + ":" + text(name)
  }

  private func text(_ content: UnsafePointer<xmlChar>?) -> String { content.map { String(cString: $0) } ?? "" }
}
