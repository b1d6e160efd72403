import CZeroMQ

/// What libzmq's IO thread tells about one socket's connection.
final class Monitor {
  enum Report: Equatable {
    case connected
    case disconnected
    case attemptFailed
    case refused(DialFailure)
  }

  private static let watched =
    ZMQ_EVENT_CONNECT_RETRIED | ZMQ_EVENT_CLOSED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED
    | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH

  private let watchedSocket: Socket
  let socket: Socket
  private let frame = Frame()

  /// `label` is unique in the context.
  init(_ watchedSocket: Socket, label: String) throws(TransportError) {
    self.watchedSocket = watchedSocket
    let address = "inproc://monitor-\(label)"
    guard zmq_socket_monitor(watchedSocket.raw, address, Monitor.watched) == 0 else {
      throw .last("zmq_socket_monitor")
    }
    socket = try Socket(watchedSocket.context, type: ZMQ_PAIR)
    socket.setInternal()
    guard zmq_connect(socket.raw, address) == 0 else { throw .last("zmq_connect of a monitor") }
  }

  deinit { zmq_socket_monitor(watchedSocket.raw, nil, 0) }

  /// The next report without waiting; nil if there is none.
  func next() -> Report? {
    while frame.receive(from: socket) {
      let bytes = frame.bytes
      guard bytes.count == 6 else { broken("a monitor event of \(bytes.count) bytes") }
      let event = Int32(bytes.loadUnaligned(as: UInt16.self))
      let value = bytes.loadUnaligned(fromByteOffset: 2, as: UInt32.self)
      _ = frame.discardRest(from: socket)
      if let report = report(event, value: Int(value)) { return report }
    }
    return nil
  }

  private func report(_ event: Int32, value: Int) -> Report? {
    switch event {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: .connected
    case ZMQ_EVENT_DISCONNECTED: .disconnected
    case ZMQ_EVENT_CONNECT_RETRIED, ZMQ_EVENT_CLOSED: .attemptFailed
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: .refused(value == 400 ? .keyRefused : .cannotJudge(status: value))
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: .refused(.notTrusted(code: value))
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: .refused(.handshakeBroken)
    default: nil
    }
  }
}
