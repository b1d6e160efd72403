import CZeroMQ

/// Why the transport could not be set up; what happens on a running connection is an event instead.
public enum TransportError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A listener or destination is described in a way that must not be used; the text says what to change.
  case invalidEndpoint(String, problem: String)
  /// bind(2) was refused: address in use, no such interface, no permission.
  case cannotBind(String, reason: String)
  /// A file or socket cannot be made because its directory is missing.
  case noDirectory(String, of: String)
  /// A text is not a CURVE key in Z85: 40 characters of that alphabet.
  case invalidKey(problem: String)
  /// One public key was given to two users.
  case ambiguousKey(CurvePublicKey, users: [String])
  /// A key file cannot be used or written; the text says what to change.
  case keyFile(path: String, problem: String)
  /// The process may not open as many files as it needs.
  case fileDescriptorLimit(needed: Int, allowed: Int)
  /// A system or libzmq call failed that fails only when the machine is out of something.
  case system(call: String, reason: String)

  /// One sentence that says what to do.
  public var description: String {
    switch self {
    case .invalidEndpoint(let endpoint, let problem):
      "endpoint '\(endpoint)' cannot be used: \(problem)"
    case .cannotBind(let endpoint, let reason):
      "cannot listen on '\(endpoint)': \(reason); choose another address or stop what uses this one"
    case .noDirectory(let directory, let file):
      "'\(file)' cannot be made; create the directory \(directory)"
    case .invalidKey(let problem):
      "not a CURVE key: \(problem); make one with 'numafleet key new'"
    case .ambiguousKey(let key, let users):
      "public key \(key) is given to \(users.joined(separator: " and ")); revoke all but one"
    case .keyFile(let path, let problem):
      "key file '\(path)': \(problem)"
    case .fileDescriptorLimit(let needed, let allowed):
      "\(needed) open files are needed and \(allowed) are allowed; raise LimitNOFILE (or ulimit -n) to \(needed)"
    case .system(let call, let reason):
      "\(call): \(reason)"
    }
  }
}

/// The directory that holds a file.
func directory(of path: String) -> String {
  path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
}

/// The text of an errno value or of one of libzmq's own codes.
func reason(_ code: Int32) -> String { String(cString: zmq_strerror(code)) }

extension TransportError {
  /// The last libzmq call's failure.
  static func last(_ call: String) -> TransportError { .system(call: call, reason: reason(zmq_errno())) }
}
