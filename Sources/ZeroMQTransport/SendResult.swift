/// What became of a message given to `send`; nothing is ever lost in silence.
public enum SendResult: Sendable, Hashable {
  /// libzmq has it. It may still be lost with the connection, as any message on a network.
  case sent
  /// The peer reads too slowly: the transport keeps the message and tries again. An event tells of its end.
  case queued
  /// The peer reads too slowly and no more can be kept: the message was not taken. Send fresh state when an event
  /// says that the peer is writable.
  case backpressured
  /// There is no such connection (any more): the message was not taken.
  case unreachable
  /// The peer's key is no longer admitted: the message was not taken.
  case revoked
  /// The message is larger than the peer accepts, which would cut the connection: it was not taken.
  case tooLarge
}
