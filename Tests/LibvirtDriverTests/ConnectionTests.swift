import Fleet
import Foundation
import LibvirtDriver
import LibvirtXML
import NUMA
import Testing

@Suite struct ConnectionTests {
  @Test func versionsAreNumbers() throws {
    let connection = try TestHost.open()
    let versions = try connection.versions()
    #expect(versions.library.split(separator: ".").count == 3)
    #expect(versions.daemon == versions.library)
    #expect(connection.hypervisorType == "TEST")
    #expect(connection.hostCPUs == 16)
    #expect(connection.isAlive)
  }

  @Test func capabilitiesBecomeATopology() throws {
    let connection = try TestHost.open()
    let host = try connection.capabilities().topology
    #expect(host.cells.map(\.id) == [0, 1])
    #expect(host.cpus.description == "0-15")
  }

  @Test func freeAmountsNeverExceedTotals() throws {
    let connection = try TestHost.open()
    let host = try connection.capabilities().topology
    let states = try connection.cellStates(of: host)
    #expect(states.map(\.cell) == [0, 1])
    #expect(states.allSatisfy { $0.memoryFree > 0 })
    #expect(host.with(states).contradictions().isEmpty)
    for (state, cell) in zip(states, host.cells) {
      #expect(zip(state.pages, cell.pages).allSatisfy { $0.total == $1.total && $0.free <= $0.total })
    }
  }

  @Test func pciDevicesAreListed() throws {
    // The test driver's host has no PCI device; the list must be empty, not an error.
    #expect(try TestHost.open().pciDevices().isEmpty)
  }

  @Test func nobodyThereIsDown() {
    let error = #expect(throws: LibvirtError.self) {
      try Connection.open(uri: "qemu+unix:///system?socket=/nonexistent/libvirt-sock")
    }
    #expect(error?.kind == .down)
    #expect(error?.refusal.code == .libvirtDown)
    #expect(error?.refusal.remedy.contains("systemctl start libvirtd") == true)
    #expect(error?.message.contains("/nonexistent/libvirt-sock") == true)
  }

  @Test func aClosedConnectionIsDown() throws {
    let connection = try TestHost.open()
    connection.close()
    connection.close()
    #expect(!connection.isAlive)
    #expect(throws: LibvirtError.self) { try connection.capabilities() }
    let error = #expect(throws: LibvirtError.self) { try connection.domains() }
    #expect(error?.kind == .down)
  }

  @Test func everyDomainIsListedWithBothSides() throws {
    try TestHost.withDomain(extra: "  <cputune>\n    <vcpupin vcpu='1' cpuset='2-3'/>\n  </cputune>\n") {
      connection, uuid in
      let idle = TestHost.xml("idle")
      try connection.define(xml: idle.xml)
      defer { try? connection.undefine(idle.uuid) }
      let listing = try connection.domains()
      #expect(listing.unreadable.isEmpty)
      #expect(listing.records.map(\.uuid) == listing.records.map(\.uuid).sorted())
      let running = try #require(listing.records.first { $0.uuid == uuid })
      #expect(running.state == .running)
      #expect(running.persistent)
      #expect(running.pid == nil)
      #expect(running.live.vcpus == [VCPUPin(vcpu: 1, cpuset: [2, 3])])
      #expect(running.config?.vcpus == running.live.vcpus)
      #expect(running.memory == KiB(gib: 1))
      let shut = try #require(listing.records.first { $0.uuid == idle.uuid })
      #expect(shut.state == .shutoff)
      #expect(shut.config == shut.live)
      // The second reading comes from the cache as long as nothing changed, and not when something did.
      #expect(try connection.domains().records.first { $0.uuid == uuid } == running)
      try connection.pinVCPU(1, of: uuid, to: [7], scope: .live)
      #expect(try connection.domains().records.first { $0.uuid == uuid }?.live.vcpus == [VCPUPin(vcpu: 1, cpuset: [7])])
      #expect(try connection.domain(uuid: uuid).live.vcpus == [VCPUPin(vcpu: 1, cpuset: [7])])
    }
  }

  @Test(arguments: ["00000000-0000-0000-0000-000000000000", "no uuid", "", "../../etc"])
  func anUnknownDomainIsUnknown(uuid: String) throws {
    let connection = try TestHost.open()
    let error = #expect(throws: LibvirtError.self) { try connection.domain(uuid: uuid) }
    #expect(error?.kind == .unknownDomain)
    #expect(error?.refusal.code == .guestGone)
    #expect(throws: LibvirtError.self) { try connection.pinEmulator(of: uuid, to: [0], scope: .live) }
    #expect(throws: LibvirtError.self) { try connection.start(uuid) }
  }

  @Test func lifecycleGoesItsWay() throws {
    let connection = try TestHost.open()
    let (xml, uuid) = TestHost.xml("cycle")
    try connection.define(xml: xml)
    try connection.start(uuid)
    #expect(throws: LibvirtError.self) { try connection.start(uuid) }
    try connection.setVCPUs(of: uuid, to: 2, scope: .live)
    #expect(try connection.domain(uuid: uuid).vcpusOnline == [0, 1])
    try connection.shutdown(uuid)
    #expect(try connection.domain(uuid: uuid).state == .shutoff)
    let idle = #expect(throws: LibvirtError.self) { try connection.destroy(uuid) }
    #expect(idle?.kind == .invalidState)
    #expect(idle?.refusal.code == .notRunning)
    try connection.undefine(uuid)
    #expect(throws: LibvirtError.self) { try connection.domain(uuid: uuid) }
  }

  @Test func definitionsAreCheckedAgainstTheSchema() throws {
    let connection = try TestHost.open()
    let (xml, uuid) = TestHost.xml("typo", extra: "<numatuen><memory mode='strict' nodeset='0'/></numatuen>")
    let error = #expect(throws: LibvirtError.self) { try connection.define(xml: xml) }
    #expect(error?.kind == .document)
    #expect(error?.refusal.code == .malformed)
    #expect(throws: LibvirtError.self) { try connection.domain(uuid: uuid) }
    #expect(throws: LibvirtError.self) { try connection.define(xml: "<domain>") }
  }

  @Test func nothingIsPrinted() async {
    // libvirt's own default prints each error to stderr.
    let result = await #expect(processExitsWith: .success, observing: [\.standardErrorContent]) {
      _ = try? TestHost.open().domain(uuid: "00000000-0000-0000-0000-000000000001")
    }
    #expect(result?.standardErrorContent.isEmpty == true)
  }
}
