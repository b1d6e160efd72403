/// Names that say nothing: when no noun comes, the thing is two things.
enum NameRules {
  static let banned: Set = [
    "Manager", "Managers", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities", "Common",
  ]

  static let all = [fileName, typeName]

  static let fileName = Rule(
    name: "file name",
    bad: [.init("Sources/Fleet/HostManager.swift", ""), .init("Tests/FleetTests/Utils.swift", "")],
    good: [.init("Sources/Fleet/CommonalityIndex.swift", "")]
  ) { file in
    let stem = file.name.split(separator: ".").first.map(String.init) ?? ""
    return words(of: stem).filter(banned.contains).map { (1, "\"\($0)\" says nothing; find the noun") }
  }

  static let typeName = Rule(
    name: "type name",
    bad: [
      .init("Sources/Fleet/A.swift", "public struct PinHelper {}"),
      .init("Sources/Fleet/A.swift", "actor CommonState {}"),
      .init("Sources/Fleet/A.swift", "typealias GuestUtil = Guest"),
    ],
    good: [
      .init("Sources/Fleet/A.swift", "// class Manager\nlet a = FileManager.default\nstruct Utilization {}"),
      .init("Sources/Fleet/A.swift", "class func make() {}"),
    ]
  ) { file in
    let keywords: Set = ["struct", "class", "enum", "actor", "protocol", "typealias", "associatedtype"]
    return file.tokens.indices.dropLast().flatMap { index -> [(line: Int, text: String)] in
      guard keywords.contains(file.tokens[index].text) else { return [] }
      let name = file.tokens[index + 1]
      return words(of: name.text).filter(banned.contains).map {
        (name.line, "\"\($0)\" in \(name.text) says nothing; find the noun")
      }
    }
  }

  /// `HTTPHostManager+Pins` is HTTPHost, Manager and Pins: a word begins at a capital after a small letter.
  static func words(of name: String) -> [String] {
    var words: [String] = []
    var wasLower = false
    for character in name {
      if !character.isLetter && !character.isNumber {
        wasLower = false
        words.append("")
        continue
      }
      if words.isEmpty || (character.isUppercase && wasLower) { words.append("") }
      words[words.count - 1].append(character)
      wasLower = !character.isUppercase
    }
    return words
  }
}
