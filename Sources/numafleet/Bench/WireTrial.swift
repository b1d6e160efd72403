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
    let before = try use.residentKiB()
    console.note("authorizing \(agents) agents")
    var keys: [CurveSecretKey] = []
    for index in 0..<agents {
      keys.append(try newKey())
      try coordinator.authorize("agent-\(index)", keys[index])
    }
    // The reference answers with the bytes of a real welcome, so both send as much.
    let welcome = try HelloExchange(boot: "bench").welcome(from: coordinator, as: keys[0])
    let reference = try ReferenceServer(programs, in: folder, reply: welcome)
    let load = WireLoad(keys: keys, inFlight: inFlight, seconds: seconds)
    var ours: [WireLoad.Figures] = []
    var theirs: [WireLoad.Figures] = []
    var resident = before
    for round in 0..<rounds {
      // Each round is a new run of every agent, so that its sequences may begin anew.
      let exchange = HelloExchange(boot: "bench-\(100 + round)")
      func measureOurs() throws(CommandFailure) {
        ours.append(
          try load.run(against: coordinator.endpoint, coordinator.publicKey, exchange) {
            resident = max(resident, (try? use.residentKiB()) ?? 0)
          })
      }
      func measureTheirs() throws(CommandFailure) {
        theirs.append(try load.run(against: reference.endpoint, reference.publicKey, exchange))
      }
      // Who goes first changes, so that a drift of the machine favours neither.
      if round.isMultiple(of: 2) {
        try measureOurs()
        try measureTheirs()
      } else {
        try measureTheirs()
        try measureOurs()
      }
      try coordinator.process.check()
      console.note(
        "round \(round + 1) of \(rounds): \(Int(ours[round].answersPerSecond)) requests/s, p50 \(ours[round].p50) us; "
          + "C \(Int(theirs[round].answersPerSecond)), \(theirs[round].p50) us")
    }
    return WireFigures(trial: self, ours: ours, theirs: theirs, rss: resident - before, coordinatorRSS: resident)
  }
}

/// What `numafleet bench wire` prints: medians of the rounds.
struct WireFigures: Encodable {
  let agents: Int
  let requestsPerSecond: Double
  let p50: Double
  let p99: Double
  let referenceRequestsPerSecond: Double
  let referenceP50: Double
  let referenceP99: Double
  let ratio: Double
  let p50Ratio: Double
  let rssKiB: Int
  let rssKiBPerAgent: Double
  let coordinatorRSSKiB: Int
  let inFlight: Int
  let rounds: Int
  let seconds: Double

  enum CodingKeys: String, CodingKey {
    case agents, p50 = "p50_us", p99 = "p99_us", ratio, rounds, seconds
    case requestsPerSecond = "requests_per_second"
    case referenceRequestsPerSecond = "c_requests_per_second"
    case referenceP50 = "c_p50_us"
    case referenceP99 = "c_p99_us"
    case p50Ratio = "p50_ratio"
    case rssKiB = "rss_kib"
    case rssKiBPerAgent = "rss_kib_per_agent"
    case coordinatorRSSKiB = "coordinator_rss_kib"
    case inFlight = "in_flight"
  }

  /// `rss` and `coordinatorRSS` in KiB.
  init(trial: WireTrial, ours: [WireLoad.Figures], theirs: [WireLoad.Figures], rss: Int, coordinatorRSS: Int) {
    agents = trial.agents
    inFlight = trial.inFlight
    rounds = trial.rounds
    seconds = trial.seconds
    requestsPerSecond = rounded(median(ours.map(\.answersPerSecond)), digits: 0)
    p50 = rounded(median(ours.map(\.p50)), digits: 1)
    p99 = rounded(median(ours.map(\.p99)), digits: 1)
    referenceRequestsPerSecond = rounded(median(theirs.map(\.answersPerSecond)), digits: 0)
    referenceP50 = rounded(median(theirs.map(\.p50)), digits: 1)
    referenceP99 = rounded(median(theirs.map(\.p99)), digits: 1)
    ratio = rounded(requestsPerSecond / max(1, referenceRequestsPerSecond), digits: 3)
    p50Ratio = rounded(p50 / max(0.1, referenceP50), digits: 3)
    rssKiB = rss
    rssKiBPerAgent = rounded(Double(rss) / Double(trial.agents), digits: 1)
    coordinatorRSSKiB = coordinatorRSS
  }

  /// For people.
  var text: String {
    var table = Table("SERVER", ">AGENTS", ">REQUESTS/S", ">P50 US", ">P99 US", ">RSS KIB", ">PER AGENT")
    table.add(
      "coordinator", "\(agents)", "\(Int(requestsPerSecond))", "\(p50)", "\(p99)", "\(coordinatorRSSKiB)",
      "\(rssKiBPerAgent)")
    table.add(
      "bare C", "\(agents)", "\(Int(referenceRequestsPerSecond))", "\(referenceP50)", "\(referenceP99)", "", "")
    table.add("ratio", "", "\(ratio)", "\(p50Ratio)", "", "", "")
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
