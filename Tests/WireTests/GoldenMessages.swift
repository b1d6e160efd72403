import Fleet
import NUMA

/// What the files in Golden/v1 mean, by name.
enum GoldenMessages {
  static let toCoordinator: [String: Envelope<ToCoordinator>] = [
    "hello": agent(.hello(Hello(softwareVersion: "0.1.0", topologyHash: 0xfeed_face_cafe_beef, highestEpoch: 4))),
    "hello-owner": agent(
      .hello(
        Hello(softwareVersion: "0.2.0", topologyHash: 1, highestEpoch: 4, epochOwner: "c00d", capabilities: .alive))),
    "heartbeat": agent(.heartbeat(lastReport: 77)),
    "report": agent(.report(report)),
    "message-refused": agent(.refused(refusal, job: 12)),
    "report-journal": agent(
      .report(
        HostReport(
          facts: facts, topologyHash: 7, topology: nil, cells: [], guests: [], libvirtAnswers: nil,
          journal: JournalHead(
            generations: [JournalHead.Mark(guest: "5d1f", generation: 3)], inHand: [12, 13], unacknowledged: [11])))),
    "job-report": agent(
      .jobReport(
        JobReport(
          job: 12, guest: "5d1f", generation: 3, outcome: .diverged(refusal), driver: .libvirt,
          steps: [StepRecord(name: "move memory", milliseconds: 812, detail: "65536 of 65540 pages")], pagesLeft: 4,
          observed: guest))),
  ]

  static let toAgent: [String: Envelope<ToAgent>] = [
    "welcome": coordinator(
      .welcome(Welcome(host: "zurich-07", epoch: 4, wantsTopology: true, heartbeatMilliseconds: 2_000))),
    "welcome-answering": coordinator(
      .welcome(
        Welcome(
          host: "zurich-07", epoch: 4, wantsTopology: false, heartbeatMilliseconds: 2_000, answersHeartbeats: true))),
    "alive": coordinator(.alive),
    "look": coordinator(.look(3)),
    "cancel": coordinator(.cancel(job(.apply(desired: pinning, expected: nil)))),
    "numbered": Envelope(messageID: 2_003, job: 12, epoch: 4, boot: "c00d", sequence: 100, payload: .alive),
    "job": coordinator(.job(job(.apply(desired: pinning, expected: Pinning(emulator: [0, 1]))))),
    "start-job": coordinator(
      .job(job(.start(domainXML: "<domain type='kvm'/>", shape: shape, placement: placement)))),
    "job-acknowledged": coordinator(.jobAcknowledged(12)),
    "send-report": coordinator(.sendReport(withTopology: true)),
    "refused": coordinator(.refused(refusal)),
  ]

  static let requests: [String: Envelope<OperatorRequest>] = [
    "request-hosts": command(.hosts),
    "request-place": command(
      .placeGuest(
        PlaceGuest(guest: "zurich-07/db", cells: [2, 3], scope: .live, driver: .kernel, dryRun: true, explain: true))),
    "request-change": command(.change(ManualChange(guest: "db", desired: pinning, scope: .both, dryRun: false))),
    "request-plan": command(.makePlan(.repair(host: "zurich-07"))),
    "request-events": command(.events(after: 100, follow: true)),
  ]

  static let replies: [String: Envelope<OperatorReply>] = [
    "reply-host": command(
      .host(
        HostView(
          id: "zurich-07", liveness: .connected, facts: facts, topology: topology, guests: [guest],
          claims: [
            Claim(
              job: 12, host: "zurich-07", guest: "5d1f", dedicated: [8, 9],
              memory: [MemoryClaim(cell: 3, pageSize: .huge2M, amount: KiB(gib: 4))])
          ], ageMilliseconds: 250, libvirtAnswers: true))),
    "reply-decision": command(
      .decision(
        Decision(
          placement: placement, refusal: nil,
          explanation: Explanation(
            chosen: [CellNote(host: "zurich-07", cell: 3, guestCell: 0, text: "4 of 8 pcpus free")],
            refused: [CellNote(host: "zurich-07", cell: 0, guestCell: nil, text: "lacks 2 GiB")],
            counts: ["1 cell lacks 2 GiB"], movability: guest.movability)))),
    "reply-plan": command(.plan(plan)),
    "reply-jobs": command(
      .jobs([
        JobRecord(
          job: job(.apply(desired: pinning, expected: nil)), plan: 9, state: .verified,
          report: JobReport(job: 12, guest: "5d1f", generation: 3, outcome: .verified), created: 1_700_000_000_000,
          ended: 1_700_000_000_900)
      ])),
    "reply-accepted": command(.accepted(Accepted(plan: 9, jobs: [12, 13], text: "two jobs"))),
    "reply-policy": command(
      .policy(
        Policy(
          reserve: Reserve(pcpusPerCell: 1, memoryPerCell: KiB(mib: 512)), pressure: .none,
          livePages: ["db"],
          driverByHost: [HostDriver(host: "zurich-07", driver: .kernel)], scope: .config, foldGuestCells: true,
          automation: AutomationRules(manage: .all), drift: .mend))),
  ]

  // MARK: Parts

  private static func agent(_ payload: ToCoordinator) -> Envelope<ToCoordinator> {
    Envelope(messageID: 1_001, epoch: 4, boot: "0a4f6c1e-7d5c", sequence: 88, payload: payload)
  }
  private static func coordinator(_ payload: ToAgent) -> Envelope<ToAgent> {
    Envelope(messageID: 2_002, answering: 1_001, epoch: 4, boot: "c00d", sequence: 99, payload: payload)
  }
  private static func command<Payload>(_ payload: Payload) -> Envelope<Payload> {
    Envelope(messageID: 3_003, epoch: 4, boot: "", sequence: 1, payload: payload)
  }

  private static let refusal = Refusal(.noPages, "cell 3 lacks 4 pages", remedy: "free pages on cell 3")
  private static let shape = Shape(
    name: "db", guestCells: [ShapeCell(vcpus: 4, memory: KiB(gib: 4))], cpuClass: .dedicated, smt: .require,
    pageSize: .huge2M, mode: .restrictive, near: ["8086:1572"], emulatorPCPUs: 1, iothreads: 2, hosts: ["zurich-07"])
  private static let pinning = Pinning(
    vcpus: [VCPUPin(vcpu: 0, cpuset: [8, 9]), VCPUPin(vcpu: 1, cpuset: [10, 11])], emulator: [8, 9, 10, 11],
    iothreads: [IOThreadPin(iothread: 1, cpuset: [12])],
    numatune: NUMATune(
      mode: .strict, nodeset: [3], memnodes: [MemNode(guestCell: 0, mode: .preferred, nodeset: [3])]),
    cputune: CPUTune(shares: 1_024, vcpuPeriod: 100_000, vcpuQuota: -1),
    memory: [GuestCellPlacement(guestCell: 0, cell: 3)])
  private static let placement = Placement(
    host: "zurich-07", cells: [GuestCellPlacement(guestCell: 0, cell: 3)], pinning: pinning, dedicated: [8, 9, 10, 11],
    score: -12, terms: [ScoreTerm(name: "locality", value: -12, detail: "distance 10")])
  private static let facts = HostFacts(
    kernelVersion: "6.1.0-21-amd64", libvirtVersion: "9.0.0", qemuVersion: "7.2.0", libvirtURI: "qemu:///system",
    cgroupVersion: 2, numaBalancing: 1, ksm: KSMState(run: 1, mergeAcrossNodes: false, pagesShared: 5),
    foreignBalancers: ["numad"], sources: [SourceNote(part: "cells", source: "libvirt capabilities")])
  private static let topology = HostTopology(
    cells: [
      Cell(
        id: 0, memoryTotal: KiB(gib: 8), memoryFree: KiB(gib: 2),
        pages: [PagePool(size: .base, total: 2_097_152, free: 524_288)], cpus: [0, 1]),
      Cell(id: 3, memoryTotal: KiB(gib: 8), memoryFree: KiB(gib: 7), cpus: []),
    ],
    pcpus: [
      PCPU(id: 0, cell: 0, socket: 0, die: 0, core: 0, siblings: [0, 1]),
      PCPU(id: 1, cell: nil, socket: -1, die: 0, core: 0, siblings: [0, 1]),
    ], distances: DistanceMatrix(ids: [0, 3], rows: [[10, 21], [21, 10]]),
    l3Groups: [L3Group(id: 0, size: KiB(mib: 32), cpus: [0, 1])],
    devices: [
      PCIDevice(
        address: "0000:21:00.0", classID: "0x020000", vendor: "0x8086", device: "0x1572", driver: "i40e", cell: 3)
    ], offline: [2], isolated: [1], nohzFull: [1], allowed: [0] as CPUSet)
  private static let guest = Guest(
    id: "5d1f", name: "db", kind: .domain(type: "kvm"), state: .running,
    incarnation: Incarnation(pid: 4_242, startTicks: 987_654), persistent: true, vcpusMaximum: 4, vcpusOnline: [0, 1],
    memory: KiB(gib: 4), pageSize: .huge2M,
    guestCells: [
      GuestCell(
        id: 0, vcpus: [0, 1, 2, 3], memory: KiB(gib: 4), distances: [GuestCellDistance(to: 0, value: 10)])
    ], live: pinning, config: Pinning(), defaultCPUSet: [0, 1], iothreads: [1],
    threads: [
      GuestThread(tid: 4_243, role: .vcpu(0), name: "CPU 0/KVM", cpusAllowed: [8, 9], memsAllowed: [3]),
      GuestThread(tid: 4_244, role: .emulator, name: "qemu-system-x86", cpusAllowed: [8], memsAllowed: [0, 3]),
    ],
    regions: [
      MemoryRegion(
        start: 0x7f00_0000_0000, size: KiB(gib: 4), guestCell: 0, policy: "bind:3",
        residency: [CellResidency(cell: 3, pageSize: .huge2M, pages: 2_048)])
    ], residency: [CellResidency(cell: 3, pageSize: .huge2M, pages: 2_048)], vfio: ["0000:21:00.0"], locked: true,
    movability: Movability(.cpuOnly, because: "a device is passed through"))
  private static let report = HostReport(
    facts: facts, topologyHash: 0xfeed_face_cafe_beef, topology: topology,
    cells: [CellState(cell: 0, memoryFree: KiB(gib: 2), pages: [PagePool(size: .base, total: 2_097_152, free: 9)])],
    guests: [
      guest, Guest(id: "zurich-07/process/9@8", name: "worker", kind: .process(rule: "batch"), state: .running),
    ], libvirtAnswers: true)
  private static func job(_ action: JobAction) -> Job {
    Job(
      id: 12, host: "zurich-07", guest: "5d1f", guestName: "db", epoch: 4, generation: 3,
      incarnation: Incarnation(pid: 4_242, startTicks: 987_654), action: action, scope: .both, driver: .automatic,
      livePages: true)
  }
  private static let plan = Plan(
    id: 9, parent: 8, purpose: "repair", wallMilliseconds: 1_700_000_000_000,
    waves: [
      Wave(moves: [
        Move(
          guest: "5d1f", guestName: "db", host: "zurich-07", incarnation: nil,
          from: [GuestCellPlacement(guestCell: 0, cell: 0)], placement: placement, expected: Pinning(),
          movability: Movability(.liveMemory, because: "no numatune"), copy: KiB(gib: 4), reason: "100 % remote")
      ])
    ], unmoved: [UnmovedGuest(guest: "77aa", guestName: "fw", host: "zurich-07", reason: "locked")], state: .applying)
}
