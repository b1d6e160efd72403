import Foundation

/// One Swift file of the tree, read and scanned once.
struct SourceFile: Sendable {
  /// From the root, for example `Sources/NUMA/IDSet.swift`.
  var path: String
  var lines: [String]
  var tokens: [SwiftScanner.Token]
  var literals: [SwiftScanner.Literal]

  init(path: String, text: String) {
    self.path = path
    // A line feed and not `\n` as a Character, which a carriage return before it would hide.
    lines = text.utf8.split(separator: Ascii.newline, omittingEmptySubsequences: false).map { String($0) ?? "" }
    if lines.last == "" { lines.removeLast() }
    let scanner = SwiftScanner(text)
    tokens = scanner.tokens
    literals = scanner.literals
  }

  private var components: [Substring] { path.split(separator: "/") }
  /// The folder below Sources or Tests.
  var module: String { components.count > 2 ? String(components[1]) : "" }
  var name: String { String(components.last ?? "") }
  var isSource: Bool { path.hasPrefix("Sources/") }
  /// Made by protoc, so nobody writes or reads it.
  var isGenerated: Bool { path.hasPrefix("Sources/Wire/Generated/") }

  /// The tokens at which a sequence of them begins, with nothing between them.
  func places(of sequence: [String]) -> [Int] {
    guard let first = sequence.first, tokens.count >= sequence.count else { return [] }
    return (0...(tokens.count - sequence.count)).filter { start in
      tokens[start].text == first
        && sequence.indices.dropFirst().allSatisfy {
          tokens[start + $0].text == sequence[$0] && tokens[start + $0].isJoined
        }
    }
  }
}

/// Where a rule is broken.
struct Violation: Equatable, CustomStringConvertible {
  var path: String
  var line: Int
  var rule: String
  var description: String { "\(path):\(line): \(rule)" }
}

/// The checkout that this test file belongs to.
enum Tree {
  static let root = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  /// Every Swift file of Sources and Tests.
  static let swiftFiles: [SourceFile] = paths(under: ["Sources", "Tests"]).filter { $0.hasSuffix(".swift") }.map {
    SourceFile(path: $0, text: text(of: $0) ?? "")
  }

  /// Files below the folders, from the root, sorted; build folders and dot-files are left out.
  static func paths(under folders: [String]) -> [String] {
    folders.flatMap { folder -> [String] in
      let found = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
      let names = found?.compactMap { $0 as? String } ?? []
      return names.filter { name in !name.split(separator: "/").contains { $0.hasPrefix(".") } }.map {
        folder + "/" + $0
      }
    }
    .filter { path in
      var isFolder: ObjCBool = false
      let exists = FileManager.default.fileExists(
        atPath: root.appendingPathComponent(path).path, isDirectory: &isFolder)
      return exists && !isFolder.boolValue
    }
    .sorted()
  }

  /// The text of a file; nil when it is absent or no text.
  static func text(of path: String) -> String? {
    guard let data = FileManager.default.contents(atPath: root.appendingPathComponent(path).path) else { return nil }
    return String(data: data, encoding: .utf8)
  }
}
