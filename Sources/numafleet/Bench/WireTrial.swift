import Fleet
import ZeroMQTransport

/// `numafleet bench wire`: rounds against the coordinator and against the reference, in turn.
struct WireTrial {
  let agents: Int
  let inFlight: Int
  let rounds: Int
  let seconds: Double
  let programs: String?

  func run(_ console: Console) throws(CommandFailure) -> WireFigures {
    let programs = try Programs(folder: programs)
    let folder = try TrialFolder()
    let coordinator = try TrialCoordinator(programs, in: folder, hostsMax: agents)
    let use = ProcessUse(pid: coordinator.process.pid)
    console.note("authorizing \(agents) agents")
    var keys: [CurveSecretKey] = []
    for index in 0..<agents {
      keys.append(try newKey())
      try coordinator.authorize("agent-\(index)", keys[index])
    }
    // The reference answers with the bytes of a real welcome, so both send as much.
    let welcome = try HelloExchange(boot: "probe").welcome(from: coordinator, as: keys[0])
    // What the first connection costs once is not what each one costs.
    let alone = try use.residentKiB()
    let reference = try ReferenceServer(programs, in: folder, reply: welcome)
    console.note("connecting")
    let exchange = HelloExchange(boot: "bench")
    let ours = try Side(
      use: use,
      load: WireLoad(
        to: coordinator.endpoint, coordinator.publicKey, as: keys, saying: exchange, inFlight: inFlight,
        seconds: seconds))
    let connected = try use.residentKiB()
    let theirs = try Side(
      use: ProcessUse(pid: reference.process.pid),
      load: WireLoad(
        to: reference.endpoint, reference.publicKey, as: keys, saying: exchange, inFlight: inFlight, seconds: seconds))
    for round in 1...rounds {
      // Who goes first changes, so that a drift of the machine favours neither.
      for side in round.isMultiple(of: 2) ? [theirs, ours] : [ours, theirs] { try side.measure() }
      try coordinator.process.check()
      console.note("round \(round) of \(rounds): \(ours.last)/s, C \(theirs.last)/s")
    }
    guard ours.middle(\.answers) > 0, theirs.middle(\.answers) > 0 else {
      throw CommandFailure(
        code: "noAnswer", "most rounds passed without an answer",
        remedy: "the machine is too busy to measure; raise --seconds",
        exit: .noAnswer)
    }
    return WireFigures(
      trial: self, ours: ours, theirs: theirs, aloneKiB: alone, connectedKiB: connected,
      loadedKiB: try use.residentKiB())
  }

  /// One server with its clients and what they measured.
  final class Side {
    private let use: ProcessUse
    private let load: WireLoad
    private(set) var rounds: [WireLoad.Figures] = []
    private var cpuMilliseconds = 0
    private var answers = 0.0

    init(use: ProcessUse, load: WireLoad) {
      self.use = use
      self.load = load
    }

    func measure() throws(CommandFailure) {
      let before = try use.cpuMilliseconds()
      let figures = try load.measure()
      cpuMilliseconds += try use.cpuMilliseconds() - before
      answers += figures.answers
      rounds.append(figures)
    }

    var last: Int { Int(rounds.last?.answersPerSecond ?? 0) }
    /// The server's cpu time for one request, both threads together; a busy machine changes it least.
    var cpuMicroseconds: Double { Double(cpuMilliseconds) * 1000 / max(1, answers) }
    func middle(_ figure: KeyPath<WireLoad.Figures, Double>) -> Double { median(rounds.map { $0[keyPath: figure] }) }
  }
}

/// What `numafleet bench wire` prints: medians of the rounds.
struct WireFigures: Encodable {
  let agents: Int
  let requestsPerSecond: Double
  let p50: Double
  let p99: Double
  let cpu: Double
  let referenceRequestsPerSecond: Double
  let referenceP50: Double
  let referenceP99: Double
  let referenceCPU: Double
  let ratio: Double
  let p50Ratio: Double
  let rssKiB: Int
  let rssKiBPerAgent: Double
  let aloneRSSKiB: Int
  let loadedRSSKiB: Int
  let inFlight: Int
  let rounds: Int
  let seconds: Double

  enum CodingKeys: String, CodingKey {
    case agents, ratio, rounds, seconds
    case p50 = "p50_us"
    case p99 = "p99_us"
    case cpu = "cpu_us_per_request"
    case requestsPerSecond = "requests_per_second"
    case referenceRequestsPerSecond = "c_requests_per_second"
    case referenceP50 = "c_p50_us"
    case referenceP99 = "c_p99_us"
    case referenceCPU = "c_cpu_us_per_request"
    case p50Ratio = "p50_ratio"
    case rssKiB = "rss_kib"
    case rssKiBPerAgent = "rss_kib_per_agent"
    case aloneRSSKiB = "rss_alone_kib"
    case loadedRSSKiB = "rss_loaded_kib"
    case inFlight = "in_flight"
  }

  init(
    trial: WireTrial, ours: WireTrial.Side, theirs: WireTrial.Side, aloneKiB: Int, connectedKiB: Int, loadedKiB: Int
  ) {
    agents = trial.agents
    inFlight = trial.inFlight
    rounds = trial.rounds
    seconds = trial.seconds
    requestsPerSecond = rounded(ours.middle(\.answersPerSecond), digits: 0)
    p50 = rounded(ours.middle(\.p50), digits: 1)
    p99 = rounded(ours.middle(\.p99), digits: 1)
    cpu = rounded(ours.cpuMicroseconds, digits: 1)
    referenceRequestsPerSecond = rounded(theirs.middle(\.answersPerSecond), digits: 0)
    referenceP50 = rounded(theirs.middle(\.p50), digits: 1)
    referenceP99 = rounded(theirs.middle(\.p99), digits: 1)
    referenceCPU = rounded(theirs.cpuMicroseconds, digits: 1)
    ratio = rounded(requestsPerSecond / max(1, referenceRequestsPerSecond), digits: 3)
    p50Ratio = rounded(p50 / max(0.1, referenceP50), digits: 3)
    rssKiB = connectedKiB
    rssKiBPerAgent = rounded(Double(connectedKiB - aloneKiB) / Double(trial.agents), digits: 1)
    aloneRSSKiB = aloneKiB
    loadedRSSKiB = loadedKiB
  }

  /// For people.
  var text: String {
    var table = Table("SERVER", ">AGENTS", ">REQUESTS/S", ">P50 US", ">P99 US", ">CPU US", ">RSS KIB", ">PER AGENT")
    table.add(
      "coordinator", "\(agents)", "\(Int(requestsPerSecond))", "\(p50)", "\(p99)", "\(cpu)", "\(rssKiB)",
      "\(rssKiBPerAgent)")
    table.add(
      "bare C", "\(agents)", "\(Int(referenceRequestsPerSecond))", "\(referenceP50)", "\(referenceP99)",
      "\(referenceCPU)", "", "")
    table.add("ratio", "", "\(ratio)", "\(p50Ratio)", "", "", "", "")
    return table.text(empty: "")
  }
}

/// The middle of some figures; 0 of none.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  guard !sorted.isEmpty else { return 0 }
  let middle = sorted.count / 2
  return sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
}

/// The value with so many digits after the point, as precise as it is worth printing.
func rounded(_ value: Double, digits: Int) -> Double {
  let scale = (0..<digits).reduce(1.0) { scale, _ in scale * 10 }
  return (value * scale).rounded() / scale
}
