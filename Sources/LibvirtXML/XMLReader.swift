import NUMA

/// Reads the values of one sort of document, with errors that name the element and the text in it.
struct XMLReader {
  /// The sort of document, for errors.
  let document: String

  /// 16 PiB, beyond any machine's address lines; sums over a whole document's elements stay far from overflow.
  static let bytesMaximum = 1 << 54

  /// The child element, or an error that names what is missing.
  func require(_ name: String, in element: XMLElement) throws(XMLError) -> XMLElement {
    guard let child = element.first(name) else {
      throw XMLError(.missing, in: document, "<\(element.name)> has no <\(name)>")
    }
    return child
  }

  /// The attribute, or an error that names what is missing.
  func require(attribute name: String, of element: XMLElement) throws(XMLError) -> String {
    guard let value = element[name] else {
      throw XMLError(.missing, in: document, "<\(element.name)> has no \(name)=")
    }
    return value
  }

  /// A whole number in a range.
  func integer(_ text: String, in range: ClosedRange<Int>, of place: String) throws(XMLError) -> Int {
    guard let value = Int(text.withoutOuterBlanks), range.contains(value) else {
      throw XMLError(
        .invalid, in: document,
        "\(place) is \"\(text.prefix(40))\", not a number from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// A whole number in an attribute; nil without the attribute.
  func integer(
    attribute name: String, of element: XMLElement, in range: ClosedRange<Int>
  ) throws(XMLError) -> Int? {
    guard let text = element[name] else { return nil }
    return try integer(text, in: range, of: "<\(element.name) \(name)=>")
  }

  /// A whole number that must be in an attribute.
  func require(
    integer name: String, of element: XMLElement, in range: ClosedRange<Int>
  ) throws(XMLError) -> Int {
    try integer(try require(attribute: name, of: element), in: range, of: "<\(element.name) \(name)=>")
  }

  /// A list of ids in an attribute; nil without the attribute.
  func list<Kind>(attribute name: String, of element: XMLElement) throws(XMLError) -> IDSet<Kind>? {
    guard let text = element[name] else { return nil }
    do {
      return try IDSet<Kind>(parsing: text)
    } catch {
      throw XMLError(.invalid, in: document, "<\(element.name) \(name)=>: \(error)")
    }
  }

  /// A list of ids that must be in an attribute.
  func require<Kind>(list name: String, of element: XMLElement) throws(XMLError) -> IDSet<Kind> {
    _ = try require(attribute: name, of: element)
    return try list(attribute: name, of: element) ?? []
  }

  /// An amount of memory: the element's text with its `unit`.
  func memory(_ element: XMLElement) throws(XMLError) -> KiB {
    try memory(element.text, unit: element["unit"], of: "<\(element.name)>")
  }

  /// An amount of memory in a unit of libvirt (`virScaleInteger`), KiB without one; rounded up to whole KiB.
  func memory(_ text: String, unit: String?, of place: String) throws(XMLError) -> KiB {
    let count = try integer(text, in: 0...Int.max, of: place)
    guard let bytes = Self.bytes(of: unit ?? "KiB") else {
      throw XMLError(
        .invalid, in: document, "\(place) has the unit \"\((unit ?? "").prefix(20))\"; KiB, MiB and GiB are known")
    }
    let (product, overflow) = count.multipliedReportingOverflow(by: bytes)
    guard !overflow, product <= Self.bytesMaximum else {
      throw XMLError(.invalid, in: document, "\(place) is more memory than any machine has: \(text.prefix(40))")
    }
    return KiB((product + 1023) / 1024)
  }

  private static func bytes(of unit: String) -> Int? {
    let lower = unit.lowercased()
    if lower == "b" || lower == "byte" || lower == "bytes" { return 1 }
    guard let power = ["k", "m", "g", "t", "p", "e"].firstIndex(of: lower.prefix(1)) else { return nil }
    let base: Int
    switch lower.dropFirst() {
    case "", "ib": base = 1024
    case "b": base = 1000
    default: return nil
    }
    return (0...power).reduce(1) { result, _ in result * base }
  }
}
