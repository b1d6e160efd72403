import AgentCore
import CoordinatorCore
import Fleet
import Store

/// Whether a fleet has come to rest once nothing goes wrong any more.
extension FleetUnderFaults {
  /// All that is not as it should be after the quiet time; empty when the fleet has converged.
  func unrest() -> [String] {
    var found: [String] = []
    guard let core = coordinators[0].core else { return ["the coordinator does not run"] }
    let inventory = core.inventory(now)
    for host in hosts.indices {
      let id = hosts[host].id
      guard let view = inventory.host(id), view.liveness == .connected else {
        found.append("host \(id) is not connected")
        continue
      }
      if !view.claims.isEmpty { found.append("host \(id) still has claims of jobs \(view.claims.map(\.job))") }
      found += agents[host].unrest.map { "\(id): \($0)" }
      found += misplaced(on: host)
      found += unknown(on: host, in: view)
    }
    do {
      for record in try coordinators[0].ledger.jobs(limit: 1000, active: true) {
        found.append("job \(record.job.id) on \(record.job.host) is still \(record.state.rawValue)")
      }
      for plan in try coordinators[0].ledger.plans(limit: 1000) where plan.state == .applying {
        found.append("plan \(plan.id) is still under way")
      }
      let restored = try coordinators[0].ledger.restored()
      if restored.hosts.map(\.id) != inventory.hosts.map(\.id) { found.append("the store knows other hosts") }
      if !restored.claims.isEmpty { found.append("the store holds claims of jobs \(restored.claims.map(\.job))") }
    } catch { found.append("the store cannot be read: \(error)") }
    return found
  }

  /// Guests that a verified job has put somewhere and nobody has touched since: they must be there.
  private func misplaced(on host: Int) -> [String] {
    watch.sites[host].holdings.compactMap { holding in
      guard let index = hosts[host].index(of: holding.guest), hosts[host].guests[index].isRunning else { return nil }
      return hosts[host].guests[index].differences(from: holding.desired, scope: holding.scope, host: hosts[host]).first
        .map { "\(hosts[host].id): \($0)" }
    }
  }

  /// What the coordinator believes must be what is there.
  private func unknown(on host: Int, in view: HostView) -> [String] {
    let believed = view.guests.map { "\($0.id) \($0.state == .running)" }.sorted()
    let real = hosts[host].guests.map { "\($0.id) \($0.isRunning)" }.sorted()
    return believed == real ? [] : ["host \(hosts[host].id) has \(real.count) guests, and is believed to have others"]
  }
}

extension SimulatedAgent {
  var unrest: [String] {
    guard core != nil else { return ["its agent does not run"] }
    return durable.inHand.map { "job \($0.job.id) is still in hand" }
      + durable.unacknowledged.map { "the end of job \($0.job) is not acknowledged" }
  }
}
