/// Messages that a full queue did not take yet, by receiver: tried again until they are sent, bounded, in order.
struct Backlog<Receiver: Hashable> {
  /// How many messages one receiver may have waiting: as many again as libzmq holds for it.
  static var messagesMax: Int { 64 }
  /// How many bytes may wait for all receivers together: 1,000 agents with the largest message each.
  static var bytesMax: Int { 64 << 20 }
  /// How long until the next attempt at most: shorter than a person notices, long enough to cost nothing.
  private static var pauseMillisecondsMax: Int { 10 }

  private var waiting: [Receiver: [[UInt8]]] = [:]
  /// Receivers in the order in which they fell behind.
  private var order: [Receiver] = []
  private var bytes = 0
  private var nextAttempt = 0
  /// Doubles while no receiver makes progress; the first attempt comes with the next wait.
  private var pauseMilliseconds = 0

  var isEmpty: Bool { order.isEmpty }

  /// How long a wait may last so that the next attempt is in time; nil if nothing waits.
  func patience(at now: Int) -> Int? { isEmpty ? nil : max(nextAttempt - now, 0) }

  func holds(_ receiver: Receiver) -> Bool { !order.isEmpty && waiting[receiver] != nil }

  /// Keeps a message for later; false if there is no room. Either way `retry` tells when the receiver has none
  /// waiting any more.
  mutating func append(_ payload: [UInt8], for receiver: Receiver) -> Bool {
    let held = waiting[receiver]?.count
    guard held ?? 0 < Self.messagesMax else { return false }
    if order.isEmpty { (nextAttempt, pauseMilliseconds) = (0, 0) }
    if held == nil {
      order.append(receiver)
      waiting[receiver] = []
    }
    guard bytes + payload.count <= Self.bytesMax else { return false }
    waiting[receiver, default: []].append(payload)
    bytes += payload.count
    return true
  }

  /// Forgets a receiver and gives the number of its messages.
  mutating func drop(_ receiver: Receiver) -> Int {
    guard !order.isEmpty, let dropped = waiting.removeValue(forKey: receiver) else { return 0 }
    order.removeAll { $0 == receiver }
    bytes -= dropped.reduce(0) { $0 + $1.count }
    return dropped.count
  }

  enum Progress {
    /// Everything of this receiver is sent.
    case emptied(Receiver)
    /// The receiver is gone, with so many messages unsent.
    case lost(Receiver, count: Int)
  }

  /// Tries every receiver once if it is time to.
  mutating func retry(at now: Int, send: (Receiver, [UInt8]) -> Socket.SendOutcome) -> [Progress] {
    guard !order.isEmpty, now >= nextAttempt else { return [] }
    let bytesBefore = bytes
    var progress: [Progress] = []
    for receiver in order {
      var payloads = waiting[receiver, default: []][...]
      var outcome = Socket.SendOutcome.sent
      while outcome == .sent, let payload = payloads.first {
        outcome = send(receiver, payload)
        if outcome == .sent {
          payloads.removeFirst()
          bytes -= payload.count
        }
      }
      waiting[receiver] = Array(payloads)
      switch outcome {
      case .sent: progress.append(.emptied(receiver))
      case .unreachable: progress.append(.lost(receiver, count: payloads.count))
      case .full: break
      }
    }
    for case .emptied(let receiver) in progress { _ = drop(receiver) }
    for case .lost(let receiver, _) in progress { _ = drop(receiver) }
    pauseMilliseconds = bytes < bytesBefore ? 0 : min(max(pauseMilliseconds * 2, 1), Self.pauseMillisecondsMax)
    nextAttempt = now + pauseMilliseconds
    return progress
  }
}
