/// One address that a dialer connects to, and how it knows whom it meets there.
public struct Destination: Sendable {
  enum Security: Sendable {
    case curve(server: CurvePublicKey, key: CurveSecretKey)
    case local
  }

  /// What the destination is called in events. Not empty.
  public let name: String
  /// `tcp://HOST:PORT` or `ipc://PATH`.
  public let endpoint: String
  let security: Security
  /// How long to wait before the first attempt, in milliseconds: the caller's random share of a fleet's start.
  public var startDelayMilliseconds = 0
  /// Added at random to libzmq's first reconnect interval of 250 ms, at most so much in milliseconds. Default 2000.
  public var reconnectSpreadMilliseconds = 2000
  /// The largest message accepted, in bytes; a peer that sends a larger one is disconnected. Default 64 KiB.
  public var receivedBytesMax = 64 << 10
  /// The largest message that the peer accepts, in bytes; `send` refuses more. Default 1 MiB.
  public var sentBytesMax = 1 << 20
  /// How many messages libzmq keeps per direction. Default 64.
  public var queued = 64

  /// A coordinator on TCP: spoken to only if it has the secret of `serverKey`.
  public static func curve(
    name: String, endpoint: String, serverKey: CurvePublicKey, ownKey: CurveSecretKey
  ) -> Destination {
    Destination(name: name, endpoint: endpoint, security: .curve(server: serverKey, key: ownKey))
  }

  /// A coordinator on this host, by its socket file, whose owner and mode say who made it.
  public static func local(name: String, path: String) -> Destination {
    Destination(name: name, endpoint: "ipc://\(path)", security: .local)
  }

  /// Spreads a fleet that starts, or that lost its coordinator, over so many milliseconds: the first attempt and each
  /// return after a lost connection wait for a random share of them.
  public mutating func spread(overMilliseconds span: Int) {
    startDelayMilliseconds = Int.random(in: 0...max(span, 0))
    reconnectSpreadMilliseconds = max(span, 0)
  }

  func validate() throws(TransportError) {
    guard !name.isEmpty else { throw .invalidEndpoint(endpoint, problem: "its destination has no name") }
    guard receivedBytesMax > 0, sentBytesMax > 0, queued > 0, startDelayMilliseconds >= 0,
      (0...600_000).contains(reconnectSpreadMilliseconds)
    else { throw .invalidEndpoint(endpoint, problem: "its limits and delays must be positive") }
    switch security {
    case .curve:
      guard endpoint.hasPrefix("tcp://") else {
        throw .invalidEndpoint(endpoint, problem: "a destination with a key needs tcp://HOST:PORT")
      }
    case .local:
      try validateSocketPath(endpoint)
    }
  }
}
