import Fleet
import NUMA

/// One fleet for all renderings: a host with SMT, a cell without CPUs, an offline CPU, and guests good and hostile.
enum CannedFleet {
  static let topology = HostTopology(
    cells: [
      Cell(
        id: 0, memoryTotal: KiB(mib: 4096), memoryFree: KiB(mib: 1024),
        pages: [
          PagePool(size: .base, total: 917_504, free: 262_144), PagePool(size: .huge2M, total: 256, free: 128),
        ], cpus: [0, 1, 4, 5]),
      Cell(
        id: 1, memoryTotal: KiB(mib: 4096), memoryFree: KiB(mib: 3072),
        pages: [PagePool(size: .base, total: 1_048_576, free: 786_432), PagePool(size: .huge2M, total: 0, free: 0)],
        cpus: [2, 3, 6]),
      // CXL memory: a cell without CPUs, and an id after a gap.
      Cell(
        id: 4, memoryTotal: KiB(gib: 16), memoryFree: KiB(gib: 16),
        pages: [PagePool(size: .base, total: 4_194_304, free: 4_194_304)], cpus: []),
    ],
    pcpus: [0, 1, 2, 3, 4, 5, 6].map { id in
      let core = id % 4
      let siblings: CPUSet = core == 3 ? [3] : [core, core + 4]
      return PCPU(id: id, cell: core < 2 ? 0 : 1, socket: core / 2, die: 0, core: core % 2, siblings: siblings)
    },
    distances: DistanceMatrix(ids: [0, 1, 4], rows: [[10, 21, 17], [21, 10, 28], [17, 28, 10]]),
    l3Groups: [
      L3Group(id: 0, size: KiB(mib: 16), cpus: [0, 1, 4, 5]), L3Group(id: 1, size: KiB(mib: 16), cpus: [2, 3, 6]),
    ],
    devices: [
      PCIDevice(
        address: "0000:21:00.0", classID: "0x020000", vendor: "0x8086", device: "0x1572", driver: "i40e", cell: 1),
      PCIDevice(
        address: "0000:01:00.0", classID: "0x010802", vendor: "0x144d", device: "0xa808", driver: nil, cell: nil),
    ],
    offline: [7], isolated: [3], nohzFull: [], allowed: [0, 1, 2, 4, 5, 6])

  static let facts = HostFacts(
    kernelVersion: "6.1.0-21-amd64", libvirtVersion: "9.0.0", qemuVersion: "7.2.0", libvirtURI: "qemu:///system",
    cgroupVersion: 2, numaBalancing: 0, ksm: KSMState(run: 1, mergeAcrossNodes: true, pagesShared: 12, saved: 96),
    foreignBalancers: ["numad"],
    sources: [
      SourceNote(part: "cells", source: "libvirt capabilities"),
      SourceNote(part: "free pages", source: "/sys/devices/system/node"),
    ])

  /// A strict guest with its vcpus on one cell and its memory on another, whose live and config pins differ.
  static let database = Guest(
    id: "7d5f1c1e-0000-4000-8000-000000000001", name: "db", kind: .domain(type: "kvm"), state: .running,
    incarnation: Incarnation(pid: 4242, startTicks: 99), persistent: true, vcpusMaximum: 4, vcpusOnline: [0, 1],
    memory: KiB(mib: 512),
    guestCells: [
      GuestCell(
        id: 0, vcpus: [0, 1, 2, 3], memory: KiB(mib: 512), distances: [GuestCellDistance(to: 0, value: 10)])
    ],
    live: Pinning(
      vcpus: [VCPUPin(vcpu: 0, cpuset: [2]), VCPUPin(vcpu: 1, cpuset: [2, 3, 6])], emulator: [2, 3],
      iothreads: [IOThreadPin(iothread: 1, cpuset: [6])],
      numatune: NUMATune(
        mode: .strict, nodeset: [0], memnodes: [MemNode(guestCell: 0, mode: .strict, nodeset: [0])]),
      cputune: CPUTune(shares: 1024, vcpuPeriod: 100_000, vcpuQuota: -1),
      memory: [GuestCellPlacement(guestCell: 0, cell: 0)]),
    config: Pinning(
      vcpus: [VCPUPin(vcpu: 0, cpuset: [0]), VCPUPin(vcpu: 1, cpuset: [2, 3, 6]), VCPUPin(vcpu: 2, cpuset: [1])],
      emulator: [2, 3], iothreads: [IOThreadPin(iothread: 1, cpuset: [6])],
      numatune: NUMATune(mode: .strict, nodeset: [0], memnodes: [MemNode(guestCell: 0, mode: .strict, nodeset: [0])]),
      cputune: CPUTune(shares: 1024)),
    defaultCPUSet: [0, 1, 2, 3], iothreads: [1],
    threads: [
      GuestThread(tid: 4242, role: .emulator, name: "qemu-system-x86", cpusAllowed: [2, 3], memsAllowed: [0, 1]),
      GuestThread(tid: 4250, role: .vcpu(0), name: "CPU 0/KVM", cpusAllowed: [2], memsAllowed: [0]),
      GuestThread(tid: 4251, role: .vcpu(1), name: "CPU 1/KVM", cpusAllowed: [2, 3, 6], memsAllowed: [0]),
      GuestThread(tid: 4249, role: .iothread(1), name: "IO iothread1", cpusAllowed: [6], memsAllowed: [0]),
    ],
    regions: [
      MemoryRegion(
        start: 0x7f12_3400_0000, size: KiB(mib: 512), guestCell: 0, policy: "bind:0",
        residency: [
          CellResidency(cell: 0, pageSize: .base, pages: 122_880), CellResidency(cell: 1, pageSize: .base, pages: 2560),
        ])
    ],
    residency: [
      CellResidency(cell: 0, pageSize: .base, pages: 123_904), CellResidency(cell: 1, pageSize: .base, pages: 5120),
    ],
    vfio: ["0000:21:00.0"], locked: true,
    movability: Movability(.cpuOnly, because: "VFIO holds its pages where they are"))

  /// A process whose owner chose a name that recolours, rings and reorders.
  static let hostile = Guest(
    id: "host-a/process/77@5", name: "\u{1b}[31mred\u{7}\u{202e}dne\u{2028}\u{9b}2J",
    kind: .process(rule: "plain-qemu"),
    state: .running, incarnation: Incarnation(pid: 77, startTicks: 5), vcpusMaximum: 2, vcpusOnline: [0, 1],
    memory: KiB(mib: 64),
    threads: [
      GuestThread(
        tid: 77, role: .worker, name: "a\u{1b}]0;x", cpusAllowed: [0, 1, 2, 3, 4, 5, 6], memsAllowed: [0, 1, 4]),
      GuestThread(tid: 78, role: .worker, name: "b\nc", cpusAllowed: [0, 1, 2, 3, 4, 5, 6], memsAllowed: [0, 1, 4]),
    ], residency: [CellResidency(cell: 0, pageSize: .huge2M, pages: 32)],
    movability: Movability(.livePages, because: "libnuma can move its pages"))

  static let stopped = Guest(
    id: "7d5f1c1e-0000-4000-8000-000000000003", name: "web", kind: .domain(type: "kvm"), state: .shutoff,
    persistent: true, vcpusMaximum: 2, memory: KiB(gib: 1), config: Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: [1])]))

  static let host = HostView(
    id: "host-a", liveness: .connected, facts: facts, topology: topology, guests: [database, hostile, stopped],
    claims: [
      Claim(
        job: 12, host: "host-a", guest: database.id, guestName: "db", dedicated: [2, 3],
        memory: [MemoryClaim(cell: 1, pageSize: .base, amount: KiB(mib: 512))],
        floating: [FloatingClaim(cell: 1, vcpus: 2)])
    ], ageMilliseconds: 840, libvirtAnswers: true)

  /// What was wanted of the database: a hand has been at vcpu 1, and its memory was to go to node 1.
  static let wish = Wish(
    guest: database.id, host: "host-a", incarnation: nil,
    pinning: Pinning(
      vcpus: [VCPUPin(vcpu: 0, cpuset: [2]), VCPUPin(vcpu: 1, cpuset: [3])], emulator: [2, 3],
      memory: [GuestCellPlacement(guestCell: 0, cell: 1)]), origin: .placed(12), since: 1_795_449_117_000)

  static let placed = host.guests.map { PlacedGuest(host: host.id, guest: $0) }

  static let placement = Placement(
    host: "host-a", cells: [GuestCellPlacement(guestCell: 0, cell: 1)],
    pinning: Pinning(
      vcpus: (0..<4).map { VCPUPin(vcpu: $0, cpuset: [2, 3, 6]) }, emulator: [2, 3, 6],
      numatune: NUMATune(memnodes: [MemNode(guestCell: 0, mode: .strict, nodeset: [1])]),
      memory: [GuestCellPlacement(guestCell: 0, cell: 1)]), dedicated: [2, 3], score: 42,
    terms: [
      ScoreTerm(name: "contention", value: 40, detail: "4 vcpus on 3 cpus"),
      ScoreTerm(name: "locality", value: 2, detail: "one cell"),
    ])

  static let explanation = Explanation(
    chosen: [CellNote(host: "host-a", cell: 1, guestCell: 0, text: "3072 MiB free, 3 cpus at 0 %")],
    refused: [CellNote(host: "host-a", cell: 4, guestCell: nil, text: "it has no cpus")],
    counts: ["1 cell has no cpus"], movability: Movability(.livePages, because: "its numatune is strict"))

  /// A move with all that is told of one.
  private static let move: Move = {
    var move = Move(
      guest: database.id, guestName: "db", host: "host-a", incarnation: database.incarnation,
      from: [GuestCellPlacement(guestCell: 0, cell: 0)], placement: placement, expected: database.live,
      movability: Movability(.livePages, because: "its numatune is strict"), copy: KiB(mib: 480),
      reason: "96 % of its memory is on node 0 and its vcpus on node 1", explanation: explanation)
    move.gain = [
      ScoreTerm(name: "contention", value: 5000, detail: "9000 now, 4000 then"),
      ScoreTerm(name: "locality", value: -26_000, detail: "0 now, 26000 then"),
    ]
    move.seconds = 2
    return move
  }()

  /// Obeys another coordinator, and takes nothing new.
  static let lostHost: HostView = {
    var host = CannedFleet.host
    host.foreignTerm = 9
    host.draining = true
    return host
  }()
  static let planInPart: Plan = {
    var plan = CannedFleet.plan
    plan.wavesDone = 1
    plan.waves.append(Wave(moves: [move]))
    return plan
  }()
  static let plan = Plan(
    id: 7, parent: 6, purpose: "repair", wallMilliseconds: 1_795_449_117_000,
    waves: [
      Wave(moves: [move])
    ],
    unmoved: [
      UnmovedGuest(guest: hostile.id, guestName: hostile.name, host: "host-a", reason: "no rule allows it")
    ])

  static func job(_ state: JobState, _ outcome: JobOutcome?) -> JobRecord {
    let report = outcome.map { outcome in
      JobReport(
        job: 12, guest: database.id, generation: 3, outcome: outcome, driver: .libvirt,
        steps: [
          StepRecord(name: "widen", milliseconds: 3, detail: "2 threads to cpus 0-3"),
          StepRecord(name: "move memory", milliseconds: 1530, detail: "122880 pages, 32 left"),
        ], pagesLeft: 32, observed: database)
    }
    let job = Job(
      id: 12, host: "host-a", guest: database.id, guestName: "db", epoch: 2, generation: 3,
      incarnation: database.incarnation, action: .apply(desired: placement.pinning, expected: nil))
    return JobRecord(
      job: job, plan: 7, state: state, report: report, created: 1_795_449_117_000,
      ended: state.isFinal ? 1_795_449_119_500 : nil)
  }

  /// A job of the host itself, as it ends well.
  static var ksmJob: JobRecord {
    let steps = [
      ("unmerge all pages (96 KiB)", 4200, "written"), ("merge_across_nodes 0", 1, "written"), ("run 1", 1, "written"),
      ("verify", 2, "run 1, merge_across_nodes 0, 0 pages shared"),
    ]
    let job = Job(
      id: 14, host: "host-a", guest: .ksm(of: "host-a"), guestName: "KSM", epoch: 2, generation: 1, incarnation: nil,
      action: .switchKSM(mergeAcrossNodes: false), scope: .live, driver: .kernel)
    let report = JobReport(
      job: 14, guest: job.guest, generation: 1, outcome: .verified, driver: .kernel,
      steps: steps.map { StepRecord(name: $0.0, milliseconds: $0.1, detail: $0.2) })
    return JobRecord(
      job: job, plan: nil, state: .verified, report: report, created: 1_795_449_117_000, ended: 1_795_449_121_500)
  }

  static let refusal = Refusal(
    .noPages, "node 1 lacks 480 MiB of base pages", remedy: "free some, or place it elsewhere")
}
