import Fleet
import NUMA
import Testing

/// What may go to another host, and what may come from one.
@Suite struct MigrationPreflightTests {
  private var guest: Guest {
    var guest = Sample.guest
    guest.vfio = []
    return guest
  }

  private var facts: HostFacts {
    var facts = Sample.facts
    facts.migrationURI = "qemu+tls://b/system"
    return facts
  }

  private func placement(cpus: CPUSet = [4], cell: Int = 1) -> Placement {
    let cells = [GuestCellPlacement(guestCell: 0, cell: cell)]
    return Placement(
      host: "b", cells: cells,
      pinning: Pinning(vcpus: (0..<4).map { VCPUPin(vcpu: $0, cpuset: cpus) }, emulator: [5], memory: cells),
      dedicated: [], score: 0, terms: [])
  }

  private func arrival(_ placement: Placement, _ facts: HostFacts? = nil, _ guest: Guest? = nil) -> Refusal? {
    Preflight(topology: Sample.topology, facts: facts ?? self.facts, livePages: false)
      .refusal(ofArrival: placement, of: guest ?? self.guest)
  }

  @Test func onlyARunningDomainWithoutDevicesLeaves() {
    #expect(guest.refusalToLeave == nil)
    #expect(Sample.guest.refusalToLeave?.message.contains("0000:21:00.0") == true, "also from agents that do not tell")
    var other = guest
    other.state = .paused
    #expect(other.refusalToLeave == nil)
    other.state = .shutoff
    #expect(other.refusalToLeave?.code == .notRunning)
    other = guest
    other.kind = .process(rule: "demo")
    #expect(other.refusalToLeave?.code == .notMovable)
    other = guest
    other.movability.staysBecause = "its memory is encrypted (sev)"
    #expect(other.refusalToLeave?.message.contains("encrypted (sev)") == true)
  }

  @Test func aHostThatTakesNoneOrHasNotWhatIsAskedRefuses() {
    #expect(arrival(placement()) == nil)
    #expect(arrival(placement(), Sample.facts)?.code == .unsupported)
    #expect(arrival(placement(cpus: [99]))?.code == .cpuOutsideHost)
    #expect(arrival(placement(cpus: [12]))?.code == .cpuOffline)
    #expect(arrival(placement(cpus: [7]))?.code == .cpuOutsideParent)
    #expect(arrival(placement(cell: 7))?.code == .unknownCell)
    #expect(arrival(placement(cell: 2))?.code == .noPages, "it has no memory")
    var bare = placement()
    bare.pinning.vcpus = []
    #expect(arrival(bare)?.code == .malformed)
  }

  @Test func allOfItsMemoryMustBeFreeThere() {
    var large = guest
    large.guestCells[0].memory = KiB(gib: 1)
    #expect(arrival(placement(), nil, large) == nil)
    large.guestCells[0].memory = KiB(gib: 1) + 4
    #expect(arrival(placement(), nil, large)?.code == .noPages)
    large.guestCells[0].memory = KiB(mib: 8)
    large.pageSize = .huge2M
    #expect(arrival(placement(cell: 0), nil, large) == nil, "4 pages of 2 MiB are free")
    #expect(arrival(placement(cell: 1), nil, large)?.code == .noPages)
  }
}
