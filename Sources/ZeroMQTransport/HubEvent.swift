/// What a hub's `wait` brings.
public enum HubEvent: Sendable {
  /// One message from an admitted peer.
  case received(Delivery)
  /// An admitted peer sent what is no message of ours; it was thrown away.
  case malformed(Malformed)
  /// A message came from a session whose key is no longer admitted; it was thrown away. `sendRefusal` may tell it.
  case refused(Connection)
  /// A handshake was refused: an unknown or revoked key, or no key at all.
  case turnedAway(TurnedAway)
  /// This many queued messages of a connection were not sent, for it is gone or revoked.
  case undelivered(Connection, count: Int)
  /// All queued messages of a connection are sent: it takes more again.
  case writable(Connection)
}

/// One live session of a peer, named by the hub itself and never by the peer. A peer that connects again is another
/// connection.
public struct Connection: Hashable, Sendable, CustomStringConvertible {
  /// Index of the listener in the hub.
  let listener: Int
  /// ROUTER's own 5-byte routing id, in the first bytes in memory order.
  let routing: UInt64
  /// What the session's key was admitted as.
  let serial: UInt64

  /// For logs.
  public var description: String { "\(listener)-\(String(routing.byteSwapped >> 24, radix: 16))" }
}

/// One message and who it is from.
public struct Delivery: Sendable {
  /// The name of the listener it came in by.
  public let listener: String
  /// Where to send an answer.
  public let connection: Connection
  /// Whose key it is, from the table of admitted keys; the only identity to believe.
  public let user: String
  /// The message.
  public let payload: [UInt8]
}

/// Something from an admitted peer that is no message.
public struct Malformed: Sendable, Equatable {
  /// What is wrong with it.
  public enum Problem: Sendable, Equatable {
    /// It had this many frames instead of one.
    case frames(Int)
    /// The peer chose a routing id of its own; only the hub names connections.
    case ownRoutingID
  }

  /// The name of the listener it came in by.
  public let listener: String
  /// The session; nil if the peer tried to name it itself.
  public let connection: Connection?
  /// Whose key it is.
  public let user: String
  /// What is wrong with it.
  public let problem: Problem
}

/// A peer that was refused during the handshake.
public struct TurnedAway: Sendable, Equatable {
  /// The name of the listener.
  public let listener: String
  /// The peer's IP address; empty for a local peer.
  public let address: String
  /// The key that the peer proved to have; nil if it offered none.
  public let key: CurvePublicKey?
  /// How many more refusals there were before this one that nobody recorded.
  public var suppressed = 0
}

/// What one `wait` brought, each in the order in which it came.
public struct Batch<Event: Sendable>: Sendable {
  /// Messages and changes of connections.
  public var events: [Event] = []
  /// Signals caught since the last `wait`.
  public var signals: [Signal] = []
  /// Whether nothing came: the time was up, or a mailbox wants to be taken from.
  public var isEmpty: Bool { events.isEmpty && signals.isEmpty }
}
