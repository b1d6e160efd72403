import Fleet
import NUMA

@testable import PlacementEngine

/// Small fleets from a seed: the same seed gives the same fleet on every machine.
struct RandomFleet: RandomNumberGenerator {
  private var state: UInt64

  init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 &+ 0x1234_5678_9abc_def1 }

  /// SplitMix64.
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  mutating func number(_ range: ClosedRange<Int>) -> Int { range.lowerBound + Int(next() % UInt64(range.count)) }
  mutating func chance(_ percent: Int) -> Bool { number(0...99) < percent }
  mutating func pick<T>(_ values: [T]) -> T { values[number(0...(values.count - 1))] }

  mutating func policy() -> Policy {
    Policy(
      reserve: Reserve(pcpusPerCell: chance(30) ? 1 : 0, memoryPerCell: KiB(mib: number(0...2) * 128)),
      overcommitPercent: pick([100, 200, 400]),
      weights: Weights(contention: number(0...200), locality: number(0...200), fragmentation: number(0...100)),
      livePages: chance(50) ? ["*"] : [], foldGuestCells: chance(30))
  }

  /// A host of 1 to 4 cells, each of 0 to 6 cpus, some with two threads a core, some without memory.
  mutating func host(_ id: HostID, guests: Int) -> HostView {
    let count = number(1...4)
    let twoThreads = chance(40)
    var cells: [Cell] = []
    var pcpus: [PCPU] = []
    var nextCPU = 0
    let gap = chance(20) ? 2 : 1
    let alike = chance(40)
    let size = number(1...3) * 2
    let memory = number(1...4) * 512
    for index in 0..<count {
      let cpus = alike ? size : (chance(10) ? 0 : number(1...3) * 2)
      let mib = alike ? memory : (chance(10) && index > 0 ? 0 : number(1...6) * 512)
      let ids = Array(nextCPU..<(nextCPU + cpus))
      for cpu in ids {
        let base = twoThreads ? cpu - cpu % 2 : cpu
        pcpus.append(
          PCPU(
            id: cpu, cell: index * gap, socket: index, die: 0, core: base,
            siblings: twoThreads ? [base, base + 1] : [cpu]))
      }
      nextCPU += cpus
      let free = mib == 0 || alike ? mib : mib - number(0...mib / 4)
      cells.append(
        Cell(
          id: index * gap, memoryTotal: KiB(mib: mib), memoryFree: KiB(mib: free),
          pages: [PagePool(size: .base, total: mib * 256, free: free * 256)], cpus: CPUSet(ids)))
    }
    let rows = (0..<count).map { a in (0..<count).map { b in a == b ? 10 : 10 + 11 * max(1, abs(a - b)) } }
    var flat = rows
    if chance(50) { for a in 0..<count { for b in 0..<count where a != b { flat[a][b] = 20 } } }
    if chance(20) { for a in 0..<count { for b in 0..<count where a != b { flat[a][b] = number(11...40) } } }
    let topology = HostTopology(
      cells: cells, pcpus: pcpus, distances: DistanceMatrix(ids: cells.map(\.id), rows: flat),
      isolated: chance(10) && nextCPU > 0 ? [0] : [])
    var view = HostView(
      id: id, liveness: .connected, facts: HostFacts(kernelVersion: "6.1.0"), topology: topology, guests: [])
    for index in 0..<guests { view.guests.append(guest(GuestID("\(id)-g\(index)"), on: topology)) }
    return view
  }

  /// Lets all hosts measure something.
  mutating func load(_ inventory: inout Inventory) {
    for index in inventory.hosts.indices { inventory.hosts[index].load = load(inventory.hosts[index], 0...100) }
  }

  /// What such a host might measure: of some cells nothing, of the others so many percent of their time.
  mutating func load(_ host: HostView, _ busy: ClosedRange<Int>) -> HostLoad {
    HostLoad(
      cpuPressure: chance(50) ? number(0...(busy.upperBound > 90 ? 100 : 25)) : nil,
      cells: host.topology.cells.map {
        CellLoad(
          cell: $0.id, busy: chance(80) ? number(busy) : nil,
          bandwidth: chance(30) ? number(0...(busy.upperBound * 20)) : nil)
      })
  }

  /// A running guest, placed well or badly, pinned or not, of one or two guest cells.
  mutating func guest(_ id: GuestID, on topology: HostTopology) -> Guest {
    let vcpus = number(1...4)
    let twoCells = vcpus > 1 && chance(30)
    let withMemory = topology.cells.filter { $0.memoryTotal > 0 }
    let all = topology.cpus.members
    let mib = number(1...3) * 64
    var live = Pinning()
    var threads: [GuestThread] = []
    let style = number(0...4)
    for vcpu in 0..<vcpus {
      var mask = CPUSet(all)
      if style == 1, !all.isEmpty { mask = [pick(all)] }
      if style == 2 { mask = pick(topology.cells).cpus }
      // Some vcpus with a CPU of their own, the others on the rest.
      if style == 4 { mask = vcpu == 0 ? CPUSet(all.prefix(1)) : CPUSet(all.dropFirst()) }
      if style != 0, !mask.isEmpty { live.vcpus.append(VCPUPin(vcpu: vcpu, cpuset: mask)) }
      threads.append(
        GuestThread(
          tid: 100 + vcpu, role: .vcpu(vcpu), name: "CPU \(vcpu)/KVM", cpusAllowed: mask, memsAllowed: topology.nodes))
    }
    threads.append(
      GuestThread(
        tid: 99, role: .emulator, name: "qemu", cpusAllowed: style == 4 ? CPUSet(all.dropFirst()) : CPUSet(all),
        memsAllowed: topology.nodes))
    var regions: [MemoryRegion] = []
    for cell in 0..<(twoCells ? 2 : 1) {
      let size = twoCells ? mib / 2 : mib
      let home = withMemory.isEmpty ? 0 : pick(withMemory).id
      let resident = number(0...4) * size / 4
      var residency = [CellResidency(cell: home, pageSize: .base, pages: resident * 256)]
      if chance(30), let other = withMemory.last?.id, other != home {
        residency.append(CellResidency(cell: other, pageSize: .base, pages: number(0...8) * 256))
      }
      regions.append(
        MemoryRegion(
          start: UInt64(cell), size: KiB(mib: size), guestCell: cell, policy: "default", residency: residency))
    }
    let half = vcpus / 2
    let guestCells =
      twoCells
      ? [
        GuestCell(id: 0, vcpus: CPUSet(0..<half), memory: KiB(mib: mib / 2)),
        GuestCell(id: 1, vcpus: CPUSet(half..<vcpus), memory: KiB(mib: mib / 2)),
      ]
      : []
    let movability = Movability(
      pick([.liveMemory, .liveMemory, .livePages, .livePages, .cpuOnly, .migrateOnly, .fixed]),
      because: "it was drawn so")
    return Guest(
      id: id, name: id.text, kind: .domain(type: "kvm"), state: .running,
      incarnation: Incarnation(pid: 99, startTicks: 1),
      persistent: true, vcpusMaximum: vcpus, vcpusOnline: CPUSet(0..<vcpus), memory: KiB(mib: mib),
      guestCells: guestCells,
      live: live, config: live, threads: threads, regions: regions, movability: movability)
  }

  mutating func shape() -> Shape {
    let cells = number(1...3)
    let equal = chance(50)
    let first = ShapeCell(vcpus: number(1...3), memory: KiB(mib: number(1...4) * 64))
    let guestCells = (0..<cells).map { _ in
      equal ? first : ShapeCell(vcpus: number(1...4), memory: KiB(mib: number(0...6) * 64))
    }
    // Of a mixed guest the first cell has vcpus of both kinds, so that it is one.
    if chance(25), first.vcpus > 1 || !equal {
      var mixed = guestCells
      for index in mixed.indices { mixed[index].dedicatedVCPUs = number(0...mixed[index].vcpus) }
      mixed[0].vcpus = max(mixed[0].vcpus, 2)
      mixed[0].dedicatedVCPUs = 1
      return Shape(
        name: "drawn", guestCells: mixed, cpuClass: .mixed, smt: pick([.prefer, .require, .isolate]),
        emulatorPCPUs: chance(20) ? 1 : 0)
    }
    return Shape(
      name: "drawn", guestCells: guestCells, cpuClass: pick([.dedicated, .floating]),
      smt: pick([.prefer, .prefer, .require, .isolate]), emulatorPCPUs: chance(20) ? 1 : 0)
  }
}
