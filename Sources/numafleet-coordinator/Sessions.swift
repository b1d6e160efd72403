import CoordinatorCore
import Fleet
import Wire
import ZeroMQTransport

/// Which connection belongs to which host, and which question came over which connection.
///
/// A host's newest connection wins; nothing that a message claims enters here.
struct Sessions {
  struct Session {
    var connection: Connection
    var messageID: UInt64
  }

  private var hosts: [HostID: Connection] = [:]
  private var questions: [Coordinator.Token: Session] = [:]
  private var order: [Coordinator.Token] = []
  private var last: Coordinator.Token = 0

  /// Questions remembered; a follower of events keeps one, an answered question may be forgotten.
  static let questionsMax = 4096

  mutating func connect(_ host: HostID, _ connection: Connection) { hosts[host] = connection }

  func connection(of host: HostID) -> Connection? { hosts[host] }

  mutating func token(for connection: Connection, messageID: UInt64) -> Coordinator.Token {
    last = last.next
    questions[last] = Session(connection: connection, messageID: messageID)
    order.append(last)
    if order.count > Self.questionsMax { questions[order.removeFirst()] = nil }
    return last
  }

  func session(of token: Coordinator.Token) -> Session? { questions[token] }

  /// Forgets a connection that is gone, and says whose questions went with it.
  mutating func forget(_ connection: Connection) -> [Coordinator.Token] {
    hosts = hosts.filter { $0.value != connection }
    let gone = order.filter { questions[$0]?.connection == connection }
    for token in gone { questions[token] = nil }
    order.removeAll { gone.contains($0) }
    return gone
  }

  /// The last word to a connection: to an agent or to an operator, whichever it was.
  func refusal(_ refusal: Refusal, to connection: Connection, _ outgoing: inout Outgoing) -> [UInt8] {
    if hosts.contains(where: { $0.value == connection }) {
      return EnvelopeCodec.encode(outgoing.envelope(ToAgent.refused(refusal), answering: nil))
    }
    let question = order.last { questions[$0]?.connection == connection }.flatMap { questions[$0] }
    return EnvelopeCodec.encode(outgoing.envelope(OperatorReply.refused(refusal), answering: question?.messageID))
  }
}

/// Numbers what leaves this process.
struct Outgoing {
  let boot: BootID
  let epoch: Epoch
  private var sequence: UInt64 = 0

  init(boot: BootID, epoch: Epoch) {
    self.boot = boot
    self.epoch = epoch
  }

  mutating func envelope<Payload>(_ payload: Payload, answering: UInt64?) -> Envelope<Payload> {
    sequence += 1
    return Envelope(
      messageID: sequence, answering: answering, epoch: epoch, boot: boot, sequence: sequence, payload: payload)
  }
}
