/// What a dialer's `wait` brings; each names the destination.
public enum DialerEvent: Sendable, Equatable {
  /// One message from the peer whose key is pinned.
  case received([UInt8], from: String)
  /// The peer sent something of this many frames instead of one; it was thrown away.
  case malformed(frames: Int, from: String)
  /// The handshake is done on both sides: messages can be sent.
  case connected(String)
  /// The connection is lost; the dialer connects again by itself.
  case disconnected(String)
  /// No connection could be made, told once until the reason changes; the dialer goes on trying by itself.
  case failed(String, DialFailure)
  /// This many queued messages were not sent, for the connection is gone.
  case undelivered(String, count: Int)
  /// All queued messages are sent: the destination takes more again.
  case writable(String)
}

/// Why a destination cannot be reached.
public enum DialFailure: Sendable, Hashable, CustomStringConvertible {
  /// Nobody listens there, or the network does not lead there.
  case unreachable
  /// The peer runs and has refused this key: it is unknown or revoked there.
  case keyRefused
  /// The peer could not judge the key (its status code of RFC 27); it may be overloaded.
  case cannotJudge(status: Int)
  /// The peer ended or stalled the handshake: most often its key is not the pinned one.
  case handshakeBroken
  /// The peer speaks, but not CURVE with the pinned key (libzmq's code).
  case notTrusted(code: Int)

  /// The problem and what to do.
  public var description: String { "\(problem); \(remedy)" }

  /// What is wrong.
  public var problem: String {
    switch self {
    case .unreachable: "nothing answers at this address"
    case .keyRefused: "the coordinator refused this key"
    case .cannotJudge(let status): "the coordinator could not check this key (status \(status))"
    case .handshakeBroken: "the peer ended the handshake"
    case .notTrusted(let code):
      "the peer is not the coordinator whose key is pinned here (code 0x\(String(code, radix: 16))); nothing was sent"
    }
  }

  /// What to do.
  public var remedy: String {
    switch self {
    case .unreachable: "check that the coordinator runs and that no firewall is between"
    case .keyRefused: "authorize its public key there with 'numafleet key authorize'"
    case .cannotJudge: "see the coordinator's log"
    case .handshakeBroken, .notTrusted: "check that the coordinator's public key is the one pinned here"
    }
  }
}
