import Fleet
import NUMA
import Testing

@testable import numafleet

/// `numafleet plan diff`.
@Suite struct PlanDifferenceTests {
  private func plan(_ id: PlanID, _ moves: [Move]) -> Plan {
    Plan(id: id, purpose: "repair", waves: moves.map { Wave(moves: [$0]) })
  }

  private func moved(_ guest: String, to cell: Int, on host: HostID = "host-a") -> Move {
    var move = CannedFleet.plan.moves[0]
    (move.guest, move.guestName) = (GuestID(guest), guest)
    move.host = "host-a"
    move.placement.host = host
    move.placement.cells = [GuestCellPlacement(guestCell: 0, cell: cell)]
    return move
  }

  @Test func guestsAreToldByWhereTheyEnd() {
    let old = plan(7, [moved("gone", to: 0), moved("same", to: 2), moved("other", to: 0), moved("twice", to: 3)])
    let new = plan(
      8,
      [
        moved("twice", to: 1), moved("same", to: 2), moved("new", to: 1), moved("other", to: 1, on: "host-b"),
        moved("twice", to: 3),
      ])
    let difference = PlanDifference(old, new)
    #expect(difference.removed.map(\.guestName) == ["gone"])
    #expect(difference.added.map(\.guestName) == ["new"])
    #expect(difference.changed.map(\.to.guestName) == ["other"])
    let lines = difference.text.split(separator: "\n").map(String.init)
    #expect(lines.count == 3 && lines[0].hasPrefix("- gone on host-a: node 0, "))
    #expect(lines[1].hasPrefix("+ new on host-a: node 1, "))
    #expect(lines[2].hasPrefix("~ other on host-a: host host-b, node 1, ") && lines[2].contains("not node 0, "))
  }

  @Test func equalPlansAreSaidToBe() {
    let both = [moved("a", to: 1)]
    #expect(
      PlanDifference(plan(7, both), plan(8, both)).text == "plans 7 and 8 move the same guests to the same places")
  }
}
