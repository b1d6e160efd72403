/// What the text of a file may not hold.
enum TextRules {
  static let all = [leftovers, xmlLiterals]

  /// Nothing is left for later in what is delivered.
  static let leftovers = Rule(
    name: "no leftovers",
    bad: [
      .init("Sources/Fleet/A.swift", "// TODO: later"), .init("Tests/FleetTests/A.swift", "let a = 1  // XXX why"),
      .init("Sources/Fleet/A.swift", "/* FIXME */"),
    ],
    good: [.init("Sources/Fleet/A.swift", "let todo = \"mktemp XXXXXX\"")]
  ) { file in
    // This suite must name what it looks for.
    if file.path.hasPrefix("Tests/TidyTests/") { return [] }
    return leftoverLines(in: file.lines).map { ($0, "do it, or write an issue") }
  }

  /// Lines that hold one of the marks as a word, counted from 1.
  static func leftoverLines(in lines: [String]) -> [Int] {
    lines.enumerated().compactMap { index, line in
      guard ["TODO", "FIXME", "XXX"].contains(where: line.contains) else { return nil }
      let words = line.split(whereSeparator: { !$0.isLetter && !$0.isNumber && $0 != "_" })
      return words.contains { ["TODO", "FIXME", "XXX"].contains($0) } ? index + 1 : nil
    }
  }

  /// XML is written by the module that knows how to escape it; naming an element, as in `<locked/>`, is no XML.
  static let xmlLiterals = Rule(
    name: "no XML outside LibvirtXML",
    bad: [
      .init("Sources/LibvirtDriver/A.swift", "let a = \"<vcpupin vcpu='\\(v)' cpuset='0'/>\""),
      .init("Sources/Fleet/A.swift", "let a = \"</domain>\""),
      .init("Sources/Fleet/A.swift", "let a = \"<?xml version\""),
      .init("Sources/Fleet/A.swift", "let a = \"\"\"\n  <memory mode=\n  \"\"\""),
      .init("Sources/numafleet/A.swift", "let a = #\"<cell id=\"0\"\"#"),
    ],
    good: [
      .init("Sources/LibvirtXML/A.swift", "let a = \"<cell id='0'/>\""),
      .init(
        "Sources/numafleet/A.swift", "let a = \"<none>\", b = a < c, d = \"needs <numatune>\", e = \"a <= b <locked/>\""
      ),
      .init("Sources/Fleet/A.swift", "/// `<cell id='0'/>`"), .init("Tests/FleetTests/A.swift", "let a = \"<a/>\""),
    ]
  ) { file in
    guard file.isSource, file.module != "LibvirtXML" else { return [] }
    return file.literals.filter { isXML($0.text) }.map { ($0.line, "let LibvirtXML write it") }
  }

  /// Whether a closing tag, an attribute or a prolog is in the text.
  private static func isXML(_ text: String) -> Bool {
    guard let open = text.firstIndex(of: "<") else { return false }
    if text.contains("</") || text.contains("<?xml") || text.contains("<!") { return true }
    let rest = text[text.index(after: open)...]
    guard rest.first?.isLetter ?? false else { return false }
    let name = rest.prefix { $0.isLetter || $0.isNumber || $0 == "-" || $0 == ":" }
    let after = rest[name.endIndex...].drop { $0 == " " }
    return !name.isEmpty && after.startIndex > name.endIndex
      && after.drop { $0.isLetter || $0.isNumber || $0 == "-" || $0 == ":" }.first == "="
  }
}
