import CWireReference
import ZeroMQTransport

/// Many simulated agents in the C client, which measures both servers alike.
struct WireLoad {
  var inFlight: Int
  var seconds: Double
  /// The agents' keys in Z85, each with its zero, one after the other.
  private let publicTexts: [CChar]
  private let secretTexts: [CChar]
  private let agents: Int

  /// How long all agents together may take to get their first answer.
  private static let connectSeconds = 120.0

  init(keys: [CurveSecretKey], inFlight: Int, seconds: Double) {
    self.inFlight = inFlight
    self.seconds = seconds
    agents = keys.count
    publicTexts = keys.flatMap { Array($0.publicKey.z85.utf8CString) }
    secretTexts = keys.flatMap { Array($0.revealedZ85().utf8CString) }
  }

  /// What one round gave.
  struct Figures {
    var answersPerSecond: Double
    var p50: Double
    var p99: Double
  }

  /// Runs one round; `measured` is called while all agents are still connected.
  func run(
    against endpoint: String, _ serverKey: CurvePublicKey, _ exchange: HelloExchange, measured: () -> Void = {}
  ) throws(CommandFailure) -> Figures {
    var result = cwire_result()
    let code = withoutActuallyEscaping(measured) { measured in
      withUnsafePointer(to: measured) { measured in
        endpoint.withCString { endpoint in
          serverKey.z85.withCString { serverKey in
            publicTexts.withUnsafeBufferPointer { publicTexts in
              secretTexts.withUnsafeBufferPointer { secretTexts in
                exchange.hello.withUnsafeBufferPointer { hello in
                  var load = cwire_load()
                  load.endpoint = endpoint
                  load.server_key = serverKey
                  load.dealers = UInt32(agents)
                  load.in_flight = UInt32(inFlight)
                  load.public_keys = publicTexts.baseAddress
                  load.secret_keys = secretTexts.baseAddress
                  load.request = hello.baseAddress
                  load.request_size = hello.count
                  load.sequence_offset = exchange.sequenceOffset
                  load.connect_seconds = Self.connectSeconds
                  load.measure_seconds = seconds
                  load.measured = { $0?.assumingMemoryBound(to: (() -> Void).self).pointee() }
                  load.measured_context = UnsafeMutableRawPointer(mutating: measured)
                  return cwire_load_run(&load, &result)
                }
              }
            }
          }
        }
      }
    }
    guard code == 0 else {
      throw CommandFailure(
        code: "noAnswer", "\(result.connected) of \(agents) agents were answered (error \(code))",
        remedy: "is the machine very busy, or `ulimit -n` below \(agents * 4 + 256)?", exit: .noAnswer)
    }
    return Figures(answersPerSecond: result.answers_per_second, p50: result.p50_us, p99: result.p99_us)
  }
}
