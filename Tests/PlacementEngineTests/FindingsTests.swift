import Fleet
import NUMA
import Testing

@testable import PlacementEngine

@Suite struct FindingsTests {
  private func kinds(_ view: HostView, policy: Policy = bare) -> [Finding.Kind] {
    findings(in: view, policy: policy).map(\.kind)
  }

  @Test func aWellPlacedGuestHasNone() {
    #expect(
      kinds(host("h", guests: [guest("db", pins: [[0], [1]]), guest("web", pins: [[4, 5, 6, 7]], on: 1)])) == [])
  }

  @Test func remoteMemoryIsToldInMiBAndPercent() throws {
    var db = guest("db", pins: [[4], [5]], mib: 400, on: 0)
    db.regions[0].residency = [
      CellResidency(cell: 0, pageSize: .base, pages: 300 * 256),
      CellResidency(cell: 1, pageSize: .base, pages: 100 * 256),
    ]
    let found = try #require(findings(in: host("h", guests: [db]), policy: bare).first)
    #expect(found.kind == .remoteMemory)
    #expect(found.severity == .error)
    #expect(found.evidence == "300 MiB (75 %) of its 400 MiB are on cell 0, its vcpus run on cell 1")
    #expect(found.remedy == "numafleet place h/db")
  }

  @Test func aFewStrayPagesAreNone() {
    var db = guest("db", pins: [[4]], mib: 400, on: 1)
    db.regions[0].residency.append(CellResidency(cell: 0, pageSize: .base, pages: 3 * 256))
    #expect(kinds(host("h", guests: [db])) == [])
    db.regions[0].residency[1].pages = 10 * 256
    #expect(kinds(host("h", guests: [db])) == [.remoteMemory])
  }

  @Test func eachGuestCellIsJudgedByItsOwnVCPUs() {
    var wide = guest("wide", cells: [0, 1])
    wide.threads[0].cpusAllowed = [4]
    wide.threads[1].cpusAllowed = [0]
    #expect(kinds(host("h", guests: [wide])).first == .remoteMemory, "its guest cells are exchanged")
    wide.threads[0].cpusAllowed = [0]
    wide.threads[1].cpusAllowed = [4]
    #expect(!kinds(host("h", guests: [wide])).contains(.remoteMemory))
  }

  @Test func threadsOnSeveralCellsAndFloatingOnesAreTold() throws {
    let across = guest("across", pins: [[0], [4]])
    let found = try #require(findings(in: host("h", guests: [across]), policy: bare).first)
    #expect(found.kind == .vcpusAcrossCells)
    #expect(found.evidence == "vcpus 0 on cell 0, vcpus 1 on cell 1, and it has no guest cells")
    let floating = guest("floating", pins: [CPUSet(0..<8), [1]])
    let told = try #require(findings(in: host("h", guests: [floating]), policy: bare).first)
    #expect(told.kind == .floating)
    #expect(told.evidence == "1 of 2 vcpus may run on cells 0-1")
    for guest in [floating, across] {
      #expect(kinds(host("h", cells: 1, cpus: 8, guests: [guest])) == [], "one cell has no elsewhere")
    }
  }

  @Test func aGuestTooLargeForAnyCellIsToldThatItNeedsGuestCells() throws {
    let huge = guest("huge", pins: Array(repeating: CPUSet(0..<8), count: 4), mib: 6000)
    let all = findings(in: host("h", guests: [huge]), policy: bare).filter { $0.guest != nil }
    let found = try #require(all.first)
    #expect(all.map(\.kind) == [.widerThanCell] && found.severity == .warning)
    #expect(found.remedy.contains("guest cells"))
  }

  @Test func overlappingPinsNameTheOthers() throws {
    let first = guest("first", pins: [[0], [1]])
    let second = guest("second", pins: [[1], [2]])
    let found = findings(in: host("h", guests: [first, second]), policy: bare)
    #expect(found.map(\.kind) == [.overlappingPins, .overlappingPins])
    #expect(found[0].evidence == "its vcpus are pinned to pcpus 1, and so are those of second")
    // Sharing a whole cell is what floating guests do; only crowding onto a part of it, or onto another's CPUs, is not.
    let shares = guest("shares", pins: [[0, 1, 2, 3]])
    #expect(kinds(host("h", guests: [shares, guest("more", pins: [[0, 1, 2, 3]])])) == [])
    let crowded = [guest("a", pins: [[0, 1], [0, 1]]), guest("b", pins: [[1, 2], [1, 2]])]
    #expect(kinds(host("h", guests: crowded)) == [.overlappingPins, .overlappingPins])
    let intruder = try #require(findings(in: host("h", guests: [first, shares]), policy: bare).first)
    #expect(intruder.guestName == "shares")
    #expect(findings(in: host("h", guests: [first, shares]), policy: bare).count == 1)
  }

  @Test func recordsThatDifferAreTold() throws {
    var db = guest("db", pins: [[0], [1]])
    db.live.vcpus[0].cpuset = [0, 1, 2, 3]
    let found = findings(in: host("h", guests: [db]), policy: bare)
    #expect(found.map(\.kind) == [.kernelDiffers, .configDiffers])
    #expect(found[0].evidence == "vcpu 0 runs on 0, libvirt recorded 0-3")
    #expect(found[1].evidence == "the pins of vcpus 0 of the next start are not those of the running guest")
    var policy = bare
    policy.scope = .live
    #expect(kinds(host("h", guests: [db]), policy: policy) == [.kernelDiffers])
    // A CPU that is offline cannot show in the kernel's mask.
    var wide = guest("wide", pins: [[0, 1, 2, 3]])
    wide.live.vcpus[0].cpuset = [0, 1, 2, 3, 99]
    wide.config = wide.live
    #expect(kinds(host("h", guests: [wide])) == [])
  }

  @Test func settingsOfTheHostThatUndoPlacementsAreTold() {
    var view = host("h", guests: [guest("db", pins: [[0], [1]])])
    view.facts.numaBalancing = 1
    view.facts.foreignBalancers = ["irqbalance", "numad"]
    view.facts.ksm = KSMState(run: 1, mergeAcrossNodes: true, pagesShared: 7)
    view.libvirtAnswers = false
    #expect(kinds(view) == [.libvirtDown, .foreignBalancer, .interruptsOnDedicated, .numaBalancing, .ksmAcrossNodes])
    view.guests = []
    #expect(kinds(view) == [.libvirtDown, .foreignBalancer], "nothing is pinned that balancing could undo")
  }

  @Test func aHostileNameIsNeverPutIntoACommand() throws {
    var (evil, dashed) = (guest("$(reboot)", pins: [CPUSet(0..<8)]), guest("-rf", pins: [CPUSet(0..<8)]))
    evil.id = "0000-1"
    dashed.id = "0000-2"
    let found = findings(in: host("h", guests: [evil, dashed]), policy: bare)
    #expect(found.map(\.remedy) == ["numafleet place 0000-1", "numafleet place 0000-2"])
  }
}
