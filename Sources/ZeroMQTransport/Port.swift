import CZeroMQ
import Glibc

/// One listener's ROUTER at work.
final class Port {
  /// The length of the routing ids that ROUTER makes.
  private static let routingBytes = 5
  /// A serial that no key ever has.
  private static let noSerial = UInt64.max

  let listener: Listener
  let socket: Socket
  let endpoint: String
  private let index: Int
  private let keys: KeyTable
  /// The table as of `version`; renewed before it is used.
  private var admissions: [UInt64: KeyTable.Admission]
  private var version: Int
  private let routing = Frame()
  private let payload = Frame()

  init(_ context: Context, _ listener: Listener, index: Int) throws(TransportError) {
    self.listener = listener
    self.index = index
    switch listener.admission {
    case .curve(_, let keys): self.keys = keys
    case .local: keys = KeyTable(localUser: Listener.localUser)
    }
    (version, admissions) = keys.snapshot()
    socket = try Socket(context, type: ZMQ_ROUTER)
    socket.setListening(listener, ioThread: min(index, 1))
    guard zmq_bind(socket.raw, listener.endpoint) == 0 else {
      if zmq_errno() == ENOENT, let file = listener.socketFile { throw .noDirectory(directory(of: file), of: file) }
      throw .cannotBind(listener.endpoint, reason: reason(zmq_errno()))
    }
    endpoint = socket.lastEndpoint
    if let file = listener.socketFile, chmod(file, 0o600) != 0 {
      throw .cannotBind(listener.endpoint, reason: "chmod 0600: \(reason(errno))")
    }
  }

  /// Whether a session's key is admitted at this moment.
  func admits(_ serial: UInt64) -> Bool {
    renewAdmissions()
    return admissions[serial] != nil
  }

  /// Takes what has come, up to the limit of one wait.
  func receive(into events: inout [HubEvent]) {
    renewAdmissions()
    for _ in 0..<Hub.messagesPerWait {
      guard routing.receive(from: socket) else { return }
      // ROUTER puts a routing id before every message, and messages arrive whole.
      guard routing.hasMore, payload.receive(from: socket) else { broken("ROUTER gave a message without a sender") }
      events.append(event())
    }
  }

  /// Hands a message to the connection's queue without waiting.
  func send(_ payload: [UInt8], to connection: Connection) -> Socket.SendOutcome {
    let outcome = withUnsafeBytes(of: connection.routing) { bytes in
      socket.sendFirst(UnsafeRawBufferPointer(rebasing: bytes[..<Port.routingBytes]), more: true)
    }
    guard outcome == .sent else { return outcome }
    return payload.withUnsafeBytes { socket.send($0, more: false) }
  }

  /// The event of the message whose first two frames were just received.
  private func event() -> HubEvent {
    let extra = payload.hasMore ? payload.discardRest(from: socket) : 0
    // No user at all means that no ZAP handler admitted the session: it is refused like a revoked one.
    let serial = payload.userSerial ?? Port.noSerial
    let connection = connection(serial: serial)
    guard let admission = admissions[serial] else {
      return .refused(connection ?? Connection(listener: index, routing: 0, serial: serial))
    }
    guard let connection, extra == 0 else {
      let problem: Malformed.Problem = connection == nil ? .ownRoutingID : .frames(extra + 1)
      return .malformed(
        Malformed(listener: listener.name, connection: connection, user: admission.user, problem: problem))
    }
    return .received(
      Delivery(listener: listener.name, connection: connection, user: admission.user, payload: payload.copied()))
  }

  /// The connection by ROUTER's own routing id: a zero byte and a counter of four. Any other id is the peer's choice.
  private func connection(serial: UInt64) -> Connection? {
    let bytes = routing.bytes
    guard bytes.count == Port.routingBytes, bytes[0] == 0 else { return nil }
    var id: UInt64 = 0
    withUnsafeMutableBytes(of: &id) { $0.copyMemory(from: bytes) }
    return Connection(listener: index, routing: id, serial: serial)
  }

  private func renewAdmissions() {
    guard keys.version != version else { return }
    (version, admissions) = keys.snapshot()
  }
}
