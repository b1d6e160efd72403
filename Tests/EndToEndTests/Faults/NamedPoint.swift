import Fleet
import Foundation
import NUMA
import Testing

/// A named moment of a job at which a daemon dies.
struct NamedPoint: Hashable, Sendable, CustomTestStringConvertible {
  var name: String
  var nth = 1
  /// What the operator was told, and what then must have become of the command.
  var command: Command

  enum Command: Sendable {
    /// No answer, and nothing happened.
    case lost
    /// No answer, but it was durable: it is carried out.
    case unanswered
    /// Answered, so it is carried out; the answer may have died with the process that gave it.
    case answered
  }

  var isCoordinators: Bool { name.hasPrefix("coordinator-") }
  var testDescription: String { nth == 1 ? name : "\(name):\(nth)" }
  var launch: Launch { Launch(environment: ["NUMAFLEET_FAILPOINT": "\(name):\(nth)"]) }

  /// Every point there is; a job by the kernel's driver has three commands (read, pin, read) and five threads.
  static let all =
    [
      // The first command authorizes the agent's key.
      NamedPoint(name: "coordinator-command-received", nth: 2, command: .lost),
      NamedPoint(name: "coordinator-before-commit", command: .lost),
      NamedPoint(name: "coordinator-after-commit", command: .unanswered),
      NamedPoint(name: "coordinator-job-sent", command: .unanswered),
      NamedPoint(name: "coordinator-answered", command: .answered),
      NamedPoint(name: "coordinator-report-received", command: .answered),
      NamedPoint(name: "coordinator-before-report-commit", command: .answered),
      NamedPoint(name: "coordinator-after-report-commit", command: .answered),
      NamedPoint(name: "agent-job-received", command: .answered),
      NamedPoint(name: "agent-journal-written", command: .answered),
      NamedPoint(name: "agent-before-report", command: .answered),
    ] + (1...3).map { NamedPoint(name: "agent-before-command", nth: $0, command: .answered) }
    + (1...3).map { NamedPoint(name: "agent-after-command", nth: $0, command: .answered) }
    + (1...5).map { NamedPoint(name: "agent-before-thread", nth: $0, command: .answered) }
    // The journal is written first at the welcome, then before the job's first step, then at its end.
    + (2...3).map { NamedPoint(name: "file-between-renames", nth: $0, command: .answered) }

  /// Sends one command, lets the daemon die at this point, starts it again, and looks where all has ended; what was
  /// wrong, in words.
  func run() async throws -> [String] {
    let fleet = try await LocalFleet(as: isCoordinators ? launch : Launch())
    try await fleet.key("a", role: "agent")
    // Two guests on one CPU: there is something to place, and the other CPU to claim for it.
    let neighbour = try await Tenant(of: "a", vcpus: 1, on: [0], in: fleet)
    let tenant = try await Tenant(of: "a", vcpus: 1, on: [0], in: fleet)
    let agent = try fleet.startAgent(
      "a", settings: Tenant.settings(of: "a", in: fleet), as: isCoordinators ? Launch() : launch)
    guard await eventually({ fleet.guests(of: "a").count == 2 }) else { return ["no guests: \(agent.logged)"] }

    let answer = fleet.begin(
      .placeGuest(PlaceGuest(guest: tenant.name, scope: .live, driver: .kernel, dryRun: false, explain: false)))
    let victim = try #require(isCoordinators ? fleet.coordinator : agent)
    guard await eventually({ victim.hasEnded }), await victim.end().status == -SIGKILL else {
      return ["the point was not reached: \(answer); \(victim.logged)"]
    }
    if isCoordinators {
      try await fleet.startCoordinator()
    } else {
      _ = try fleet.startAgent("a", settings: Tenant.settings(of: "a", in: fleet))
    }
    return try await settled(fleet, [neighbour, tenant], answer.jobs, answer.refusal)
  }

  private func settled(
    _ fleet: LocalFleet, _ tenants: [Tenant], _ answered: [JobID]?, _ refusal: Refusal?
  ) async throws -> [String] {
    var found = Expectation()
    let isBack = await eventually {
      guard let view = fleet.view(of: "a"), view.liveness == .connected, view.guests.count == 2 else { return false }
      guard case .jobs(let active) = fleet.ask(.jobs(active: true)) else { return false }
      return active.isEmpty && view.claims.isEmpty
    }
    if !isBack { found.complain("it did not settle: \(fleet.children.suffix(2).map(\.logged))") }
    let jobs = try fleet.ledger.jobs()
    for tenant in tenants { found.check(tenant, begun: .all(vcpus: 1, on: [0]), jobs: jobs) }
    found.expectNone(try fleet.ledger.claims().count, "claims are left")
    for (job, ends) in try fleet.ledger.ends() where ends != 1 { found.complain("job \(job) has ended \(ends) times") }
    if let refusal { found.complain("the command was refused: \(refusal)") }
    for job in answered ?? [] where !jobs.contains(where: { $0.job.id == job }) {
      found.complain("job \(job) was acknowledged and is lost")
    }
    switch command {
    case .lost:
      found.expectNone(jobs.count, "jobs of a command that was not durable")
      if answered != nil { found.complain("it was answered before it was durable") }
    case .unanswered, .answered:
      if jobs.map(\.state) != [.verified] { found.complain("its jobs are \(jobs.map(\.state))") }
      if case .unanswered = command, answered != nil { found.complain("it was answered by the dead") }
    }
    return found.complaints
  }
}

/// Runs every point once, side by side, for most of the time goes by in waiting for a reconnection.
actor NamedPointRuns {
  static let shared = NamedPointRuns()
  private var runs: [NamedPoint: Task<[String], any Error>] = [:]

  func complaints(about point: NamedPoint) async throws -> [String] {
    if runs.isEmpty {
      for point in NamedPoint.all { runs[point] = Task { try await point.run() } }
    }
    return try await runs[point]?.value ?? ["it is not among all points"]
  }
}
