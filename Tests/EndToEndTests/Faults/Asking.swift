import Fleet
import Foundation
import Wire
import ZeroMQTransport

extension LocalFleet {
  /// The answer to one question of the local operator; nil when none came: the coordinator is gone, or was too slow.
  ///
  /// Each question has its own connection, so that nothing of an earlier coordinator's is left in it. Without a
  /// suspension point, because a dialer belongs to one thread.
  func ask(_ request: OperatorRequest, withinSeconds seconds: Double = 10) -> OperatorReply? {
    var destination = Destination.local(name: "c", path: socket)
    destination.sentBytesMax = 1 << 20
    destination.receivedBytesMax = 8 << 20
    guard let dialer = try? Dialer([destination]) else { return nil }
    let id = UInt64.random(in: 1...(1 << 48))
    let limit = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < limit {
      for event in dialer.wait(timeoutMilliseconds: 100).events {
        switch event {
        case .connected:
          let envelope = Envelope(messageID: id, epoch: 0, boot: BootID("t"), sequence: 1, payload: request)
          _ = dialer.send(EnvelopeCodec.encode(envelope), to: "c")
        case .received(let bytes, _):
          let envelope = try? EnvelopeCodec.decodeOperatorReply(bytes)
          if let envelope, envelope.answering == id { return envelope.payload }
        case .disconnected, .failed: return nil
        default: break
        }
      }
    }
    return nil
  }

  /// The jobs that a command has begun; nil when it was refused or not answered, with the words of a refusal.
  func begin(_ request: OperatorRequest) -> (jobs: [JobID]?, refusal: Refusal?) {
    switch ask(request) {
    case .accepted(let accepted): (accepted.jobs, nil)
    case .refused(let refusal): (nil, refusal)
    default: (nil, nil)
    }
  }

  /// The guests of a host as the coordinator knows them; none while nobody answers.
  func guests(of host: String) -> [Guest] {
    guard case .guests(let placed) = ask(.guests(host: HostID(host))) else { return [] }
    return placed.map(\.guest)
  }

  /// The host as the coordinator knows it.
  func view(of host: String) -> HostView? {
    guard case .host(let view) = ask(.host(HostID(host))) else { return nil }
    return view
  }
}
