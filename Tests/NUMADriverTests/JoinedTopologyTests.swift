import Fleet
import NUMA
import Testing

@testable import NUMADriver

@Suite struct JoinedTopologyTests {
  private func kernel() throws -> HostTopology {
    let dump = try MachineDump("sysfs/five-cells")
    return try KernelTopology(root: dump.root).read()
  }

  private func source(_ joined: JoinedTopology, _ part: String) -> String? {
    joined.sources.first { $0.part == part }?.source
  }

  @Test func withoutLibvirtTheKernelIsTheSource() throws {
    let joined = JoinedTopology(libvirt: nil, kernel: try kernel())
    #expect(joined.topology == (try kernel()))
    #expect(joined.sources == [SourceNote(part: "topology", source: "/sys/devices/system alone")])
  }

  @Test func agreeingSourcesJoin() throws {
    let kernel = try kernel()
    var libvirt = kernel
    libvirt.devices = []
    libvirt.offline = []
    for index in libvirt.cells.indices { libvirt.cells[index].memoryFree = 0 }
    let joined = JoinedTopology(libvirt: libvirt, kernel: kernel)
    #expect(joined.topology == kernel)
    #expect(source(joined, "cells") == "libvirt capabilities")
    #expect(source(joined, "cpus") == "libvirt capabilities")
    #expect(source(joined, "memory and pages, total and free") == "/sys/devices/system/node")
    #expect(source(joined, "devices") == "/sys/bus/pci/devices")
  }

  @Test func kernelWinsAfterHotPlug() throws {
    let kernel = try kernel()
    var libvirt = kernel
    libvirt.cells[3].cpus.insert(13)
    libvirt.pcpus.append(PCPU(id: 13, cell: 3, socket: 3, die: 0, core: 0, siblings: [12, 13]))
    let joined = JoinedTopology(libvirt: libvirt, kernel: kernel)
    #expect(joined.topology.cell(3)?.cpus == [12, 14, 15])
    #expect(source(joined, "cpus")?.contains("libvirt says otherwise: cpus 0-15") == true)
  }

  @Test func libvirtFillsWhatTheKernelDoesNotTell() throws {
    let libvirt = try kernel()
    var kernel = libvirt
    kernel.distances = nil
    kernel.l3Groups = []
    let joined = JoinedTopology(libvirt: libvirt, kernel: kernel)
    #expect(joined.topology.distances == libvirt.distances)
    #expect(joined.topology.l3Groups == libvirt.l3Groups)
    #expect(source(joined, "distances") == "libvirt capabilities")
  }

  @Test func otherMachinesLibvirtIsTakenAlone() throws {
    let cells = [0, 1].map {
      Cell(id: $0, memoryTotal: KiB(gib: 3), memoryFree: 0, cpus: CPUSet(($0 * 8)..<($0 * 8 + 8)))
    }
    let cpus = (0..<16).map { PCPU(id: $0, cell: $0 / 8, socket: $0 / 8, die: 0, core: $0 % 8, siblings: [$0]) }
    let test = HostTopology(cells: cells, pcpus: cpus)
    let joined = JoinedTopology(libvirt: test, kernel: try kernel())
    #expect(joined.topology == test)
    #expect(joined.sources.count == 1)
    #expect(joined.sources[0].source.contains("not those of this kernel"))
  }
}
