/// Swift seeds hashing per process, so a loop over a hashed collection gives another result in every run.
///
/// Whether a dictionary is looped over cannot be told from its text, so the cores have none but those that a comment
/// on the same line declares to be `// lookup only`.
enum DeterminismRules {
  static let cores = ["PlacementEngine", "CoordinatorCore", "AgentCore"]
  static let excuse = "// lookup only"

  static let all = [noHashedCollections]

  static let noHashedCollections = Rule(
    name: "no hashed collections in cores",
    bad: [
      .init("Sources/AgentCore/A.swift", "var seen: Set<Int> = []"),
      .init("Sources/AgentCore/A.swift", "let a = Set(ids)"),
      .init("Sources/AgentCore/A.swift", "for a in Set(ids.sorted()).map({ $0 }) {}"),
      .init("Sources/PlacementEngine/A.swift", "var hosts: [HostID: Room] = [:]"),
      .init("Sources/PlacementEngine/A.swift", "var a: [Plan.ID : [Int]] = [:]"),
      .init("Sources/CoordinatorCore/A.swift", "func a(_ b: [Pair<Int>: (Int, Int)]) {}"),
      .init("Sources/CoordinatorCore/A.swift", "let a = Dictionary(grouping: b) { $0 }"),
      .init("Sources/CoordinatorCore/A.swift", "var a: Dictionary<Int, Int>"),
    ],
    good: [
      .init("Sources/AgentCore/A.swift", "var seen: Set<Int> = []  // lookup only"),
      .init("Sources/AgentCore/A.swift", "var a: IDSet<CPUKind>, b: OrderedSet<Int>, c = CPUSet([1])"),
      .init("Sources/AgentCore/A.swift", "var a: OrderedDictionary<HostID, Int> = [:]\nlet b = [flag ? One : Two]"),
      .init("Sources/Fleet/A.swift", "var a: Set<Int>"),
      .init("Sources/AgentCore/A.swift", "let a = Set(ids.map { (id) in f(id) }).sorted()"),
      .init("Sources/AgentCore/A.swift", "let a = b[Index(c)], d = [First, Second]"),
    ]
  ) { file in
    guard file.isSource, cores.contains(file.module) else { return [] }
    let words: Set = ["Set", "Dictionary"]
    return file.tokens.indices.dropLast().compactMap { index in
      let token = file.tokens[index]
      let isNamed = words.contains(token.text) && ["<", "("].contains(file.tokens[index + 1].text)
      guard isNamed || isDictionaryType(at: index, in: file.tokens) else { return nil }
      if isNamed, isSortedAtOnce(at: index, in: file.tokens) { return nil }
      if file.lines[token.line - 1].contains(excuse) { return nil }
      return (token.line, "use a sorted array or OrderedDictionary, or say \"\(excuse)\"")
    }
  }

  /// Whether `Set(…).sorted` begins here: the way to drop duplicates whose order is known.
  private static func isSortedAtOnce(at index: Int, in tokens: [SwiftScanner.Token]) -> Bool {
    var depth = 0
    for next in (index + 1)..<tokens.count {
      if tokens[next].text == "(" { depth += 1 }
      if tokens[next].text == ")" { depth -= 1 }
      if depth == 0 { return tokens[next...].dropFirst().prefix(2).map(\.text) == [".", "sorted"] }
    }
    return false
  }

  /// Whether `[Key: Value]` begins here, a type's name being known by its capital.
  private static func isDictionaryType(at index: Int, in tokens: [SwiftScanner.Token]) -> Bool {
    func text(_ at: Int) -> String { at < tokens.count ? tokens[at].text : "" }
    func isCapital(_ word: String) -> Bool { word.first?.isUppercase ?? false }
    guard text(index) == "[", isCapital(text(index + 1)) else { return false }
    var next = index + 2
    while text(next) == "." || (text(next - 1) == "." && isCapital(text(next))) { next += 1 }
    if text(next) == "<" {
      while next < tokens.count, text(next) != ">" { next += 1 }
      next += 1
    }
    guard text(next) == ":" else { return false }
    return isCapital(text(next + 1)) || ["[", "(", "any"].contains(text(next + 1))
  }
}
