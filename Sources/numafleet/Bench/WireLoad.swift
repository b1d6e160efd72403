import CWireReference
import ZeroMQTransport

/// Many simulated agents in the C client, which measures both servers alike; connected while this value lives.
final class WireLoad {
  /// What one round gave.
  struct Figures {
    var answers: Double
    var answersPerSecond: Double
    /// In microseconds.
    var p50: Double
    var p99: Double
  }

  private let handle: OpaquePointer

  /// How long all agents together may take to get their first answer.
  private static let connectSeconds = 120.0

  /// Connects an agent for each key, and waits until each has its first answer.
  init(
    to endpoint: String, _ serverKey: CurvePublicKey, as keys: [CurveSecretKey], saying exchange: HelloExchange,
    inFlight: Int, seconds: Double
  ) throws(CommandFailure) {
    let publicTexts = keys.flatMap { Array($0.publicKey.z85.utf8CString) }
    let secretTexts = keys.flatMap { Array($0.revealedZ85().utf8CString) }
    var load = cwire_load()
    load.dealers = UInt32(keys.count)
    load.in_flight = UInt32(inFlight)
    load.sequence_offset = exchange.sequenceOffset
    load.connect_seconds = Self.connectSeconds
    load.measure_seconds = seconds
    var result = cwire_result()
    var connected: OpaquePointer?
    var code: Int32 = 0
    endpoint.withCString { endpoint in
      serverKey.z85.withCString { serverKey in
        publicTexts.withUnsafeBufferPointer { publicTexts in
          secretTexts.withUnsafeBufferPointer { secretTexts in
            exchange.hello.withUnsafeBufferPointer { hello in
              load.endpoint = endpoint
              load.server_key = serverKey
              load.public_keys = publicTexts.baseAddress
              load.secret_keys = secretTexts.baseAddress
              load.request = hello.baseAddress
              load.request_size = hello.count
              code = cwire_load_connect(&load, &result, &connected)
            }
          }
        }
      }
    }
    guard code == 0, let connected else {
      throw CommandFailure(
        code: "noAnswer", "\(result.connected) of \(keys.count) agents were answered (error \(code))",
        remedy: "is the machine very busy, or `ulimit -n` below \(keys.count * 4 + 256)?", exit: .noAnswer)
    }
    handle = connected
  }

  deinit { cwire_load_end(handle) }

  /// Runs one round.
  func measure() throws(CommandFailure) -> Figures {
    var result = cwire_result()
    let code = cwire_load_measure(handle, &result)
    guard code == 0 else {
      throw CommandFailure(
        code: "noAnswer", "only \(result.answers) answers in \(result.seconds) s (error \(code))",
        remedy: "is the machine very busy?", exit: .noAnswer)
    }
    return Figures(
      answers: Double(result.answers), answersPerSecond: result.answers_per_second, p50: result.p50_us,
      p99: result.p99_us)
  }
}
