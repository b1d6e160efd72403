import Fleet
import NUMA

/// Values of every type that travels, filled at random from a seed: the same seed gives the same values.
struct Sampler {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 }

  /// SplitMix64, by Sebastiano Vigna (public domain): https://prng.di.unimi.it/splitmix64.c
  mutating func bits() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func int(_ range: ClosedRange<Int>) -> Int {
    range.lowerBound + Int(bits() % UInt64(range.upperBound - range.lowerBound + 1))
  }
  mutating func bool() -> Bool { bits() & 1 == 0 }
  mutating func pick<T>(_ all: [T]) -> T { all[int(0...(all.count - 1))] }
  mutating func word<T: CaseIterable>(_ type: T.Type = T.self) -> T { pick(Array(T.allCases)) }
  mutating func maybe<T>(_ make: (inout Sampler) -> T) -> T? { bool() ? make(&self) : nil }
  mutating func some<T>(_ most: Int = 3, _ make: (inout Sampler) -> T) -> [T] {
    (0..<int(0...most)).map { _ in make(&self) }
  }

  mutating func text() -> String {
    pick(["", "a", "zürich-07", "guest with blank", "名前", "line\nbreak", "x\u{0}y"]) + String(bits() % 100_000)
  }
  mutating func id<ID: TextID>() -> ID { ID(text()) }
  mutating func counter<C: Counter>() -> C { C(bits() >> 2) }
  mutating func kib() -> KiB { KiB(int(0...1 << 40)) }
  mutating func cell() -> Int { int(0...1023) }
  mutating func pageSize() -> PageSize { pick([.base, .huge2M, .huge1G, PageSize(kib: 64)]) }
  mutating func set<Kind: IDKind>() -> IDSet<Kind> {
    var set = IDSet<Kind>()
    for _ in 0..<int(0...4) {
      let low = int(0...(Kind.idLimit - 1))
      set.insert(low...min(Kind.idLimit - 1, low + int(0...9)))
    }
    return set
  }

  // MARK: Topology

  mutating func topology() -> HostTopology {
    HostTopology(
      cells: distinct(4).map { id in
        Cell(id: id, memoryTotal: kib(), memoryFree: kib(), pages: some { $0.pagePool() }, cpus: set())
      },
      pcpus: distinct(6).map { id in
        PCPU(
          id: id, cell: maybe { $0.cell() }, socket: int(-1...7), die: int(-1...3), core: int(-1...63),
          siblings: set())
      },
      distances: bool() ? distances() : nil,
      l3Groups: some { L3Group(id: $0.int(0...63), size: $0.kib(), cpus: $0.set()) },
      devices: some { $0.device() }, offline: set(), isolated: set(), nohzFull: set(), allowed: set() as CPUSet)
  }
  /// Ids without repetition, because the model sorts by them and equal ids have no order.
  private mutating func distinct(_ most: Int) -> [Int] { Array(Set(some(most) { $0.cell() })) }
  private mutating func distances() -> DistanceMatrix? {
    let ids = distinct(4)
    return DistanceMatrix(ids: ids, rows: ids.map { _ in ids.map { _ in int(10...255) } })
  }
  private mutating func device() -> PCIDevice {
    PCIDevice(
      address: text(), classID: text(), vendor: text(), device: text(), driver: maybe { $0.text() },
      cell: maybe { $0.cell() })
  }
  mutating func pagePool() -> PagePool {
    PagePool(size: pageSize(), total: int(0...1 << 20), free: int(0...1 << 20))
  }

  // MARK: Host

  mutating func report() -> HostReport {
    HostReport(
      facts: facts(), topologyHash: bits(), topology: maybe { $0.topology() },
      cells: some { CellState(cell: $0.cell(), memoryFree: $0.kib(), pages: $0.some { $0.pagePool() }) },
      guests: some { $0.guest() }, libvirtAnswers: maybe { $0.bool() },
      journal: maybe { sampler in
        JournalHead(
          generations: sampler.some { JournalHead.Mark(guest: $0.id(), generation: $0.counter()) },
          inHand: sampler.some { $0.counter() }, unacknowledged: sampler.some { $0.counter() })
      }, load: maybe { $0.load() }, looked: bits() >> 2)
  }
  mutating func load() -> HostLoad {
    HostLoad(
      cpuPressure: maybe { $0.int(0...100) }, memoryPressure: maybe { $0.int(0...100) },
      memoryStalled: maybe { $0.int(0...100) },
      cells: some { sampler in
        CellLoad(
          cell: sampler.cell(), busy: sampler.maybe { $0.int(0...100) }, fileCache: sampler.kib(),
          bandwidth: sampler.maybe { $0.int(0...1 << 30) })
      })
  }
  mutating func facts() -> HostFacts {
    HostFacts(
      kernelVersion: text(), libvirtVersion: maybe { $0.text() }, qemuVersion: maybe { $0.text() },
      libvirtURI: maybe { $0.text() }, cgroupVersion: maybe { $0.int(1...2) }, numaBalancing: maybe { $0.int(0...3) },
      ksm: maybe { sampler in
        KSMState(
          run: sampler.int(0...2), mergeAcrossNodes: sampler.bool(), pagesShared: sampler.int(0...1 << 30),
          saved: sampler.maybe { $0.kib() })
      },
      foreignBalancers: some { $0.text() }, irqbalanceBanned: maybe { $0.set() },
      guestsParent: maybe { sampler in
        GuestsParent(cgroup: sampler.text(), cpus: sampler.maybe { $0.set() }, mems: sampler.maybe { $0.set() })
      },
      sources: some { SourceNote(part: $0.text(), source: $0.text()) }, migrationURI: maybe { $0.text() })
  }

  // MARK: Guest

  mutating func incarnation() -> Incarnation { Incarnation(pid: int(1...4_194_304), startTicks: bits() >> 3) }
  mutating func guest() -> Guest {
    Guest(
      id: id(), name: text(), kind: bool() ? .domain(type: text()) : .process(rule: text()), state: word(),
      incarnation: maybe { $0.incarnation() }, persistent: bool(), vcpusMaximum: int(0...4096), vcpusOnline: set(),
      memory: kib(), pageSize: pageSize(), guestCells: some { $0.guestCell() }, live: pinning(),
      config: maybe { $0.pinning() }, defaultCPUSet: maybe { $0.set() }, iothreads: some { $0.int(0...99) },
      threads: some { $0.thread() }, regions: some { $0.region() }, residency: some { $0.residency() },
      vfio: some { $0.text() }, locked: bool(), movability: movability())
  }
  private mutating func guestCell() -> GuestCell {
    GuestCell(
      id: cell(), vcpus: set(), memory: kib(),
      distances: some { GuestCellDistance(to: $0.cell(), value: $0.int(10...255)) })
  }
  private mutating func thread() -> GuestThread {
    GuestThread(
      tid: int(1...4_194_304), role: pick([.vcpu(int(0...4095)), .iothread(int(0...99)), .emulator, .worker]),
      name: text(), cpusAllowed: set(), memsAllowed: set())
  }
  private mutating func region() -> MemoryRegion {
    MemoryRegion(
      start: bits(), size: kib(), guestCell: maybe { $0.cell() }, policy: text(), residency: some { $0.residency() })
  }
  private mutating func residency() -> CellResidency {
    CellResidency(cell: cell(), pageSize: pageSize(), pages: int(0...1 << 20))
  }
  mutating func movability() -> Movability { Movability(word(), because: text(), staysBecause: maybe { $0.text() }) }
  mutating func placements() -> [GuestCellPlacement] {
    distinct(3).sorted().map { GuestCellPlacement(guestCell: $0, cell: cell()) }
  }
  mutating func pinning() -> Pinning {
    Pinning(
      vcpus: distinct(3).map { VCPUPin(vcpu: $0, cpuset: set()) }, emulator: maybe { $0.set() },
      iothreads: distinct(3).map { IOThreadPin(iothread: $0, cpuset: set()) }, numatune: maybe { $0.numatune() },
      cputune: bool() ? CPUTune() : cputune(), memory: placements())
  }
  private mutating func numatune() -> NUMATune {
    NUMATune(
      mode: maybe { $0.word() }, nodeset: maybe { $0.set() }, automatic: bool(),
      memnodes: distinct(3).map { MemNode(guestCell: $0, mode: word(), nodeset: set()) })
  }
  private mutating func cputune() -> CPUTune {
    CPUTune(
      shares: maybe { $0.int(0...262_144) }, vcpuPeriod: maybe { $0.int(0...1_000_000) },
      vcpuQuota: maybe { $0.int(-1...1_000_000) }, globalPeriod: maybe { $0.int(0...1_000_000) },
      globalQuota: maybe { $0.int(-1...1_000_000) }, emulatorPeriod: maybe { $0.int(0...1_000_000) },
      emulatorQuota: maybe { $0.int(-1...1_000_000) }, iothreadPeriod: maybe { $0.int(0...1_000_000) },
      iothreadQuota: maybe { $0.int(-1...1_000_000) })
  }
}
