import Fleet
import Foundation
import LibvirtXML
import NUMA
import Testing

@Test(arguments: Fixture.domains)
func anEditOfNothingLeavesEveryByte(name: String) throws {
  let text = try Fixture.domain(name)
  let document = try DomainDocument(parsing: text)
  #expect(document.text == text)
  #expect(try document.settingConfig(pinning: Pinning()).text == text)
  // Writing what is already there is an edit of nothing, too.
  #expect(try document.settingConfig(pinning: document.pinning).text == text)
}

/// The shape of the hand-written domain, placed on cells 2 and 3.
private let richShape = Shape(
  name: "rich", guestCells: [ShapeCell(vcpus: 2, memory: KiB(gib: 4)), ShapeCell(vcpus: 2, memory: KiB(gib: 4))],
  cpuClass: .dedicated, pageSize: .huge2M, iothreads: 1)

private func pins(_ sets: [CPUSet]) -> [VCPUPin] { sets.enumerated().map { VCPUPin(vcpu: $0, cpuset: $1) } }

@Test func mergingKeepsEverythingItDoesNotMean() throws {
  let text = try Fixture.domain("rich")
  let placement = Fixture.placement(cells: [2, 3], pins: pins([[4], [5], [6], [7]]), emulator: [4, 5])
  let merged = try DomainDocument(parsing: text).merging(shape: richShape, placement: placement)
  func section(_ from: String, _ to: String) -> String {
    let start = text.range(of: from)!.lowerBound
    return String(text[start..<text.range(of: to, range: start..<text.endIndex)!.upperBound])
  }
  for kept in [
    section("<?xml", "<domain type=\"kvm\" xmlns:qemu=\"http://libvirt.org/schemas/domain/qemu/1.0\">"),
    section("<name>", "</memoryBacking>"), section("<vcpus>", "</iothreadids>"), section("<shares>", "night shift -->"),
    section("<global_period>", "</cputune>"), section("<os>", "</cpu>"), section("<devices>", "after the end -->\n"),
  ] {
    #expect(merged.text.contains(kept), "lost: \(kept)")
  }
  #expect(merged.pinning.vcpus == placement.pinning.vcpus)
  #expect(merged.pinning.emulator == [4, 5])
  // Pins of an earlier placement do not survive it.
  #expect(merged.pinning.iothreads.isEmpty)
  #expect(merged.defaultCPUSet == [4, 5, 6, 7])
  #expect(merged.pinning.numatune?.nodeset == [2, 3])
  #expect(merged.pinning.numatune?.memnodes.map(\.nodeset) == [[2], [3]])
  #expect(merged.pinning.cputune == CPUTune(shares: 2048, vcpuPeriod: 100_000, vcpuQuota: -1, globalPeriod: 200_000))
  #expect(merged.vcpusOnline == [0, 2, 3])
}

@Test func whatIsAddedLooksLikeWhatWasThere() throws {
  let text = """
    <domain type='kvm'>
      <name>plain</name>
      <memory unit='KiB'>1048576</memory>
      <vcpu>2</vcpu>
      <os><type arch='x86_64'>hvm</type></os>
      <devices/>
    </domain>

    """
  let shape = Shape(
    guestCells: [ShapeCell(vcpus: 1, memory: KiB(mib: 512)), ShapeCell(vcpus: 1, memory: KiB(mib: 512))],
    pageSize: .huge2M, iothreads: 2)
  let host = try CapabilitiesDocument(parsing: Fixture.capabilities("emulated-4-cells")).topology
  let placement = Fixture.placement(cells: [0, 2], pins: pins([[0, 1], [4, 5]]), emulator: [0])
  let merged = try DomainDocument(parsing: text).merging(shape: shape, placement: placement, host: host)
  #expect(
    merged.text == """
      <domain type='kvm'>
        <name>plain</name>
        <memory unit='KiB'>1048576</memory>
        <memoryBacking>
          <hugepages>
            <page size='2048' unit='KiB'/>
          </hugepages>
        </memoryBacking>
        <vcpu placement='static' cpuset='0-1,4-5'>2</vcpu>
        <iothreads>2</iothreads>
        <cputune>
          <vcpupin vcpu='0' cpuset='0-1'/>
          <vcpupin vcpu='1' cpuset='4-5'/>
          <emulatorpin cpuset='0'/>
        </cputune>
        <numatune>
          <memory mode='strict' nodeset='0,2'/>
          <memnode cellid='0' mode='strict' nodeset='0'/>
          <memnode cellid='1' mode='strict' nodeset='2'/>
        </numatune>
        <os><type arch='x86_64'>hvm</type></os>
        <cpu>
          <topology sockets='2' dies='1' cores='1' threads='1'/>
          <numa>
            <cell id='0' cpus='0' memory='524288' unit='KiB'>
              <distances>
                <sibling id='0' value='10'/>
                <sibling id='1' value='21'/>
              </distances>
            </cell>
            <cell id='1' cpus='1' memory='524288' unit='KiB'>
              <distances>
                <sibling id='0' value='21'/>
                <sibling id='1' value='10'/>
              </distances>
            </cell>
          </numa>
        </cpu>
        <devices/>
      </domain>

      """)
}

@Test(arguments: 0..<60)
func mergingAndParsingGiveThePlacementBack(seed: Int) throws {
  var numbers = Sequence64(seed: UInt64(seed) + 1)
  let cells = (0..<Int.random(in: 1...8, using: &numbers)).map { _ in
    ShapeCell(
      vcpus: Int.random(in: 1...9, using: &numbers), memory: KiB(mib: 2 * Int.random(in: 1...4000, using: &numbers)))
  }
  let base = Fixture.domains[seed % Fixture.domains.count]
  let shape = Shape(
    guestCells: cells, pageSize: base == "rich" || seed % 3 == 0 ? .huge2M : .base,
    mode: NUMAMode.allCases[seed % 4], iothreads: seed % 5)
  let sets = (0..<shape.vcpus).map { _ in
    CPUSet((0..<Int.random(in: 1...5, using: &numbers)).map { _ in Int.random(in: 0..<512, using: &numbers) })
  }
  let hosts = (0..<64).shuffled(using: &numbers).prefix(cells.count).map { $0 }
  var placement = Fixture.placement(cells: hosts, pins: pins(sets), emulator: seed % 2 == 0 ? [3] : nil)
  placement.pinning.cputune = CPUTune(shares: 100 + seed, emulatorQuota: -1)
  let texts = [
    try Fixture.domain(base), try DomainDocument(newGuest: shape, type: "qemu", architecture: "x86_64").text,
  ]
  for text in texts {
    let merged = try DomainDocument(parsing: text).merging(shape: shape, placement: placement)
    #expect(merged.pinning.vcpus == placement.pinning.vcpus)
    #expect(merged.pinning.emulator == placement.pinning.emulator)
    #expect(merged.pinning.cputune.shares == 100 + seed)
    #expect(merged.vcpusMaximum == shape.vcpus)
    #expect(merged.memory == shape.memory)
    #expect(merged.pageSize == shape.pageSize)
    #expect(merged.iothreads.count >= shape.iothreads)
    #expect(merged.pinning.numatune?.mode == shape.mode)
    #expect(merged.pinning.numatune?.nodeset == NodeSet(hosts))
    if cells.count > 1 || !merged.guestCells.isEmpty {
      #expect(merged.guestCells.map(\.memory) == cells.map(\.memory))
      #expect(merged.guestCells.map(\.vcpus.count) == cells.map(\.vcpus))
      #expect(merged.pinning.numatune?.memnodes.map(\.nodeset) == hosts.map { [$0] })
    }
    let again = try merged.merging(shape: shape, placement: placement)
    #expect(again.text == merged.text)
  }
}

@Test func vcpusTopologyAlwaysMultipliesToTheVcpus() throws {
  let text = """
    <domain type='kvm'><name>a</name><memory>1</memory>
    <cpu><topology sockets='1' cores='3' threads='2'/></cpu></domain>
    """
  let document = try DomainDocument(parsing: text)
  for vcpus in 1...12 {
    let shape = Shape(guestCells: [ShapeCell(vcpus: vcpus, memory: 4096)])
    let merged = try document.merging(shape: shape, placement: Fixture.placement(cells: [0])).text
    // Six are what it already says, so they stay as they are.
    #expect(merged.contains("<topology sockets='1' cores='3' threads='2'/>") == (vcpus == 6))
    if vcpus != 6 { #expect(merged.contains("<topology sockets='1' dies='1' cores='\(vcpus)' threads='1'/>")) }
  }
}

@Test func wholeCoresBecomeThreadsOfTheGuest() throws {
  let host = try CapabilitiesDocument(parsing: Fixture.capabilities("two-sockets-smt")).topology
  let document = try DomainDocument(parsing: "<domain type='kvm'><name>a</name><memory>1</memory></domain>")
  func topology(_ sets: [CPUSet], smt: SMTPolicy = .require) throws -> String {
    let shape = Shape(guestCells: [ShapeCell(vcpus: sets.count, memory: 4096)], cpuClass: .dedicated, smt: smt)
    let merged = try document.merging(
      shape: shape, placement: Fixture.placement(cells: [0], pins: pins(sets)), host: host)
    return String(merged.text.split(separator: "threads='")[1].prefix(1))
  }
  #expect(try topology([[1], [17], [2], [18]]) == "2")
  #expect(try topology([[1], [2], [17], [18]]) == "1")
  #expect(try topology([[1], [17], [2]]) == "1")
  #expect(try topology([[1], [17]], smt: .isolate) == "1")
}

@Test func oneGuestCellGetsAMemnodeOnlyWhenAsked() throws {
  let document = try DomainDocument(parsing: "<domain type='kvm'><name>a</name><memory>4096</memory></domain>")
  let shape = Shape(guestCells: [ShapeCell(vcpus: 1, memory: 4096)], mode: .restrictive)
  let plain = try document.merging(shape: shape, placement: Fixture.placement(cells: [3]))
  #expect(plain.guestCells.isEmpty)
  #expect(plain.pinning.numatune == NUMATune(mode: .restrictive, nodeset: [3]))
  let tune = NUMATune(mode: .strict, nodeset: [3], memnodes: [MemNode(guestCell: 0, mode: .strict, nodeset: [3])])
  let asked = try document.merging(shape: shape, placement: Fixture.placement(cells: [3], tune: tune))
  #expect(asked.guestCells.count == 1)
  #expect(asked.pinning.numatune == tune)
}

@Test func aPinThatDoesNotChangeIsNotRewritten() throws {
  let document = try DomainDocument(parsing: Fixture.domain("rich"))
  let edited = try document.settingConfig(pinning: Pinning(vcpus: [VCPUPin(vcpu: 2, cpuset: [9])]))
  #expect(edited.pinning.vcpus == [VCPUPin(vcpu: 0, cpuset: [1, 3, 4]), VCPUPin(vcpu: 2, cpuset: [9])])
  let old = try Fixture.domain("rich").split(separator: "\n")
  let changed = zip(old, edited.text.split(separator: "\n")).filter { $0 != $1 }
  #expect(changed.map { $1 } == ["\t\t<vcpupin vcpu='2' cpuset='9'/>"])
}

@Test func aValueThatIsThereAlreadyKeepsItsLooks() throws {
  let text = """
    <domain type="kvm"><name>a</name><memory>1</memory><cputune><shares
    > 2048 <!-- of the house --></shares ></cputune></domain>
    """
  let document = try DomainDocument(parsing: text)
  #expect(try document.settingConfig(pinning: Pinning(cputune: CPUTune(shares: 2048))).text == text)
}

@Test func contradictionsAreRefusedNotSettled() throws {
  let rich = try DomainDocument(parsing: Fixture.domain("rich"))
  var shape = richShape
  shape.pageSize = .base
  let placement = Fixture.placement(cells: [0, 1])
  func complaint(_ body: () throws -> DomainDocument) -> String {
    let error = #expect(throws: XMLError.self) { try body() }
    #expect(error?.kind == .conflict)
    return error?.message ?? ""
  }
  #expect(
    complaint { try rich.merging(shape: shape, placement: placement) }
      == "it asks for pages of 2 MiB and the shape for base pages")
  #expect(
    complaint { try rich.merging(shape: richShape, placement: Fixture.placement(cells: [0])) }.contains("guest cell 1"))
  #expect(
    complaint { try rich.settingConfig(pinning: Pinning(vcpus: [VCPUPin(vcpu: 4, cpuset: [0])])) }
      == "vcpu 4 shall be pinned, the domain has 4")
  #expect(
    complaint { try rich.settingConfig(pinning: Pinning(iothreads: [IOThreadPin(iothread: 9, cpuset: [0])])) }
      .contains("iothread 9"))
  let stray = NUMATune(memnodes: [MemNode(guestCell: 2, mode: .strict, nodeset: [0])])
  #expect(complaint { try rich.settingConfig(pinning: Pinning(numatune: stray)) }.contains("guest cell 2"))
}

@Test func memoryDevicesComeOnTopOfTheShape() throws {
  let text = """
    <domain type='kvm'><name>a</name><memory unit='MiB'>1536</memory><currentMemory unit='MiB'>1536</currentMemory>
    <devices><memory model='dimm'><target><size unit='MiB'>512</size></target></memory></devices></domain>
    """
  let document = try DomainDocument(parsing: text)
  func merged(mib: Int) throws -> DomainDocument {
    let shape = Shape(guestCells: [ShapeCell(vcpus: 1, memory: KiB(mib: mib))])
    return try document.merging(shape: shape, placement: Fixture.placement(cells: [0]))
  }
  #expect(try merged(mib: 1024).memory == KiB(mib: 1536))
  #expect(try merged(mib: 2048).memory == KiB(mib: 2560))
  #expect(try merged(mib: 2048).currentMemory == KiB(mib: 2560))
}

@Test func theConfigOfAMoveNamesTheNewCells() throws {
  let twocell = try DomainDocument(parsing: Fixture.domain("twocell-config"))
  let moved = try twocell.settingConfig(pinning: Pinning(memory: [GuestCellPlacement(guestCell: 0, cell: 2)]))
  #expect(moved.pinning.numatune?.memnodes.map(\.nodeset) == [[2], [1]])
  #expect(moved.pinning.numatune?.nodeset == [1, 2])
  #expect(moved.pinning.numatune?.mode == .strict)
  let old = try Fixture.domain("twocell-config").split(separator: "\n")
  let new = moved.text.split(separator: "\n")
  #expect(old.count == new.count)
  #expect(zip(old, new).filter { $0 != $1 }.count == 2)

  let web = try DomainDocument(parsing: Fixture.domain("web-a-config"))
  let placed = try web.settingConfig(
    pinning: Pinning(vcpus: [VCPUPin(vcpu: 1, cpuset: [6])], memory: [GuestCellPlacement(guestCell: 0, cell: 3)]))
  #expect(placed.pinning.numatune?.nodeset == [3])
  #expect(placed.pinning.cpuset(ofVCPU: 1) == [6])
  #expect(placed.pinning.cpuset(ofVCPU: 0) == web.pinning.cpuset(ofVCPU: 0))
}

@Test func namesAndTextsAreEscapedWhereTheyAreWritten() throws {
  let shape = Shape(name: "a<b>&'\"]]>", guestCells: [ShapeCell(vcpus: 1, memory: 4096)])
  let document = try DomainDocument(newGuest: shape, type: "kvm", architecture: "x86_64")
  #expect(document.name == shape.name)
  let merged = try document.merging(shape: shape, placement: Fixture.placement(cells: [1]))
  #expect(merged.name == shape.name)
}

@Test func aDocumentOnOneLineStaysOnOneLine() throws {
  let document = try DomainDocument(parsing: "<domain type='kvm'><name>a</name><memory>4096</memory></domain>")
  let shape = Shape(guestCells: [ShapeCell(vcpus: 1, memory: 4096)])
  let merged = try document.merging(shape: shape, placement: Fixture.placement(cells: [1], pins: pins([[0]])))
  #expect(!merged.text.contains("\n"))
  #expect(merged.pinning.vcpus == pins([[0]]))
}
