import Fleet
import Testing

@Suite struct KnownTrapTests {
  private let all = KnownTrap.Bait(guests: 3, pinned: 2, strict: 2, strictOfSeveralCells: 1)

  private func traps(kernel: String = "6.1.0", libvirt: String?, cgroup: Int? = 2, _ bait: KnownTrap.Bait? = nil)
    -> [String]
  {
    let facts = HostFacts(kernelVersion: kernel, libvirtVersion: libvirt, cgroupVersion: cgroup)
    return KnownTrap.traps(of: facts, with: bait ?? all).map { "\($0.trap.subject.rawValue) < \($0.trap.mended)" }
  }

  @Test func rangesBeginAndEndWhereTheySay() {
    #expect(traps(libvirt: "9.0.0") == ["libvirt < 9.5"])
    #expect(traps(libvirt: "9.5.0") == [])
    #expect(traps(libvirt: "8.9.0") == [])
    #expect(traps(libvirt: "8.10.0") == ["libvirt < 9.5"])
    #expect(traps(libvirt: "7.0.0") == ["libvirt < 7.1", "libvirt < 8.0"])
    #expect(traps(libvirt: "4.5.0") == ["libvirt < 5.1", "libvirt < 7.1", "libvirt < 8.0"])
    #expect(traps(libvirt: "1.2.8") == ["libvirt < 1.2.9"])
    #expect(traps(libvirt: nil) == [])
  }

  @Test func kernelsThatMovePagesOnlyWithCgroupV1AreTrapsWithV2() {
    #expect(traps(kernel: "5.10.0-28-amd64", libvirt: nil) == ["kernel < 5.15"])
    #expect(traps(kernel: "5.10.0-28-amd64", libvirt: nil, cgroup: 1) == [])
    #expect(traps(kernel: "5.15.0", libvirt: nil) == [])
    #expect(traps(kernel: "rolling", libvirt: nil) == [])
  }

  @Test func withoutItsGuestsATrapDoesNotSnap() {
    let none = KnownTrap.Bait(guests: 0, pinned: 0, strict: 0, strictOfSeveralCells: 0)
    #expect(traps(kernel: "5.10.0", libvirt: "1.2.0", none) == [])
    #expect(
      traps(libvirt: "4.5.0", KnownTrap.Bait(guests: 1, pinned: 1, strict: 0, strictOfSeveralCells: 0)) == [
        "libvirt < 7.1"
      ])
  }

  /// No version is in the range of a trap that ends before it begins, and each says what to do.
  @Test func tableIsSound() {
    for trap in KnownTrap.all {
      #expect(trap.since.map { $0 < trap.mended } ?? true)
      #expect(!trap.harm.isEmpty && !trap.remedy.isEmpty)
    }
  }
}
