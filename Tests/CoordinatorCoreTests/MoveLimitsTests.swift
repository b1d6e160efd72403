import Fleet
import NUMA
import Testing

@testable import CoordinatorCore

/// What the policy's limits let automation do.
@Suite struct MoveLimitsTests {
  private let now = 1_700_000_000_000
  private let guest = Guest(id: "g", name: "db", kind: .domain(type: "kvm"), state: .running, memory: KiB(gib: 4))

  private func record(minutesAgo: Int, elsewhere: KiB? = nil) -> MoveRecord {
    MoveRecord(
      job: 1, guest: "g", guestName: "db", host: "a", from: [0], to: [1], wallMilliseconds: now - minutesAgo * 60_000,
      actor: "automation", copy: KiB(gib: 4), elsewhere: elsewhere)
  }

  private func limits(_ moves: [MoveRecord], copied: KiB = 0, _ rules: AutomationRules = AutomationRules())
    -> MoveLimits
  { MoveLimits(rules: rules, moves: MoveHistory(moves), copied: copied, wallMilliseconds: now) }

  private func move(_ id: GuestID, copy: KiB, pinned: CPUSet = [0]) -> Move {
    let pinning = Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: [4])])
    return Move(
      guest: id, guestName: id.text, host: "a", incarnation: nil, from: [],
      placement: Placement(host: "a", cells: [], pinning: pinning, dedicated: [], score: 0, terms: []),
      expected: Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: pinned)]), movability: Movability(.liveMemory, because: ""),
      copy: copy, reason: "")
  }

  @Test func aMovedGuestStaysForItsResidence() {
    #expect(limits([]).refusal(of: guest) == nil)
    #expect(limits([record(minutesAgo: 29)]).refusal(of: guest) == "it was moved 29 min ago and stays for 30")
    #expect(limits([record(minutesAgo: 30)]).refusal(of: guest) == nil)
  }

  @Test func aMoveThatDidNotPayDoublesIt() {
    let vain = record(minutesAgo: 40, elsewhere: KiB(gib: 3))
    #expect(
      limits([vain]).refusal(of: guest)
        == "it was moved 40 min ago and stays for 60, longer because moves of it did not pay")
    #expect(limits([record(minutesAgo: 90, elsewhere: KiB(gib: 3)), vain]).refusal(of: guest)?.contains("120") == true)
    #expect(limits([record(minutesAgo: 40, elsewhere: KiB(gib: 2))]).refusal(of: guest) == nil)
  }

  @Test func aCellThatWasRelievedInVainIsLeftAlone() {
    func relieved(minutesAgo: Int, after: Int?) -> MoveRecord {
      var made = record(minutesAgo: minutesAgo)
      made.relief = Relief(cell: 0, strain: .busy, before: 97, after: after)
      return made
    }
    func held(_ moves: [MoveRecord], cell: Int = 0) -> [String] {
      var next = move("other", copy: KiB(gib: 1))
      next.relief = Relief(cell: cell, strain: .busy, before: 97)
      let plan = Plan(purpose: "", waves: [Wave(moves: [next])])
      return limits(moves).choose(from: plan) { _ in KiB(gib: 4) }.held.map(\.reason)
    }
    #expect(held([]) == [] && held([relieved(minutesAgo: 2, after: nil)]) == [])
    #expect(held([relieved(minutesAgo: 2, after: 80)]) == [], "it paid")
    #expect(
      held([relieved(minutesAgo: 2, after: 97)])
        == ["moving guest db off cell 0 2 min ago did not pay; it is not relieved for 60"])
    #expect(held([relieved(minutesAgo: 2, after: 97)], cell: 1) == [], "another cell may be")
    #expect(held([relieved(minutesAgo: 60, after: 97)]) == [])
    #expect(
      held([relieved(minutesAgo: 90, after: 97), relieved(minutesAgo: 60, after: 97)]).count == 1, "for 120 then")
    #expect(limits([relieved(minutesAgo: 40, after: 97)]).refusal(of: guest)?.contains("stays for 60") == true)
  }

  @Test func movesOfADayAreCounted() {
    let moves = [1439, 600, 300, 60].map { record(minutesAgo: $0) }
    #expect(limits(moves).refusal(of: guest) == "it was moved 4 times in 24 hours; moves_per_guest is 4")
    #expect(limits([record(minutesAgo: 1440)] + moves.dropFirst()).refusal(of: guest) == nil)
  }

  /// An emulator that goes elsewhere is no move of its guest, but what somebody undoes each time has an end, which
  /// keeps the guest from nothing else.
  @Test func emulatorsArePinnedWithinReason() {
    func held(repins: Int, slight: Bool = true) -> [String] {
      var next = move("g", copy: 0, pinned: [4])
      next.keepsVCPUs = slight
      let limits = MoveLimits(
        rules: AutomationRules(), moves: MoveHistory(),
        repins: MoveHistory((0..<repins).map { record(minutesAgo: 1440 - $0) }), copied: 0, wallMilliseconds: now)
      #expect(limits.refusal(of: guest) == nil)
      return limits.choose(from: Plan(purpose: "", waves: [Wave(moves: [next])])) { _ in 0 }.held.map(\.reason)
    }
    // The first of them was a day ago.
    #expect(held(repins: 1) == [] && held(repins: 24) == [] && held(repins: 25, slight: false) == [])
    #expect(held(repins: 25) == ["its emulator or iothreads were pinned anew 24 times in 24 hours"])
  }

  @Test func onlyEmulatorsAreSlight() {
    var slight = move("g", copy: 0, pinned: [4])
    #expect(!slight.isSlight, "nobody has looked at its threads")
    slight.keepsVCPUs = true
    #expect(slight.isSlight)
    slight.from = [GuestCellPlacement(guestCell: 0, cell: 1)]
    slight.placement.pinning.memory = [GuestCellPlacement(guestCell: 0, cell: 1)]
    #expect(slight.isSlight)
    slight.placement.pinning.memory = [GuestCellPlacement(guestCell: 0, cell: 2)]
    #expect(!slight.isSlight)
    slight.placement.pinning.memory = []
    slight.copy = 1
    #expect(!slight.isSlight)
  }

  @Test func exceptedGuestsAreLeftAlone() {
    #expect(
      limits([], AutomationRules(exceptGuests: ["web-*", "d*"])).refusal(of: guest)
        == "the policy's except_guests names it (d*)")
    #expect(limits([], AutomationRules(exceptGuests: ["web-*"])).refusal(of: guest) == nil)
  }

  @Test func theBudgetOfAMinuteHoldsMovesBack() {
    let rules = AutomationRules(copyPerMinute: KiB(gib: 6))
    let plan = Plan(
      purpose: "",
      waves: [
        Wave(moves: [move("a", copy: KiB(gib: 4)), move("b", copy: KiB(gib: 4)), move("c", copy: 0)]),
        Wave(moves: [move("d", copy: KiB(gib: 1))]),
      ])
    let (chosen, held, mayLater) = limits([], rules).choose(from: plan) { _ in KiB(gib: 4) }
    #expect(chosen.waves.map { $0.moves.map(\.guest) } == [["a", "c"]])
    #expect(held.map(\.guest) == ["b", "d"] && held[1].reason == "what comes before it waits")
    #expect(held[0].reason == "copy_per_minute allows 6 GiB, of which 4 GiB are used")
    #expect(mayLater)
  }

  @Test func oneLargerGuestGoesAlone() {
    let rules = AutomationRules(copyPerMinute: KiB(gib: 1))
    let plan = Plan(purpose: "", waves: [Wave(moves: [move("a", copy: KiB(gib: 4))])])
    #expect(limits([], rules).choose(from: plan) { _ in KiB(gib: 4) }.plan.moves.count == 1)
    #expect(limits([], copied: 1, rules).choose(from: plan) { _ in KiB(gib: 4) }.plan.moves.isEmpty)
  }

  @Test func memoryIsNotMovedForLittleUnlessPinsAreWrong() {
    let little = KiB(mib: 100)
    let rightPins = Plan(purpose: "", waves: [Wave(moves: [move("a", copy: little, pinned: [4])])])
    let (chosen, held, mayLater) = limits([]).choose(from: rightPins) { _ in KiB(gib: 4) }
    #expect(chosen.moves.isEmpty && !mayLater)
    #expect(held.map(\.reason) == ["100 MiB of 4 GiB are less than minimum_gain_percent"])
    let wrongPins = Plan(purpose: "", waves: [Wave(moves: [move("a", copy: little)])])
    #expect(limits([]).choose(from: wrongPins) { _ in KiB(gib: 4) }.plan.moves.count == 1)
  }
}
