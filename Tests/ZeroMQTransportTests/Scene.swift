import CZeroMQ
import Glibc
import Testing

@testable import ZeroMQTransport

/// A hub with one CURVE listener on the loopback and any number of dialers, all driven by the calling thread.
final class Scene {
  let serverKey: CurveSecretKey
  let keys: KeyTable
  let hub: Hub
  var dialers: [Dialer] = []
  var hubEvents: [HubEvent] = []
  var dialerEvents: [[DialerEvent]] = []

  init(admitting admitted: [AdmittedKey] = [], adjust: (inout Listener) -> Void = { _ in }) throws {
    serverKey = try CurveSecretKey.generate()
    keys = try KeyTable(admitted)
    var listener = Listener.curve(
      name: "agents", endpoint: "tcp://127.0.0.1:0", serverKey: serverKey, admitting: keys)
    adjust(&listener)
    hub = try Hub([listener])
  }

  var endpoint: String { hub.endpoints[0] }

  /// Adds a dialer with this key and gives its index.
  @discardableResult
  func dial(
    _ key: CurveSecretKey, pinning pinned: CurvePublicKey? = nil, adjust: (inout Destination) -> Void = { _ in }
  ) throws -> Int {
    var destination = Destination.curve(
      name: "coordinator", endpoint: endpoint, serverKey: pinned ?? serverKey.publicKey, ownKey: key)
    destination.reconnectSpreadMilliseconds = 0
    adjust(&destination)
    dialers.append(try Dialer([destination]))
    dialerEvents.append([])
    return dialers.count - 1
  }

  /// Runs everybody's loop until the condition holds; records an issue if it does not within 20 s.
  func run(until what: Comment, _ condition: () -> Bool, sourceLocation: SourceLocation = #_sourceLocation) {
    let deadline = monotonicMilliseconds() + 20_000
    while !condition() {
      hubEvents += hub.wait(timeoutMilliseconds: 2).events
      for (index, dialer) in dialers.enumerated() {
        dialerEvents[index] += dialer.wait(timeoutMilliseconds: 2).events
      }
      if monotonicMilliseconds() > deadline {
        Issue.record(what, sourceLocation: sourceLocation)
        return
      }
    }
  }

  func connect(_ dialer: Int, sourceLocation: SourceLocation = #_sourceLocation) {
    run(
      until: "dialer \(dialer) connects", { dialers[dialer].isConnected("coordinator") },
      sourceLocation: sourceLocation)
  }

  func send(_ text: String, from dialer: Int) -> SendResult {
    dialers[dialer].send(Array(text.utf8), to: "coordinator")
  }

  var deliveries: [Delivery] { hubEvents.compactMap { if case .received(let delivery) = $0 { delivery } else { nil } } }
  var turnedAway: [TurnedAway] { hubEvents.compactMap { if case .turnedAway(let peer) = $0 { peer } else { nil } } }
  var malformed: [Malformed] { hubEvents.compactMap { if case .malformed(let message) = $0 { message } else { nil } } }
  var refused: [Connection] {
    hubEvents.compactMap { if case .refused(let connection) = $0 { connection } else { nil } }
  }

  func received(by dialer: Int) -> [String] {
    dialerEvents[dialer].compactMap {
      if case .received(let payload, _) = $0 { String(decoding: payload, as: UTF8.self) } else { nil }
    }
  }

  /// Sends a message and waits until the hub has it.
  func deliver(_ text: String, from dialer: Int, sourceLocation: SourceLocation = #_sourceLocation) -> Delivery? {
    #expect(send(text, from: dialer) == .sent, sourceLocation: sourceLocation)
    let payload = Array(text.utf8)
    run(
      until: "'\(text)' arrives", { deliveries.contains { $0.payload == payload } }, sourceLocation: sourceLocation)
    return deliveries.last { $0.payload == payload }
  }
}

/// A peer in bare libzmq that does what no dialer of ours does.
final class RawPeer {
  let context = zmq_ctx_new()
  let socket: UnsafeMutableRawPointer?

  init(type: Int32 = ZMQ_DEALER) {
    socket = zmq_socket(context, type)
    set(ZMQ_LINGER, 0)
  }

  deinit { close() }

  private var isClosed = false
  func close() {
    if isClosed { return }
    isClosed = true
    zmq_close(socket)
    zmq_ctx_term(context)
  }

  func set(_ option: Int32, _ value: Int32) {
    withUnsafeBytes(of: value) { _ = zmq_setsockopt(socket, option, $0.baseAddress, $0.count) }
  }

  func set(_ option: Int32, _ text: String) { zmq_setsockopt(socket, option, text, text.utf8.count) }

  func useKey(_ key: CurveSecretKey, server: CurvePublicKey) {
    set(ZMQ_CURVE_SERVERKEY, server.z85)
    set(ZMQ_CURVE_PUBLICKEY, key.publicKey.z85)
    set(ZMQ_CURVE_SECRETKEY, key.revealedZ85())
  }

  func connect(_ endpoint: String) { #expect(zmq_connect(socket, endpoint) == 0) }

  func send(_ frames: [[UInt8]]) {
    for (index, frame) in frames.enumerated() {
      zmq_send(socket, frame, frame.count, index < frames.count - 1 ? ZMQ_SNDMORE : 0)
    }
  }

  /// The next message's size, or nil if there is none.
  func receive(into bytes: inout [UInt8]) -> Int? {
    let size = zmq_recv(socket, &bytes, bytes.count, ZMQ_DONTWAIT)
    return size < 0 ? nil : Int(size)
  }
}

/// A directory of its own for one test, removed with what is in it.
final class TemporaryDirectory {
  let path: String

  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? P_tmpdir
    var template = Array("\(parent)/numafleet-test-XXXXXX".utf8CString)
    path = try #require(mkdtemp(&template).map { String(cString: $0) })
  }

  deinit {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafeBytes(of: entry.pointee.d_name) {
          String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
        }
        unlink("\(path)/\(name)")
      }
      closedir(directory)
    }
    rmdir(path)
  }
}
