/// An address of the wire, in ZeroMQ's words: `tcp://ADDRESS:PORT` or `ipc:///PATH`.
public enum Endpoint: Sendable, Hashable, LosslessStringConvertible {
  /// `host` is a name, an IPv4 address, an IPv6 address in brackets, or `*` for all addresses of a listener.
  case tcp(host: String, port: Int)
  /// An absolute path of at most 107 bytes, the kernel's limit for a Unix socket.
  case ipc(path: String)

  /// Parses an endpoint; the error says what is wrong and what would be right.
  public init(parsing text: String) throws(EndpointError) {
    if text.hasPrefix("tcp://") {
      let rest = text.dropFirst(6)
      guard let colon = rest.lastIndex(of: ":") else { throw EndpointError(text: text, reason: "the port is missing") }
      let host = rest[..<colon]
      let digits = rest[rest.index(after: colon)...]
      guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = Int(digits), (1...65535).contains(port)
      else {
        throw EndpointError(text: text, reason: "the port is not in 1...65535")
      }
      guard Self.isHost(host) else {
        throw EndpointError(text: text, reason: "\"\(host)\" is neither a host name nor an IP address")
      }
      self = .tcp(host: String(host), port: port)
    } else if text.hasPrefix("ipc://") {
      let path = String(text.dropFirst(6))
      guard path.first == "/", path.utf8.count <= 107, path.utf8.allSatisfy({ $0 > 32 && $0 != 127 }) else {
        throw EndpointError(text: text, reason: "the socket's path is not absolute, or longer than 107 bytes")
      }
      self = .ipc(path: path)
    } else {
      throw EndpointError(text: text, reason: "it begins with neither tcp:// nor ipc://")
    }
  }

  /// Parses an endpoint, or gives nil where `init(parsing:)` has an error.
  public init?(_ description: String) {
    do { try self.init(parsing: description) } catch { return nil }
  }

  /// As ZeroMQ wants it.
  public var description: String {
    switch self {
    case .tcp(let host, let port): "tcp://\(host):\(port)"
    case .ipc(let path): "ipc://\(path)"
    }
  }

  private static func isHost(_ host: Substring) -> Bool {
    if host == "*" { return true }
    if host.first == "[", host.last == "]" {
      return host.count > 3
        && host.dropFirst().dropLast().utf8.allSatisfy { isLetterOrDigit($0) || ":.%".utf8.contains($0) }
    }
    return (1...253).contains(host.utf8.count)
      && host.utf8.allSatisfy { isLetterOrDigit($0) || ".-_".utf8.contains($0) }
  }
}

/// Why a text is not an endpoint.
public struct EndpointError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The text as it was given.
  public let text: String
  /// What is wrong with it.
  public let reason: String

  /// One line with both, and two examples.
  public var description: String {
    "\(quoted(text)) is no endpoint: \(reason); "
      + "write for example tcp://10.0.0.5:7447 or ipc:///run/numafleet/operator.sock"
  }
}
