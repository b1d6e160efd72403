import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// Guests that a hand pinned elsewhere than was wanted: told, left, or brought back.
@Suite struct DriftTests {
  private func drifted(_ pins: [CPUSet], wanted: [CPUSet]) -> HostView {
    var view = host("h", guests: [guest("db", pins: pins)])
    view.wishes = [
      Wish(
        guest: "id-db", host: "h", incarnation: nil,
        pinning: Pinning(vcpus: wanted.enumerated().map { VCPUPin(vcpu: $0.offset, cpuset: $0.element) }),
        origin: .placed(7), since: 0)
    ]
    return view
  }

  private func repaired(_ view: HostView, _ policy: Policy) -> HostRepair {
    var repair = HostRepair(view, policy: policy)
    var budget = 100_000
    repair.run(budget: &budget)
    return repair
  }

  private func policy(_ drift: DriftRule) -> Policy {
    var policy = bare
    policy.drift = drift
    return policy
  }

  @Test func driftIsToldWithBothWaysOut() throws {
    let found = findings(in: drifted([[2], [3]], wanted: [[0], [1]]), policy: bare)
    let finding = try #require(found.first)
    #expect(found.count == 1 && finding.kind == .drifted && finding.severity == .warning)
    #expect(finding.evidence == "vcpu 0 runs on 2, wanted was 0 by job 7 and 1 more threads")
    #expect(finding.remedy == "numafleet adopt h/db, or numafleet place h/db")
    #expect(findings(in: drifted([[0], [1]], wanted: [[0], [1]]), policy: bare) == [])
  }

  @Test(arguments: [DriftRule.tell, .adopt])
  func aHandIsNotUndoneUnlessThePolicySaysSo(rule: DriftRule) {
    let repair = repaired(drifted([[2], [3]], wanted: [[0], [1]]), policy(rule))
    #expect(repair.moves.isEmpty)
    #expect(repair.unmoved.first?.reason.hasPrefix("the policy's drift is \(rule.rawValue) for it (drifted: ") == true)
  }

  @Test func mendingBringsItBack() throws {
    let repair = repaired(drifted([[2], [3]], wanted: [[0], [1]]), policy(.mend))
    let move = try #require(repair.moves.first?.move)
    #expect(move.placement.pinning.vcpus == [VCPUPin(vcpu: 0, cpuset: [0]), VCPUPin(vcpu: 1, cpuset: [1])])
    #expect(move.expected.cpuset(ofVCPU: 0) == [2], "the agent checks against what is there")
  }

  /// libvirt's record may say that nothing is to be done, and every vcpu runs elsewhere.
  @Test func whatRunsElsewhereBehindLibvirtIsAMoveOfVCPUs() throws {
    var view = drifted([[2], [3]], wanted: [[0], [1]])
    view.guests[0].live = view.wishes[0].pinning
    let move = try #require(repaired(view, policy(.mend)).moves.first?.move)
    #expect(move.expected.vcpus == move.placement.pinning.vcpus && move.keepsVCPUs == false)
  }

  @Test func anEmulatorGoesElsewhereWithoutItsVCPUs() throws {
    let view = host(
      "h", guests: [guest("db", pins: [[0], [1]], emulator: [2, 3]), guest("new", pins: [[2]], emulator: [3])])
    let move = try #require(repaired(view, bare).moves.first { $0.move.guest == "id-db" }?.move)
    #expect(move.keepsVCPUs == true && move.copy == 0 && move.placement.pinning.emulator == [3])
  }

  /// Not all CPUs of the cell, which a floating guest would be given anew.
  @Test func mendingGivesBackTheVeryPins() throws {
    let repair = repaired(drifted([[0, 1, 2]], wanted: [[0, 1]]), policy(.mend))
    #expect(
      try #require(repair.moves.first?.move).placement.pinning == Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: [0, 1])]))
  }

  @Test func whatWasWantedAndIsTakenByNowIsPlacedAnew() throws {
    var view = drifted([[2], [3]], wanted: [[0], [1]])
    view.guests.append(guest("new", pins: [[0], [1]]))
    let repair = repaired(view, policy(.mend))
    let cpus = repair.moves.first { $0.move.guest == "id-db" }?.move.placement.dedicated
    #expect(cpus == nil || cpus?.isDisjoint(with: [0, 1]) == true)
    #expect(!repair.moves.isEmpty || !repair.unmoved.isEmpty)
  }

  /// What shows is a floating guest; what was wanted had CPUs of its own.
  @Test func mendingKnowsTheShapeThatWasWanted() throws {
    let repair = repaired(drifted([CPUSet(0..<4), CPUSet(0..<4)], wanted: [[0], [1]]), policy(.mend))
    #expect(try #require(repair.moves.first?.move).placement.dedicated == [0, 1])
  }
}
