import AgentCore
import ArgumentParser
import ClusterConfig
import Daemon
import Fleet
import Glibc
import LibvirtDriver
import Logging
import NUMADriver
import ZeroMQTransport

/// The agent daemon: builds its parts from the configuration and runs the loop.
@main
struct Agentd: ParsableCommand {
  static let version = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "numafleet-agent",
    abstract: "Watches one host's NUMA placement and carries out the coordinator's jobs on its guests.",
    discussion: """
      First run, on the host:
        numafleet key new --out /etc/numafleet/agent.key
      on the coordinator:
        numafleet key authorize HOST PUBLIC-KEY --role agent
      then, on the host, as root (or with CAP_SYS_NICE, CAP_SYS_PTRACE and access to
      libvirt's socket):
        numafleet-agent --config /etc/numafleet/agent.yaml

      SIGTERM and SIGINT stop it cleanly; guests stay where they are. SIGHUP checks
      the configuration file and logs what a restart would change. Exit status: 0
      stopped as asked, 64 bad usage or configuration.
      """,
    version: version)

  @Option(help: "The agent's configuration file.")
  var config = "/etc/numafleet/agent.yaml"

  @Option(name: .customLong("set"), help: "Replaces one value of the configuration, as KEY=VALUE. May be repeated.")
  var settings: [String] = []

  func run() throws {
    do {
      try start()
    } catch let error as ConfigurationError {
      throw fail(error.description)
    } catch let error as TransportError {
      throw fail(error.description)
    } catch let error as FileError {
      throw fail(error.description)
    }
  }

  private func start() throws {
    let configuration = try readConfiguration()
    let level = Logger.Level(rawValue: configuration.log.level.rawValue) ?? .info
    let handler = LineHandler(format: configuration.log.format == .json ? .json : .text, level: level)
    let log = Logger(label: "numafleet-agent") { _ in handler }
    let clock = MachineClock()
    let journal = JournalFile(path: configuration.journal)
    let restored = journal.load(log: log)
    let core = Agent(
      settings: Agent.Settings(
        softwareVersion: Self.version, hostname: HostID(configuration.name ?? Self.hostname()), boot: boot(clock),
        links: configuration.coordinators.count, threadsMilliseconds: configuration.poll.threadsMilliseconds,
        residencyMilliseconds: configuration.poll.residencyMilliseconds,
        topologyMilliseconds: configuration.poll.topologyMilliseconds),
      journal: restored, now: clock.now())
    let dialer = try Dialer(destinations(configuration))
    try dialer.catchSignals([.terminate, .interrupt, .hangup])
    let completions = try Mailbox<AgentLoop.Arrival>(capacity: AgentLoop.arrivalsMax)
    dialer.attach(completions)
    let runner = CommandRunner(configuration: configuration, log: log) { id, detail in
      // How far it is will be told again; only an end must arrive.
      _ = completions.offer(.progressed(id, detail))
    } complete: {
      completions.post(.completed($0, $1))
    }
    let events = configuration.libvirtURI.map { uri in
      DomainEvents(uri: uri) { event in
        // A full mailbox already has something that makes the loop look.
        if event.changesGuests { _ = completions.offer(.poked) }
      }
    }
    log.info(
      "watching",
      metadata: [
        "libvirt": "\(configuration.libvirtURI ?? "none")",
        "coordinators": "\(configuration.coordinators.map(\.endpoint.description).joined(separator: ","))",
      ])
    AgentLoop(
      core: core, dialer: dialer, completions: completions, runner: runner, journal: journal, clock: clock, log: log
    )
    .run { checkAgain(configuration, log) }
    events?.stop()
  }

  private func readConfiguration() throws -> AgentConfiguration {
    try AgentConfiguration(parsing: TextFile.read(config), file: config, overriding: settings)
  }

  /// Says what the file would change: a rule or an interval replaced under a running job could end it half way.
  private func checkAgain(_ running: AgentConfiguration, _ log: Logger) {
    do {
      let changed = try readConfiguration().differences(from: running)
      if changed.isEmpty {
        log.info("configuration checked, nothing has changed", metadata: ["file": "\(config)"])
      } else {
        log.warning(
          "configuration changed, restart the agent to use it",
          metadata: ["file": "\(config)", "keys": "\(changed.joined(separator: ","))"])
      }
    } catch {
      log.error("configuration has a mistake, a restart would fail", metadata: ["reason": "\(error)"])
    }
  }

  /// One run on one boot of the host: both are in the name, so that neither can be mistaken for another.
  private func boot(_ clock: MachineClock) -> BootID {
    let host = (try? HostFactsReader().bootID().text) ?? "unknown"
    return BootID("\(host)/\(clock.runID())")
  }

  private func destinations(_ configuration: AgentConfiguration) throws -> [Destination] {
    let ownKey = try KeyFile.readSecret(configuration.keyFile)
    return try configuration.coordinators.enumerated().map { index, address in
      let serverKey =
        switch address.publicKey {
        case .text(let text): try CurvePublicKey(z85: text)
        case .file(let path): try KeyFile.readPublic(path)
        }
      var destination = Destination.curve(
        name: "\(index)", endpoint: address.endpoint.description, serverKey: serverKey, ownKey: ownKey)
      // A domain's XML travels in a start job, so an agent takes as much as a coordinator.
      destination.receivedBytesMax = 1 << 20
      destination.spread(overMilliseconds: configuration.reconnectSpreadMilliseconds)
      return destination
    }
  }

  private static func hostname() -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    gethostname(&buffer, buffer.count - 1)
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func fail(_ text: String) -> ExitCode {
    complain("numafleet-agent: \(text)")
    return ExitCode(64)
  }
}

extension AgentConfiguration {
  /// The keys of the file whose values are not those of another.
  fileprivate func differences(from other: AgentConfiguration) -> [String] {
    let pairs: [(key: String, isSame: Bool)] = [
      ("name", name == other.name), ("coordinators", coordinators == other.coordinators),
      ("reconnect_spread_milliseconds", reconnectSpreadMilliseconds == other.reconnectSpreadMilliseconds),
      ("key_file", keyFile == other.keyFile), ("libvirt_uri", libvirtURI == other.libvirtURI),
      ("libvirt_deadline_milliseconds", libvirtDeadlineMilliseconds == other.libvirtDeadlineMilliseconds),
      ("libvirt_run_directory", libvirtRunDirectory == other.libvirtRunDirectory),
      ("migration_uri", migrationURI == other.migrationURI),
      ("migration_mib_per_second", migrationBandwidth == other.migrationBandwidth), ("poll", poll == other.poll),
      ("journal", journal == other.journal), ("driver", driver == other.driver),
      ("processes", processRules == other.processRules), ("log_level", log.level == other.log.level),
      ("log_format", log.format == other.log.format),
    ]
    return pairs.filter { !$0.isSame }.map(\.key)
  }
}

extension DomainEvent {
  /// Whether a guest may be placed otherwise than before.
  fileprivate var changesGuests: Bool {
    switch self {
    case .connected, .disconnected, .lifecycle, .tunable, .devices: true
    }
  }
}
