import Fleet
import Foundation
import LibvirtDriver
import LibvirtXML
import NUMA
import Testing

/// libvirt itself, schema and post-parse checks included, accepts what `LibvirtXML` writes.
@Suite struct MergeTests {
  private static func pinning(_ shape: Shape, cells: [Int]) -> Placement {
    var next = 0
    var pins: [VCPUPin] = []
    for (index, cell) in shape.guestCells.enumerated() {
      for _ in 0..<cell.vcpus {
        pins.append(VCPUPin(vcpu: next, cpuset: [cells[index] * 8 + next % 8]))
        next += 1
      }
    }
    return Placement(
      host: "h", cells: cells.enumerated().map { GuestCellPlacement(guestCell: $0, cell: $1) },
      pinning: Pinning(
        vcpus: pins, emulator: [0, 1],
        iothreads: (0..<shape.iothreads).map { IOThreadPin(iothread: $0 + 1, cpuset: [2]) },
        cputune: CPUTune(shares: 512, vcpuPeriod: 50_000, vcpuQuota: 25_000, emulatorQuota: -1)),
      dedicated: [], score: 0, terms: [])
  }

  @Test(arguments: NUMAMode.allCases, [1, 2])
  func newGuestsAreDefinedAndStarted(mode: NUMAMode, cells: Int) throws {
    let connection = try TestHost.open()
    let shape = Shape(
      name: "new-\(UUID().uuidString.prefix(8))",
      guestCells: Array(repeating: ShapeCell(vcpus: 2, memory: KiB(mib: 64)), count: cells), mode: mode, iothreads: 2)
    let placement = Self.pinning(shape, cells: Array(0..<cells))
    let host = try connection.capabilities().topology
    let document = try DomainDocument(newGuest: shape, type: "test", architecture: "i686")
      .merging(shape: shape, placement: placement, host: host)
    let uuid = try connection.define(xml: document.text)
    defer { try? connection.undefine(uuid) }
    try connection.start(uuid)
    defer { try? connection.destroy(uuid) }
    let record = try connection.domain(uuid: uuid)
    #expect(record.live.vcpus == placement.pinning.vcpus)
    #expect(record.live.emulator == [0, 1])
    #expect(record.live.iothreads == placement.pinning.iothreads)
    #expect(record.live.cputune == placement.pinning.cputune)
    #expect(record.live.numatune?.nodeset == NodeSet(0..<cells))
    #expect(record.live.numatune?.mode == mode)
    #expect(record.guestCells.count == (cells > 1 ? cells : 0))
    #expect(record.memory == shape.memory)
  }

  @Test(arguments: ["twocell-config", "db-config", "strict-config", "web-a-config"])
  func realDefinitionsStayValidWithAPlacement(name: String) throws {
    let connection = try TestHost.open()
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let text = try String(
      contentsOf: folder.appendingPathComponent("Fixtures/domains/\(name).xml"), encoding: .utf8
    ).replacingOccurrences(of: "<domain type='qemu'", with: "<domain type='test'")
    let uuid = UUID().uuidString.lowercased()
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.contains("<uuid>") ? "<uuid>\(uuid)</uuid>" : line.contains("<name>") ? "<name>\(uuid)</name>" : String(line)
    }
    // The test driver's host is an i686 without emulators of its own.
    let document = try DomainDocument(
      parsing: lines.joined(separator: "\n").replacingOccurrences(of: "x86_64' machine='pc-i440fx-7.2'", with: "i686'"))
    let shape = Shape(
      guestCells: [ShapeCell(vcpus: 3, memory: KiB(mib: 64)), ShapeCell(vcpus: 1, memory: KiB(mib: 32))],
      pageSize: .huge2M, iothreads: 1)
    let merged = try document.merging(shape: shape, placement: Self.pinning(shape, cells: [1, 0]))
    #expect(try connection.define(xml: merged.text) == uuid)
    defer { try? connection.undefine(uuid) }
    let record = try connection.domain(uuid: uuid)
    #expect(record.config?.numatune?.memnodes.map(\.nodeset) == [[1], [0]])
    #expect(record.guestCells.map(\.vcpus.description) == ["0-2", "3"])
    #expect(record.pageSize == .huge2M)
  }
}
