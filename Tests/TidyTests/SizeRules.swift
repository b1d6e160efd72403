/// Limits that keep a file on one subject and a function on one screen or two.
enum SizeRules {
  static let fileLinesMax = 500
  static let fileLinesMedianMax = 170
  static let functionLinesMax = 70
  static let lineLengthMax = 120

  static let all = [fileSize, functionSize, lineLength]

  static let fileSize = Rule(
    name: "file size",
    bad: [.init("Sources/NUMA/Big.swift", String(repeating: "// A line.\n", count: fileLinesMax + 1))],
    good: [.init("Sources/NUMA/Fit.swift", String(repeating: "// A line.\n", count: fileLinesMax))]
  ) { file in
    file.lines.count <= fileLinesMax
      ? [] : [(fileLinesMax + 1, "\(file.lines.count) lines; split it by noun, \(fileLinesMax) are the most")]
  }

  static let functionSize = Rule(
    name: "function size",
    bad: [
      .init("Sources/NUMA/Long.swift", "func long() {\n" + String(repeating: "  step()\n", count: 69) + "}\n"),
      .init(
        "Sources/NUMA/Long.swift",
        "struct A {\n  init?(a: () -> Void = {}) {\n\(String(repeating: "\n", count: 70))}\n}"),
    ],
    good: [
      .init("Sources/NUMA/Fit.swift", "func fit() {\n" + String(repeating: "  step()\n", count: 68) + "}\n"),
      .init(
        "Sources/NUMA/Fit.swift",
        "protocol P {\n  func a()\n  init(b: Int)\n  var c: Int { get }\n}\n"
          + String(repeating: "let d = \"{\"\n", count: 90)),
    ]
  ) { file in
    functions(in: file).filter { $0.last - $0.first + 1 > functionLinesMax }.map {
      ($0.first, "\($0.name) has \($0.last - $0.first + 1) lines, \(functionLinesMax) are the most")
    }
  }

  static let lineLength = Rule(
    name: "line length",
    bad: [.init("Tests/NUMATests/Wide.swift", "// " + String(repeating: "x", count: 118))],
    good: [.init("Tests/NUMATests/Fit.swift", "// " + String(repeating: "ä", count: 117))]
  ) { file in
    file.lines.enumerated().compactMap { index, line in
      guard line.utf8.count > lineLengthMax, line.count > lineLengthMax else { return nil }
      return (index + 1, "\(line.count) columns, \(lineLengthMax) are the most")
    }
  }

  /// The middle of the sizes of our own sources, in lines.
  static func median(of files: [SourceFile]) -> Int {
    let sizes = files.filter { $0.isSource && !$0.isGenerated }.map(\.lines.count).sorted()
    return sizes.isEmpty ? 0 : sizes[sizes.count / 2]
  }

  /// Functions and initializers that have a body, by the lines from their keyword to their closing brace.
  static func functions(in file: SourceFile) -> [(name: String, first: Int, last: Int)] {
    let tokens = file.tokens
    return tokens.indices.compactMap { start in
      guard isDeclaration(at: start, in: tokens), let body = body(after: start, in: tokens) else { return nil }
      let name = tokens[start].text == "func" ? "func \(tokens[start + 1].text)" : tokens[start].text
      return (name, tokens[start].line, tokens[closing(body, in: tokens)].line)
    }
  }

  private static func isDeclaration(at index: Int, in tokens: [SwiftScanner.Token]) -> Bool {
    guard index + 1 < tokens.count else { return false }
    switch tokens[index].text {
    case "func", "deinit": return true
    case "init":
      return (index == 0 || tokens[index - 1].text != ".") && ["(", "?", "!", "<"].contains(tokens[index + 1].text)
    default: return false
    }
  }

  /// The opening brace of a declaration's body; nil for a requirement of a protocol.
  private static func body(after start: Int, in tokens: [SwiftScanner.Token]) -> Int? {
    let next: Set = [
      "func", "init", "deinit", "var", "let", "subscript", "associatedtype", "}", "@", "public", "static",
    ]
    var depth = 0
    for index in (start + 1)..<tokens.count {
      switch tokens[index].text {
      case "(", "[": depth += 1
      case ")", "]": depth -= 1
      case "{" where depth == 0: return index
      case let text where depth == 0 && index > start + 1 && next.contains(text): return nil
      default: break
      }
    }
    return nil
  }

  private static func closing(_ opening: Int, in tokens: [SwiftScanner.Token]) -> Int {
    var depth = 0
    for index in opening..<tokens.count {
      if tokens[index].text == "{" { depth += 1 }
      if tokens[index].text == "}" { depth -= 1 }
      if depth == 0 { return index }
    }
    return tokens.count - 1
  }
}
