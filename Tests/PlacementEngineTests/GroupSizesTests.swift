import Testing

@testable import PlacementEngine

@Suite struct GroupSizesTests {
  private let half = Comers.certain / 2

  @Test func chancesFollowFromGroupsSeen() {
    var sizes = GroupSizes()
    let before = sizes.comers(after: 6)
    #expect(before.chance(of: 1) == Comers.certain && before.chance(of: 30) == 0)
    for _ in 0..<30 { for members in 1...6 { sizes.count(members) } }
    // Of 40 groups that had six members, the ten presumed ones had a seventh.
    #expect(sizes.comers(after: 6).chance(of: 1) == Comers.certain / 4)
    #expect(sizes.comers(after: 0).chance(of: 6) == Comers.certain)
    #expect(sizes.comers(after: 7).chance(of: 1) == Comers.certain)
    for members in 7...9 { sizes.count(members) }
    #expect(sizes.comers(after: 6).chance(of: 3) == Comers.certain * 11 / 40)
  }

  @Test func nobodyIsExpectedInGroupsLargerThanAny() {
    var sizes = GroupSizes()
    for members in 1...100 { sizes.count(members) }
    #expect(sizes.comers(after: 40) == Comers())
    #expect(sizes.comers(after: 99).most == 0)
    #expect(sizes.comers(after: 39).most == 1)
  }

  /// Two coins: none, one or both come.
  @Test func independentComersAddUp() {
    let coin = Comers(chances: [half])
    #expect(coin.joined(by: coin) == Comers(chances: [half + half / 2, half / 2]))
    #expect(Comers(2).joined(by: Comers(3)) == Comers(5))
    #expect(Comers().joined(by: coin) == coin && coin.joined(by: Comers()) == coin)
    #expect(coin.joined(by: Comers(chances: [half, half])).mean == half * 3)
  }

  @Test func lostAreThoseBeyondTheRoom() {
    let two = Comers(2)
    #expect(two.lost(of: Comers(3), in: 5) == 0)
    #expect(two.lost(of: Comers(3), in: 4) == Comers.certain)
    #expect(two.lost(of: Comers(3), in: 0) == Comers.certain * 3)
    #expect(two.lost(of: Comers(3), in: -4) == Comers.certain * 3)
    #expect(Comers(chances: [half]).lost(of: Comers(1), in: 1) == half)
  }

  /// What is left out must not be the chance that somebody comes at all.
  @Test func unlikelyOnesAreLeftOut() {
    #expect(Comers(chances: [Comers.certain, Comers.certain / 100]).most == 1)
    #expect(Comers(-1) == Comers())
  }
}
