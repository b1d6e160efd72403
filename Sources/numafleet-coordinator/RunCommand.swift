import ArgumentParser
import ClusterConfig
import CoordinatorCore
import Daemon
import Fleet
import Logging
import Store
import ZeroMQTransport

/// The daemon: builds its parts from the configuration and runs the loop.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Runs the coordinator; what happens without a subcommand.",
    discussion: """
      SIGTERM and SIGINT stop it cleanly; SIGHUP reads the policy again. Each policy
      that was in force is kept in the store, and where the file is broken the last
      one stays, over a restart too. Losing the coordinator changes nothing on any
      host. While the store is full or locked by another program it answers questions
      and refuses commands, and goes on by itself. Exit status: 0 stopped as asked,
      64 bad usage or configuration, 73 the store cannot be used, 75 the store failed
      for good while running (start again when it is mended).
      """)

  @Option(help: "The coordinator's configuration file.")
  var config = Coordinatord.defaultConfig

  @Option(name: .customLong("set"), help: "Replaces one value of the configuration, as KEY=VALUE. May be repeated.")
  var settings: [String] = []

  func run() throws { try Coordinatord.exiting(start) }

  private func start() throws {
    let configuration = try CoordinatorConfiguration(
      parsing: TextFile.read(config), file: config, overriding: settings)
    let policyFile = PolicyFile(path: configuration.policyFile)
    let log = configuration.log.logger(label: "numafleet-coordinator")
    _ = try FileDescriptorLimit.raise(toAtLeast: 4 * configuration.maxHosts + 4096)
    let secret = try KeyFile.readSecret(configuration.keyFile)
    let ledger = try Ledger(path: configuration.store)
    let restored = try ledger.beginTerm()
    let (policy, policyText) = try policyFile.read(orElse: restored.policy, log)
    let clock = MachineClock()
    let boot = clock.runID()
    let core = Coordinator(
      settings: Coordinator.Settings(
        softwareVersion: Coordinatord.version, boot: boot, heartbeatMilliseconds: configuration.heartbeatMilliseconds,
        unreachableMilliseconds: configuration.unreachableMilliseconds, hostsMax: configuration.maxHosts,
        keepEvents: UInt64(configuration.keepEvents)),
      policy: policy, policyText: policyText, restoring: restored, now: clock.now())
    let admission = try Admission(keys: core.keys)
    let hub = try Hub(listeners(configuration, secret, admission))
    try hub.catchSignals([.terminate, .interrupt, .hangup])
    var loop = try CoordinatorLoop(
      core: core, ledger: ledger, hub: hub, admission: admission, clock: clock, log: log, boot: boot,
      epoch: restored.epoch, policyFile: policyFile)
    log.info(
      "serving",
      metadata: [
        "epoch": "\(restored.epoch)", "endpoints": "\(hub.endpoints.joined(separator: ","))",
        "public_key": "\(secret.publicKey.z85)", "store": "\(configuration.store)",
      ])
    let status = loop.run()
    if status != 0 { throw ExitCode(status) }
  }

  private func listeners(
    _ configuration: CoordinatorConfiguration, _ secret: CurveSecretKey, _ admission: Admission
  ) -> [Listener] {
    var agents = Listener.curve(
      name: ListenerName.agents, endpoint: configuration.agentListener.description, serverKey: secret,
      admitting: admission.agents)
    agents.receivedBytesMax = ByteLimit.agentMessage
    agents.sentBytesMax = ByteLimit.agentMessage
    var local = Listener.local(name: ListenerName.local, path: configuration.localSocket)
    local.sentBytesMax = ByteLimit.operatorReply
    guard let endpoint = configuration.operatorListener else { return [agents, local] }
    var operators = Listener.curve(
      name: ListenerName.operators, endpoint: endpoint.description, serverKey: secret,
      admitting: admission.operators)
    operators.sentBytesMax = ByteLimit.operatorReply
    return [agents, operators, local]
  }
}

/// The listeners by name, as deliveries name them.
enum ListenerName {
  static let agents = "agents"
  static let operators = "operators"
  static let local = "local"
}

extension LogConfiguration {
  /// A logger set up as the configuration says.
  fileprivate func logger(label: String) -> Logger {
    let level = Logger.Level(rawValue: level.rawValue) ?? .info
    let handler = LineHandler(format: format == .json ? .json : .text, level: level)
    return Logger(label: label) { _ in handler }
  }
}
