import Fleet
import Foundation
import NUMA
import Testing

/// A coordinator and three agents under steady load, killed at random moments and at named points and started again;
/// and an oracle that keeps every command that was acknowledged.
final class Torture {
  /// What is printed, and must be 0 where it says so.
  struct Figures: CustomStringConvertible {
    var rounds = 0
    var coordinatorKills = 0
    var agentKills = 0
    /// Deaths at a named point, between the random ones.
    var pointDeaths = 0
    var asked = 0
    var acknowledged: Set<JobID> = []
    var ended: [JobState: Int] = [:]
    /// Jobs that had not ended when somebody was killed.
    var interrupted = 0
    var looks = 0
    /// CPUs that were found claimed.
    var claimed = 0
    var lost = 0
    var halfPinned = 0
    var doublyClaimed = 0

    var description: String {
      let ends = JobState.allCases.compactMap { state in ended[state].map { "\(state.rawValue) \($0)" } }
      return """
        \(rounds) rounds, \(coordinatorKills) kills of the coordinator and \(agentKills) of agents, \(pointDeaths) \
        deaths at named points; \(asked) commands, jobs acknowledged \(acknowledged.count) \
        (ended: \(ends.joined(separator: ", "))), \(interrupted) under way at a kill; acknowledged commands lost \
        \(lost), guests half-pinned \(halfPinned), doubly claimed pcpus \(doublyClaimed) in \(looks) looks at \
        \(claimed) claimed ones
        """
    }
  }

  private static let hosts = ["a", "b", "c"]
  private let fleet: LocalFleet
  private let ledger: LedgerReader
  /// Whom to kill and when, apart from the load, which takes as many numbers as there is time for.
  private var nemesis: SeededGenerator
  private var load: SeededGenerator
  private var victims: [Int32] = []
  private var agents: [String: Child] = [:]
  private var tenants: [Tenant] = []
  private(set) var figures = Figures()
  private(set) var found = Expectation()

  init(seed: UInt64) async throws {
    fleet = try await LocalFleet()
    ledger = fleet.ledger
    nemesis = SeededGenerator(state: seed)
    load = SeededGenerator(state: ~seed)
    for host in Self.hosts {
      try await fleet.key(host, role: "agent")
      for _ in 0..<2 { tenants.append(try await Tenant(of: host, vcpus: 1, on: [0, 1], in: fleet)) }
      try startAgent(host)
    }
    try await settle()
  }

  /// Begins a job, kills somebody a random moment later while more are asked for, and starts the dead again; every
  /// third of them will die by itself, at a named point.
  func round() async throws {
    figures.rounds += 1
    let limit = ContinuousClock.now + .seconds(30)
    while !askForSomething(), ContinuousClock.now < limit { try await revive() }
    let chosen = chooseVictims()
    let moment = DispatchTime.now() + .microseconds(Int.random(in: 0..<120_000, using: &nemesis))
    DispatchQueue.global().asyncAfter(deadline: moment) { for victim in chosen { victim.signal(SIGKILL) } }
    while !chosen.allSatisfy(\.hasEnded), ContinuousClock.now < limit { _ = askForSomething() }
    figures.interrupted += try ledger.jobs().count { !$0.state.isFinal }
    let points = (0..<4).map { choosePoint(ofCoordinator: $0 == 0) }
    try await revive(dyingAt: points)
    let known = Set(try ledger.jobs().map(\.job.id))
    let lost = figures.acknowledged.subtracting(known)
    if !lost.isEmpty { found.complain("round \(figures.rounds): jobs \(lost.sorted()) were acknowledged and are lost") }
    figures.lost = max(figures.lost, lost.count)
    if figures.rounds % 10 == 0 { try await settle() }
  }

  /// Starts again who has ended: the coordinator first, then the agents, each with its point if there is one.
  private func revive(dyingAt points: [NamedPoint?] = [nil, nil, nil, nil]) async throws {
    if let coordinator = fleet.coordinator, coordinator.hasEnded {
      if !victims.contains(coordinator.pid) { figures.pointDeaths += 1 }
      try await fleet.startCoordinator(as: points[0]?.launch ?? Launch())
    }
    for (host, point) in zip(Self.hosts, points.dropFirst()) {
      guard let agent = agents[host], agent.hasEnded else { continue }
      if !victims.contains(agent.pid) { figures.pointDeaths += 1 }
      try startAgent(host, as: point?.launch ?? Launch())
    }
  }

  private func choosePoint(ofCoordinator isCoordinators: Bool) -> NamedPoint? {
    let points = NamedPoint.all.filter { $0.isCoordinators == isCoordinators }
    let index = Int.random(in: 0..<points.count, using: &nemesis)
    return Int.random(in: 0..<3, using: &nemesis) == 0 ? points[index] : nil
  }

  /// Waits until every host is back and every job has ended, and looks at everything.
  func settle() async throws {
    let isSettled = try await eventually(within: 60) {
      try await revive()
      guard case .status(let status) = fleet.ask(.status), status.jobsInFlight == 0, status.hosts == 3 else {
        return false
      }
      guard status.hostsUnreachable == 0, try ledger.claims().isEmpty else { return false }
      return Self.hosts.allSatisfy { fleet.guests(of: $0).count == 2 }
    }
    if !isSettled { found.complain("after round \(figures.rounds) it did not settle within 60 s") }
    let jobs = try ledger.jobs()
    for tenant in tenants { found.check(tenant, begun: .all(vcpus: 1, on: [0, 1]), jobs: jobs) }
    figures.halfPinned = found.halfPinned
    figures.ended = jobs.reduce(into: [:]) { $0[$1.state, default: 0] += 1 }
    found.expectNone(try ledger.claims().count, "claims are left after round \(figures.rounds)")
    let ends = try ledger.ends()
    for record in jobs where ends[record.job.id] != 1 {
      found.complain("job \(record.job.id) has ended \(ends[record.job.id] ?? 0) times")
    }
  }

  private func startAgent(_ host: String, as launch: Launch = Launch()) throws {
    agents[host] = try fleet.startAgent(host, settings: Tenant.settings(of: host, in: fleet), as: launch)
  }

  private func chooseVictims() -> [Child] {
    let agent = agents[Self.hosts[Int.random(in: 0..<3, using: &nemesis)]]
    let kind = Int.random(in: 0..<5, using: &nemesis)
    if kind < 3 { figures.coordinatorKills += 1 }
    if kind > 1 { figures.agentKills += 1 }
    let chosen = [kind < 3 ? fleet.coordinator : nil, kind > 1 ? agent : nil].compactMap { $0 }
    victims += chosen.map(\.pid)
    return chosen
  }

  /// Sends one command and looks at the claims once; whether it was acknowledged.
  private func askForSomething() -> Bool {
    figures.asked += 1
    let guest = tenants[Int.random(in: 0..<tenants.count, using: &load)].name
    let cpus: [CPUSet] = [[0], [1], [0, 1]]
    let answer: (jobs: [JobID]?, refusal: Refusal?)
    if Int.random(in: 0..<2, using: &load) == 0 {
      answer = fleet.begin(
        .placeGuest(PlaceGuest(guest: guest, scope: .live, driver: .kernel, dryRun: false, explain: false)))
    } else {
      let desired = Pinning(
        vcpus: [VCPUPin(vcpu: 0, cpuset: cpus[Int.random(in: 0..<3, using: &load)])],
        emulator: cpus[Int.random(in: 0..<3, using: &load)])
      answer = fleet.begin(
        .change(ManualChange(guest: guest, desired: desired, scope: .live, driver: .kernel, dryRun: false)))
    }
    // A store that is being recovered cannot be read for a moment; the next look sees the same claims.
    if let claims = try? ledger.claims() {
      figures.looks += 1
      figures.claimed += claims.reduce(0) { $0 + $1.dedicated.count }
      figures.doublyClaimed += LedgerReader.doublyClaimed(claims)
    }
    figures.acknowledged.formUnion(answer.jobs ?? [])
    return answer.jobs?.isEmpty == false
  }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
