import Fleet
import NUMA

/// A host of two cells and a guest on it, with every field filled.
enum Sample {
  /// Cells 0 and 1 of four CPUs and 4 GiB, 1 GiB of it free; cell 2 has CPUs only; CPU 12 is offline, 7 is not allowed.
  static let topology = HostTopology(
    cells: [
      Cell(
        id: 0, memoryTotal: KiB(gib: 4), memoryFree: KiB(gib: 1),
        pages: [PagePool(size: .base, total: 1_048_576, free: 262_144), PagePool(size: .huge2M, total: 16, free: 4)],
        cpus: [0, 1, 2, 3]),
      Cell(id: 1, memoryTotal: KiB(gib: 4), memoryFree: KiB(gib: 1), cpus: [4, 5, 6, 7]),
      Cell(id: 2, memoryTotal: 0, memoryFree: 0, cpus: [8, 9]),
    ],
    pcpus: (0..<10).map { PCPU(id: $0, cell: $0 / 4, socket: 0, die: 0, core: $0, siblings: [$0]) },
    offline: [12], allowed: [0, 1, 2, 3, 4, 5, 6, 8, 9])

  static let facts = HostFacts(
    kernelVersion: "6.1.0-13-amd64", libvirtVersion: "9.0.0", qemuVersion: "7.2.5", libvirtURI: "qemu:///system",
    cgroupVersion: 2, numaBalancing: 1, ksm: KSMState(run: 1, mergeAcrossNodes: true, pagesShared: 9),
    foreignBalancers: ["numad"], irqbalanceBanned: [3],
    guestsParent: GuestsParent(cgroup: "/machine.slice", cpus: [0, 1], mems: [0]),
    sources: [SourceNote(part: "cells", source: "libvirt capabilities")])

  static let pinning = Pinning(
    vcpus: [VCPUPin(vcpu: 1, cpuset: [1]), VCPUPin(vcpu: 0, cpuset: [0])], emulator: [0, 1],
    iothreads: [IOThreadPin(iothread: 1, cpuset: [2])],
    numatune: NUMATune(
      mode: .strict, nodeset: [0], automatic: false, memnodes: [MemNode(guestCell: 0, mode: .preferred, nodeset: [0])]),
    cputune: CPUTune(
      shares: 100, vcpuPeriod: 100_000, vcpuQuota: -1, globalPeriod: 100_001, globalQuota: 5000,
      emulatorPeriod: 100_002,
      emulatorQuota: 5001, iothreadPeriod: 100_003, iothreadQuota: 5002),
    memory: [GuestCellPlacement(guestCell: 0, cell: 0)])

  /// 512 MiB, all of it on cell 0, and restrictive: libvirt can move it.
  static var guest: Guest {
    let residency = [CellResidency(cell: 0, pageSize: .base, pages: 131_072)]
    return Guest(
      id: "11111111-2222-3333-4444-555555555555", name: "db", kind: .domain(type: "kvm"), state: .running,
      incarnation: Incarnation(pid: 42, startTicks: 99), persistent: true, vcpusMaximum: 4, vcpusOnline: [0, 1],
      memory: KiB(mib: 512),
      guestCells: [
        GuestCell(id: 0, vcpus: [0, 1, 2, 3], memory: KiB(mib: 512), distances: [GuestCellDistance(to: 0, value: 10)])
      ],
      live: Pinning(emulator: [0, 1, 2, 3], numatune: NUMATune(mode: .restrictive, nodeset: [0])), config: pinning,
      defaultCPUSet: [0, 1, 2, 3], iothreads: [1],
      threads: [
        GuestThread(tid: 42, role: .emulator, name: "qemu", cpusAllowed: [0, 1, 2, 3], memsAllowed: [0]),
        GuestThread(tid: 43, role: .vcpu(0), name: "CPU 0/KVM", cpusAllowed: [0], memsAllowed: [0]),
        GuestThread(tid: 44, role: .iothread(1), name: "IO iothread1", cpusAllowed: [2], memsAllowed: [0]),
        GuestThread(tid: 45, role: .worker, name: "vnc", cpusAllowed: [2], memsAllowed: [0]),
      ],
      regions: [
        MemoryRegion(
          start: 0x7f00_0000_0000, size: KiB(mib: 512), guestCell: 0, policy: "prefer:0", residency: residency)
      ], residency: residency, vfio: ["0000:21:00.0"], locked: true,
      movability: Movability(.liveMemory, because: "its numatune is restrictive"))
  }

  static let shape = Shape(
    name: "db", guestCells: [ShapeCell(vcpus: 2, memory: KiB(mib: 512)), ShapeCell(vcpus: 1, memory: KiB(mib: 256))],
    cpuClass: .dedicated, smt: .isolate, pageSize: .huge2M, mode: .interleave, near: ["0000:21:00.0"],
    emulatorPCPUs: 1, iothreads: 2, hosts: ["h1"])

  static let placement = Placement(
    host: "h1", cells: [GuestCellPlacement(guestCell: 0, cell: 1)], pinning: pinning, dedicated: [4, 5], score: 12,
    terms: [ScoreTerm(name: "locality", value: 12, detail: "distance 21 over 1 pair")])

  static let explanation = Explanation(
    chosen: [CellNote(host: "h1", cell: 1, guestCell: 0, text: "scored 12")],
    refused: [CellNote(host: "h1", cell: nil, guestCell: nil, text: "unreachable")], counts: ["1 cell lacks 2 GiB"],
    movability: Movability(.livePages, because: "strict"))

  static let claim = Claim(
    job: 7, host: "h1", guest: "g", dedicated: [4, 5],
    memory: [MemoryClaim(cell: 1, pageSize: .huge2M, amount: KiB(mib: 512))])
}
