import CZeroMQ
import Glibc

/// The side that listens: the coordinator. All ROUTER sockets of a process, on the thread that made it.
///
/// The owner thread is the daemon's main loop: `wait`, step the core, `send` what it says; other threads reach it by
/// a `Mailbox`. Messages are opaque bytes and may be lost with their connection, never duplicated or reordered on one.
/// - Who sent a message is what its key was admitted as, asked of libzmq for every message and checked against the
///   listener's `KeyTable` as it is then; nothing that a peer claims about itself is used.
/// - A hub reads at most `messagesPerWait` messages of each listener in one `wait`; what is not read stays in libzmq's
///   bounded queues and then in the peer's, so a slow owner slows the peers down and loses nothing.
/// - A send never waits, and its result or a later event says what became of the message.
/// - Each listener has its own socket, and the first has an IO thread to itself.
public final class Hub {
  /// How many messages one `wait` takes from a listener at most: enough to spread the cost of polling, few enough
  /// for the other listeners and the mailboxes to have their turn within a millisecond or two.
  public static let messagesPerWait = 256

  private let owner = OwnerThread()
  private let authenticator: Authenticator
  private var ports: [Port] = []
  private let sockets: [Socket]
  private var poller = Poller()
  private var backlog = Backlog<Connection>()

  /// Listens on all the given addresses, or on none. Throws `.invalidEndpoint`, `.cannotBind` or `.system`.
  public init(_ listeners: [Listener]) throws(TransportError) {
    for (index, listener) in listeners.enumerated() {
      try listener.validate()
      guard !listeners[..<index].contains(where: { $0.name == listener.name }) else {
        throw .invalidEndpoint(listener.endpoint, problem: "another listener is named '\(listener.name)' as well")
      }
    }
    let context = try Context(ioThreads: listeners.count > 1 ? 2 : 1)
    authenticator = try Authenticator(context, listeners: listeners)
    for (index, listener) in listeners.enumerated() {
      ports.append(try Port(context, listener, index: index))
    }
    sockets = ports.map(\.socket)
    poller.watch(authenticator.wake)
  }

  /// The addresses bound, in the order of the listeners, with the ports that the system chose.
  public var endpoints: [String] { ports.map(\.endpoint) }

  /// Makes `wait` return when a message is in the mailbox; the caller then takes it out.
  public func attach<Message>(_ mailbox: Mailbox<Message>) {
    owner.check()
    poller.watch(mailbox.filled)
  }

  /// Makes the process's signals come out of `wait`. Throws `.system`.
  public func catchSignals(_ signals: [Signal]) throws(TransportError) {
    owner.check()
    try poller.catchSignals(signals)
  }

  /// Waits until something comes, at most so long (0: not at all, negative: for ever). May return early and empty.
  public func wait(timeoutMilliseconds: Int) -> Batch<HubEvent> {
    owner.check()
    var batch = Batch<HubEvent>()
    retryBacklog(into: &batch.events)
    var patience = batch.events.isEmpty ? timeoutMilliseconds : 0
    if let retry = backlog.patience(at: monotonicMilliseconds()) {
      patience = patience < 0 ? retry : min(patience, retry)
    }
    batch.signals = poller.wait(sockets: sockets, timeoutMilliseconds: patience) { index in
      ports[index].receive(into: &batch.events)
    }
    for refusal in authenticator.takeRefusals() { batch.events.append(.turnedAway(refusal)) }
    return batch
  }

  /// Sends one message to a connection without ever waiting.
  public func send(_ payload: [UInt8], to connection: Connection) -> SendResult {
    owner.check()
    let port = ports[connection.listener]
    guard port.admits(connection.serial) else { return .revoked }
    guard payload.count <= port.listener.sentBytesMax else { return .tooLarge }
    if backlog.holds(connection) { return backlog.append(payload, for: connection) ? .queued : .backpressured }
    switch port.send(payload, to: connection) {
    case .sent: return .sent
    case .unreachable: return .unreachable
    case .full: return backlog.append(payload, for: connection) ? .queued : .backpressured
    }
  }

  /// Sends a last word to a session that was `refused`, so that its user learns why. Never queued.
  public func sendRefusal(_ payload: [UInt8], to connection: Connection) -> SendResult {
    owner.check()
    let port = ports[connection.listener]
    guard payload.count <= port.listener.sentBytesMax else { return .tooLarge }
    switch port.send(payload, to: connection) {
    case .sent: return .sent
    case .unreachable: return .unreachable
    case .full: return .backpressured
    }
  }

  /// Ends the ZAP handler alone, to show that no handshake then succeeds.
  func stopAuthenticating() { authenticator.stop() }

  private func retryBacklog(into events: inout [HubEvent]) {
    guard !backlog.isEmpty else { return }
    let progress = backlog.retry(at: monotonicMilliseconds()) { connection, payload in
      let port = ports[connection.listener]
      return port.admits(connection.serial) ? port.send(payload, to: connection) : .unreachable
    }
    for step in progress {
      switch step {
      case .emptied(let connection): events.append(.writable(connection))
      case .lost(let connection, let count): if count > 0 { events.append(.undelivered(connection, count: count)) }
      }
    }
  }
}
