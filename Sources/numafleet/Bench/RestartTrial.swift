import Fleet
import Glibc
import ZeroMQTransport

/// `numafleet bench restart`: how a fleet comes back to a coordinator that was killed and started again.
struct RestartTrial {
  let contents: StoreContents
  let spreadMilliseconds: Int
  let programs: String?

  /// How long all agents may take beyond the spread.
  private static let patienceMilliseconds = 300_000
  private static let heartbeatMilliseconds = 2000

  func run(_ console: Console) throws(CommandFailure) -> RestartFigures {
    let programs = try Programs(folder: programs)
    let folder = try TrialFolder()
    console.note("making \(contents.hosts) keys and filling a store")
    var keys: [CurveSecretKey] = []
    for _ in 0..<contents.hosts { keys.append(try newKey()) }
    var contents = contents
    contents.publicKeys = keys.map(\.publicKey.z85)
    try contents.fill(folder.file("coordinator.sqlite"))
    try requireFiles()

    var coordinator = try TrialCoordinator(programs, in: folder, hostsMax: contents.hosts)
    let fleet = try transport { () throws(TransportError) in
      try ReturningFleet(
        contents, keys: keys, to: coordinator.endpoint, coordinator.publicKey, spreadMilliseconds: spreadMilliseconds)
    }
    console.note("connecting \(contents.hosts) agents")
    try awaitAll(fleet, coordinator)
    coordinator.process.stop()
    fleet.forget()
    console.note("starting the coordinator again")
    let began = monotonicMilliseconds()
    coordinator = try TrialCoordinator(programs, in: folder, hostsMax: contents.hosts, at: coordinator.endpoint)
    let served = monotonicMilliseconds() - began
    try awaitAll(fleet, coordinator)
    let lasted = monotonicMilliseconds() - began
    let use = ProcessUse(pid: coordinator.process.pid)
    let figures = RestartFigures(
      agents: contents.hosts, spreadMilliseconds: spreadMilliseconds, secondsToServing: seconds(served),
      secondsToAll: seconds(lasted), handshakes: fleet.counters.handshakes,
      topologiesAsked: fleet.counters.topologiesAsked, cpuSeconds: seconds(try use.cpuMilliseconds()),
      rssKiB: try use.residentKiB())
    coordinator.process.stop()
    return figures
  }

  /// Until the coordinator counts every host as connected.
  private func awaitAll(_ fleet: ReturningFleet, _ coordinator: TrialCoordinator) throws(CommandFailure) {
    let deadline = monotonicMilliseconds() + spreadMilliseconds + Self.patienceMilliseconds
    var beatDue = 0
    var askDue = 0
    while true {
      let hadWork = try turn(fleet)
      let now = monotonicMilliseconds()
      if now >= beatDue {
        fleet.beat()
        beatDue = now + Self.heartbeatMilliseconds
      }
      if fleet.counters.welcomes >= contents.hosts, now >= askDue {
        askDue = now + 100
        if case .status(let status) = try coordinator.ask(.status), status.hostsUnreachable == 0 { return }
      }
      guard now < deadline else {
        throw CommandFailure(
          code: "noAnswer", "\(fleet.counters.welcomes) welcomes for \(contents.hosts) agents within the time",
          remedy: "is the machine very busy?", exit: .noAnswer)
      }
      if !hadWork { try coordinator.rest(milliseconds: 2) }
    }
  }

  private func turn(_ fleet: ReturningFleet) throws(CommandFailure) -> Bool {
    do { return try fleet.turn() } catch {
      throw CommandFailure(code: "wire", "\(error)", remedy: "are both programs of one build?", exit: .refused)
    }
  }

  /// An agent here has its connection, the descriptors of its two sockets and of its monitor.
  private func requireFiles() throws(CommandFailure) {
    _ = try transport { () throws(TransportError) in
      try FileDescriptorLimit.raise(toAtLeast: 4 * contents.hosts + 256)
    }
  }

  private func transport<Value>(_ body: () throws(TransportError) -> Value) throws(CommandFailure) -> Value {
    do { return try body() } catch {
      throw CommandFailure(
        file: "\(error)", remedy: "raise `ulimit -Hn`, or measure fewer --agents; a process needs 4 files for each")
    }
  }

  private func seconds(_ milliseconds: Int) -> Double { rounded(Double(milliseconds) / 1000, digits: 2) }
}

/// What `numafleet bench restart` prints.
struct RestartFigures: Encodable {
  let agents: Int
  let spreadMilliseconds: Int
  /// From the start of the process to its first answer.
  let secondsToServing: Double
  /// From the start of the process until every host was connected.
  let secondsToAll: Double
  /// Finished ones on the agents' side; as many as agents where none was for nothing.
  let handshakes: Int
  /// Welcomes that asked for a topology although the store has it.
  let topologiesAsked: Int
  /// User and system time of the coordinator until then.
  let cpuSeconds: Double
  let rssKiB: Int

  enum CodingKeys: String, CodingKey {
    case agents, spreadMilliseconds = "spread_milliseconds", secondsToServing = "seconds_to_serving"
    case secondsToAll = "seconds_to_all", handshakes, topologiesAsked = "topologies_asked"
    case cpuSeconds = "cpu_seconds", rssKiB = "rss_kib"
  }

  /// For people.
  var text: String {
    var table = Table(
      ">AGENTS", ">SPREAD MS", ">SERVING S", ">ALL BACK S", ">HANDSHAKES", ">TOPOLOGIES", ">CPU S", ">RSS KIB")
    table.add(
      "\(agents)", "\(spreadMilliseconds)", "\(secondsToServing)", "\(secondsToAll)", "\(handshakes)",
      "\(topologiesAsked)", "\(cpuSeconds)", "\(rssKiB)")
    return table.text(empty: "")
  }
}
