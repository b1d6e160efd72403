import Fleet
import Foundation
import Testing
import Wire
import ZeroMQTransport

/// A coordinator, agents without libvirt and operators on this host's loopback, in a folder that goes with it.
final class LocalFleet {
  let folder: Folder
  let store: String
  let agentsPort: Int
  let operatorsPort: Int
  /// Where the coordinator listens.
  let address: String
  private(set) var coordinator: Child?
  private(set) var children: [Child] = []

  /// Starts a coordinator with an empty store, in the folder unless told otherwise, and the shipped policy.
  init(store: String? = nil, address: String = "127.0.0.1", as launch: Launch = Launch()) async throws {
    folder = try Folder()
    self.store = store ?? folder.path("store.sqlite")
    self.address = address
    (agentsPort, operatorsPort) = (try freePort(), try freePort())
    try await expect(run("key", "new", "--out", folder.path("coordinator.key")).status == 0)
    try policy("live_pages: []")
    try await startCoordinator(as: launch)
  }

  /// A place for a second coordinator of another fleet, with the same key and ports of its own; none is started yet.
  init(beside other: LocalFleet) throws {
    folder = try Folder()
    store = folder.path("store.sqlite")
    address = other.address
    (agentsPort, operatorsPort) = (try freePort(), try freePort())
    for name in ["coordinator.key", "coordinator.key.pub", "policy.yaml"] {
      try FileManager.default.copyItem(atPath: other.folder.path(name), toPath: folder.path(name))
    }
  }

  /// Takes a copy of another fleet's store as it lies there now.
  func copyStore(of other: LocalFleet) throws {
    for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: other.store + suffix) {
      try FileManager.default.copyItem(atPath: other.store + suffix, toPath: store + suffix)
    }
  }

  deinit { for child in children { child.signal(SIGKILL) } }

  var socket: String { folder.path("operator.sock") }
  var publicKeyFile: String { folder.path("coordinator.key.pub") }

  /// Writes the policy file; SIGHUP makes the coordinator read it again.
  func policy(_ text: String) throws {
    try "kind: policy\n\(text)\n".write(toFile: folder.path("policy.yaml"), atomically: true, encoding: .utf8)
  }

  /// Starts a program of this package and remembers to end it.
  func start(_ program: String, _ arguments: [String], as launch: Launch = Launch()) throws -> Child {
    try start(program: Programs.path(program), arguments, as: launch)
  }

  /// Starts whatever is at that path and remembers to end it.
  func start(program: String, _ arguments: [String], as launch: Launch = Launch()) throws -> Child {
    let words = launch.launcher + [program] + arguments
    let child = try Child(words[0], Array(words[1...]), environment: launch.environment, in: folder.url)
    children.append(child)
    return child
  }

  /// Starts a coordinator; `settings` replace what it is usually told.
  func startCoordinator(settings: [String] = [], as launch: Launch = Launch()) async throws {
    let child = try launchCoordinator(settings: settings, as: launch)
    coordinator = child
    #expect(await eventually { child.logged.contains(" serving ") }, "\(child.logged)")
  }

  /// Starts it and does not wait until it serves.
  func launchCoordinator(settings: [String] = [], as launch: Launch = Launch()) throws -> Child {
    let usual = [
      "listen_agents=tcp://\(address):\(agentsPort)", "listen_operators=tcp://\(address):\(operatorsPort)",
      "local_socket=\(socket)", "store=\(store)",
      "key_file=\(folder.path("coordinator.key"))", "policy_file=\(folder.path("policy.yaml"))", "max_hosts=20",
      "heartbeat_milliseconds=500", "unreachable_milliseconds=2000",
    ]
    return try start(
      "numafleet-coordinator", ["--config", "cluster-config/coordinator.yaml"] + set(usual + settings), as: launch)
  }

  /// Makes a key of that name in the folder, and lets it in under the role when there is one.
  func key(_ name: String, role: String? = nil) async throws {
    try await expect(run("key", "new", "--out", folder.path("\(name).key")).status == 0)
    guard let role else { return }
    try await expect(run("key", "authorize", name, folder.path("\(name).key.pub"), "--role", role).status == 0)
  }

  /// Starts an agent with the key of that name.
  func startAgent(
    _ name: String, config: String = "cluster-config/agent.yaml", settings: [String] = [], as launch: Launch = Launch()
  ) throws -> Child {
    try start(
      "numafleet-agent",
      ["--config", config]
        + set(
          agentSettings(name) + ["libvirt_uri=none", "journal=\(folder.path("\(name).journal"))"] + settings),
      as: launch)
  }

  /// What an agent must know of this fleet, as KEY=VALUE.
  func agentSettings(_ name: String, coordinatorAddress: String? = nil, beside other: LocalFleet? = nil) -> [String] {
    let own = "{endpoint: tcp://\(coordinatorAddress ?? address):\(agentsPort), public_key_file: \(publicKeyFile)}"
    let others = other.map {
      ", {endpoint: tcp://\($0.address):\($0.agentsPort), public_key_file: \($0.publicKeyFile)}"
    }
    return [
      "coordinators=[\(own)\(others ?? "")]",
      "key_file=\(folder.path("\(name).key"))", "name=\(name)", "reconnect_spread_milliseconds=0",
    ]
  }

  /// Runs the command as the local operator.
  func run(_ arguments: String...) async throws -> Child.End {
    try await command(arguments, ["NUMAFLEET_COORDINATOR": "ipc://\(socket)"])
  }

  /// Runs the command over tcp with the key of that name.
  func run(as name: String, coordinatorKey: String? = nil, _ arguments: String...) async throws -> Child.End {
    try await command(
      arguments,
      [
        "NUMAFLEET_COORDINATOR": "tcp://127.0.0.1:\(operatorsPort)", "NUMAFLEET_KEY": folder.path("\(name).key"),
        "NUMAFLEET_COORDINATOR_KEY": coordinatorKey ?? publicKeyFile,
      ])
  }

  /// Starts the command that prints events as they happen.
  func follow() throws -> Child {
    try start("numafleet", ["events", "--follow", "-o", "json", "--coordinator", "ipc://\(socket)"])
  }

  /// Asks for guests that nobody has, each of which makes an event. Without a suspension point, for a dialer belongs
  /// to one thread.
  func refuse(_ guests: [String]) throws {
    var destination = Destination.local(name: "c", path: socket)
    destination.sentBytesMax = 1 << 20
    destination.receivedBytesMax = 8 << 20
    let dialer = try Dialer([destination])
    var (sent, answered) = (0, 0)
    let limit = ContinuousClock.now + .seconds(60)
    while answered < guests.count, ContinuousClock.now < limit {
      for case .received in dialer.wait(timeoutMilliseconds: 200).events { answered += 1 }
      // As many on their way as a connection's queue holds without loss.
      while sent < min(answered + 8, guests.count), dialer.isConnected("c") {
        let wish = PlaceGuest(guest: guests[sent], dryRun: true, explain: false)
        sent += 1
        let envelope = Envelope(
          messageID: UInt64(sent), epoch: 0, boot: BootID("t"), sequence: UInt64(sent),
          payload: OperatorRequest.placeGuest(wish))
        _ = dialer.send(EnvelopeCodec.encode(envelope), to: "c")
      }
    }
    try expect(answered == guests.count)
  }

  /// Asks one thing under a name of its own, over a new connection.
  func ask(_ request: OperatorRequest, as id: UInt64) throws -> OperatorReply? {
    let dialer = try Dialer([Destination.local(name: "c", path: socket)])
    let limit = ContinuousClock.now + .seconds(60)
    let envelope = Envelope(messageID: id, epoch: 0, boot: BootID("t"), sequence: 1, payload: request)
    while ContinuousClock.now < limit {
      for event in dialer.wait(timeoutMilliseconds: 200).events {
        switch event {
        case .connected: _ = dialer.send(EnvelopeCodec.encode(envelope), to: "c")
        case .received(let bytes, _): return try EnvelopeCodec.decodeOperatorReply(bytes).payload
        default: break
        }
      }
    }
    return nil
  }

  /// Whether the local operator's answer has that text.
  func shows(_ text: String, _ arguments: String...) async throws -> Bool {
    try await command(arguments, ["NUMAFLEET_COORDINATOR": "ipc://\(socket)"]).out.contains(text)
  }

  private func command(_ arguments: [String], _ environment: [String: String]) async throws -> Child.End {
    try await Child(Programs.path("numafleet"), arguments, environment: environment, in: folder.url).end()
  }

  /// Each setting as an option of its own.
  func set(_ settings: [String]) -> [String] { settings.flatMap { ["--set", $0] } }

  private func expect(_ condition: Bool) throws { try #require(condition) }
}

/// What a program is started under.
struct Launch: Sendable {
  /// A program with its arguments that becomes the one to start, such as `ip netns exec NAME`.
  var launcher: [String] = []
  var environment: [String: String] = [:]
}

/// A port of the loopback that nobody has now.
private func freePort() throws -> Int {
  let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
  defer { close(socket) }
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_addr.s_addr = inet_addr("127.0.0.1")
  var size = socklen_t(MemoryLayout<sockaddr_in>.size)
  let result = withUnsafeMutablePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
      bind(socket, generic, size) == 0 ? getsockname(socket, generic, &size) : -1
    }
  }
  try #require(result == 0)
  return Int(UInt16(bigEndian: address.sin_port))
}
