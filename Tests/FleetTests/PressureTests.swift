import Fleet
import NUMA
import Testing

/// When a cell is pressed, and whether a move relieved it.
@Suite struct PressureTests {
  private let rules = PressureRules(busyPercent: 90, bandwidth: 1000, waitingPercent: 25)

  private func pressure(busy: Int? = nil, of shared: Int = 8, traffic: Int? = nil) -> Int {
    rules.pressure(of: CellStrain(shared: shared, busy: busy, traffic: traffic))
  }

  @Test func aCellIsPressedByWhatIsBeyondThePolicysPercent() {
    #expect(pressure(busy: 0) == 0 && pressure(busy: 7200) == 0, "90 % of 8 CPUs is not beyond")
    #expect(pressure(busy: 7600) == 500 && pressure(busy: 8000) == 1000)
    #expect(pressure(busy: 12_000) == 1000, "no more than all of it")
    #expect(pressure() == 0 && pressure(busy: 500, of: 0) == 0, "nothing measured, or nothing shared")
    #expect(CellStrain(shared: 8, busy: 7760).busyPercent == 97)
  }

  @Test func trafficCountsWhereItIsWorse() {
    #expect(pressure(traffic: 1000) == 0 && pressure(traffic: 1125) == 500 && pressure(traffic: 1250) == 1000)
    #expect(pressure(traffic: .max) == 1000)
    #expect(pressure(busy: 7600, traffic: 1200) == 800 && pressure(busy: 8000, traffic: 1200) == 1000)
  }

  @Test func zeroNeverJudges() {
    let strain = CellStrain(shared: 8, busy: 8000, traffic: 9999)
    #expect(PressureRules.none.pressure(of: strain) == 0)
    #expect(PressureRules.none.waiting(HostLoad(cpuPressure: 100)) == 0)
    #expect(PressureRules(busyPercent: 100).pressure(of: strain) == 0, "a policy out of range judges nothing")
  }

  @Test func waitingCountsWhereNoTrafficIsJudged() {
    let counted = HostLoad(cpuPressure: 70, cells: [CellLoad(cell: 0, bandwidth: 5)])
    #expect(rules.waiting(HostLoad(cpuPressure: 25)) == 0 && rules.waiting(nil) == 0 && rules.waiting(HostLoad()) == 0)
    #expect(rules.waiting(HostLoad(cpuPressure: 70)) == 600)
    #expect(rules.waiting(counted) == 0)
    #expect(PressureRules().waiting(counted) == 600, "by default no traffic is judged, whatever is counted")
  }

  @Test func hostsHaveABandwidthOfTheirOwn() {
    let policy = Policy(pressure: rules, hosts: [HostRules(host: "b", bandwidth: 7)])
    #expect(policy.pressure(on: "a") == rules)
    #expect(policy.pressure(on: "b") == PressureRules(busyPercent: 90, bandwidth: 7, waitingPercent: 25))
  }

  @Test func aMoveThatRelievedLittleWasInVain() {
    func wasInVain(_ strain: Relief.Strain, _ before: Int, _ after: Int?) -> Bool {
      let relief = Relief(cell: 1, strain: strain, before: before, after: after)
      let move = MoveRecord(
        job: 1, guest: "g", guestName: "g", host: "h", from: [1], to: [0], wallMilliseconds: 0, actor: "", copy: 0,
        relief: relief)
      #expect(move.wasInVain == relief.wasInVain)
      return move.wasInVain
    }
    #expect(!wasInVain(.busy, 97, nil), "nobody knows yet")
    #expect(!wasInVain(.busy, 97, 92) && wasInVain(.busy, 97, 93) && wasInVain(.busy, 97, 99))
    #expect(!wasInVain(.bandwidth, 1000, 950) && wasInVain(.bandwidth, 1000, 951))
    #expect(Relief(cell: 1, strain: .busy, before: 97, after: 60).words == "cell 1 97 to 60 % busy")
  }
}
