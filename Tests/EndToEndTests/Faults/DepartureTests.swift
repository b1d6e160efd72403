import Fleet
import Foundation
import NUMA
import Testing

extension EndToEndTests {
  /// Guests that end while a job of theirs is under way.
  @Suite struct Departures {
    @Test func aJobEndsWithItsGuestAndTouchesNobodyElse() async throws {
      let trio = try await Trio(hosts: ["a"])
      let agent = try #require(trio.agents["a"])
      let (neighbour, leaving) = (trio.tenants[0], trio.tenants[1])
      agent.signal(SIGSTOP)
      let job = try trio.beginPlacing(on: "a")
      leaving.process.signal(SIGKILL)
      _ = await leaving.process.end()
      let arriving = try await Tenant(of: "a", vcpus: 1, on: [0], in: trio.fleet)
      agent.signal(SIGCONT)

      #expect(await eventually { trio.state(of: job)?.isFinal == true }, "\(agent.logged)")
      guard case .jobs(let records) = trio.fleet.ask(.job(job)),
        case .refused(let refusal)? = records[0].report?.outcome
      else {
        Issue.record("job \(job) is \(trio.state(of: job)?.rawValue ?? "?")")
        return
      }
      #expect(refusal.code == .guestGone, "\(refusal)")
      #expect(try await eventually { try trio.ledger.claims().isEmpty })
      #expect(
        await eventually { Set(trio.fleet.guests(of: "a").map(\.name)) == [neighbour.name, arriving.name] },
        "\(trio.fleet.guests(of: "a").map(\.name))")
      for tenant in [neighbour, arriving] { #expect(tenant.masks.areExactly(.all(vcpus: 1, on: [0]))) }
    }
  }
}
