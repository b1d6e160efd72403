import Testing

@testable import PlacementEngine

@Suite struct GroupPlacementTests {
  private let guest = SlotDemand(cells: [CellSpace(cpus: 4, memory: 4)])

  /// Hosts with room for so many guests each, by rack.
  private func placement(_ racks: [[Int]]) -> GroupPlacement {
    GroupPlacement(
      FleetIndex(
        racks.enumerated().flatMap { rack, hosts in
          hosts.map { FleetIndex.Host(rack: rack, free: [CellSpace(cpus: $0 * 4, memory: $0 * 4)]) }
        }))
  }

  @Test func groupGoesWhereItFindsRoom() throws {
    let guest = try #require(guest)
    var placement = placement([[2], [3, 3], [1]])
    let group = (0..<7).map { _ in placement.place(guest, rule: .sameRack, group: 7, members: 6)?.host }
    #expect(group.filter { $0 == 1 }.count == 3 && group.filter { $0 == 2 }.count == 3 && group[6] == nil)
    let other = placement.place(guest, rule: .sameRack, group: 8, members: 3)
    #expect(other?.host == 0)
  }

  /// The group of five may come to one rack only; the other guest leaves it alone, though it would fit there best.
  @Test func othersStayAwayFromRoomThatAGroupMayNeed() throws {
    let guest = try #require(guest)
    var placement = placement([[5], [9]])
    let first = placement.place(guest, rule: .sameRack, group: 1, members: 5)
    let other = placement.place(guest, rule: nil, group: 0)
    #expect(first?.host == 0 && other?.host == 1)
    let group = (0..<4).map { _ in placement.place(guest, rule: .sameRack, group: 1, members: 5)?.host }
    #expect(group == [0, 0, 0, 0])
  }

  @Test func secondGroupLeavesTheFirstItsRoom() throws {
    let guest = try #require(guest)
    var placement = placement([[6], [7]])
    let first = placement.place(guest, rule: .sameRack, group: 1, members: 6)
    let second = placement.place(guest, rule: .sameRack, group: 2, members: 4)
    #expect(first?.host == 0 && second?.host == 1)
  }

  /// A guest that needs the room is never refused for those who may come.
  @Test func roomIsNotKeptFromWhoFitsNowhereElse() throws {
    let guest = try #require(guest)
    var placement = placement([[3]])
    let rules: [GroupRule?] = [.sameRack, nil, .distinctHosts, .sameRack]
    let hosts = rules.map { placement.place(guest, rule: $0, group: 1)?.host }
    #expect(hosts == [0, 0, 0, nil])
  }

  @Test func roomCountsByShapeAndRack() throws {
    let guest = try #require(guest)
    let wide = try #require(SlotDemand(cells: [CellSpace(cpus: 8, memory: 4)]))
    let index = FleetIndex([3, 4].map { FleetIndex.Host(rack: 0, free: [CellSpace(cpus: $0 * 4, memory: 99)]) })
    var room = RackRoom(guest, index, racks: 1)
    #expect(room.slots == [7] && room.racksExpecting == 0)
    let (a, b) = (room.join(0), room.join(0))
    room.expect(Comers(2), of: a, on: 0)
    room.expect(Comers(3), of: b, on: 0)
    #expect(room.comers[0] == Comers(5) && room.racksExpecting == 1)
    #expect(room.expected(on: 0, as: wide) == Comers.certain * 5)
    // Two slots are left over, and a wide guest takes two.
    #expect(room.price(of: wide, on: 0, CellChoice(), index) == 0)
    #expect(room.price(of: Comers(2), on: 0, others: 0) == 0)
    #expect(room.price(of: Comers(3), on: 0, others: 0) > 0)
    room.expect(Comers(6), of: a, on: 0)
    #expect(room.price(of: wide, on: 0, CellChoice(), index) > 0)
    room.expect(Comers(), of: a, on: 0)
    room.expect(Comers(), of: b, on: 0)
    #expect(room.comers[0] == Comers() && room.racksExpecting == 0)
  }
}
