import Testing

/// The scanner tells code from comments and strings, on which all rules rely.
@Suite struct ScannerTests {
  private func tokens(_ text: String) -> [String] { SwiftScanner(text).tokens.map(\.text) }
  private func literals(_ text: String) -> [String] { SwiftScanner(text).literals.map(\.text) }

  @Test func commentsAreNoCode() {
    #expect(tokens("a // b \" c\n/* d /* e */ f */ g") == ["a", "g"])
  }

  @Test func stringsAreNoCode() {
    #expect(tokens("let a = \"try! \\\" b\"; c") == ["let", "a", "=", ";", "c"])
    #expect(literals("\"one\" + \"two\"") == ["one", "two"])
  }

  @Test func interpolationsAreCode() {
    #expect(tokens("\"x \\(a + \"\\(b(c))\") y\" d") == ["a", "+", "b", "(", "c", ")", "d"])
    #expect(literals("\"x \\(a + \"in\") y\"") == ["in", "x  y"])
  }

  @Test func rawStringsKeepTheirBackslashes() {
    #expect(literals("#\"a\\\"b\\(c)\"#") == ["a\\\"b\\(c)"])
    #expect(tokens("#\"a \"quote\" \\#(b)\"# c") == ["b", "c"])
  }

  @Test func multiLineStringsKeepTheirLines() {
    let scanner = SwiftScanner("let a = \"\"\"\n  <b>\n  \"c\"\n  \"\"\"\nd")
    #expect(scanner.literals.map(\.line) == [1, 2, 3, 4])
    #expect(scanner.literals.map(\.text) == ["", "  <b>", "  \"c\"", "  "])
    #expect(scanner.tokens.last == SwiftScanner.Token(text: "d", line: 5))
  }

  @Test func compilerDirectivesAndAttributesArePunctuation() {
    #expect(tokens("#if os(Linux)\n@a b") == ["#", "if", "os", "(", "Linux", ")", "@", "a", "b"])
  }

  @Test func functionsAreMeasuredToTheirClosingBrace() {
    let text = """
      struct A {
        init() { self.init(b: 1) }
        func c(d: () -> Void = {}) -> [Int] where E: F {
          if g { h() }
        }
        deinit {
        }
      }
      """
    let functions = SizeRules.functions(in: SourceFile(path: "Sources/NUMA/A.swift", text: text))
    #expect(functions.map(\.name) == ["init", "func c", "deinit"])
    #expect(functions.map(\.first) == [2, 3, 6])
    #expect(functions.map(\.last) == [2, 5, 7])
  }

  @Test func namesAreSplitAtCapitals() {
    #expect(NameRules.words(of: "HTTPHostManager+Pins") == ["HTTPHost", "Manager", "Pins"])
    #expect(NameRules.words(of: "Utilization") == ["Utilization"])
  }
}
