import CoordinatorCore
import Fleet
import GRDB
import Testing

@testable import Store

/// Hosts, their topologies and the guests seen on them.
@Suite struct InventoryTests {
  let ledger: Ledger

  init() throws { ledger = try Ledger.inMemory() }

  @Test func likeHostsShareATopologyUntilTheLastHasAnother() throws {
    let (small, large) = (Sample.topology(), Sample.topology(cells: 4))
    try ledger.commit([
      .topology(small), .host(Sample.host("b", topology: small.hash)), .host(Sample.host("a", topology: small.hash)),
    ])
    try ledger.commit([.topology(large), .host(Sample.host("a", topology: large.hash))])
    #expect(Set(try ledger.beginTerm().topologies) == [small, large])
    try ledger.commit([.host(Sample.host("b", topology: large.hash))])
    var restored = try ledger.beginTerm()
    #expect(restored.topologies == [large])
    #expect(restored.hosts == [Sample.host("a", topology: large.hash), Sample.host("b", topology: large.hash)])
    try ledger.commit([.forgottenHost("a"), .forgottenHost("b")])
    restored = try ledger.beginTerm()
    #expect(restored.topologies.isEmpty && restored.hosts.isEmpty)
  }

  @Test func whatLikeMachinesHaveInCommonIsThereOnceAndGoesWithTheLast() throws {
    let scratch = try Scratch()
    let ledger = try Ledger(path: scratch.ledgerPath)
    let topologies = [4096, 4097, 8192].map { Sample.machine(cells: 2, cpus: 2, mib: $0) }
    try ledger.commit(topologies.map { .topology($0) })
    try ledger.commit(topologies.map { .host(Sample.host(HostID("h\($0.hash)"), topology: $0.hash)) })
    #expect(Set(try ledger.beginTerm().topologies) == Set(topologies))
    func machines() throws -> Int? {
      try scratch.rawConnection().read { try Int.fetchOne($0, sql: "SELECT count(*) FROM machine") }
    }
    #expect(try machines() == 1)
    try ledger.commit(topologies.dropLast().map { .forgottenHost(HostID("h\($0.hash)")) })
    #expect(try ledger.beginTerm().topologies == [topologies[2]])
    #expect(try machines() == 1)
    try ledger.commit([.forgottenHost(HostID("h\(topologies[2].hash)"))])
    #expect(try machines() == 0)
  }

  @Test func everyGuestIsOneRowOfItsHost() throws {
    let process = Sighting(
      host: "b", guest: "b/process/1@2", name: "", kind: .process(rule: "redis"), state: .other)
    try ledger.commit([
      .host(Sample.host("b")), .host(Sample.host("a")), .sighting(process), .sighting(Sample.sighting("g2", host: "a")),
      .sighting(Sample.sighting("g1", host: "b")), .sighting(Sample.sighting("g1", host: "a")),
    ])
    try ledger.commit([
      .sighting(Sample.sighting("g1", host: "a", state: .shutoff)), .vanished("g2", from: "a"),
      .vanished("nobody", from: "a"), .host(Sample.host("a", kernel: "6.2.0")),
    ])
    let restored = try ledger.beginTerm()
    #expect(
      restored.sightings == [
        Sample.sighting("g1", host: "a", state: .shutoff), process, Sample.sighting("g1", host: "b"),
      ])
    #expect(restored.hosts == [Sample.host("a", kernel: "6.2.0"), Sample.host("b")])
    try ledger.commit([.forgottenHost("b")])
    #expect(try ledger.beginTerm().sightings.map(\.host) == ["a"])
  }

  @Test func aWishIsOneRowOfItsHostAndGoesWithIt() throws {
    try ledger.commit([
      .host(Sample.host("b")), .host(Sample.host("a")), .wish(Sample.wish("g2", host: "a")),
      .wish(Sample.wish("g1", host: "b")), .wish(Sample.wish("g1", host: "a")),
    ])
    try ledger.commit([.wish(Sample.wish("g1", host: "a", job: 9)), .forgottenWish("nobody", on: "a")])
    #expect(
      try ledger.beginTerm().wishes == [
        Sample.wish("g1", host: "a", job: 9), Sample.wish("g2", host: "a"), Sample.wish("g1", host: "b"),
      ])
    try ledger.commit([.forgottenWish("g2", on: "a"), .forgottenHost("b")])
    #expect(try ledger.beginTerm().wishes == [Sample.wish("g1", host: "a", job: 9)])
    #expect(
      isRefused("FOREIGN KEY") { () throws(StoreError) in
        try ledger.commit([.wish(Sample.wish("g1", host: "nowhere"))])
      })
  }

  @Test func aGuestIsSeenOnlyOnAHostThatIsThere() {
    #expect(
      isRefused("guest g1 on host nowhere") { () throws(StoreError) in
        try ledger.commit([.sighting(Sample.sighting("g1", host: "nowhere"))])
      })
  }

  @Test func aHostRefersOnlyToATopologyThatIsThere() {
    #expect(
      isRefused("FOREIGN KEY") { () throws(StoreError) in
        try ledger.commit([.host(Sample.host(topology: 7))])
      })
  }
}
