import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// Each kind of finding beyond a guest's place: one host on which it is told, in numbers, and one on which it is not.
@Suite struct DoctorTests {
  private func told(_ kind: Finding.Kind, _ view: HostView, policy: Policy = bare) -> [Finding] {
    findings(in: view, policy: policy).filter { $0.kind == kind }
  }

  private func onlyOne(
    _ kind: Finding.Kind, _ view: HostView, policy: Policy = bare, _ place: SourceLocation = #_sourceLocation
  ) throws -> Finding {
    let found = told(kind, view, policy: policy)
    #expect(found.count == 1, "\(found)", sourceLocation: place)
    return try #require(found.first, sourceLocation: place)
  }

  private let cell0: CPUSet = [0, 1, 2, 3]
  private let cell1: CPUSet = [4, 5, 6, 7]

  private func emulator(of guest: inout Guest, on cpus: CPUSet) {
    guest.live.emulator = cpus
    guest.config = guest.live
    guest.threads.append(GuestThread(tid: 9, role: .emulator, name: "qemu", cpusAllowed: cpus, memsAllowed: [0]))
  }

  // MARK: Cells

  @Test func floatingVCPUsBeyondThePolicysRatioAreTold() throws {
    let crowd = guest("crowd", pins: Array(repeating: cell0, count: 17))
    let found = try onlyOne(.overcommittedCell, host("h", guests: [crowd]))
    #expect(found.severity == .warning && found.guest == nil)
    #expect(
      found.evidence == "17 floating vcpus are held to the 4 shared pcpus of cell 0, 425 %; the policy allows 400 %")
    #expect(found.remedy.hasPrefix("numafleet plan repair h"))
    let enough = guest("crowd", pins: Array(repeating: cell0, count: 16))
    #expect(told(.overcommittedCell, host("h", guests: [enough])) == [])
  }

  @Test func vcpusThatFloatOverAllCellsCountForAll() throws {
    let everywhere = guest("everywhere", pins: Array(repeating: CPUSet(0..<8), count: 33))
    let found = try onlyOne(.overcommittedCell, host("h", guests: [everywhere]))
    #expect(found.evidence == "33 floating vcpus share the 8 shared pcpus of all cells, 412 %; the policy allows 400 %")
    let enough = guest("everywhere", pins: Array(repeating: CPUSet(0..<8), count: 32))
    #expect(told(.overcommittedCell, host("h", guests: [enough])) == [])
  }

  @Test func memoryPromisedBeyondACellIsTold() throws {
    var thin = guest("thin", pins: [[0]], mib: 3000)
    thin.regions[0].residency[0].pages = 256
    var other = thin
    other.id = "id-other"
    other.threads[0].cpusAllowed = [1]
    let found = try onlyOne(.overcommittedCell, host("h", guests: [thin, other]))
    #expect(found.evidence == "guests were promised 6000 MiB of cell 0, which has 4096 MiB")
    #expect(told(.overcommittedCell, host("h", guests: [thin])) == [])
  }

  @Test func poolsTooSmallForRunningGuestsAreAnError() throws {
    var db = guest("db", pins: [[4]], mib: 80, on: 1)
    db.pageSize = .huge2M
    db.live.numatune = NUMATune(mode: .strict, nodeset: [1])
    db.config = db.live
    db.regions[0].residency = [CellResidency(cell: 1, pageSize: .huge2M, pages: 8)]
    let found = try onlyOne(.hugepagesShort, host("h", huge: 20, guests: [db]))
    #expect(found.severity == .error)
    #expect(found.evidence == "cell 1 has 20 pages of 2 MiB free of 20, and guests still need 32: db 32")
    #expect(
      found.remedy.hasPrefix("echo 32 >/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages on h"))
    #expect(told(.hugepagesShort, host("h", huge: 32, guests: [db])) == [])
    db.regions[0].residency = []
    #expect(told(.hugepagesShort, host("h", huge: 20, guests: [db])) == [], "what nobody has counted is not missing")
  }

  @Test func poolsTooSmallForGuestsThatAreOffAreAWarning() throws {
    var web = guest("web", pins: [[0]], mib: 64)
    web.pageSize = .huge2M
    web.state = .shutoff
    web.threads = []
    web.regions = []
    let found = try onlyOne(.hugepagesShort, host("h", huge: 15, guests: [web]))
    #expect(found.severity == .warning)
    #expect(found.evidence == "cell 0-1 has 30 pages of 2 MiB free of 30, and guests still need 32: web (off) 32")
    #expect(told(.hugepagesShort, host("h", huge: 16, guests: [web])) == [])
  }

  // MARK: Size, devices, memory

  @Test func guestsWiderThanAnyCellAreTold() throws {
    let wide = guest("wide", pins: [0, 1, 2, 4, 5, 6].map { [$0] }, mib: 6000)
    let found = try onlyOne(.widerThanCell, host("h", guests: [wide]))
    #expect(found.severity == .warning)
    #expect(
      found.evidence
        == "it has 6 vcpus and 6000 MiB, and the largest cell has 4 pcpus and 4096 MiB; it has no guest cells")
    #expect(found.remedy == "give it 2 guest cells or more (<cpu><numa>) with its next start")
    #expect(told(.vcpusAcrossCells, host("h", guests: [wide])) == [], "it spans cells because it must")
    let floating = guest("floating", pins: Array(repeating: CPUSet(0..<8), count: 17), mib: 512)
    #expect(
      try onlyOne(.widerThanCell, host("h", guests: [floating])).evidence.contains(
        "4 pcpus (room for 16 vcpus at 400 %)"))
    #expect(told(.widerThanCell, host("h", guests: [guest("fits", pins: [[0], [1], [2], [4]])])) == [])
    #expect(told(.widerThanCell, host("h", guests: [guest("two", cells: [0, 1], mib: 3000)])) == [])
  }

  @Test func devicesOnAnotherCellAreTold() throws {
    var passed = guest("passed", pins: [[0], [1]], movable: .cpuOnly)
    passed.vfio = ["0000:21:00.0"]
    var view = host("h", far: 32, guests: [passed])
    view.topology.devices = [
      PCIDevice(
        address: "0000:21:00.0", classID: "0x020000", vendor: "0x15b3", device: "0x1017", driver: "vfio-pci", cell: 1)
    ]
    let found = try onlyOne(.deviceElsewhere, view)
    #expect(found.severity == .warning)
    #expect(
      found.evidence
        == "device 0000:21:00.0 (0x15b3:0x1017) is on cell 1, its vcpus run on cell 0, its memory is on cell 0, "
        + "distance 32"
    )
    #expect(found.remedy.hasPrefix("numafleet numatune h/passed --nodeset 1 --config and restart it"))
    view.topology.devices[0].cell = 0
    #expect(told(.deviceElsewhere, view) == [])
    view.topology.devices[0].cell = nil
    #expect(told(.deviceElsewhere, view) == [], "the firmware does not tell")
  }

  private func strictHost(free: Int, cache: Int, touched: Int) -> HostView {
    var db = guest("db", pins: [[0]], mib: 1024)
    db.live.numatune = NUMATune(mode: .strict, nodeset: [0])
    db.config = db.live
    db.regions[0].residency[0].pages = touched * 256
    var view = host("h", guests: [db])
    view.topology.cells[0].memoryFree = KiB(mib: free)
    view.load = HostLoad(cells: [CellLoad(cell: 0, fileCache: KiB(mib: cache))])
    return view
  }

  @Test func strictGuestsOnFullCellsAreTold() throws {
    let found = try onlyOne(.strictNearFull, strictHost(free: 40, cache: 40, touched: 1000))
    #expect(found.severity == .error)
    #expect(
      found.evidence
        == "cell 0 has 60 MiB left of 4096 MiB; strict guests there have yet to touch 24 MiB, it 24 MiB, and are "
        + "killed rather than given other cells'")
    #expect(found.remedy == "numafleet place h/db")
    #expect(try onlyOne(.strictNearFull, strictHost(free: 500, cache: 0, touched: 100)).severity == .warning)
    #expect(told(.strictNearFull, strictHost(free: 500, cache: 0, touched: 600)) == [])
    #expect(told(.strictNearFull, strictHost(free: 40, cache: 400, touched: 1000)) == [], "files give way")
    var old = strictHost(free: 40, cache: 0, touched: 1000)
    old.load = nil
    #expect(told(.strictNearFull, old) == [], "an older agent does not tell what files hold")
    var spills = strictHost(free: 40, cache: 40, touched: 1000)
    spills.guests[0].live.numatune?.mode = .preferred
    #expect(told(.strictNearFull, spills) == [])
  }

  // MARK: Threads

  @Test func emulatorsOnVCPUsOwnCPUsAreTold() throws {
    var db = guest("db", pins: [[0], [1]])
    emulator(of: &db, on: [1, 2])
    let found = try onlyOne(.emulatorOnDedicated, host("h", guests: [db]))
    #expect(found.severity == .warning)
    #expect(found.evidence == "its emulator may run on pcpus 1, which belong to its own vcpus")
    #expect(found.remedy == "numafleet place h/db")
    var clear = guest("db", pins: [[0], [1]])
    emulator(of: &clear, on: [2, 3])
    #expect(told(.emulatorOnDedicated, host("h", guests: [clear])) == [])
    clear.threads.append(
      GuestThread(tid: 8, role: .iothread(1), name: "IO iothread1", cpusAllowed: [5], memsAllowed: [0]))
    #expect(told(.emulatorOnDedicated, host("h", guests: [clear])) == [])
    let other = guest("other", pins: [[4], [5]], on: 1)
    #expect(
      try onlyOne(.emulatorOnDedicated, host("h", guests: [clear, other])).evidence
        == "iothread 1 may run on pcpus 5, which belong to vcpus of other")
  }

  @Test func emulatorsWithNowhereElseToGoAreOnlyInformedAbout() throws {
    var full = guest("full", pins: [[0], [1], [2], [3]])
    emulator(of: &full, on: cell0)
    let found = try onlyOne(.emulatorOnDedicated, host("h", guests: [full]))
    #expect(found.severity == .info)
    #expect(found.remedy.contains("reserve.pcpus_per_cell"))
  }

  @Test func siblingsOfOtherGuestsAreToldWherePolicyIsolates() throws {
    var isolating = bare
    isolating.smt = .isolate
    let guests = [guest("a", pins: [[0]]), guest("b", pins: [[1]])]
    let found = told(.sharedSiblings, host("h", threads: 2, guests: guests), policy: isolating)
    #expect(found.map(\.guestName) == ["a", "b"])
    #expect(
      found.first?.evidence
        == "its vcpus run on pcpus 0, hardware threads of cores on which b has its own; the policy's smt is isolate")
    #expect(told(.sharedSiblings, host("h", threads: 2, guests: guests)) == [], "the policy does not forbid it")
    let apart = [guest("a", pins: [[0]]), guest("b", pins: [[2]])]
    #expect(told(.sharedSiblings, host("h", threads: 2, guests: apart), policy: isolating) == [])
    let both = [guest("a", pins: [[0], [1]])]
    #expect(told(.sharedSiblings, host("h", threads: 2, guests: both), policy: isolating) == [], "both are its own")
  }

  @Test func pinsOutsideTheParentAreTold() throws {
    var view = host("h", guests: [guest("db", pins: [[0], [2]])])
    view.topology.allowed = [2, 3, 4, 5, 6, 7]
    view.facts.guestsParent = GuestsParent(cgroup: "/machine.slice", cpus: [2, 3, 4, 5, 6, 7])
    let found = try onlyOne(.outsideParent, view)
    #expect(found.severity == .error)
    #expect(found.evidence == "vcpu 0 is pinned to 0, and /machine.slice may use 2-7 only")
    view.guests[0].live.vcpus[0].cpuset = [1, 2]
    view.guests[0].config = view.guests[0].live
    #expect(try onlyOne(.outsideParent, view).severity == .warning, "the kernel takes what is inside")
    view.guests[0].live.vcpus[0].cpuset = [3]
    view.guests[0].config?.vcpus[0].cpuset = [0]
    #expect(
      try onlyOne(.outsideParent, view).evidence
        == "vcpu 0 of the next start is pinned to 0, and /machine.slice may use 2-7 only")
    view.guests[0].config = view.guests[0].live
    #expect(told(.outsideParent, view) == [])
  }

  @Test func setsOfIsolatedCPUsAreTold() throws {
    var view = host("h", guests: [guest("db", pins: [[2, 3], [2, 3]])])
    view.topology.isolated = [2, 3]
    let found = try onlyOne(.pinnedAcrossIsolated, view)
    #expect(found.severity == .error)
    #expect(
      found.evidence
        == "vcpus 0-1 may run on isolated pcpus 2-3 as a set: nothing balances there, so they pile up on one")
    #expect(found.remedy == "numafleet place h/db")
    view.topology.isolated = [2]
    #expect(told(.pinnedAcrossIsolated, view) == [], "there is a pcpu that the kernel balances on")
    view.topology.isolated = [2, 3]
    view.guests = [guest("db", pins: [[2], [3]])]
    #expect(told(.pinnedAcrossIsolated, view) == [])
  }

  // MARK: The host's settings

  @Test func irqbalanceOverCPUsOfGuestsIsTold() throws {
    var view = host("h", guests: [guest("db", pins: [[0], [1]])])
    view.topology.isolated = [6, 7]
    #expect(told(.interruptsOnDedicated, view) == [])
    view.facts.foreignBalancers = ["irqbalance"]
    let found = try onlyOne(.interruptsOnDedicated, view)
    #expect(found.severity == .warning)
    #expect(
      found.evidence
        == "irqbalance may send interrupts to pcpus 0-1, which vcpus have for themselves; it was told of no cpus to "
        + "leave alone")
    #expect(found.remedy.hasPrefix("set IRQBALANCE_BANNED_CPULIST=0-1,6-7 in /etc/default/irqbalance"))
    view.facts.irqbalanceBanned = [0, 1]
    #expect(
      try onlyOne(.interruptsOnDedicated, view).evidence
        == "irqbalance may send interrupts to isolated pcpus 6-7; it was told to leave 0-1 alone")
    view.facts.irqbalanceBanned = [0, 1, 6, 7]
    #expect(told(.interruptsOnDedicated, view) == [])
  }

  @Test func aRestrictedParentIsTold() throws {
    var view = host("h")
    view.facts.guestsParent = GuestsParent(cgroup: "/machine.slice", cpus: cell0)
    view.topology.allowed = cell0
    let found = try onlyOne(.parentRestricted, view)
    #expect(found.severity == .warning)
    #expect(
      found.evidence
        == "cpuset.cpus of /machine.slice is 0-3, so guests may not have pcpus 4-7; cells 1 have none left")
    #expect(found.remedy.hasPrefix("systemctl set-property machine.slice AllowedCPUs=0-7 on h"))
    view.topology.allowed = [0, 1, 2, 3, 4]
    #expect(try onlyOne(.parentRestricted, view).severity == .info)
    view.facts.guestsParent = GuestsParent(cgroup: "/machine.slice", mems: [0])
    #expect(
      try onlyOne(.parentRestricted, view).evidence
        == "cpuset.mems of /machine.slice is 0, so guests may have no memory of cells 1")
    view.facts.guestsParent = GuestsParent(cgroup: "/machine.slice")
    #expect(told(.parentRestricted, view) == [])
  }

  @Test func balancingIsToldWithItsGuests() throws {
    var view = host("h", guests: [guest("db", pins: [[0], [1]])])
    view.facts.numaBalancing = 1
    #expect(try onlyOne(.numaBalancing, view).evidence == "kernel.numa_balancing is 1 beside 1 pinned guest")
    view.guests[0] = guest("passed", pins: [CPUSet(0..<8)], movable: .cpuOnly)
    view.guests[0].vfio = ["0000:21:00.0"]
    #expect(
      try onlyOne(.numaBalancing, view).evidence
        == "kernel.numa_balancing is 1 beside 1 guest with VFIO devices, whose pages it cannot move")
    view.guests[0].vfio = []
    #expect(told(.numaBalancing, view) == [])
  }

  @Test func mergingAcrossCellsIsAnErrorWithTheSafeWayOut() throws {
    var view = host("h", guests: [guest("db", pins: [[0], [1]])])
    view.facts.ksm = KSMState(run: 1, mergeAcrossNodes: true, pagesShared: 7)
    view.facts.foreignBalancers = ["ksmtuned"]
    let found = try onlyOne(.ksmAcrossNodes, view)
    #expect(found.severity == .error && found.forbidsAutomation)
    #expect(
      found.evidence
        == "KSM merges pages of different cells (run 1, merge_across_nodes 1, 7 pages shared) beside 1 pinned guest")
    #expect(found.remedy == "numafleet host ksm \(view.id) --merge within-nodes")
    #expect(told(.foreignBalancer, view) == [], "ksmtuned moves nothing")
    for harmless in [
      KSMState(run: 0, mergeAcrossNodes: true, pagesShared: 7),
      KSMState(run: 1, mergeAcrossNodes: false, pagesShared: 7),
    ] {
      view.facts.ksm = harmless
      #expect(told(.ksmAcrossNodes, view) == [])
    }
  }

  @Test func numadIsAnErrorThatForbidsAutomation() throws {
    var view = host("h")
    view.facts.foreignBalancers = ["numad"]
    let found = try onlyOne(.foreignBalancer, view)
    #expect(found.severity == .error && found.forbidsAutomation)
    #expect(found.evidence == "numad runs and moves the threads and pages of guests on its own")
    #expect(found.remedy == "systemctl disable --now numad on h")
  }

  @Test func knownTrapsAreToldWithTheVersion() throws {
    var view = host("h", guests: [guest("two", cells: [0, 1])])
    view.facts.libvirtVersion = "9.0.0"
    let found = try onlyOne(.knownTrap, view)
    #expect(found.severity == .warning && !found.forbidsAutomation)
    #expect(found.evidence.hasPrefix("libvirt is 9.0.0: strict guests of several cells may fail to start"))
    view.facts.libvirtVersion = "9.5.0"
    #expect(told(.knownTrap, view) == [])
    view.facts.libvirtVersion = "9.0.0"
    view.guests[0] = guest("one", pins: [[0]])
    #expect(told(.knownTrap, view) == [], "it has no such guest")
  }

  @Test func onlyErrorsOfTheHostForbidAutomation() {
    let forbidding = Finding.Kind.allCases.filter(\.forbidsAutomation)
    #expect(forbidding == [.foreignBalancer, .ksmAcrossNodes, .libvirtDown, .knownTrap])
    for kind in Finding.Kind.allCases {
      let warning = Finding(severity: .warning, kind: kind, host: "h", evidence: "", remedy: "")
      #expect(!warning.forbidsAutomation)
      if kind.isMendedByPlacing { #expect(!kind.forbidsAutomation) }
    }
  }

  // MARK: Repair

  @Test func repairTakesAnEmulatorOffVCPUs() throws {
    var db = guest("db", pins: [[0], [1]])
    emulator(of: &db, on: [0, 1])
    let view = host("h", guests: [db])
    #expect(told(.emulatorOnDedicated, view).count == 1)
    var repair = HostRepair(view, policy: bare)
    var budget = 1_000_000
    repair.run(budget: &budget)
    let move = try #require(repair.moves.first?.move)
    let emulator = try #require(move.placement.pinning.emulator)
    #expect(emulator.isDisjoint(with: move.placement.dedicated))
    #expect(told(.emulatorOnDedicated, view.after(move, policy: bare)) == [])
  }
}
