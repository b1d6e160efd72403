/// What is wrong in a configuration text, where, and what would be right.
public struct ConfigurationError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The file as it was named by the caller, or `--set KEY` for a value given on the command line.
  public let file: String
  /// Counted from 1; 0 when the whole text is meant.
  public let line: Int
  /// Counted from 1 in characters; 0 when the whole line is meant.
  public let column: Int
  /// One clause without a final period, with the allowed values where a value was wrong.
  public let message: String

  /// An error at a place of a file.
  public init(file: String, line: Int = 0, column: Int = 0, _ message: String) {
    self.file = file
    self.line = line
    self.column = column
    self.message = message
  }

  /// `cluster-config/policy.yaml:12:20: overcommit_percent is 50; allowed: 100...6400`.
  public var description: String {
    if line == 0 { return "\(file): \(message)" }
    return column == 0 ? "\(file):\(line): \(message)" : "\(file):\(line):\(column): \(message)"
  }
}

/// Where a node stands: the file's name and the place in it.
struct Position: Sendable, Hashable {
  var file: String
  var line: Int
  var column: Int

  func error(_ message: String) -> ConfigurationError {
    ConfigurationError(file: file, line: line, column: column, message)
  }
}
