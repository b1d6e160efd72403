import CZeroMQ

/// One destination's DEALER: connects, notices how it goes, and dials anew after a refusal, which libzmq itself
/// either never retries or retries without a pause.
final class Link {
  private enum State {
    /// No socket until then.
    case pausing(until: Int)
    case dialing(Line)
    case connected(Line)
  }

  /// A socket in use and its monitor.
  struct Line {
    let socket: Socket
    let monitor: Monitor
  }

  /// The pause after the first refusal; it doubles up to the maximum.
  private static let pauseMilliseconds = 1000
  private static let pauseMillisecondsMax = 30_000

  let destination: Destination
  private let context: Context
  private var state: State
  /// Refused handshakes in a row.
  private var refusals = 0
  /// The last failure told; the same one is not told again before a connection.
  private var toldFailure: DialFailure?
  private var lines = 0
  private let frame = Frame()

  init(_ context: Context, _ destination: Destination, now: Int) {
    self.context = context
    self.destination = destination
    state = .pausing(until: now + destination.startDelayMilliseconds)
  }

  var name: String { destination.name }

  var isConnected: Bool { if case .connected = state { true } else { false } }

  var line: Line? {
    switch state {
    case .pausing: nil
    case .dialing(let line), .connected(let line): line
    }
  }

  /// When `dialIfDue` has something to do; nil if nothing is planned.
  var deadline: Int? { if case .pausing(let until) = state { until } else { nil } }

  /// Opens a socket if the pause is over. Throws `.invalidEndpoint` for an address that libzmq does not understand,
  /// `.system` if the process is out of sockets.
  func dialIfDue(now: Int) throws(TransportError) {
    guard let deadline, deadline <= now else { return }
    lines += 1
    let socket = try Socket(context, type: ZMQ_DEALER)
    let spread = Int.random(in: 0...destination.reconnectSpreadMilliseconds)
    socket.setDialing(destination, reconnectMilliseconds: 250 + spread)
    let monitor = try Monitor(socket, label: "\(name)-\(lines)")
    guard zmq_connect(socket.raw, destination.endpoint) == 0 else {
      throw .invalidEndpoint(destination.endpoint, problem: reason(zmq_errno()))
    }
    state = .dialing(Line(socket: socket, monitor: monitor))
  }

  /// Postpones the next attempt after one that could not even be started.
  func postpone(now: Int) { state = .pausing(until: now + Link.pauseMillisecondsMax) }

  /// Drops the connection, if any, and dials at once.
  func redial(now: Int, into events: inout [DialerEvent]) {
    if isConnected { events.append(.disconnected(name)) }
    state = .pausing(until: now)
  }

  /// Carries out what the monitor tells.
  func followMonitor(now: Int, into events: inout [DialerEvent]) {
    while let line, let report = line.monitor.next() {
      switch report {
      case .connected:
        // The socket must know of the connection before the caller sends.
        line.socket.catchUp()
        state = .connected(line)
        refusals = 0
        toldFailure = nil
        events.append(.connected(name))
      case .disconnected:
        if isConnected { events.append(.disconnected(name)) }
        state = .dialing(line)
      case .attemptFailed:
        if !isConnected { tell(.unreachable, into: &events) }
      case .refused(let failure):
        tell(failure, into: &events)
        pause(now: now)
      }
    }
  }

  /// Takes what has come, up to the limit of one wait.
  func receive(into events: inout [DialerEvent]) {
    guard let socket = line?.socket else { return }
    for _ in 0..<Dialer.messagesPerWait {
      guard frame.receive(from: socket) else { return }
      if frame.hasMore {
        events.append(.malformed(frames: frame.discardRest(from: socket) + 1, from: name))
      } else {
        events.append(.received(frame.copied(), from: name))
      }
    }
  }

  /// Hands a message to the connection's queue without waiting.
  func send(_ payload: [UInt8]) -> Socket.SendOutcome {
    guard case .connected(let line) = state else { return .unreachable }
    return payload.withUnsafeBytes { line.socket.sendFirst($0, more: false) }
  }

  private func tell(_ failure: DialFailure, into events: inout [DialerEvent]) {
    guard toldFailure != failure else { return }
    toldFailure = failure
    events.append(.failed(name, failure))
  }

  /// Closes the socket for a while: a refused key must not cost the coordinator a handshake four times a second.
  private func pause(now: Int) {
    let longest = min(Link.pauseMilliseconds << min(refusals, 10), Link.pauseMillisecondsMax)
    refusals += 1
    state = .pausing(until: now + Int.random(in: longest / 2...longest))
  }
}
