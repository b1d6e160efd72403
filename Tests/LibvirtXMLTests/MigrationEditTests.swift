import Fleet
import LibvirtXML
import NUMA
import Testing

/// A domain's document as another host shall have it.
@Suite struct MigrationEditTests {
  private let xml = """
    <domain type='kvm'>
      <name>db</name>
      <memory unit='KiB'>2097152</memory>
      <vcpu placement='static' cpuset='0-7' current='2'>3</vcpu>
      <iothreads>2</iothreads>
      <cputune>
        <shares>2048</shares>
        <vcpupin vcpu='0' cpuset='0'/>
        <vcpupin vcpu='1' cpuset='1'/>
        <vcpupin vcpu='2' cpuset='2'/>
        <emulatorpin cpuset='6-7'/>
        <iothreadpin iothread='1' cpuset='6'/>
        <iothreadpin iothread='2' cpuset='7'/>
        <cachetune vcpus='0-1'><cache id='0' level='3' type='both' size='3' unit='MiB'/></cachetune>
      </cputune>
      <numatune>
        <memory mode='strict' nodeset='0-1'/>
        <memnode cellid='0' mode='strict' nodeset='0'/>
        <memnode cellid='1' mode='strict' nodeset='1'/>
      </numatune>
      <os><type arch='x86_64'>hvm</type></os>
      <cpu mode='custom' match='exact'>
        <numa>
          <cell id='0' cpus='0' memory='1048576' unit='KiB'/>
          <cell id='1' cpus='1-2' memory='1048576' unit='KiB'/>
        </numa>
      </cpu>
      <devices><strange xmlns:x='urn:x' x:kept='yes'/></devices>
    </domain>
    """

  private let pinning = Pinning(
    vcpus: [VCPUPin(vcpu: 0, cpuset: [16]), VCPUPin(vcpu: 1, cpuset: [24]), VCPUPin(vcpu: 2, cpuset: [24, 25])],
    emulator: [17], iothreads: [IOThreadPin(iothread: 1, cpuset: [17])],
    numatune: NUMATune(
      mode: .strict, nodeset: [2, 3],
      memnodes: [
        MemNode(guestCell: 0, mode: .strict, nodeset: [2]), MemNode(guestCell: 1, mode: .strict, nodeset: [3]),
      ]),
    memory: [GuestCellPlacement(guestCell: 0, cell: 2), GuestCellPlacement(guestCell: 1, cell: 3)])

  @Test func everyPinIsTheOtherHostsAndAllElseStays() throws {
    let moved = try DomainDocument(parsing: xml).moved(to: pinning)
    var expected = pinning
    expected.memory = []
    expected.cputune.shares = 2048
    #expect(moved.pinning == expected)
    // What follows the default would otherwise be held to CPUs of the host that it left.
    #expect(moved.defaultCPUSet == [16, 17, 24, 25])
    #expect(moved.vcpusOnline.count == 2)
    for kept in ["<cachetune vcpus='0-1'>", "<strange xmlns:x='urn:x' x:kept='yes'/>", "cpus='1-2' memory='1048576'"] {
      #expect(moved.text.contains(kept))
    }
  }

  @Test func automaticPlacementEndsWithThePlacement() throws {
    let automatic = xml.replacing("placement='static' cpuset='0-7'", with: "placement='auto'")
    let moved = try DomainDocument(parsing: automatic).moved(to: pinning)
    #expect(!moved.automaticPlacement)
    #expect(moved.defaultCPUSet == [16, 17, 24, 25])
  }

  @Test func aGuestWithoutGuestCellsGetsTheNodesetOfItsCell() throws {
    let plain = "<domain type='kvm'><name>p</name><memory>65536</memory><vcpu>1</vcpu></domain>"
    let wish = Pinning(
      vcpus: [VCPUPin(vcpu: 0, cpuset: [5])], memory: [GuestCellPlacement(guestCell: 0, cell: 1)])
    let moved = try DomainDocument(parsing: plain).moved(to: wish)
    #expect(moved.pinning.numatune == NUMATune(mode: .strict, nodeset: [1]))
    #expect(moved.defaultCPUSet == nil)
  }

  @Test func aPlacementThatIsNotWholeIsRefused() throws {
    let document = try DomainDocument(parsing: xml)
    func conflict(_ change: (inout Pinning) -> Void) -> String? {
      var wish = pinning
      change(&wish)
      do {
        _ = try document.moved(to: wish)
        return nil
      } catch {
        return error.description
      }
    }
    #expect(conflict { $0.vcpus.removeLast() }?.contains("no pin for vcpu 2") == true)
    #expect(conflict { $0.vcpus.append(VCPUPin(vcpu: 3, cpuset: [1])) }?.contains("vcpu 3") == true)
    #expect(conflict { $0.iothreads.append(IOThreadPin(iothread: 9, cpuset: [1])) }?.contains("iothread 9") == true)
    #expect(
      conflict { $0.numatune?.memnodes.append(MemNode(guestCell: 7, mode: .strict, nodeset: [1])) }?.contains("7")
        == true)
  }
}
