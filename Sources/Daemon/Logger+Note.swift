public import Fleet
public import Logging

extension Logger {
  /// One note of a core as one line.
  public func log(_ note: Note) {
    let level: Level =
      switch note.level {
      case .debug: .debug
      case .info: .info
      case .warning: .warning
      case .error: .error
      }
    var metadata: Metadata = [:]
    for field in note.fields { metadata[field.key] = "\(field.value)" }
    log(level: level, "\(note.event)", metadata: metadata)
  }
}
