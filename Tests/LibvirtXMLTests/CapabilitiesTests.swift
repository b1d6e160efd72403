import Fleet
import Foundation
import LibvirtXML
import NUMA
import Testing

private func topology(_ host: String) throws -> HostTopology {
  try CapabilitiesDocument(parsing: Fixture.capabilities(host)).topology
}

@Test func testDriversHostHasTwoCellsAndNoDistances() throws {
  let document = try CapabilitiesDocument(parsing: Fixture.capabilities("test-default"))
  let host = document.topology
  #expect(host.cells.map(\.id) == [0, 1])
  #expect(host.cells.map(\.memoryTotal) == [KiB(gib: 2), KiB(gib: 4)])
  #expect(host.cells.map(\.cpus.description) == ["0-7", "8-15"])
  #expect(host.distances == nil)
  #expect(host.l3Groups.isEmpty)
  #expect(host.cell(1)?.pool(PageSize(kib: 8))?.total == 524_288)
  #expect(document.architecture == "i686")
  #expect(!document.hasIOMMU)
  #expect(document.pageSizes.map(\.kib) == [4, 8, 2048, 1_048_576])
  #expect(document.guestTypes.contains { $0.osType == "hvm" && $0.domainType == "test" && $0.architecture == "i686" })
}

@Test func emulatedMachineHasFourCellsWithDistances() throws {
  let host = try topology("emulated-4-cells")
  #expect(host.cells.map(\.id) == [0, 1, 2, 3])
  #expect(host.distances?.rows == [[10, 11, 21, 23], [11, 10, 22, 24], [21, 22, 10, 12], [23, 24, 12, 10]])
  #expect(host.cell(2)?.cpus == [4, 5])
  #expect(host.pcpu(5).map { [$0.cell ?? -1, $0.socket, $0.core] } == [2, 2, 1])
  #expect(host.cell(0)?.memoryTotal == 985_212)
  #expect(host.cell(0)?.pool(.base)?.total == 246_303)
  #expect(host.contradictions().isEmpty)
}

@Test func threadsCachesAndPagePoolsAreRead() throws {
  let document = try CapabilitiesDocument(parsing: Fixture.capabilities("two-sockets-smt"))
  let host = document.topology
  #expect(host.pcpu(17)?.siblings == [1, 17])
  #expect(host.l3Groups.map(\.cpus.description) == ["0-3,16-19", "4-7,20-23", "8-11,24-27", "12-15,28-31"])
  #expect(host.l3Groups[0].size == KiB(mib: 16))
  #expect(host.cell(0)?.pool(.huge2M)?.total == 2048)
  #expect(host.cell(0)?.pool(.huge1G)?.total == 4)
  #expect(host.cells.allSatisfy { $0.memoryFree == 0 && $0.pages.allSatisfy { $0.free == 0 } })
  #expect(document.hasIOMMU)
  #expect(document.guestTypes.map(\.domainType) == ["qemu", "kvm"])
}

@Test func offlineCPUsBelongToNoCell() throws {
  let host = try topology("offline-cpus")
  #expect(host.offline == [3, 6])
  #expect(host.cpus == [0, 1, 2, 4, 5, 7])
  #expect(host.cells.map(\.cpus) == [[0, 1, 2], [4, 5, 7]])
}

@Test func cellsWithoutCPUsOrMemoryAreCells() throws {
  let cxl = try topology("cxl-memory")
  #expect(cxl.cell(2)?.cpus.isEmpty == true)
  #expect(cxl.cell(2)?.memoryTotal == KiB(gib: 128))
  #expect(cxl.distance(from: 0, to: 2) == 14)
  let memoryless = try topology("memoryless-cell")
  #expect(memoryless.memoryNodes == [0])
  #expect(memoryless.cell(1)?.memoryTotal == 0)
  #expect(memoryless.cell(1)?.cpus == [2, 3])
}

@Test func gapsInIDsAndAsymmetricCellsAreKept() throws {
  let host = try topology("asymmetric-gaps")
  #expect(host.cells.map(\.id) == [0, 8, 252])
  #expect(host.cells.map(\.cpus.count) == [4, 2, 0])
  #expect(host.distance(from: 8, to: 252) == 80)
  #expect(host.cell(8)?.pages.map(\.size.kib) == [64])
  #expect(host.pcpu(88)?.siblings == [88, 89])
  #expect(host.pcpu(88)?.core == 2064)
}

@Test func cpusWithoutPlacesAreOnlineWhereNoneHasOne() throws {
  let text = """
    <capabilities><host><topology><cells><cell id='0'><memory>1024</memory><cpus><cpu id='0'/><cpu id='1'/></cpus>
    </cell></cells></topology></host></capabilities>
    """
  let host = try CapabilitiesDocument(parsing: text).topology
  #expect(host.cpus == [0, 1])
  #expect(host.offline.isEmpty)
}

@Test func aDistanceThatIsMissingLeavesAllUnknown() throws {
  let text = try Fixture.capabilities("emulated-4-cells").replacingOccurrences(
    of: "<sibling id='3' value='24'/>", with: "")
  #expect(try CapabilitiesDocument(parsing: text).topology.distances == nil)
}

@Test(arguments: [
  ("<host>", "<hose>", "</host>", "</hose>", "<capabilities> has no <host>"),
  (
    "<topology>\n      <cells", "<topolo>\n      <cells", "</cells>\n    </topology>", "</cells>\n    </topolo>",
    "no <topology>"
  ),
  ("<cells num='4'>", "<cel>", "</cells>", "</cel>", "<topology> has no <cells>"),
  ("<cell id='2'>", "<cell>", "<x>", "<x>", "<cell> has no id="),
  ("<cell id='2'>", "<cell id='1'>", "<x>", "<x>", "cell 1 is listed twice"),
  ("<cell id='2'>", "<cell id='4096'>", "<x>", "<x>", "is \"4096\", not a number from 0 to 1023"),
  ("<cpu id='4' ", "<cpu id='x' ", "<x>", "<x>", "<cpu id=> is \"x\""),
  ("<cpu id='4' ", "<cpu id='9999999999999999999999' ", "<x>", "<x>", "not a number from 0 to 8191"),
  ("<cpu id='5' ", "<cpu id='4' ", "<x>", "<x>", "cpu 4 of cell 2 is listed twice"),
  ("<cpu id='5' ", "<cpu id='0' ", "<x>", "<x>", "belong to more than one cell"),
  ("siblings='4'", "siblings='4-'", "<x>", "<x>", "is not a list"),
  ("<memory unit='KiB'>985212", "<memory unit='furlong'>985212", "<x>", "<x>", "unit \"furlong\""),
  ("<memory unit='KiB'>985212", "<memory unit='EiB'>985212", "<x>", "<x>", "more memory than any machine has"),
  ("<memory unit='KiB'>985212", "<memory unit='KiB'>-1", "<x>", "<x>", "is \"-1\""),
])
func aBrokenPartIsNamed(old: String, new: String, oldEnd: String, newEnd: String, complaint: String) throws {
  let text = try Fixture.capabilities("emulated-4-cells").replacingOccurrences(of: old, with: new)
    .replacingOccurrences(of: oldEnd, with: newEnd)
  let error = #expect(throws: XMLError.self) { try CapabilitiesDocument(parsing: text) }
  #expect(error?.description.contains(complaint) == true, "\(String(describing: error))")
  #expect(error?.refusal.remedy.isEmpty == false)
}

@Test func aLargeHostIsReadQuickly() throws {
  var cells = ""
  for cell in 0..<16 {
    let cpus = (0..<128).map { cpu in
      let id = cell * 128 + cpu
      return "<cpu id='\(id)' socket_id='\(cell)' die_id='0' core_id='\(cpu / 2)' siblings='\(id & ~1)-\(id | 1)'/>"
    }
    let distances = (0..<16).map { "<sibling id='\($0)' value='\($0 == cell ? 10 : 20)'/>" }
    cells += "<cell id='\(cell)'><memory>1048576</memory><distances>\(distances.joined())</distances>"
    cells += "<cpus>\(cpus.joined())</cpus></cell>"
  }
  let text = "<capabilities><host><topology><cells>\(cells)</cells></topology></host></capabilities>"
  let start = ContinuousClock.now
  #expect(try CapabilitiesDocument(parsing: text).topology.pcpus.count == 2048)
  #expect(ContinuousClock.now - start < .seconds(2))
}

@Test func pciDevicesHaveTheirCell() throws {
  let near = try PCIDevice(parsing: Fixture.text("hosts/emulated-4-cells/nodedev-pci_0000_41_00_0.xml"))
  #expect(
    near
      == PCIDevice(
        address: "0000:41:00.0", classID: "0x00ff00", vendor: "0x1af4", device: "0x1044", driver: "virtio-pci", cell: 0)
  )
  let anywhere = try PCIDevice(parsing: Fixture.text("hosts/emulated-4-cells/nodedev-pci_0000_00_01_0.xml"))
  #expect(anywhere?.cell == nil)
  #expect(anywhere?.address == "0000:00:01.0")
  #expect(try PCIDevice(parsing: "<device><name>sda</name><capability type='storage'/></device>") == nil)
  #expect(throws: XMLError.self) { try PCIDevice(parsing: "<device><capability type='pci'/></device>") }
}
