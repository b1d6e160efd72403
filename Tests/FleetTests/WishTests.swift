import Fleet
import NUMA
import Testing

/// What is wanted of a guest, how far it is from it, and what it shows.
@Suite struct WishTests {
  private func wish(_ pinning: Pinning, run: Incarnation? = nil) -> Wish {
    Wish(guest: Sample.guest.id, host: "h1", incarnation: run, pinning: pinning, origin: .placed(7), since: 1)
  }

  @Test func aWishOfOneRunEndsWithIt() {
    var guest = Sample.guest
    let own = wish(Sample.pinning, run: guest.incarnation)
    let lasting = wish(Sample.pinning)
    #expect(own.holds(for: guest) && lasting.holds(for: guest))
    guest.incarnation = Incarnation(pid: 43, startTicks: 100)
    #expect(!own.holds(for: guest) && lasting.holds(for: guest))
    guest.id = "other"
    #expect(!lasting.holds(for: guest))
  }

  @Test func driftNamesEachThreadThatRunsElsewhere() {
    let wanted = Pinning(
      vcpus: [VCPUPin(vcpu: 0, cpuset: [1]), VCPUPin(vcpu: 3, cpuset: [2])], emulator: [0, 1, 2, 3],
      iothreads: [IOThreadPin(iothread: 1, cpuset: [2])])
    #expect(
      wish(wanted).drift(of: Sample.guest, on: Sample.topology) == [
        Drift(role: .vcpu(0), wanted: [1], seen: [0]), Drift(role: .worker, wanted: [0, 1, 2, 3], seen: [2]),
      ])
    #expect(wish(Pinning()).drift(of: Sample.guest, on: Sample.topology) == [])
  }

  /// CPU 12 is offline and 7 is not for guests: neither can show in a mask.
  @Test func whatCannotShowIsNoDrift() {
    var guest = Sample.guest
    guest.threads = [GuestThread(tid: 1, role: .vcpu(0), name: "", cpusAllowed: [4], memsAllowed: [0])]
    #expect(wish(Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: [4, 7, 12])])).drift(of: guest, on: Sample.topology) == [])
    #expect(wish(Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: [7, 12])])).drift(of: guest, on: Sample.topology) == [])
  }

  @Test func shownIsTheKernelsMaskWhereThereIsAThread() {
    var guest = Sample.guest
    guest.live.vcpus = [VCPUPin(vcpu: 0, cpuset: [1]), VCPUPin(vcpu: 3, cpuset: [2])]
    let shown = guest.shown(on: Sample.topology)
    #expect(shown.vcpus == [VCPUPin(vcpu: 0, cpuset: [0]), VCPUPin(vcpu: 3, cpuset: [2])])
    #expect(shown.iothreads == [IOThreadPin(iothread: 1, cpuset: [2])])
    #expect(shown.numatune == guest.live.numatune && shown.memory == [GuestCellPlacement(guestCell: 0, cell: 0)])
  }

  @Test func whatNothingConfinesHasNoPin() {
    var guest = Sample.guest
    guest.live = Pinning()
    guest.threads = [
      GuestThread(tid: 1, role: .vcpu(0), name: "", cpusAllowed: CPUSet(0..<10), memsAllowed: [0]),
      GuestThread(tid: 2, role: .vcpu(1), name: "", cpusAllowed: [0, 1, 2, 3], memsAllowed: [0]),
    ]
    #expect(guest.shown(on: Sample.topology).vcpus == [], "all CPUs, and those of <vcpu cpuset>")
    #expect(guest.isConfined(on: Sample.topology))
    guest.threads.removeLast()
    #expect(!guest.isConfined(on: Sample.topology))
  }

  @Test func aRecordWithOfflineCPUsIsAsTrueAsTheMask() {
    var guest = Sample.guest
    guest.live = Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: [0, 12])])
    #expect(guest.shown(on: Sample.topology).cpuset(ofVCPU: 0) == [0, 12])
  }

  @Test func ruleOfAGuestIsTheFirstThatNamesIt() {
    let rules = [GuestDrift(guest: "d*", drift: .mend), GuestDrift(guest: "db", drift: .adopt)]
    #expect(Policy().drift(of: Sample.guest) == .tell)
    #expect(Policy(drift: .adopt, driftByGuest: rules).drift(of: Sample.guest) == .mend)
    #expect(
      Policy(drift: .adopt, driftByGuest: [GuestDrift(guest: "web", drift: .mend)]).drift(of: Sample.guest) == .adopt)
  }
}
