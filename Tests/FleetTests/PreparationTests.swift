import Fleet
import NUMA
import Testing

/// What would make a guest movable, for each reason why it is not.
@Suite struct PreparationTests {
  private func guest(_ movability: MovabilityClass, _ change: (inout Guest) -> Void = { _ in }) -> Guest {
    var guest = Sample.guest
    guest.movability = Movability(movability, because: "of this test")
    (guest.vfio, guest.locked) = ([], false)
    guest.live.numatune = NUMATune(mode: .strict, nodeset: [0])
    guest.config?.numatune = NUMATune(mode: .strict, nodeset: [0])
    change(&guest)
    return guest
  }

  private func preparation(_ guest: Guest, policy: Policy = Policy()) -> Preparation {
    Preparation(of: guest, policy: policy)
  }

  @Test func strictBecomesRestrictiveOnTheSameNodes() {
    let made = preparation(guest(.livePages))
    #expect(made.when == .prepared)
    #expect(made.desired == Pinning(numatune: NUMATune(mode: .restrictive, nodeset: [0])))
    #expect(made.remedy == "--prepare, then start it anew: numatune strict becomes restrictive 0")
  }

  @Test func automaticBecomesRestrictiveWhereItsMemoryIs() {
    let automatic = guest(.livePages) {
      $0.config?.numatune = NUMATune(mode: .strict, automatic: true)
      $0.live.numatune = NUMATune(mode: .strict, automatic: true)
    }
    #expect(preparation(automatic).desired == Pinning(numatune: NUMATune(mode: .restrictive, nodeset: [0])))
  }

  /// Restrictive memnodes bind no memory to its cell: preparing would make it worse.
  @Test func memnodesAreLeftAsTheyAre() {
    let memnodes = guest(.livePages) {
      $0.config?.numatune = NUMATune(
        mode: .strict, nodeset: [0], memnodes: [MemNode(guestCell: 0, mode: .strict, nodeset: [0])])
    }
    #expect(preparation(memnodes).when == .byHand && preparation(memnodes).desired == nil)
    #expect(preparation(memnodes).remedy.contains("live_pages"))
    #expect(preparation(memnodes, policy: Policy(livePages: ["db"])).when == .now)
  }

  @Test func aDefinitionThatIsRightNeedsOnlyAStart() {
    let prepared = guest(.livePages) { $0.config?.numatune = NUMATune(mode: .restrictive, nodeset: [0]) }
    #expect(preparation(prepared).when == .nextStart)
    let none = guest(.livePages) { $0.config?.numatune = nil }
    #expect(preparation(none).when == .nextStart)
    // The kernel moves nothing of a restrictive guest that runs as it is defined: another start does not help.
    let old = guest(.livePages) {
      $0.config?.numatune = NUMATune(mode: .restrictive, nodeset: [0])
      $0.live.numatune = $0.config?.numatune
    }
    #expect(preparation(old).when == .byHand)
  }

  @Test(arguments: ["VFIO", "2 MiB", "<locked/>"]) func whatHoldsMemoryIsTakenOutByHand(word: String) {
    for movability in [MovabilityClass.cpuOnly, .fixed] {
      let stuck = guest(movability) {
        if word == "VFIO" { $0.vfio = ["0000:21:00.0"] }
        if word == "2 MiB" { $0.pageSize = .huge1G }
        if word == "<locked/>" { $0.locked = true }
        if movability == .fixed { $0.state = .shutoff }
      }
      #expect(preparation(stuck).when == .byHand && preparation(stuck).desired == nil)
      #expect(preparation(stuck).remedy.contains(word))
    }
  }

  @Test func aGuestThatIsOffIsJudgedByItsDefinition() {
    #expect(preparation(guest(.fixed) { $0.state = .shutoff }).when == .prepared)
    #expect(preparation(guest(.fixed)).when == .never, "it runs and is fixed for another reason")
  }

  @Test func whatNoDefinitionIsKnownOfNeedsThePolicy() {
    #expect(preparation(guest(.livePages) { $0.config = nil }).when == .byHand)
    #expect(preparation(guest(.livePages) { $0.kind = .process(rule: "qemu") }).when == .byHand)
    #expect(preparation(guest(.liveMemory)).when == .now)
    #expect(preparation(guest(.migrateOnly)).when == .never)
  }

  /// What is prepared passes the check that every change passes.
  @Test func preparedChangeIsAllowedForTheDefinitionOnly() throws {
    let strict = guest(.livePages)
    let desired = try #require(preparation(strict).desired)
    let preflight = Preflight(topology: Sample.topology, facts: Sample.facts, livePages: false)
    #expect(preflight.refusal(of: desired, for: strict, scope: .config) == nil)
    #expect(preflight.refusal(of: desired, for: strict, scope: .both)?.code == .modeUnchangeable)
  }
}
