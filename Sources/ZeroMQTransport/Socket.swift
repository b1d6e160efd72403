import CZeroMQ

/// A libzmq context: owns the IO threads. Ended by its last holder, which must have closed its sockets.
final class Context {
  let raw: UnsafeMutableRawPointer

  /// Throws `.system` if the process is out of memory or file descriptors.
  init(ioThreads: Int32) throws(TransportError) {
    guard let raw = zmq_ctx_new() else { throw .last("zmq_ctx_new") }
    self.raw = raw
    zmq_ctx_set(raw, ZMQ_IO_THREADS, ioThreads)
    // LINGER 0 for sockets that nobody has set up otherwise: an ending process waits for no peer.
    zmq_ctx_set(raw, ZMQ_BLOCKY, 0)
  }

  deinit {
    while zmq_ctx_term(raw) != 0, zmq_errno() == EINTR {}
  }
}

/// One libzmq socket; closed by its last holder. Keeps its context alive.
final class Socket {
  let context: Context
  let raw: UnsafeMutableRawPointer
  /// Readable when the IO thread has told the socket something that it has not taken in (`ZMQ_FD`).
  let descriptor: Int32
  /// Whether the socket has taken in all that it was told and has nothing to read: whatever comes from then on makes
  /// its descriptor readable. Any other operation may take something in without saying so.
  fileprivate(set) var isSettled = false

  /// Throws `.system` if the process is out of sockets or file descriptors.
  init(_ context: Context, type: Int32) throws(TransportError) {
    guard let raw = zmq_socket(context.raw, type) else { throw .last("zmq_socket") }
    var descriptor: Int32 = -1
    var count = MemoryLayout<Int32>.size
    zmq_getsockopt(raw, ZMQ_FD, &descriptor, &count)
    self.context = context
    self.raw = raw
    self.descriptor = descriptor
  }

  deinit { zmq_close(raw) }

  /// The endpoint last bound, with the port that the system chose for a wildcard.
  var lastEndpoint: String {
    var text = [CChar](repeating: 0, count: 1024)
    var count = text.count
    guard zmq_getsockopt(raw, ZMQ_LAST_ENDPOINT, &text, &count) == 0 else { return "" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Lets the socket take in what its IO thread has told it, such as a new connection, and whether it can be read.
  @discardableResult func catchUp() -> Bool {
    var events: Int32 = 0
    var count = MemoryLayout<Int32>.size
    zmq_getsockopt(raw, ZMQ_EVENTS, &events, &count)
    isSettled = events & ZMQ_POLLIN == 0
    return !isSettled
  }

  enum SendOutcome { case sent, full, unreachable }

  /// Hands the first frame of a message to libzmq without ever waiting, but not before the socket has taken in
  /// that there is room again, which libzmq itself looks for only every millisecond.
  func sendFirst(_ bytes: UnsafeRawBufferPointer, more: Bool) -> SendOutcome {
    let outcome = send(bytes, more: more)
    guard outcome == .full else { return outcome }
    catchUp()
    return send(bytes, more: more)
  }

  /// Hands one frame to libzmq without ever waiting.
  func send(_ bytes: UnsafeRawBufferPointer, more: Bool) -> SendOutcome {
    isSettled = false
    while true {
      let flags = ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)
      if zmq_send(raw, bytes.baseAddress, bytes.count, flags) >= 0 { return .sent }
      switch zmq_errno() {
      case EAGAIN: return .full
      case EHOSTUNREACH: return .unreachable
      case EINTR: continue
      case let code: broken("zmq_send: \(reason(code))")
      }
    }
  }
}

/// Room for one received frame, used again for each.
final class Frame {
  private let message = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)

  init() { zmq_msg_init(message) }

  deinit {
    zmq_msg_close(message)
    message.deallocate()
  }

  /// Takes the next frame without waiting; false if there is none.
  func receive(from socket: Socket) -> Bool {
    socket.isSettled = false
    while zmq_msg_recv(message, socket.raw, ZMQ_DONTWAIT) < 0 {
      switch zmq_errno() {
      case EAGAIN:
        // libzmq has taken in everything before it says so.
        socket.isSettled = true
        return false
      case EINTR: continue
      case let code: broken("zmq_msg_recv: \(reason(code))")
      }
    }
    return true
  }

  /// Whether another frame of the same message follows.
  var hasMore: Bool { zmq_msg_more(message) != 0 }

  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: zmq_msg_data(message), count: zmq_msg_size(message))
  }

  /// The frame's bytes as one array, the only allocation of a received message.
  func copied() -> [UInt8] { [UInt8](bytes) }

  /// The number in the `User-Id` that the ZAP handler gave this frame's session; nil if it has none.
  var userSerial: UInt64? {
    // The payload's frame is asked, for a prefetched routing id frame has lost its metadata in 4.3.4.
    guard var next = zmq_msg_gets(message, "User-Id"), next.pointee != 0 else { return nil }
    var serial: UInt64 = 0
    while next.pointee != 0 {
      let digit = UInt64(UInt8(bitPattern: next.pointee) &- 48)
      guard digit < 10 else { return nil }
      serial = serial &* 10 &+ digit
      next += 1
    }
    return serial
  }

  /// Takes the rest of a message whose current frame has more, and gives the number of frames so thrown away.
  func discardRest(from socket: Socket) -> Int {
    var frames = 0
    while hasMore, receive(from: socket) { frames += 1 }
    return frames
  }
}
