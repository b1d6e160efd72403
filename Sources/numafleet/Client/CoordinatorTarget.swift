import ClusterConfig
import Glibc
import Wire
import ZeroMQTransport

/// Where the coordinator is and how it and the operator know each other.
struct CoordinatorTarget {
  let endpoint: String
  private let path: String?
  private let keys: (server: CurvePublicKey, own: CurveSecretKey)?

  /// Joins the options with the environment.
  init(_ options: ConnectionOptions) throws(CommandFailure) {
    let text = options.coordinator ?? environment("NUMAFLEET_COORDINATOR") ?? ConnectionOptions.defaultEndpoint
    let parsed: Endpoint
    do { parsed = try Endpoint(parsing: text) } catch { throw CommandFailure(usage: "--coordinator: \(error)") }
    endpoint = text
    switch parsed {
    case .ipc(let path):
      self.path = path
      keys = nil
    case .tcp:
      path = nil
      guard let own = options.key ?? environment("NUMAFLEET_KEY"),
        let server = options.coordinatorKey ?? environment("NUMAFLEET_COORDINATOR_KEY")
      else {
        throw CommandFailure(usage: "a coordinator at tcp:// needs --key FILE and --coordinator-key PUBLIC")
      }
      keys = (try publicKey(named: server), try secretKey(in: own))
    }
  }

  /// What the dialer connects to.
  func destination(named name: String) -> Destination {
    var destination: Destination =
      if let keys {
        .curve(name: name, endpoint: endpoint, serverKey: keys.server, ownKey: keys.own)
      } else {
        .local(name: name, path: path ?? "")
      }
    destination.receivedBytesMax = WireLimits.reply.bytes
    // A single operator's command is no fleet that starts at once, so it need not spread its attempts.
    destination.reconnectSpreadMilliseconds = 0
    return destination
  }
}

/// A variable of the environment, if it is set to something.
func environment(_ name: String) -> String? {
  guard let value = getenv(name) else { return nil }
  let text = String(cString: value)
  return text.isEmpty ? nil : text
}
