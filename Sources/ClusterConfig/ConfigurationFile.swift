public import Fleet

/// The text of `cluster-config/` to validated values.
///
/// Five kinds of file exist, told apart by their first key: `kind: coordinator`, `agent`, `policy`, `shape` or
/// `batch`. Each has an `init(parsing:file:)` on the type it becomes. The module reads no file and resolves no name: it
/// turns text into values, and every value that comes out is within its documented bounds. Invariants: an unknown key
/// is an error that names the nearest known one; an error carries file, line, column and the allowed values; a relative
/// path is relative to the file it stands in. `overriding` takes the `--set KEY=VALUE` of a command line; such a value
/// is YAML, obeys the same rules, and its paths are relative to the working directory.
public enum ConfigurationFile: Sendable, Hashable {
  case coordinator(CoordinatorConfiguration)
  case agent(AgentConfiguration)
  case policy(Policy)
  case shape(Shape)
  case batch(Batch)

  /// The word after `kind:`.
  public var kind: String {
    switch self {
    case .coordinator: "coordinator"
    case .agent: "agent"
    case .policy: "policy"
    case .shape: "shape"
    case .batch: "batch"
    }
  }
}

/// Validates a file of any kind, as its `kind:` says.
public func checkAny(_ text: String, file: String) throws(ConfigurationError) -> ConfigurationFile {
  switch try Document(text, file: file, overriding: []).kind() {
  case .coordinator: .coordinator(try CoordinatorConfiguration(parsing: text, file: file))
  case .agent: .agent(try AgentConfiguration(parsing: text, file: file))
  case .policy: .policy(try Policy(parsing: text, file: file))
  case .shape: .shape(try Shape(parsing: text, file: file))
  case .batch: .batch(try Batch(parsing: text, file: file))
  }
}

/// The words after `kind:`.
enum Kind: String, CaseIterable {
  case coordinator, agent, policy, shape, batch

  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension Document {
  /// The kind that the document says it is.
  func kind() throws(ConfigurationError) -> Kind {
    guard let entry = entries.first(where: { $0.key == "kind" }) else {
      throw ConfigurationError(file: file, line: 1, "kind is missing; allowed: \(Kind.names)")
    }
    return try entry.value.choice()
  }

  /// The top-level section of a document that must be of one kind.
  func section<Key: SectionKey>(_ kind: Kind, _: Key.Type = Key.self) throws(ConfigurationError) -> Section<Key> {
    let found = try self.kind()
    guard found == kind, let entry = entries.first(where: { $0.key == "kind" }) else {
      let entry = entries.first { $0.key == "kind" }
      throw (entry?.value.position ?? Position(file: file, line: 0, column: 0))
        .error("kind is \(found.rawValue), but a \(kind.rawValue) file is wanted here")
    }
    return try Section(
      entries, name: "a \(kind.rawValue) file", position: Position(file: file, line: entry.position.line, column: 0))
  }
}
