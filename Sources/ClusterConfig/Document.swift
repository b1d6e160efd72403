import Yams

/// One YAML text as a mapping with places, after the settings of the command line have replaced entries of it.
///
/// This is the only file that meets Yams: everything after it sees `Entry` and `Value`. A text that is no mapping,
/// holds more than one document, repeats a key or is longer than `lengthMax` is an error here.
struct Document {
  /// Configuration is written by hand; more than this is some other file.
  static let lengthMax = 262_144

  var file: String
  var entries: [Entry]

  init(_ text: String, file: String, overriding settings: [String]) throws(ConfigurationError) {
    self.file = file
    guard text.utf8.count <= Self.lengthMax else {
      throw ConfigurationError(file: file, "the file has \(text.utf8.count) bytes; allowed: up to \(Self.lengthMax)")
    }
    guard let root = try Self.compose(text, file: file) else {
      throw ConfigurationError(file: file, "the file is empty; it must begin with kind: and one of \(Kind.names)")
    }
    let value = Value(node: root, name: "the file", position: Self.position(of: root, file: file), file: file)
    entries = try value.entries()
    for setting in settings { try replace(setting) }
  }

  /// Applies `key=YAML` or `section.key=YAML`.
  private mutating func replace(_ setting: String) throws(ConfigurationError) {
    guard let equals = setting.firstIndex(of: "="), equals != setting.startIndex else {
      throw ConfigurationError(file: "--set \(setting)", "there is no key before '='; write --set KEY=VALUE")
    }
    let path = setting[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let origin = "--set \(setting[..<equals])"
    let text = String(setting[setting.index(after: equals)...])
    guard path.count <= 2, let key = path.first, let last = path.last else {
      throw ConfigurationError(file: origin, "a key has at most one dot")
    }
    let node: Node
    do {
      node = try Self.compose(text, file: origin) ?? Node("", .implicit, .plain)
    } catch {
      throw ConfigurationError(file: origin, error.message)
    }
    // Paths on the command line are relative to the working directory, so the value keeps no file of its own.
    let value = Value(node: node, name: last, position: Position(file: origin, line: 0, column: 0), file: "")
    let entry = Entry(key: last, position: value.position, value: value)
    let index = entries.firstIndex { $0.key == key }
    if path.count == 1 {
      if let index { entries[index] = entry } else { entries.append(entry) }
    } else if let index {
      entries[index].value.replacing.append(entry)
    } else {
      var section = Value(node: Node([(Node, Node)]()), name: key, position: value.position, file: "")
      section.replacing = [entry]
      entries.append(Entry(key: key, position: value.position, value: section))
    }
  }

  private static func compose(_ text: String, file: String) throws(ConfigurationError) -> Node? {
    do {
      return try Yams.compose(yaml: text)
    } catch let error as YamlError {
      throw configurationError(error, file: file)
    } catch {
      throw ConfigurationError(file: file, "\(error)")
    }
  }

  private static func configurationError(_ error: YamlError, file: String) -> ConfigurationError {
    switch error {
    case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
      .composer(let context, let problem, let mark, _):
      let text = context.map { "\($0.text) at line \($0.mark.line), " } ?? ""
      return ConfigurationError(file: file, line: mark.line, column: mark.column, "this is not YAML: \(text)\(problem)")
    case .duplicatedKeysInMapping(let duplicates, let context):
      let names = duplicates.joined(separator: ", ")
      return ConfigurationError(
        file: file, line: context.mark.line, column: context.mark.column, "\(names) is given more than once; keep one")
    case .reader(let problem, let offset, _, let yaml):
      let line = offset.map { 1 + yaml.prefix($0).filter { $0.isNewline }.count } ?? 0
      return ConfigurationError(file: file, line: line, "this is not YAML: \(problem)")
    default:
      return ConfigurationError(file: file, "this is not YAML: \(error)")
    }
  }

  static func position(of node: Node, file: String) -> Position {
    Position(file: file, line: node.mark?.line ?? 0, column: node.mark?.column ?? 0)
  }
}

/// One key of a mapping with its value.
struct Entry {
  var key: String
  var position: Position
  var value: Value
}

/// A node with its name for error texts and the file that relative paths in it start from.
struct Value {
  var node: Node
  var name: String
  var position: Position
  /// Empty for a value of the command line.
  var file: String
  /// Entries of the command line that replace or join those of this mapping.
  var replacing: [Entry] = []

  /// The scalar's text; nil for mappings, sequences and null.
  var scalar: String? {
    guard case .scalar(let scalar) = node else { return nil }
    return scalar.style == .plain && ["", "~", "null"].contains(scalar.string) ? nil : scalar.string
  }

  /// Whether nothing stands after the key.
  var isEmpty: Bool {
    guard case .scalar = node else { return false }
    return scalar == nil && replacing.isEmpty
  }

  /// What was written, for error texts.
  var written: String {
    switch node {
    case .scalar(let scalar): Int(scalar.string) == nil ? quoted(scalar.string) : scalar.string
    case .sequence: "a list"
    default: "a mapping"
    }
  }

  /// The items of a sequence.
  func items() throws(ConfigurationError) -> [Value] {
    guard case .sequence(let sequence) = node else {
      throw position.error("\(name) is not a list; write one item a line, each after '- '")
    }
    return sequence.enumerated().map { index, item in
      Value(node: item, name: "\(name)[\(index)]", position: place(of: item), file: file)
    }
  }

  /// The entries of a mapping.
  func entries() throws(ConfigurationError) -> [Entry] {
    guard case .mapping(let mapping) = node else {
      throw position.error("\(name) is not a mapping; write lines of 'key: value'")
    }
    var found: [Entry] = []
    for (key, item) in mapping {
      guard case .scalar(let text) = key else { throw place(of: key).error("a key of \(name) is not a word") }
      let value = Value(node: item, name: text.string, position: place(of: item), file: file)
      found.append(Entry(key: text.string, position: place(of: key), value: value))
    }
    for entry in replacing {
      found.removeAll { $0.key == entry.key }
      found.append(entry)
    }
    return found
  }

  private func place(of node: Node) -> Position {
    // A value of the command line is one line; its own name says more than a column of it.
    file.isEmpty ? position : Document.position(of: node, file: file)
  }
}
