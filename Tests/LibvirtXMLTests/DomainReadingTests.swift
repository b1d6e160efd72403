import Fleet
import Foundation
import LibvirtXML
import NUMA
import Testing

@Test func everythingThatConcernsPlacementIsRead() throws {
  let domain = try DomainDocument(parsing: Fixture.domain("rich"))
  #expect(domain.type == "kvm")
  #expect(domain.name == "rich & famous")
  #expect(domain.uuid == "6c1e7a52-0a54-4c1c-9d5c-1f9a3c1b7a01")
  #expect(domain.vcpusMaximum == 4)
  #expect(domain.vcpusOnline == [0, 2, 3])
  #expect(domain.defaultCPUSet?.description == "0-2,4-15")
  #expect(domain.memory == KiB(gib: 8))
  #expect(domain.currentMemory == KiB(gib: 6))
  #expect(domain.pinning.vcpus == [VCPUPin(vcpu: 0, cpuset: [1, 3, 4]), VCPUPin(vcpu: 2, cpuset: [5])])
  #expect(domain.pinning.emulator == [0])
  #expect(domain.pinning.iothreads == [IOThreadPin(iothread: 2, cpuset: [6, 7])])
  #expect(
    domain.pinning.cputune == CPUTune(shares: 2048, vcpuPeriod: 100_000, vcpuQuota: -1, globalPeriod: 200_000))
  #expect(
    domain.pinning.numatune
      == NUMATune(
        mode: .strict, nodeset: [0, 1],
        memnodes: [
          MemNode(guestCell: 0, mode: .preferred, nodeset: [0]), MemNode(guestCell: 1, mode: .strict, nodeset: [1]),
        ]))
  #expect(domain.pinning.memory.isEmpty)
  #expect(domain.guestCells.map(\.vcpus) == [[0, 1], [2, 3]])
  #expect(domain.guestCells.map(\.memory) == [KiB(gib: 4), KiB(gib: 4)])
  #expect(domain.guestCells[0].distances.map(\.value) == [10, 21])
  #expect(domain.iothreads == [1, 2, 3])
  #expect(domain.hostDevices == ["0000:21:1f.7", "mdev:c2177883-f1bb-47f0-914d-32a22e3a8804", "0000:41:00.1"])
  #expect(domain.launchSecurity == "sev")
  #expect(domain.pageSize == .huge2M)
  #expect(domain.memoryBacking.locked)
  #expect(domain.memoryBacking.shared)
  #expect(domain.memoryBacking.source == "memfd")
  #expect(domain.memoryBacking.allocatedImmediately)
  #expect(!domain.memoryBacking.unmerged)
}

@Test func realDumpsBecomeRecords() throws {
  let record = try DomainRecord(
    parsingLive: Fixture.domain("twocell-live"), config: Fixture.domain("twocell-config"), state: .running,
    persistent: true, pid: 289)
  #expect(record.name == "twocell")
  #expect(record.vcpusMaximum == 3)
  #expect(record.vcpusOnline == [0, 1])
  #expect(record.guestCells.map(\.vcpus) == [[0], [1, 2]])
  #expect(record.live.numatune?.memnodes.map(\.nodeset) == [[0], [1]])
  #expect(record.config?.numatune == record.live.numatune)
  #expect(record.pid == 289)
  #expect(record.pageSize == .base)
  let db = try DomainRecord(parsingLive: Fixture.domain("db-live"), config: nil, state: .running, persistent: false)
  #expect(db.config == nil)
  #expect(db.live.vcpus == [VCPUPin(vcpu: 0, cpuset: [2]), VCPUPin(vcpu: 1, cpuset: [3])])
  #expect(db.live.numatune == NUMATune(mode: .restrictive, nodeset: [0]))
  #expect(db.iothreads == [1])
}

private func domain(_ parts: String) throws -> DomainDocument {
  try DomainDocument(parsing: "<domain type='test'><name>a</name><memory>1024</memory>\(parts)</domain>")
}

@Test func defaultsAreLibvirts() throws {
  let bare = try domain("")
  #expect(bare.vcpusMaximum == 1)
  #expect(bare.vcpusOnline == [0])
  #expect(bare.memory == KiB(1024))
  #expect(bare.currentMemory == KiB(1024))
  #expect(bare.uuid == nil)
  #expect(bare.pinning.isEmpty)
  #expect(bare.pageSize == .base)
  #expect(try domain("<memoryBacking><hugepages/></memoryBacking>").pageSize == .huge2M)
  #expect(try domain("<numatune><memory nodeset='1'/></numatune>").pinning.numatune?.mode == .strict)
  #expect(try domain("<launchSecurity/>").launchSecurity == "unknown")
}

@Test func automaticPlacementHasNoSets() throws {
  let text = "<vcpu placement='auto' cpuset='0-3'>2</vcpu><numatune><memory mode='strict' placement='auto'/></numatune>"
  let auto = try domain(text)
  #expect(auto.automaticPlacement)
  #expect(auto.defaultCPUSet == nil)
  #expect(auto.pinning.numatune == NUMATune(mode: .strict, automatic: true))
}

@Test func memoryUnitsAreLibvirts() throws {
  func memory(_ unit: String, _ count: Int) throws -> KiB {
    try DomainDocument(parsing: "<domain type='t'><name>a</name><memory unit='\(unit)'>\(count)</memory></domain>")
      .memory
  }
  #expect(try memory("b", 2048) == 2)
  #expect(try memory("bytes", 1025) == 2)
  #expect(try memory("KB", 1024) == 1000)
  #expect(try memory("k", 7) == 7)
  #expect(try memory("MiB", 1) == 1024)
  #expect(try memory("MB", 1) == 977)
  #expect(try memory("G", 1) == 1_048_576)
  #expect(try memory("TiB", 1) == KiB(gib: 1024))
}

@Test func absurdAmountsAreErrorsNotTraps() throws {
  let cells = (0..<1024).map { "<cell id='\($0)' memory='9007199254740991' unit='KiB'/>" }.joined()
  #expect(throws: XMLError.self) { try domain("<cpu><numa>\(cells)</numa></cpu>") }
  let most = (0..<1024).map { "<cell id='\($0)' memory='16' unit='PiB'/>" }.joined()
  #expect(try domain("<cpu><numa>\(most)</numa></cpu>").guestCells.count == 1024)
}

@Test func elementsOfOtherNamespacesAreNotLibvirts() throws {
  let foreign = try domain(
    "<x:numatune xmlns:x='urn:x'><memory nodeset='9'/></x:numatune>"
      + "<cputune xmlns='urn:x'><shares>5</shares><vcpupin vcpu='0' cpuset='1'/></cputune>")
  #expect(foreign.pinning.isEmpty)
}

@Test(arguments: [
  ("<vcpu>0</vcpu>", "<vcpu> is \"0\""), ("<vcpu>99999</vcpu>", "from 1 to 8192"),
  ("<vcpu current='3'>2</vcpu>", "<vcpu current=> is \"3\""),
  ("<vcpu>2</vcpu><vcpus><vcpu id='5' enabled='yes'/></vcpus>", "<vcpu id=> is \"5\""),
  ("<cputune><vcpupin vcpu='0'/></cputune>", "<vcpupin> has no cpuset="),
  ("<cputune><vcpupin vcpu='0' cpuset='3-1'/></cputune>", "runs backwards"),
  ("<cputune><shares>many</shares></cputune>", "<shares> is \"many\""),
  ("<numatune><memory mode='lax' nodeset='0'/></numatune>", "not one of strict, preferred, interleave, restrictive"),
  ("<numatune><memnode cellid='0' mode='strict'/></numatune>", "<memnode> has no nodeset="),
  ("<cpu><numa><cell id='0' memory='x'/></numa></cpu>", "<cell memory=> is \"x\""),
  ("<cpu><numa><cell id='0' memory='1'/><cell id='0' memory='1'/></numa></cpu>", "guest cell 0 is listed twice"),
  ("<iothreads>4000000000</iothreads>", "<iothreads> is \"4000000000\""),
  ("<memoryBacking><hugepages><page size='0'/></hugepages></memoryBacking>", "is 0"),
])
func aValueThatCannotBeIsNamed(part: String, complaint: String) {
  let error = #expect(throws: XMLError.self) { try domain(part) }
  #expect(error?.description.contains(complaint) == true, "\(String(describing: error))")
}

@Test func aDomainWithoutItsPartsIsRefused() {
  for text in ["<domain/>", "<domain type='kvm'/>", "<domain type='kvm'><name>a</name></domain>", "<network/>", ""] {
    #expect(throws: XMLError.self) { try DomainDocument(parsing: text) }
  }
}
