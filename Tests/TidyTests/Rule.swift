import Testing

/// One rule about a single file, with samples that show what it finds and what it leaves alone.
struct Rule: Sendable, CustomTestStringConvertible {
  struct Sample: Sendable {
    var path: String
    var text: String
    init(_ path: String, _ text: String) {
      self.path = path
      self.text = text
    }
  }

  var name: String
  /// Each breaks the rule at least once.
  var bad: [Sample]
  /// None breaks it.
  var good: [Sample] = []
  /// The broken lines of a file, with what to do instead.
  var find: @Sendable (SourceFile) -> [(line: Int, text: String)]

  var testDescription: String { name }

  func violations(in file: SourceFile) -> [Violation] {
    if file.isGenerated { return [] }
    return find(file).map { Violation(path: file.path, line: $0.line, rule: "\(name): \($0.text)") }
  }

  func violations(in sample: Sample) -> [Violation] {
    violations(in: SourceFile(path: sample.path, text: sample.text))
  }

  static let all: [Rule] =
    SizeRules.all + NameRules.all + CallRules.all + ImportRules.all + DeterminismRules.all + TextRules.all
}
