import Glibc

/// One address on which a hub listens, and whom it admits there.
public struct Listener: Sendable {
  enum Admission: Sendable {
    case curve(CurveSecretKey, KeyTable)
    case local(userIDs: [UInt32])
  }

  /// The user that every message of a local listener comes from.
  public static let localUser = "local"

  /// What the listener is called in events; also its ZAP domain. Not empty, at most 200 bytes.
  public let name: String
  /// `tcp://ADDRESS:PORT` (`*` for any address, port 0 for any port) or `ipc://PATH`.
  public let endpoint: String
  let admission: Admission
  /// The largest message accepted, in bytes; a peer that sends a larger one is disconnected. Default 1 MiB.
  public var receivedBytesMax = 1 << 20
  /// The largest message that peers accept, in bytes; `send` refuses more. Default 64 KiB.
  public var sentBytesMax = 64 << 10
  /// How many messages libzmq keeps per connection and direction. Default 64.
  public var queuedPerConnection = 64

  /// A TCP listener with CURVE, which admits the keys in `keys` as long as they are in it. `serverKey` is what the
  /// peers must have pinned.
  public static func curve(
    name: String, endpoint: String, serverKey: CurveSecretKey, admitting keys: KeyTable
  ) -> Listener {
    Listener(name: name, endpoint: endpoint, admission: .curve(serverKey, keys))
  }

  /// A socket file of mode 0600, for root and the process's own user (and more user ids, if given): the kernel tells
  /// who connects. No CURVE; every message comes from the user `local`.
  public static func local(name: String, path: String, alsoUserIDs: [UInt32] = []) -> Listener {
    Listener(name: name, endpoint: "ipc://\(path)", admission: .local(userIDs: [0, geteuid()] + alsoUserIDs))
  }

  /// The path of the socket file; nil for TCP.
  var socketFile: String? {
    endpoint.hasPrefix("ipc://") ? String(endpoint.dropFirst("ipc://".count)) : nil
  }

  func validate() throws(TransportError) {
    guard !name.isEmpty, name.utf8.count <= 200 else {
      throw .invalidEndpoint(endpoint, problem: "its listener has no name, or one longer than 200 bytes")
    }
    guard receivedBytesMax > 0, sentBytesMax > 0, queuedPerConnection > 0 else {
      throw .invalidEndpoint(endpoint, problem: "its limits must be positive")
    }
    switch admission {
    case .curve:
      guard endpoint.hasPrefix("tcp://") else {
        throw .invalidEndpoint(endpoint, problem: "a listener with keys needs tcp://ADDRESS:PORT")
      }
    case .local:
      try validateSocketPath(endpoint)
    }
  }
}

/// Checks an `ipc://PATH` endpoint for what the kernel allows.
func validateSocketPath(_ endpoint: String) throws(TransportError) {
  guard endpoint.hasPrefix("ipc:///") else {
    throw .invalidEndpoint(endpoint, problem: "a local endpoint needs an absolute path: ipc:///PATH")
  }
  // sockaddr_un has 108 bytes with the terminating zero.
  guard endpoint.utf8.count - "ipc://".utf8.count <= 107 else {
    throw .invalidEndpoint(endpoint, problem: "the kernel allows 107 bytes for a socket's path; use a shorter one")
  }
}
