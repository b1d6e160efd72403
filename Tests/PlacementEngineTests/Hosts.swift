import Fleet
import NUMA

/// A host of like cells with consecutive CPUs, for tests that need nothing special.
func host(
  _ id: HostID, cells: Int = 2, cpus: Int = 4, mib: Int = 4096, threads: Int = 1, far: Int = 20, huge: Int = 0,
  guests: [Guest] = [], claims: [Claim] = []
) -> HostView {
  let rows = (0..<cells).map { a in (0..<cells).map { a == $0 ? 10 : far } }
  return host(
    id, cells: cells, cpus: cpus, mib: mib, threads: threads, rows: rows, huge: huge, guests: guests, claims: claims)
}

/// The same with distances of one's own; `huge` is the number of free 2 MiB pages of each cell.
func host(
  _ id: HostID, cells: Int, cpus: Int, mib: Int, threads: Int = 1, rows: [[Int]], huge: Int = 0, guests: [Guest] = [],
  claims: [Claim] = []
) -> HostView {
  let pcpus = (0..<(cells * cpus)).map { cpu in
    let core = cpu - cpu % threads
    return PCPU(
      id: cpu, cell: cpu / cpus, socket: cpu / cpus, die: 0, core: core, siblings: CPUSet(core..<(core + threads)))
  }
  let all = (0..<cells).map { id in
    let free = mib - huge * 2
    var pages = [PagePool(size: .base, total: free * 256, free: free * 256)]
    if huge > 0 { pages.append(PagePool(size: .huge2M, total: huge, free: huge)) }
    return Cell(
      id: id, memoryTotal: KiB(mib: mib), memoryFree: KiB(mib: free), pages: pages,
      cpus: CPUSet((id * cpus)..<((id + 1) * cpus)))
  }
  let topology = HostTopology(cells: all, pcpus: pcpus, distances: DistanceMatrix(ids: Array(0..<cells), rows: rows))
  return HostView(
    id: id, liveness: .connected, facts: HostFacts(kernelVersion: "6.1.0"), topology: topology, guests: guests,
    claims: claims)
}

/// A running libvirt guest: `pins` by vcpu, `mib` of memory all resident on `on`.
func guest(
  _ name: String, pins: [CPUSet], emulator: CPUSet? = nil, mib: Int = 512, on cell: Int = 0,
  movable: MovabilityClass = .liveMemory
) -> Guest {
  let live = Pinning(vcpus: pins.enumerated().map { VCPUPin(vcpu: $0.offset, cpuset: $0.element) }, emulator: emulator)
  let threads = pins.enumerated().map { index, mask in
    GuestThread(tid: 10 + index, role: .vcpu(index), name: "CPU \(index)/KVM", cpusAllowed: mask, memsAllowed: [0])
  }
  return Guest(
    id: GuestID("id-\(name)"), name: name, kind: .domain(type: "kvm"), state: .running,
    incarnation: Incarnation(pid: 1, startTicks: 1), persistent: true, vcpusMaximum: pins.count,
    vcpusOnline: CPUSet(0..<pins.count), memory: KiB(mib: mib), live: live, config: live, threads: threads,
    regions: [
      MemoryRegion(
        start: 1, size: KiB(mib: mib), guestCell: 0, policy: "default",
        residency: [CellResidency(cell: cell, pageSize: .base, pages: mib * 256)])
    ], movability: Movability(movable, because: "the test says so"))
}

/// A running guest of several guest cells, one vcpu each, with its memory on the given host cells.
func guest(_ name: String, cells: [Int], mib: Int = 256, movable: MovabilityClass = .livePages) -> Guest {
  var made = guest(name, pins: cells.map { _ in CPUSet(0..<64) }, mib: mib * cells.count, movable: movable)
  made.guestCells = cells.indices.map { GuestCell(id: $0, vcpus: [$0], memory: KiB(mib: mib)) }
  made.regions = cells.enumerated().map { index, cell in
    MemoryRegion(
      start: UInt64(index), size: KiB(mib: mib), guestCell: index, policy: "bind:\(cell)",
      residency: [CellResidency(cell: cell, pageSize: .base, pages: mib * 256)])
  }
  let memnodes = cells.enumerated().map { MemNode(guestCell: $0.offset, mode: .strict, nodeset: [$0.element]) }
  made.live.numatune = NUMATune(mode: .strict, nodeset: NodeSet(cells), memnodes: memnodes)
  made.config = made.live
  return made
}

/// A policy without a reserve, so that numbers in tests are round.
let bare = Policy(reserve: Reserve(pcpusPerCell: 0, memoryPerCell: 0))
