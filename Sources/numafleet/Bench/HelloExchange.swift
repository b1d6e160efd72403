import Fleet
import Wire
import ZeroMQTransport

/// The exchange that is measured: an agent's hello, and the welcome with which every coordinator must answer it.
struct HelloExchange {
  /// The bytes of a hello whose sequence is a varint of eight bytes.
  let hello: [UInt8]
  /// Where in them the sequence is.
  let sequenceOffset: Int

  /// The least number that eight bytes of varint are needed for; the C client counts up from here.
  private static let sequenceStart: UInt64 = 1 << 49

  /// A hello of an agent's run of that name; a coordinator believes each run's sequence only if it rises.
  init(boot: String) {
    hello = Self.encoded(Self.sequenceStart, boot)
    let next = Self.encoded(Self.sequenceStart + 1, boot)
    sequenceOffset = zip(hello, next).enumerated().first { $1.0 != $1.1 }?.offset ?? 0
  }

  private static func encoded(_ sequence: UInt64, _ boot: String) -> [UInt8] {
    let hello = Hello(softwareVersion: numafleetVersion, topologyHash: 0x9E37_79B9_7F4A_7C15, highestEpoch: 1)
    return EnvelopeCodec.encode(
      Envelope<ToCoordinator>(
        messageID: 1, epoch: 1, boot: BootID(boot), sequence: sequence, payload: .hello(hello)))
  }

  /// Says hello once over the product's own transport, and gives the bytes of the welcome.
  func welcome(from coordinator: TrialCoordinator, as key: CurveSecretKey) throws(CommandFailure) -> [UInt8] {
    let name = "coordinator"
    do {
      let dialer = try Dialer([
        .curve(name: name, endpoint: coordinator.endpoint, serverKey: coordinator.publicKey, ownKey: key)
      ])
      let deadline = monotonicMilliseconds() + 60_000
      while monotonicMilliseconds() < deadline {
        for event in dialer.wait(timeoutMilliseconds: max(0, deadline - monotonicMilliseconds())).events {
          switch event {
          case .connected: _ = dialer.send(hello, to: name)
          case .received(let bytes, _):
            guard case .welcome = try EnvelopeCodec.decodeToAgent(bytes).payload else { continue }
            return bytes
          default: break
          }
        }
      }
    } catch {
      throw CommandFailure(code: "noAnswer", "\(error)", remedy: "see the coordinator's log", exit: .noAnswer)
    }
    throw CommandFailure(
      code: "noAnswer", "the coordinator gave no welcome within 60 s", remedy: "see its log", exit: .noAnswer)
  }
}
