/// `coordinator.yaml`: where the coordinator listens, what it keeps and how long it waits for hosts.
public struct CoordinatorConfiguration: Sendable, Hashable {
  /// Where agents connect; tcp.
  public var agentListener: Endpoint
  /// Where operators with a key connect; nil for no such listener.
  public var operatorListener: Endpoint?
  /// The Unix socket of local operators.
  public var localSocket: String
  /// The SQLite store.
  public var store: String
  /// The coordinator's secret key; `PATH.pub` beside it is the public half.
  public var keyFile: String
  /// The policy; read again on SIGHUP.
  public var policyFile: String
  /// How often agents say that they live; 100...60,000 ms.
  public var heartbeatMilliseconds: Int
  /// After this silence a host counts as unreachable; at least two heartbeats, up to 600,000 ms.
  public var unreachableMilliseconds: Int
  public var log: LogConfiguration
  /// The most hosts that are admitted; 1...50,000.
  public var maxHosts: Int
  /// The newest events that the store keeps; 0...1,000,000,000, where 0 keeps all.
  public var keepEvents: Int

  /// Validates the text of a coordinator file.
  public init(parsing text: String, file: String, overriding settings: [String] = []) throws(ConfigurationError) {
    let document = try Document(text, file: file, overriding: settings)
    let section = try document.section(.coordinator, Key.self)
    agentListener = try section.required(.listen_agents, example: "tcp://0.0.0.0:7447").tcpEndpoint()
    operatorListener = try section[.listen_operators]?.tcpEndpoint()
    if let operatorListener, operatorListener == agentListener {
      throw section[.listen_operators]?.bad("another port than listen_agents, so that one flood cannot block both")
        ?? ConfigurationError(file: file, "both listeners are the same")
    }
    localSocket = try section[.local_socket]?.socketPath() ?? "/run/numafleet/operator.sock"
    store = try section.required(.store, example: "/var/lib/numafleet/coordinator.sqlite").path()
    keyFile = try section.required(.key_file, example: "coordinator.key").path()
    policyFile = try section.required(.policy_file, example: "policy.yaml").path()
    let heartbeat = try section[.heartbeat_milliseconds]?.number(in: 100...60_000) ?? 2000
    heartbeatMilliseconds = heartbeat
    let unreachable = section[.unreachable_milliseconds]
    unreachableMilliseconds = try unreachable?.number(in: (2 * heartbeat)...600_000) ?? 3 * heartbeat
    log = try LogConfiguration(level: section[.log_level], format: section[.log_format])
    maxHosts = try section[.max_hosts]?.number(in: 1...50_000) ?? 1000
    keepEvents = try section[.keep_events]?.number(in: 0...1_000_000_000) ?? 1_000_000
  }

  enum Key: String, SectionKey {
    case kind, listen_agents, listen_operators, local_socket, store, key_file, policy_file
    case heartbeat_milliseconds, unreachable_milliseconds, log_level, log_format, max_hosts, keep_events
  }
}

/// What a daemon logs and how.
public struct LogConfiguration: Sendable, Hashable {
  public var level: LogLevel
  public var format: LogFormat

  init(level: Value?, format: Value?) throws(ConfigurationError) {
    self.level = try level?.choice() ?? .info
    self.format = try format?.choice() ?? .text
  }
}

/// swift-log's levels.
public enum LogLevel: String, Sendable, Hashable, CaseIterable {
  case trace, debug, info, notice, warning, error, critical
}

/// One line an event either way.
public enum LogFormat: String, Sendable, Hashable, CaseIterable {
  case text, json
}

extension Value {
  /// The path of a Unix socket.
  func socketPath() throws(ConfigurationError) -> String {
    let path = try path()
    guard path.utf8.count <= 107 else { throw bad("a path of at most 107 bytes, the kernel's limit for a socket") }
    return path
  }
}
