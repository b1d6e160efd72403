import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// The numatune that goes with a move: what libvirt takes now, or what the next start needs.
@Suite struct NumatuneTests {
  private let policy = Policy(reserve: Reserve(memoryPerCell: 0), livePages: ["*"])

  private func tune(_ guest: Guest, to cells: [Int]) throws -> NUMATune? {
    let view = host("h", cells: 3, guests: [guest])
    let placer = Placer(inventory: Inventory(hosts: [view]), policy: policy)
    let placement = try #require(placer.replace(guest, on: "h", cells: cells, explain: false).placement)
    let preflight = Preflight(topology: view.topology, facts: view.facts, livePages: true)
    #expect(preflight.refusal(of: placement.pinning, for: guest, scope: .both) == nil)
    return placement.pinning.numatune
  }

  @Test func aMovableGuestGetsARestrictiveNodeset() throws {
    #expect(try tune(guest("db", pins: [[0]]), to: [2]) == NUMATune(mode: .restrictive, nodeset: [2]))
  }

  @Test func aStrictGuestStaysStrictOnItsNewCell() throws {
    var strict = guest("db", pins: [[0]], movable: .livePages)
    strict.live.numatune = NUMATune(mode: .strict, nodeset: [0])
    #expect(try tune(strict, to: [1]) == NUMATune(mode: .strict, nodeset: [1]))
  }

  @Test func theRunningModeWinsOverAnotherInTheConfig() throws {
    var strict = guest("db", pins: [[0]], movable: .livePages)
    strict.live.numatune = NUMATune(mode: .strict, nodeset: [0])
    strict.config?.numatune = NUMATune(mode: .preferred, nodeset: [0])
    #expect(try tune(strict, to: [1])?.mode == .strict)
  }

  @Test func memnodesWithoutAWholeModeGiveItTheirs() throws {
    var wide = guest("wide", cells: [0, 1])
    wide.live.numatune?.mode = nil
    wide.live.numatune?.nodeset = nil
    wide.config = wide.live
    let tune = try #require(try tune(wide, to: [2, 1]))
    #expect(tune.mode == .strict)
    #expect(tune.nodeset == [1, 2])
    #expect(
      tune.memnodes == [
        MemNode(guestCell: 0, mode: .strict, nodeset: [2]), MemNode(guestCell: 1, mode: .strict, nodeset: [1]),
      ])
  }

  @Test func restrictiveIsRestrictiveThroughout() throws {
    var wide = guest("wide", cells: [0, 1])
    wide.live.numatune = NUMATune(mode: .restrictive, nodeset: [0, 1])
    wide.config = wide.live
    #expect(try tune(wide, to: [2, 1])?.memnodes.map(\.mode) == [.restrictive, .restrictive])
  }
}
