import Fleet
import NUMA
import Testing

@testable import PlacementEngine

@Suite struct ClaimTests {
  @Test func aMoveClaimsItsNewCPUsAndAllItsMemoryThere() throws {
    let view = host("h", guests: [guest("db", pins: [[0], [1]], mib: 512, on: 0)])
    let plan = Placer.plan(
      PlanningInput(
        inventory: Inventory(hosts: [view]), policy: bare, parent: 0,
        request: .place(guest: "id-db", host: "h", cells: [1])))
    let move = try #require(plan.moves.first)
    #expect(move.copy == KiB(mib: 512))
    #expect(move.from == [GuestCellPlacement(guestCell: 0, cell: 0)])
    let claim = Claim.of(move, job: 7, in: view)
    #expect(claim.dedicated == move.placement.dedicated)
    #expect(claim.memory == [MemoryClaim(cell: 1, pageSize: .base, amount: KiB(mib: 512))])
  }

  @Test func oldAndNewAreBothTakenWhileAGuestMoves() throws {
    var view = host("h", mib: 1024, guests: [guest("db", pins: [[0], [1]], mib: 1000, on: 0)])
    view.claims = [
      Claim(
        job: 1, host: "h", guest: "id-db", dedicated: [4, 5],
        memory: [MemoryClaim(cell: 1, pageSize: .base, amount: KiB(mib: 1000))])
    ]
    let room = HostRoom(view, policy: bare)
    #expect(room.cells.map(\.capacity) == [24 * 1024, 24 * 1024])
    #expect(room.cells.map(\.dedicable) == [[2, 3], [6, 7]])
    // Half way, what has arrived is counted once: by the guest's pages, no longer by the claim.
    view.guests[0].regions[0].residency = [
      CellResidency(cell: 0, pageSize: .base, pages: 500 * 256),
      CellResidency(cell: 1, pageSize: .base, pages: 500 * 256),
    ]
    view.topology.cells[1].memoryFree = KiB(mib: 524)
    let halfWay = HostRoom(view, policy: bare)
    #expect(halfWay.cells.map(\.capacity) == [524 * 1024, 24 * 1024])
    #expect(halfWay.cells[1].freeNow == 24 * 1024)
  }

  @Test func aGuestAboutToStartHoldsItsPlace() throws {
    let shape = Shape(
      guestCells: [ShapeCell(vcpus: 2, memory: KiB(mib: 512)), ShapeCell(vcpus: 1, memory: 0)], cpuClass: .dedicated)
    var view = host("h")
    let placement = try #require(
      Placer(inventory: Inventory(hosts: [view]), policy: bare).place(shape, explain: false).placement)
    let claim = Claim.of(placement, shape: shape, guest: "new", job: 3)
    #expect(claim.dedicated.count == 3)
    #expect(claim.memory == [MemoryClaim(cell: placement.cells[0].cell, pageSize: .base, amount: KiB(mib: 512))])
    view.claims = [claim]
    let next = try #require(
      Placer(inventory: Inventory(hosts: [view]), policy: bare).place(shape, explain: false).placement)
    #expect(next.dedicated.isDisjoint(with: placement.dedicated))
  }
}
