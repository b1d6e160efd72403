public import Fleet

/// `agent.yaml`: whom the agent reports to, what it watches and how often.
public struct AgentConfiguration: Sendable, Hashable {
  /// A label for the agent's log; the host's identity is the owner of its key, as the coordinator knows it.
  public var name: String?
  /// 1...8 coordinators; the one with the highest epoch gives the jobs.
  public var coordinators: [CoordinatorAddress]
  /// Over how many milliseconds a fleet's agents spread their first connection and their return after a lost one, each
  /// by a share of its own; 0...600,000.
  public var reconnectSpreadMilliseconds: Int
  /// The agent's secret key.
  public var keyFile: String
  /// The connection URI; nil when the agent shall run on the kernel alone (`libvirt_uri: none`).
  public var libvirtURI: String?
  /// How long one libvirt call may take; 100...600,000 ms.
  public var libvirtDeadlineMilliseconds: Int
  /// Where libvirt writes the pid files of its guests.
  public var libvirtRunDirectory: String
  /// Where libvirtds of other hosts reach this one's to send it guests; nil when none may come.
  public var migrationURI: String?
  /// The most that a guest on its way to another host may take of the network, in MiB/s; 0 leaves it to libvirt.
  public var migrationBandwidth: Int
  public var poll: PollIntervals
  /// The agent's own record of jobs and terms.
  public var journal: String
  /// The driver for jobs that name none.
  public var driver: DriverChoice
  /// Processes that are treated as guests although libvirt does not know them; at most 64 rules.
  public var processRules: [ProcessRule]
  public var log: LogConfiguration

  /// Validates the text of an agent file.
  public init(parsing text: String, file: String, overriding settings: [String] = []) throws(ConfigurationError) {
    let document = try Document(text, file: file, overriding: settings)
    let section = try document.section(.agent, Key.self)
    name = try section[.name]?.word()
    let list = try section.required(
      .coordinators, example: "[{endpoint: tcp://10.0.0.5:7447, public_key_file: coordinator.key.pub}]")
    coordinators = []
    for item in try list.items() { coordinators.append(try CoordinatorAddress(item)) }
    guard (1...8).contains(coordinators.count) else { throw list.bad("1...8 coordinators") }
    reconnectSpreadMilliseconds = try section[.reconnect_spread_milliseconds]?.number(in: 0...600_000) ?? 2000
    keyFile = try section.required(.key_file, example: "agent.key").path()
    let uri = try section[.libvirt_uri]?.libvirtURI() ?? "qemu:///system"
    libvirtURI = uri == "none" ? nil : uri
    libvirtDeadlineMilliseconds = try section[.libvirt_deadline_milliseconds]?.number(in: 100...600_000) ?? 30_000
    libvirtRunDirectory = try section[.libvirt_run_directory]?.path() ?? "/run/libvirt/qemu"
    let address = try section[.migration_uri]?.libvirtURI()
    migrationURI = address == "none" ? nil : address
    migrationBandwidth = try section[.migration_mib_per_second]?.number(in: 0...1_000_000) ?? 0
    poll = try PollIntervals(section[.poll])
    journal = try section.required(.journal, example: "/var/lib/numafleet/agent.journal").path()
    driver = try section[.driver]?.choice() ?? .automatic
    processRules = []
    if let rules = section[.processes] {
      for item in try rules.items() {
        let rule = try ProcessRule(item)
        guard !processRules.contains(where: { $0.name == rule.name }) else {
          throw item.position.error("rule \(rule.name) is given twice; names of rules are part of ids and must differ")
        }
        processRules.append(rule)
      }
      guard processRules.count <= 64 else { throw rules.bad("at most 64 rules") }
    }
    log = try LogConfiguration(level: section[.log_level], format: section[.log_format])
  }

  enum Key: String, SectionKey {
    case kind, name, coordinators, key_file, libvirt_uri, libvirt_deadline_milliseconds, libvirt_run_directory
    case reconnect_spread_milliseconds, migration_uri, migration_mib_per_second, poll, journal, driver, processes,
      log_level, log_format
  }
}

/// One coordinator and the key by which the agent knows that it is the right one.
public struct CoordinatorAddress: Sendable, Hashable {
  /// tcp or ipc.
  public var endpoint: Endpoint
  public var publicKey: PublicKeySource

  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<Key>(value)
    endpoint = try section.required(.endpoint, example: "tcp://10.0.0.5:7447").endpoint()
    switch (section[.public_key], section[.public_key_file]) {
    case (let key?, nil): publicKey = .text(try key.publicKey())
    case (nil, let file?): publicKey = .file(try file.path())
    case (_?, let file?): throw file.position.error("public_key and public_key_file are both given; keep one")
    case (nil, nil):
      throw value.position.error(
        "public_key is missing in \(value.name); `numafleet key show` prints it on the coordinator")
    }
  }

  enum Key: String, SectionKey {
    case endpoint, public_key, public_key_file
  }
}

/// Where a public key is to be had.
public enum PublicKeySource: Sendable, Hashable {
  /// Z85, 40 characters.
  case text(String)
  /// The path of a file that holds it.
  case file(String)
}

/// How often the agent looks where no event tells; in ms.
public struct PollIntervals: Sendable, Hashable {
  /// Thread masks and libvirt's records; 200...60,000.
  public var threadsMilliseconds: Int
  /// Pages by cell; reading `numa_maps` costs, so less often; 500...600,000.
  public var residencyMilliseconds: Int
  /// Cells, CPUs, devices; 1,000...3,600,000.
  public var topologyMilliseconds: Int

  init(_ value: Value?) throws(ConfigurationError) {
    let section = try value.map { (value) throws(ConfigurationError) in try Section<Key>(value) }
    threadsMilliseconds = try section?[.threads_milliseconds]?.number(in: 200...60_000) ?? 5000
    residencyMilliseconds = try section?[.residency_milliseconds]?.number(in: 500...600_000) ?? 60_000
    topologyMilliseconds = try section?[.topology_milliseconds]?.number(in: 1000...3_600_000) ?? 30_000
  }

  enum Key: String, SectionKey {
    case threads_milliseconds, residency_milliseconds, topology_milliseconds
  }
}
