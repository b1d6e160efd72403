import CZeroMQ

/// The side that connects: an agent or the operator's command. One DEALER for each destination, on the thread that
/// made it; that thread's loop is `wait`, step the core, `send`, as with a `Hub`.
///
/// - A destination is spoken to only after it has proved to have the pinned key; messages given to `send` before
///   that are refused, not queued.
/// - Connecting goes on for ever by itself: libzmq retries what cannot be reached, with an interval of each dialer's
///   own, and the dialer itself retries what refused it, more and more slowly.
/// - At most `messagesPerWait` messages of each destination are read in one `wait`; the rest stays in bounded queues.
public final class Dialer {
  /// How many messages one `wait` takes from a destination at most.
  public static let messagesPerWait = 256

  private let owner = OwnerThread()
  private let context: Context
  private var links: [Link] = []
  private var poller = Poller()
  private var backlog = Backlog<String>()
  /// What calls other than `wait` have caused; brought by the next one.
  private var pending: [DialerEvent] = []

  /// Begins to connect to all destinations. Throws `.invalidEndpoint` or `.system`.
  public init(_ destinations: [Destination] = []) throws(TransportError) {
    context = try Context(ioThreads: 1)
    for destination in destinations { try add(destination) }
  }

  /// Begins to connect to one more destination. Throws `.invalidEndpoint` or `.system`.
  public func add(_ destination: Destination) throws(TransportError) {
    owner.check()
    try destination.validate()
    guard link(destination.name) == nil else {
      throw .invalidEndpoint(
        destination.endpoint, problem: "another destination is named '\(destination.name)' as well")
    }
    let now = monotonicMilliseconds()
    let link = Link(context, destination, now: now)
    try link.dialIfDue(now: now)
    links.append(link)
  }

  /// Hangs up and forgets a destination; what is queued for it is lost. Nothing if there is none of that name.
  public func remove(_ name: String) {
    owner.check()
    _ = backlog.drop(name)
    links.removeAll { $0.name == name }
  }

  /// Hangs up and connects again at once: for a peer that is connected but no longer answers.
  public func redial(_ name: String) {
    owner.check()
    link(name)?.redial(now: monotonicMilliseconds(), into: &pending)
    dropBacklogs(into: &pending)
  }

  /// Whether messages can be sent to a destination now.
  public func isConnected(_ name: String) -> Bool {
    owner.check()
    return link(name)?.isConnected ?? false
  }

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
  public func wait(timeoutMilliseconds: Int) -> Batch<DialerEvent> {
    owner.check()
    let start = monotonicMilliseconds()
    var batch = Batch<DialerEvent>(events: pending)
    pending.removeAll()
    dial(now: start, into: &batch.events)
    retryBacklog(now: start, into: &batch.events)

    let patience = batch.events.isEmpty ? patience(of: timeoutMilliseconds, now: start) : 0
    let (sockets, owners) = watched()
    var ready: [Int] = []
    batch.signals = poller.wait(sockets: sockets, timeoutMilliseconds: patience) { ready.append(owners[$0]) }
    let now = monotonicMilliseconds()
    for (index, link) in links.enumerated() where ready.contains(index) {
      // In this order, for a connection is known before its first message.
      link.followMonitor(now: now, into: &batch.events)
      link.receive(into: &batch.events)
    }
    dropBacklogs(into: &batch.events)
    return batch
  }

  /// Sends one message to a destination without ever waiting.
  public func send(_ payload: [UInt8], to name: String) -> SendResult {
    owner.check()
    guard let link = link(name), link.isConnected else { return .unreachable }
    guard payload.count <= link.destination.sentBytesMax else { return .tooLarge }
    if !backlog.holds(name) {
      switch link.send(payload) {
      case .sent: return .sent
      case .unreachable: return .unreachable
      case .full: break
      }
    }
    return backlog.append(payload, for: name) ? .queued : .backpressured
  }

  private func link(_ name: String) -> Link? { links.first { $0.name == name } }

  private func dial(now: Int, into events: inout [DialerEvent]) {
    for link in links {
      do { try link.dialIfDue(now: now) } catch {
        // A name that does not resolve now may do so later; nothing else can fail here for good.
        events.append(.failed(link.name, .unreachable))
        link.postpone(now: now)
      }
    }
  }

  private func retryBacklog(now: Int, into events: inout [DialerEvent]) {
    guard !backlog.isEmpty else { return }
    for step in backlog.retry(at: now, send: { name, payload in link(name)?.send(payload) ?? .unreachable }) {
      switch step {
      case .emptied(let name): events.append(.writable(name))
      case .lost(let name, let count): if count > 0 { events.append(.undelivered(name, count: count)) }
      }
    }
  }

  /// Tells of queued messages whose connection is lost.
  private func dropBacklogs(into events: inout [DialerEvent]) {
    guard !backlog.isEmpty else { return }
    for link in links where !link.isConnected {
      let count = backlog.drop(link.name)
      if count > 0 { events.append(.undelivered(link.name, count: count)) }
    }
  }

  private func patience(of timeoutMilliseconds: Int, now: Int) -> Int {
    var patience = timeoutMilliseconds < 0 ? Int.max : timeoutMilliseconds
    if let retry = backlog.patience(at: now) { patience = min(patience, retry) }
    for link in links { if let deadline = link.deadline { patience = min(patience, max(deadline - now, 0)) } }
    return patience == Int.max ? -1 : patience
  }

  /// All sockets to poll, and for each the index of its link.
  private func watched() -> (sockets: [Socket], owners: [Int]) {
    var sockets: [Socket] = []
    var owners: [Int] = []
    for (index, link) in links.enumerated() {
      guard let line = link.line else { continue }
      sockets += [line.monitor.socket, line.socket]
      owners += [index, index]
    }
    return (sockets, owners)
  }
}
