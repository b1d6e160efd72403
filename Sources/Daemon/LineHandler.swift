import Glibc
public import Logging

/// A swift-log handler that writes one line an event to standard error: time, level, event, `key=value` fields.
///
/// Values come from guests' owners, peers and files. Whatever is not printable ASCII is escaped, so that the number
/// of lines is the number of events and no text can move a terminal's cursor.
public struct LineHandler: LogHandler {
  /// `text` for people and journald, `json` for collectors.
  public enum Format: Sendable { case text, json }

  public var metadata: Logger.Metadata = [:]
  public var logLevel: Logger.Level
  public var metadataProvider: Logger.MetadataProvider?
  private let format: Format

  public init(format: Format, level: Logger.Level) {
    self.format = format
    logLevel = level
  }

  public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  public func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
      .sorted { $0.key < $1.key }.map { ($0.key, "\($0.value)") }
    let line = Self.line(
      format: format, time: Self.timestamp(), level: event.level.rawValue, event: event.message.description,
      fields: fields)
    Self.write(line)
  }

  /// The line, newline included.
  public static func line(
    format: Format, time: String, level: String, event: String, fields: [(String, String)]
  ) -> String {
    switch format {
    case .text:
      let tail = fields.map { " \($0.0)=\(quoted($0.1, always: false))" }.joined()
      return "\(time) \(level) \(quoted(event, always: false, allowsSpace: true))\(tail)\n"
    case .json:
      let all = [("time", time), ("level", level), ("event", event)] + fields
      return "{" + all.map { "\(quoted($0.0, always: true)):\(quoted($0.1, always: true))" }.joined(separator: ",")
        + "}\n"
    }
  }

  /// JSON string escapes for everything but printable ASCII; bare where no quotes are needed.
  private static func quoted(_ text: String, always: Bool, allowsSpace: Bool = false) -> String {
    var escaped = ""
    var isBare = !text.isEmpty
    for unit in text.utf16 {
      switch unit {
      case 0x22, 0x5c:
        escaped += unit == 0x22 ? "\\\"" : "\\\\"
        isBare = false
      case 0x20:
        escaped += " "
        isBare = isBare && allowsSpace
      case 0x21...0x7e:
        escaped.unicodeScalars.append(Unicode.Scalar(UInt8(unit)))
      default:
        let digits = String(unit, radix: 16)
        escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        isBare = false
      }
    }
    return isBare && !always ? escaped : "\"\(escaped)\""
  }

  private static func timestamp() -> String {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    var parts = tm()
    gmtime_r(&now.tv_sec, &parts)
    func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : "\(number)" }
    let milliseconds = now.tv_nsec / 1_000_000
    let fraction = milliseconds < 10 ? "00\(milliseconds)" : milliseconds < 100 ? "0\(milliseconds)" : "\(milliseconds)"
    return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
      + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(fraction)Z"
  }

  /// One write(2) a line, so that lines of several threads never mix.
  private static func write(_ line: String) {
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
