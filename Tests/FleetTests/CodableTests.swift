import Fleet
import NUMA
import Testing

/// Everything that is stored or travels comes back as it was.
@Suite struct CodableTests {
  private func comesBack<Value: Codable & Equatable>(_ value: Value, _ place: SourceLocation = #_sourceLocation) throws
  {
    let text = try JSONForm.text(of: value)
    #expect(try JSONForm.value(Value.self, from: text) == value, sourceLocation: place)
    #expect(try JSONForm.text(of: JSONForm.value(Value.self, from: text)) == text, sourceLocation: place)
  }

  @Test func reportComesBack() throws {
    let report = HostReport(
      facts: Sample.facts, topologyHash: .max, topology: Sample.topology,
      cells: [CellState(cell: 0, memoryFree: 3, pages: [PagePool(size: .huge2M, total: 2, free: 1)])],
      guests: [Sample.guest], libvirtAnswers: false,
      load: HostLoad(
        cpuPressure: 1, memoryPressure: 2, memoryStalled: 3,
        cells: [CellLoad(cell: 0, busy: 4, fileCache: 5, bandwidth: 6)]))
    try comesBack(report)
    try comesBack(
      HostReport(
        facts: HostFacts(kernelVersion: "6.1"), topologyHash: 0, topology: nil, cells: [], guests: [],
        libvirtAnswers: nil))
  }

  @Test func inventoryComesBackInOrder() throws {
    func view(_ id: HostID) -> HostView {
      HostView(
        id: id, liveness: .unreachable, facts: Sample.facts, topology: Sample.topology, guests: [Sample.guest],
        claims: [Sample.claim], ageMilliseconds: 5, libvirtAnswers: true)
    }
    let inventory = Inventory(hosts: [view("b"), view("a")])
    #expect(inventory.hosts.map(\.id) == ["a", "b"])
    #expect(inventory.host("b") != nil && inventory.host("c") == nil)
    try comesBack(inventory)
    try comesBack(PlanningInput(inventory: inventory, policy: Policy(), parent: 3, request: .repair(host: "a")))
  }

  @Test(
    arguments: [
      .apply(desired: Sample.pinning, expected: nil), .apply(desired: Sample.pinning, expected: Pinning()),
      .start(domainXML: "<domain/>\n", shape: Sample.shape, placement: Sample.placement),
    ] as [JobAction])
  func jobComesBack(action: JobAction) throws {
    let job = Job(
      id: 9, host: "h1", guest: "g", guestName: "a \"b\"\u{1b}", epoch: 4, generation: 5,
      incarnation: Incarnation(pid: 1, startTicks: .max), action: action, scope: .config, driver: .kernel,
      livePages: true)
    try comesBack(JobRecord(job: job, plan: 2, state: .running, created: 3, ended: 4))
  }

  @Test(
    arguments: [
      .running(detail: "40 %"), .verified, .refused(Refusal(.noPages, "a", remedy: "b")),
      .diverged(Refusal(.rolledBack, "c", remedy: "")),
    ] as [JobOutcome])
  func jobReportComesBack(outcome: JobOutcome) throws {
    let report = JobReport(
      job: 1, guest: "g", generation: 2, outcome: outcome, driver: .libvirt,
      steps: [StepRecord(name: "widen", milliseconds: 3, detail: "4 threads")], pagesLeft: 7, observed: Sample.guest)
    try comesBack(report)
    if case .running = outcome { #expect(!outcome.isFinal) } else { #expect(outcome.isFinal) }
  }

  @Test func planComesBack() throws {
    let move = Move(
      guest: "g", guestName: "db", host: "h1", incarnation: nil, from: [GuestCellPlacement(guestCell: 0, cell: 0)],
      placement: Sample.placement, expected: Pinning(), movability: Movability(.livePages, because: "strict"),
      copy: KiB(gib: 1), reason: "512 MiB are remote", explanation: Sample.explanation)
    let plan = Plan(
      id: 2, parent: 1, purpose: "repair", wallMilliseconds: 3, waves: [Wave(moves: [move]), Wave(moves: [])],
      unmoved: [UnmovedGuest(guest: "u", guestName: "x", host: "h1", reason: "fixed")], state: .applying)
    try comesBack(plan)
    #expect(plan.moves == [move])
    try comesBack(Decision(placement: Sample.placement, refusal: nil, explanation: Sample.explanation))
    try comesBack(Decision(placement: nil, refusal: Refusal(.noRoom, "full", remedy: "add hosts")))
  }

  @Test func policyAndShapeComeBack() throws {
    try comesBack(
      Policy(
        reserve: Reserve(pcpusPerCell: 1, memoryPerCell: 5), overcommitPercent: 100, smt: .require,
        weights: Weights(contention: 1, locality: 2, fragmentation: 3), livePages: ["*"], driver: .kernel,
        driverByHost: [HostDriver(host: "h1", driver: .libvirt)], scope: .live, foldGuestCells: true))
    try comesBack(Sample.shape)
  }

  @Test(arguments: FleetEvent.Kind.allCases)
  func eventComesBack(kind: FleetEvent.Kind) throws {
    try comesBack(
      FleetEvent(
        sequence: .max, wallMilliseconds: 1, kind: kind, host: "h", guest: "g", job: 2, actor: "root", text: "é\n"))
  }

  @Test func findingKeyAndStatusComeBack() throws {
    for kind in Finding.Kind.allCases {
      try comesBack(
        Finding(severity: .error, kind: kind, host: "h", guest: "g", guestName: "n", evidence: "e", remedy: "r"))
    }
    for role in Role.allCases {
      try comesBack(AuthorizedKey(publicKey: "k", owner: "o", role: role, since: 3, revoked: true))
    }
    try comesBack(
      CoordinatorStatus(
        softwareVersion: "1", epoch: 2, hosts: 3, hostsUnreachable: 4, guests: 5, jobsInFlight: 6, lastEvent: 7))
  }

  @Test func processAndDomainComeBack() throws {
    let guest = Sample.guest
    try comesBack(
      ProcessObservation(
        incarnation: Incarnation(pid: 1, startTicks: 2), name: "redis", arguments: ["redis", "--x"],
        threads: guest.threads, regions: guest.regions, residency: guest.residency, locked: 3, resident: 4))
    try comesBack(
      DomainRecord(
        uuid: "u", name: "n", type: "kvm", state: .paused, persistent: true, pid: 3, vcpusMaximum: 4,
        vcpusOnline: [0], memory: 5, pageSize: .huge1G, guestCells: guest.guestCells, live: Sample.pinning,
        config: Pinning(), defaultCPUSet: [1], iothreads: [1], vfio: ["a"], locked: true, sharedMemory: true,
        launchSecurity: "sev"))
  }

  @Test func identifiersAreBareValues() throws {
    #expect(try JSONForm.text(of: [HostID("h1")]) == #"["h1"]"#)
    #expect(try JSONForm.text(of: [Epoch(.max)]) == "[18446744073709551615]")
    #expect(try JSONForm.value([PlanID].self, from: "[3]") == [3])
    #expect(throws: (any Error).self) { try JSONForm.value([JobID].self, from: "[-1]") }
  }

  /// Codes are read by programs; adding one is fine, renaming one is not.
  @Test func refusalCodesKeepTheirSpelling() throws {
    let known = """
      unknownHost unknownGuest ambiguousGuest unknownCell unknownPlan unknownJob unknownKey malformed cpuOutsideHost \
      cpuOutsideParent cpuOffline emptyCPUSet notRunning guestGone incarnationChanged stalePlan staleGeneration \
      staleEpoch busy notMovable livePagesOff modeUnchangeable noPages noRoom overlap libvirtDown libvirtTimeout \
      libvirtRefused kernelRefused notPersistent unsupported hostUnreachable protocolVersion notPermitted \
      storeUnavailable duplicate diverged rolledBack
      """
    for code in known.split(separator: " ") { #expect(Refusal.Code(rawValue: String(code)) != nil, "\(code)") }
  }
}
