import ArgumentParser
import Fleet
import Glibc
import ZeroMQTransport

/// A real coordinator on loopback with an empty store, as its defaults have it.
final class TrialCoordinator {
  let endpoint: String
  let publicKey: CurvePublicKey
  let process: ChildProcess
  private let client: CoordinatorClient

  /// Starts it, on the folder's store if there is one, and waits until it answers.
  init(
    _ programs: Programs, in folder: TrialFolder, hostsMax: Int, at known: String? = nil
  ) throws(CommandFailure) {
    let program = try programs.path("numafleet-coordinator")
    endpoint = if let known { known } else { "tcp://127.0.0.1:\(try Self.freePort())" }
    let key = folder.file("coordinator.key")
    // A second coordinator in the same folder is the first one started again.
    let known = try? KeyFile.readSecret(key)
    publicKey = if let known { known.publicKey } else { try newKey(key).publicKey }
    let policy = try folder.write("kind: policy\n", to: "policy.yaml")
    let configuration = try folder.write(
      """
      kind: coordinator
      listen_agents: \(endpoint)
      local_socket: \(folder.file("operator.sock"))
      store: \(folder.file("coordinator.sqlite"))
      key_file: \(key)
      policy_file: \(policy)
      max_hosts: \(hostsMax)

      """, to: "coordinator.yaml")
    process = try ChildProcess(program, ["--config", configuration], log: folder.file("coordinator.log"))
    client = try Self.answering("ipc://\(folder.file("operator.sock"))", process)
  }

  /// Asks the coordinator as its local administrator.
  func ask(_ request: OperatorRequest) throws(CommandFailure) -> OperatorReply {
    try process.check()
    return try client.ask(request)
  }

  /// Lets time pass.
  func rest(milliseconds: Int) throws(CommandFailure) { try client.rest(milliseconds: milliseconds) }

  /// Lets the key in as the agent of that host.
  func authorize(_ host: String, _ key: CurveSecretKey) throws(CommandFailure) {
    _ = try ask(.authorizeKey(AuthorizedKey(publicKey: key.publicKey.z85, owner: host, role: .agent)))
  }

  /// A client that has its first answer; the daemon may need a while on a slow machine.
  private static func answering(_ endpoint: String, _ process: ChildProcess) throws(CommandFailure) -> CoordinatorClient
  {
    let deadline = monotonicMilliseconds() + 60_000
    while true {
      do throws(CommandFailure) {
        guard let options = try? ConnectionOptions.parse(["--coordinator", endpoint, "--timeout", "60"]) else {
          throw CommandFailure(usage: "\(endpoint) is no endpoint")
        }
        let client = try CoordinatorClient(options)
        _ = try client.ask(.status)
        return client
      } catch {
        guard error.exit == .noAnswer, monotonicMilliseconds() < deadline else { throw error }
        try process.check(withinMilliseconds: 20)
      }
    }
  }

  /// A port that nobody listens on now.
  private static func freePort() throws(CommandFailure) -> Int {
    let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(file) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { address in
      address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(file, address, length) == 0 && getsockname(file, address, &length) == 0
      }
    }
    guard bound else {
      throw CommandFailure(file: "no port on 127.0.0.1: \(String(cString: strerror(errno)))", remedy: "check lo")
    }
    return Int(UInt16(bigEndian: address.sin_port))
  }
}

/// Makes a key and, with a path, its file.
func newKey(_ path: String? = nil) throws(CommandFailure) -> CurveSecretKey {
  do {
    let key = try CurveSecretKey.generate()
    if let path { try KeyFile.write(key, to: path) }
    return key
  } catch {
    throw CommandFailure(code: "key", "\(error)", remedy: "check the space in $TMPDIR", exit: .refused)
  }
}
