import CZeroMQ
import Glibc
import Synchronization

/// The ZAP handler (RFC 27): its own thread on inproc://zeromq.zap.01, bound before any listener, which admits a
/// handshake only if its key is in the table of its listener. It answers from memory and waits for nothing else; if
/// it is gone, libzmq refuses every handshake.
final class Authenticator {
  private let refusals: RefusalLog
  private let stopping: Wake
  private var thread: pthread_t?

  init(_ context: Context, listeners: [Listener]) throws(TransportError) {
    refusals = try RefusalLog()
    stopping = try Wake()
    let socket = try Socket(context, type: ZMQ_REP)
    socket.setInternal()
    guard zmq_bind(socket.raw, "inproc://zeromq.zap.01") == 0 else { throw .last("zmq_bind of the ZAP handler") }

    // The socket moves to the new thread for good: thread creation is the fence that libzmq asks for.
    let handler = Unmanaged.passRetained(
      AuthenticationHandler(socket: socket, stopping: stopping, listeners: listeners, refusals: refusals))
    var thread = pthread_t()
    let failure = pthread_create(&thread, nil, runAuthenticationHandler, handler.toOpaque())
    guard failure == 0 else {
      handler.release()
      throw .system(call: "pthread_create", reason: reason(failure))
    }
    self.thread = thread
  }

  deinit { stop() }

  /// Readable while refusals wait.
  var wake: Wake { refusals.mailbox.filled }

  /// The handshakes refused since the last call.
  func takeRefusals() -> [TurnedAway] { refusals.take() }

  /// Ends the thread; every handshake is then refused.
  func stop() {
    guard let thread else { return }
    self.thread = nil
    stopping.signal()
    pthread_join(thread, nil)
  }
}

/// A bounded record of refused handshakes: a flood of them must cost the owner nothing.
private final class RefusalLog: Sendable {
  let mailbox: Mailbox<TurnedAway>
  private let suppressed = Atomic<Int>(0)

  /// 256 refusals between two waits are more than anybody reads; more are only counted.
  init() throws(TransportError) { mailbox = try Mailbox(capacity: 256) }

  func add(_ refusal: TurnedAway) {
    if !mailbox.offer(refusal) { suppressed.wrappingAdd(1, ordering: .relaxed) }
  }

  func take() -> [TurnedAway] {
    var taken = mailbox.take()
    guard !taken.isEmpty else { return [] }
    taken[taken.count - 1].suppressed = suppressed.exchange(0, ordering: .relaxed)
    return taken
  }
}

/// At file scope, so that it inherits no actor.
private func runAuthenticationHandler(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument else { return nil }
  Unmanaged<AuthenticationHandler>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}

/// What the handler's thread owns.
private final class AuthenticationHandler {
  private enum Verdict {
    case admitted(serial: UInt64)
    case refused(TurnedAway)
  }

  private let socket: Socket
  private let stopping: Wake
  private let listeners: [Listener]
  private let refusals: RefusalLog

  init(socket: Socket, stopping: Wake, listeners: [Listener], refusals: RefusalLog) {
    self.socket = socket
    self.stopping = stopping
    self.listeners = listeners
    self.refusals = refusals
  }

  func run() {
    let frame = Frame()
    while true {
      var items = [
        zmq_pollitem_t(socket: socket.raw, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0),
        zmq_pollitem_t(socket: nil, fd: stopping.descriptor, events: Int16(ZMQ_POLLIN), revents: 0),
      ]
      if zmq_poll(&items, 2, -1) < 0, zmq_errno() != EINTR { broken("zmq_poll: \(reason(zmq_errno()))") }
      if items[1].revents != 0 { return }
      while frame.receive(from: socket) { answer(request(startingWith: frame)) }
    }
  }

  /// All frames of a request: version, request id, domain, address, routing id, mechanism, credentials.
  private func request(startingWith frame: Frame) -> [[UInt8]] {
    var frames = [frame.copied()]
    while frame.hasMore, frame.receive(from: socket) { frames.append(frame.copied()) }
    return frames
  }

  private func answer(_ request: [[UInt8]]) {
    let id = request.count > 1 ? request[1] : []
    switch verdict(on: request) {
    case .admitted(let serial):
      reply(id: id, status: "200", text: "OK", user: String(serial))
    case .refused(let refusal):
      refusals.add(refusal)
      reply(id: id, status: "400", text: "refused", user: "")
    }
  }

  private func verdict(on request: [[UInt8]]) -> Verdict {
    let texts = request.prefix(6).map { String(decoding: $0, as: UTF8.self) }
    guard texts.count == 6, texts[0] == "1.0" else {
      return .refused(TurnedAway(listener: "", address: "", key: nil))
    }
    let (domain, mechanism) = (texts[2], texts[5])
    // An IPv6 socket shows an IPv4 peer as ::ffff:1.2.3.4, which nobody would recognise in a log.
    let address = texts[3].hasPrefix("::ffff:") ? String(texts[3].dropFirst("::ffff:".count)) : texts[3]
    guard let listener = listeners.first(where: { $0.name == domain }) else {
      return .refused(TurnedAway(listener: domain, address: address, key: nil))
    }
    switch listener.admission {
    case .local:
      if mechanism == "NULL" { return .admitted(serial: KeyTable.localSerial) }
    case .curve(_, let keys):
      guard mechanism == "CURVE", request.count == 7, let key = CurvePublicKey(bytes: request[6]) else { break }
      if let admission = keys.admission(of: key) { return .admitted(serial: admission.serial) }
      return .refused(TurnedAway(listener: domain, address: address, key: key))
    }
    return .refused(TurnedAway(listener: domain, address: address, key: nil))
  }

  private func reply(id: [UInt8], status: String, text: String, user: String) {
    let frames = [Array("1.0".utf8), id, Array(status.utf8), Array(text.utf8), Array(user.utf8), []]
    for (index, frame) in frames.enumerated() {
      // The peer may have gone; its session then no longer waits for an answer.
      if frame.withUnsafeBytes({ socket.send($0, more: index < frames.count - 1) }) != .sent { return }
    }
  }
}
