import Fleet
import Foundation
import NUMA
import Testing

/// A coordinator and agents of hosts a, b and c. Host a has two tenants on one CPU, so that one of them can be placed
/// anew with a claim for the other CPU; the others have one tenant each.
final class Trio {
  let fleet: LocalFleet
  let ledger: LedgerReader
  private(set) var tenants: [Tenant] = []
  private(set) var agents: [String: Child] = [:]
  let hosts: [String]
  private let settings: (String) -> [String]

  /// `settings` and `launch` tell how an agent of a host is started beside what is usual.
  init(
    hosts: [String] = ["a", "b", "c"], on fleet: LocalFleet? = nil,
    settings: @escaping (String) -> [String] = { _ in [] }, launch: (String) -> Launch = { _ in Launch() }
  ) async throws {
    self.hosts = hosts
    self.settings = settings
    if let fleet { self.fleet = fleet } else { self.fleet = try await LocalFleet() }
    ledger = self.fleet.ledger
    for host in hosts {
      try await self.fleet.key(host, role: "agent")
      for _ in 0..<(host == "a" ? 2 : 1) {
        tenants.append(try await Tenant(of: host, vcpus: 1, on: [0], in: self.fleet))
      }
      try startAgent(host, as: launch(host))
    }
    let isUp = await eventually { self.knows() }
    try #require(isUp, "\(agents.mapValues(\.logged))")
  }

  /// Starts the agent of a host, for the first time or again.
  func startAgent(_ host: String, as launch: Launch = Launch()) throws {
    agents[host] = try fleet.startAgent(
      host, settings: Tenant.settings(of: host, in: fleet) + settings(host), as: launch)
  }

  /// The tenants of the hosts where nothing is asked for.
  var others: [Tenant] { tenants.filter { $0.host != "a" } }

  /// Whether every host is connected with its tenants.
  func knows() -> Bool {
    hosts.allSatisfy { host in
      guard let view = fleet.view(of: host), view.liveness == .connected else { return false }
      return view.guests.count == tenants.count { $0.host == host }
    }
  }

  func placing(_ tenant: Tenant) -> OperatorRequest {
    .placeGuest(PlaceGuest(guest: tenant.name, scope: .live, driver: .kernel, dryRun: false, explain: false))
  }

  /// Begins to place the second tenant of a host; the job.
  func beginPlacing(on host: String) throws -> JobID {
    let tenant = try #require(tenants.last { $0.host == host })
    let answer = fleet.begin(placing(tenant))
    return try #require(answer.jobs?.first, "\(answer)")
  }

  /// Pins the first tenant of each of these hosts and waits until it is so.
  func pinOnAll(_ hosts: [String], to cpus: CPUSet) async throws {
    for host in hosts {
      let tenant = try #require(tenants.first { $0.host == host })
      let change = ManualChange(
        guest: tenant.name, desired: .all(vcpus: 1, on: cpus), scope: .live, driver: .kernel, dryRun: false)
      let answer = fleet.begin(.change(change))
      let job = try #require(answer.jobs?.first, "\(host): \(answer)")
      #expect(await eventually { self.state(of: job) == .verified }, "\(host): \(state(of: job)?.rawValue ?? "?")")
      #expect(tenant.masks.areExactly(.all(vcpus: 1, on: cpus)), "\(tenant.masks)")
    }
  }

  func state(of job: JobID) -> JobState? {
    guard case .jobs(let records) = fleet.ask(.job(job)) else { return nil }
    return records.first?.state
  }

  /// Waits, without an operator, until all hosts are back and the job is done, and looks at everything.
  func expectConverged(_ job: JobID) async throws {
    let isBack = try await eventually(within: 90) {
      try self.knows() && self.state(of: job)?.isFinal == true && self.ledger.claims().isEmpty
    }
    #expect(isBack, "\(agents.mapValues(\.logged))")
    #expect(state(of: job) == .verified)
    #expect(try ledger.claims().isEmpty)
    #expect(try ledger.ends().allSatisfy { $0.value == 1 })
    var found = Expectation()
    let jobs = try ledger.jobs()
    for tenant in tenants { found.check(tenant, begun: .all(vcpus: 1, on: [0]), jobs: jobs) }
    #expect(found.complaints.isEmpty, "\(found.complaints)")
  }

  /// How often a host was called unreachable.
  func silences() throws -> Int { try ledger.events().count { $0.kind == .hostUnreachable } }
}
