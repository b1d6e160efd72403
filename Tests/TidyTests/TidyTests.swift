import Testing

/// The style as a test: each rule holds in the whole tree, and each finds what it is there for.
@Suite struct TidyTests {
  @Test(arguments: Rule.all)
  func treeKeeps(_ rule: Rule) {
    let violations = Tree.swiftFiles.flatMap(rule.violations(in:))
    report(violations)
  }

  @Test(arguments: Rule.all)
  func badSampleIsFound(by rule: Rule) {
    for sample in rule.bad { #expect(!rule.violations(in: sample).isEmpty, "\(sample)") }
  }

  @Test(arguments: Rule.all)
  func goodSampleIsLeftAlone(by rule: Rule) {
    for sample in rule.good { #expect(rule.violations(in: sample).isEmpty, "\(sample)") }
  }

  @Test func generatedCodeIsExempt() {
    let sample = Rule.Sample("Sources/Wire/Generated/a.pb.swift", "import Foundation // TODO\nlet a = try! b()")
    #expect(Rule.all.allSatisfy { $0.violations(in: sample).isEmpty })
  }

  @Test func treeIsRead() {
    #expect(Tree.swiftFiles.contains { $0.path == "Sources/NUMA/Invariant.swift" })
    #expect(Tree.swiftFiles.contains { $0.path == "Tests/TidyTests/TidyTests.swift" })
  }

  @Test func sourcesAreSmallInTheMiddle() {
    #expect(SizeRules.median(of: Tree.swiftFiles) <= SizeRules.fileLinesMedianMax)
  }

  @Test func medianIgnoresTestsAndGeneratedCode() {
    func file(_ path: String, lines: Int) -> SourceFile {
      SourceFile(path: path, text: String(repeating: "\n", count: lines))
    }
    let files = [
      file("Sources/A/a.swift", lines: 10), file("Sources/A/b.swift", lines: 200),
      file("Sources/A/c.swift", lines: 300),
      file("Tests/A/d.swift", lines: 1), file("Sources/Wire/Generated/e.swift", lines: 9000),
    ]
    #expect(SizeRules.median(of: files) == 200)
  }

  @Test func nothingIsLeftForLaterOutsideSwiftEither() {
    let folders = ["Sources", "Tests", "proto-schemas", "cluster-config", "deploy"]
    let violations = Tree.paths(under: folders).filter { !$0.hasSuffix(".swift") && !$0.hasPrefix("Tests/Fixtures/") }
      .flatMap { path -> [Violation] in
        let lines = (Tree.text(of: path) ?? "").split(separator: "\n", omittingEmptySubsequences: false).map(
          String.init)
        return TextRules.leftoverLines(in: lines).map { Violation(path: path, line: $0, rule: "no leftovers") }
      }
    report(violations)
  }

  private func report(_ violations: [Violation]) {
    if violations.isEmpty { return }
    Issue.record("\n\(violations.map(\.description).joined(separator: "\n"))")
  }
}
