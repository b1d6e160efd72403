/// One line for the log: an event's name and its fields, in order.
public struct Note: Sendable, Hashable {
  public enum Level: Sendable, Hashable { case debug, info, warning, error }
  public var level: Level
  public var event: String
  public var fields: [Field]

  /// One key and its value.
  public struct Field: Sendable, Hashable {
    public var key: String
    public var value: String
  }

  public init(_ level: Level, _ event: String, _ fields: KeyValuePairs<String, String> = [:]) {
    self.level = level
    self.event = event
    self.fields = fields.map { Field(key: $0.key, value: $0.value) }
  }
}
