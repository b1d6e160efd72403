import CoordinatorCore
import Fleet
import Wire
import ZeroMQTransport

/// Many agents as far as a coordinator's restart concerns them: each dials with the product's own transport, says
/// hello, and reports once it is welcome. They know nothing of NUMA and do no jobs.
final class ReturningFleet {
  /// What has happened since the counters were last set to 0.
  struct Counters {
    /// Finished handshakes; more than one an agent were for nothing.
    var handshakes = 0
    var welcomes = 0
    var topologiesAsked = 0
    var lost = 0
  }

  private let contents: StoreContents
  private let dialers: [Dialer]
  /// Of each agent: the term it obeys, nil until it is welcome, and the number of its last message.
  private var terms: [Epoch?]
  private var sequences: [UInt64]
  private var reports: [UInt64]
  private(set) var counters = Counters()

  /// Destinations of one dialer: it polls all of its own.
  private static let dialerMax = 250

  init(
    _ contents: StoreContents, keys: [CurveSecretKey], to endpoint: String, _ server: CurvePublicKey,
    spreadMilliseconds: Int
  ) throws(TransportError) {
    self.contents = contents
    terms = Array(repeating: nil, count: keys.count)
    sequences = Array(repeating: 0, count: keys.count)
    reports = sequences
    var made: [Dialer] = []
    for start in stride(from: 0, to: keys.count, by: Self.dialerMax) {
      let dialer = try Dialer()
      for index in start..<min(start + Self.dialerMax, keys.count) {
        var destination = Destination.curve(
          name: "\(index)", endpoint: endpoint, serverKey: server, ownKey: keys[index])
        destination.spread(overMilliseconds: spreadMilliseconds)
        try dialer.add(destination)
      }
      made.append(dialer)
    }
    dialers = made
  }

  func forget() { counters = Counters() }

  /// Does what there is to do now, without waiting; false when there was nothing.
  func turn() throws(WireError) -> Bool {
    var hadWork = false
    for dialer in dialers {
      for event in dialer.wait(timeoutMilliseconds: 0).events {
        hadWork = true
        try take(event, dialer)
      }
    }
    return hadWork
  }

  /// A heartbeat of every agent that is welcome.
  func beat() {
    for index in terms.indices where terms[index] != nil {
      say(.heartbeat(lastReport: reports[index]), as: index, dialers[index / Self.dialerMax])
    }
  }

  private func take(_ event: DialerEvent, _ dialer: Dialer) throws(WireError) {
    switch event {
    case .connected(let name):
      counters.handshakes += 1
      guard let index = Int(name) else { return }
      say(.hello(contents.greeting(ofHost: index)), as: index, dialer)
    case .disconnected(let name):
      counters.lost += 1
      if let index = Int(name) { terms[index] = nil }
    case .received(let bytes, let name):
      guard let index = Int(name) else { return }
      guard case .welcome(let welcome) = try EnvelopeCodec.decodeToAgent(bytes).payload else { return }
      counters.welcomes += 1
      if welcome.wantsTopology { counters.topologiesAsked += 1 }
      terms[index] = welcome.epoch
      say(.report(contents.report(ofHost: index)), as: index, dialer)
      reports[index] = sequences[index]
    default: break
    }
  }

  private func say(_ payload: ToCoordinator, as index: Int, _ dialer: Dialer) {
    sequences[index] += 1
    let envelope = Envelope(
      messageID: sequences[index], epoch: terms[index] ?? 0, boot: BootID("agent-\(index)"), sequence: sequences[index],
      payload: payload)
    _ = dialer.send(EnvelopeCodec.encode(envelope), to: "\(index)")
  }
}
