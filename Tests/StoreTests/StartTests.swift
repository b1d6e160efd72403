import CoordinatorCore
import Fleet
import Foundation
import NUMA
import Testing

@testable import Store

/// How long the term of a large fleet takes to begin. For reading, never judged; in release:
///
///     NUMAFLEET_LEDGER_HOSTS=1000 swift test -c release -Xswiftc -enable-testing --filter StartTests
@Suite struct StartTests {
  static let hosts = ProcessInfo.processInfo.environment["NUMAFLEET_LEDGER_HOSTS"].flatMap { Int($0) }
  static let guestsEach = 50

  /// With one topology for all hosts, and with one for each.
  @Test(.enabled(if: hosts != nil), arguments: [true, false]) func aLargeTermBegins(alike: Bool) throws {
    let hosts = try #require(Self.hosts)
    let scratch = try Scratch()
    try write(hosts, alike: alike, to: Ledger(path: scratch.ledgerPath))
    let clock = ContinuousClock()
    var (restored, coordinator): (Restored?, Coordinator?)
    let opening = try clock.measure {
      restored = try Ledger(path: scratch.ledgerPath).beginTerm()
    }
    let all = try #require(restored)
    let now = Instant(milliseconds: 0, wallMilliseconds: 0)
    let beginning = clock.measure {
      coordinator = Coordinator(
        settings: Coordinator.Settings(softwareVersion: "1.0"), policy: Policy(), restoring: all, now: now)
    }
    #expect(all.sightings.count == hosts * Self.guestsEach && all.generations.count == hosts * Self.guestsEach)
    #expect(coordinator?.inventory(now).hosts.count == hosts)
    print(
      "\(hosts) hosts \(alike ? "of one topology" : "each of its own"): ledger \(opening), coordinator \(beginning)")
  }

  private func write(_ hosts: Int, alike: Bool, to ledger: Ledger) throws {
    var writes: [Write] = []
    for host in 0..<hosts {
      let id = HostID("host-\(host)")
      let topology = Sample.machine(cells: 4, cpus: 32, mib: 65536 + (alike ? 0 : host))
      if !alike || host == 0 { writes.append(.topology(topology)) }
      writes.append(.host(Sample.host(id, topology: topology.hash)))
      for guest in 0..<Self.guestsEach {
        let guest = GuestID(UUID().uuidString.lowercased() + "-\(guest)")
        writes += [.sighting(Sample.sighting(guest, host: id)), .generation(guest, 7)]
      }
    }
    for number in 1...UInt64(CommandRecord.keptMax) {
      writes.append(.command(try #require(Sample.command(number, answer: .accepted(Accepted(jobs: [1], text: "ok"))))))
    }
    try ledger.commit(writes)
  }
}
