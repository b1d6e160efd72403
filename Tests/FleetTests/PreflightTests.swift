import Fleet
import NUMA
import Testing

/// One change for each reason to refuse it, and the changes next to it that are allowed.
@Suite struct PreflightTests {
  private func refusal(
    of desired: Pinning, for guest: Guest = Sample.guest, scope: Scope = .both, livePages: Bool = false,
    topology: HostTopology = Sample.topology, facts: HostFacts = Sample.facts
  ) -> Refusal? {
    Preflight(topology: topology, facts: facts, livePages: livePages).refusal(of: desired, for: guest, scope: scope)
  }

  private func moving(to cell: Int, guestCell: Int = 0) -> Pinning {
    Pinning(memory: [GuestCellPlacement(guestCell: guestCell, cell: cell)])
  }

  private func guest(_ movability: MovabilityClass) -> Guest {
    var guest = Sample.guest
    guest.movability = Movability(movability, because: "of this test")
    return guest
  }

  @Test func possibleChangeIsNotRefused() {
    let desired = Pinning(
      vcpus: [VCPUPin(vcpu: 3, cpuset: [4])], emulator: [4, 5], iothreads: [IOThreadPin(iothread: 1, cpuset: [6])],
      numatune: NUMATune(mode: .restrictive, nodeset: [1]), cputune: CPUTune(shares: 200, vcpuQuota: -1),
      memory: [GuestCellPlacement(guestCell: 0, cell: 1)])
    #expect(refusal(of: desired) == nil)
  }

  @Test func everyRefusalSaysWhatToDo() throws {
    let refusals = [
      refusal(of: Pinning()), refusal(of: Pinning(emulator: [])), refusal(of: Pinning(emulator: [7])),
      refusal(of: moving(to: 9)),
    ]
    for refusal in refusals { #expect(try !#require(refusal).remedy.isEmpty) }
  }

  // MARK: Numatune

  @Test func aModeAloneNeedsANodesetOnRecord() {
    var guest = Sample.guest
    let strict = Pinning(numatune: NUMATune(mode: .strict))
    #expect(refusal(of: strict, for: guest, scope: .config) == nil)
    guest.config?.numatune = nil
    #expect(refusal(of: strict, for: guest, scope: .config)?.code == .malformed)
    guest.live.numatune = nil
    #expect(refusal(of: Pinning(numatune: NUMATune(mode: .restrictive)), for: guest, scope: .live)?.code == .malformed)
  }

  @Test func aRunningGuestWithoutNumatuneCanOnlyBecomeRestrictive() {
    var guest = Sample.guest
    guest.live.numatune = nil
    func tuned(_ mode: NUMAMode) -> Pinning { Pinning(numatune: NUMATune(mode: mode, nodeset: [1])) }
    #expect(refusal(of: tuned(.strict), for: guest, scope: .live)?.code == .modeUnchangeable)
    #expect(refusal(of: tuned(.restrictive), for: guest, scope: .live) == nil)
    #expect(refusal(of: tuned(.strict), for: guest, scope: .config) == nil)
  }

  // MARK: The guest's state

  @Test(arguments: [GuestState.shutoff, .other])
  func stoppedGuestIsNotChangedLive(state: GuestState) {
    var guest = Sample.guest
    guest.state = state
    #expect(refusal(of: Pinning(emulator: [0]), for: guest)?.code == .notRunning)
    #expect(refusal(of: Pinning(emulator: [0]), for: guest, scope: .live)?.code == .notRunning)
    #expect(refusal(of: Pinning(emulator: [0]), for: guest, scope: .config) == nil)
  }

  @Test func pausedGuestMayBeChanged() {
    var guest = Sample.guest
    guest.state = .paused
    #expect(refusal(of: Pinning(emulator: [0]), for: guest) == nil)
  }

  @Test func transientGuestHasNoConfig() {
    var guest = Sample.guest
    guest.persistent = false
    #expect(refusal(of: Pinning(emulator: [0]), for: guest, scope: .config)?.code == .notPersistent)
    #expect(refusal(of: Pinning(emulator: [0]), for: guest, scope: .live) == nil)
  }

  // MARK: CPUs

  @Test func changeOfNothingIsMalformed() {
    #expect(refusal(of: Pinning())?.code == .malformed)
  }

  @Test(arguments: [
    Pinning(vcpus: [VCPUPin(vcpu: 4, cpuset: [0])]), Pinning(vcpus: [VCPUPin(vcpu: -1, cpuset: [0])]),
    Pinning(iothreads: [IOThreadPin(iothread: 2, cpuset: [0])]),
  ])
  func threadThatTheGuestLacksIsMalformed(desired: Pinning) {
    #expect(refusal(of: desired)?.code == .malformed)
  }

  @Test(
    arguments: [
      ([], .emptyCPUSet), ([0, 10], .cpuOutsideHost), ([0, 12], .cpuOffline), ([0, 7], .cpuOutsideParent), ([0], nil),
    ] as [([Int], Refusal.Code?)])
  func cpusetOfEveryThreadIsChecked(cpus: [Int], code: Refusal.Code?) {
    let cpuset = CPUSet(cpus)
    #expect(refusal(of: Pinning(emulator: cpuset))?.code == code)
    #expect(refusal(of: Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: cpuset)]))?.code == code)
    #expect(refusal(of: Pinning(iothreads: [IOThreadPin(iothread: 1, cpuset: cpuset)]))?.code == code)
  }

  @Test(
    arguments: [
      (CPUTune(shares: 1), nil), (CPUTune(shares: 10_000), nil), (CPUTune(shares: 0), .malformed),
      (CPUTune(shares: 10_001), .malformed), (CPUTune(vcpuPeriod: 1000), nil), (CPUTune(vcpuPeriod: 999), .malformed),
      (CPUTune(globalPeriod: 1_000_001), .malformed), (CPUTune(emulatorQuota: -1), nil),
      (CPUTune(emulatorQuota: 999), .malformed), (CPUTune(iothreadQuota: -2), .malformed),
    ] as [(CPUTune, Refusal.Code?)])
  func cputuneIsWithinLibvirtsRanges(tune: CPUTune, code: Refusal.Code?) {
    #expect(refusal(of: Pinning(cputune: tune))?.code == code)
  }

  @Test func sharesOfCgroupOneHaveTheirOwnRange() {
    var facts = Sample.facts
    facts.cgroupVersion = 1
    #expect(refusal(of: Pinning(cputune: CPUTune(shares: 262_144)), facts: facts) == nil)
    #expect(refusal(of: Pinning(cputune: CPUTune(shares: 1)), facts: facts)?.code == .malformed)
  }

  // MARK: Memory

  @Test func unknownCellIsNamed() {
    #expect(refusal(of: moving(to: 9))?.code == .unknownCell)
    #expect(refusal(of: Pinning(numatune: NUMATune(nodeset: [0, 9])))?.code == .unknownCell)
    let memnode = MemNode(guestCell: 0, mode: .strict, nodeset: [9])
    #expect(refusal(of: Pinning(numatune: NUMATune(memnodes: [memnode])))?.code == .unknownCell)
  }

  @Test func emptyNodesetIsMalformed() {
    #expect(refusal(of: Pinning(numatune: NUMATune(nodeset: [])))?.code == .malformed)
  }

  @Test func guestCellThatTheGuestLacksIsMalformed() {
    #expect(refusal(of: moving(to: 1, guestCell: 1))?.code == .malformed)
    let memnode = MemNode(guestCell: 2, mode: .strict, nodeset: [0])
    #expect(refusal(of: Pinning(numatune: NUMATune(memnodes: [memnode])))?.code == .malformed)
  }

  @Test func cellWithoutMemoryTakesNone() {
    #expect(refusal(of: moving(to: 2))?.code == .noPages)
    #expect(refusal(of: Pinning(numatune: NUMATune(nodeset: [2])), scope: .config)?.code == .noPages)
  }

  @Test func modeDoesNotChangeWhileTheGuestRuns() {
    let desired = Pinning(numatune: NUMATune(mode: .strict, nodeset: [0]))
    #expect(refusal(of: desired)?.code == .modeUnchangeable)
    #expect(refusal(of: desired, scope: .config) == nil)
  }

  @Test func pagesOfLibnumaNeedThePolicy() {
    #expect(refusal(of: moving(to: 1), for: guest(.livePages))?.code == .livePagesOff)
    #expect(refusal(of: moving(to: 1), for: guest(.livePages), livePages: true) == nil)
  }

  @Test func nodesetThatLibvirtRefusesIsForeseen() {
    let desired = Pinning(numatune: NUMATune(nodeset: [1]))
    #expect(refusal(of: desired, for: guest(.livePages), livePages: true)?.code == .notMovable)
  }

  @Test(arguments: [MovabilityClass.cpuOnly, .migrateOnly, .fixed])
  func memoryOfAnImmovableGuestStays(movability: MovabilityClass) {
    let stuck = guest(movability)
    #expect(refusal(of: moving(to: 1), for: stuck, livePages: true)?.code == .notMovable)
    #expect(refusal(of: moving(to: 1), for: stuck, livePages: true)?.message.contains("of this test") == true)
    #expect(refusal(of: moving(to: 0), for: stuck) == nil, "it is there already")
    #expect(refusal(of: Pinning(emulator: [4]), for: stuck) == nil, "its threads may go")
    #expect(refusal(of: moving(to: 1), for: stuck, scope: .config) == nil, "its next start may be elsewhere")
  }

  @Test func targetMustHaveThePagesNow() {
    var topology = Sample.topology
    topology.cells[1].memoryFree = KiB(mib: 511)
    #expect(refusal(of: moving(to: 1), topology: topology)?.code == .noPages)
    topology.cells[1].memoryFree = KiB(mib: 512)
    #expect(refusal(of: moving(to: 1), topology: topology) == nil)
    #expect(refusal(of: moving(to: 0), topology: topology) == nil)
  }

  @Test func hugePagesAreCountedInTheirPool() {
    var guest = Sample.guest
    guest.pageSize = .huge2M
    guest.regions[0].residency = [CellResidency(cell: 1, pageSize: .huge2M, pages: 5)]
    #expect(refusal(of: moving(to: 0), for: guest)?.code == .noPages)
    guest.regions[0].residency[0].pages = 4
    #expect(refusal(of: moving(to: 0), for: guest) == nil)
  }

  @Test func guestCellsOfOneTargetShareItsPages() {
    var guest = Sample.guest
    let half = CellResidency(cell: 0, pageSize: .base, pages: 150_000)
    guest.guestCells.append(GuestCell(id: 1, vcpus: [], memory: KiB(mib: 512)))
    guest.regions = [0, 1].map {
      MemoryRegion(start: 0, size: KiB(gib: 1), guestCell: $0, policy: "default", residency: [half])
    }
    let both = Pinning(memory: [0, 1].map { GuestCellPlacement(guestCell: $0, cell: 1) })
    #expect(refusal(of: both, for: guest)?.code == .noPages)
    #expect(refusal(of: moving(to: 1, guestCell: 1), for: guest) == nil)
  }
}
