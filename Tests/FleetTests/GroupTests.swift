import Fleet
import NUMA
import Testing

@Suite struct GroupTests {
  @Test(
    arguments: [
      ("web-1", "web-*", true), ("web-", "web-*", true), ("xweb-1", "web-*", false), ("db", "db", true),
      ("db", "d", false), ("a-b-c", "a*c", true), ("a-b-d", "a*c", false), ("", "*", true), ("abab", "*ab", true),
      ("aab", "a*ab", true), ("ab", "a**b", true), ("ab", "ab*c", false), ("*", "*", true),
    ])
  func starsStandForAnyCharacters(text: String, pattern: String, expected: Bool) {
    #expect(matchesPattern(text, pattern) == expected)
  }

  @Test func membersAreFoundByNameOrID() {
    let group = GuestGroup(
      name: "g", rule: .apart, level: .host, members: ["web-*", "1111-2222"], domains: [["db-a"], ["db-b", "web-9"]])
    #expect(group.membership(name: "web-1")?.domain == .some(nil))
    #expect(group.membership(name: "x", id: "1111-2222") != nil)
    #expect(group.membership(name: "db-b")?.domain == 1)
    #expect(group.membership(name: "web-9")?.domain == 1, "a fault domain says more than membership")
    #expect(group.membership(name: "x", id: "3333") == nil)
  }

  @Test func theSizeIsWhatIsSaidOrNamedOrGuessed() {
    var group = GuestGroup(name: "g", rule: .together, level: .rack, members: ["a", "b", "c"])
    #expect(group.expectedSize(unnamed: 13) == 3)
    group.members.append("d-*")
    #expect(group.expectedSize(unnamed: 13) == 13)
    group.size = 5
    #expect(group.expectedSize(unnamed: 13) == 5)
  }

  @Test func rulesAreFoundWhateverTheOrderTheyWereGivenIn() {
    var policy = Policy(hosts: ["c", "a", "b"].map { HostRules(host: HostID($0), rack: "rack of \($0)") })
    #expect(policy.hosts.map(\.host) == ["a", "b", "c"])
    #expect(["a", "b", "c"].allSatisfy { policy.rules(of: HostID($0)).rack == "rack of \($0)" })
    #expect(policy.rules(of: "d") == HostRules(host: "d"))
    policy.hosts.insert(HostRules(host: "z", draining: true), at: 0)
    #expect(policy.rules(of: "z").draining && policy.rules(of: "a").rack != nil)
  }

  // MARK: - Mixed guests, and what earlier versions wrote

  @Test(
    arguments: [
      (CPUClass.mixed, 0, "a mixed guest has dedicated and floating vcpus, not 0 of 2"),
      (.mixed, 2, "a mixed guest has dedicated and floating vcpus, not 2 of 2"),
      (.mixed, 3, "guest cell 0 dedicates pcpus to 3 of its 2 vcpus"),
      (.mixed, -1, "guest cell 0 dedicates pcpus to -1 of its 2 vcpus"),
      (.floating, 1, "guest cell 0 dedicates pcpus to some vcpus, which only a mixed guest does"),
    ])
  func contradictionOfAMixedGuestIsNamed(cpuClass: CPUClass, own: Int, text: String) {
    let shape = Shape(guestCells: [ShapeCell(vcpus: 2, memory: 4, dedicatedVCPUs: own)], cpuClass: cpuClass)
    #expect(shape.contradictions().contains(text), "\(shape.contradictions())")
  }

  @Test func shapesAndClaimsOfAnEarlierVersionAreRead() throws {
    let shape = Shape(name: "s", guestCells: [ShapeCell(vcpus: 1, memory: 4)], hosts: ["a"])
    let claim = Claim(job: 1, host: "a", guest: "g", dedicated: [1], memory: [])
    func without(_ keys: [String], _ text: String) -> String {
      keys.reduce(text) { $0.replacing($1, with: "") }
    }
    let older = without(
      [",\"labels\":[]", ",\"tolerates\":[]", "\"dedicatedVCPUs\":0,"], try JSONForm.text(of: shape))
    #expect(!older.contains("labels") && !older.contains("tolerates") && !older.contains("dedicatedVCPUs"))
    #expect(try JSONForm.value(Shape.self, from: older) == shape)
    let olderClaim = without(["\"floating\":[],", "\"guestName\":\"\","], try JSONForm.text(of: claim))
    #expect(!olderClaim.contains("floating") && !olderClaim.contains("guestName"))
    #expect(try JSONForm.value(Claim.self, from: olderClaim) == claim)
  }
}
