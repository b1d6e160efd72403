import Fleet
import LibvirtDriver
import NUMA
import Testing

@Suite struct TuningTests {
  @Test func vcpusAreWhereTheyWerePinned() throws {
    try TestHost.withDomain { connection, uuid in
      try connection.pinVCPU(0, of: uuid, to: [0, 9, 15], scope: .live)
      let pins = try connection.vcpuPins(of: uuid, config: false)
      #expect(pins.count == 4)
      #expect(pins[0] == VCPUPin(vcpu: 0, cpuset: [0, 9, 15]))
      #expect(pins[1].cpuset.description == "0-15")
      #expect(try connection.vcpuAffinities(of: uuid).first?.cpuset == [0, 9, 15])
      #expect(try connection.domain(uuid: uuid).live.cpuset(ofVCPU: 0) == [0, 9, 15])
    }
  }

  @Test func cpusOutsideTheHostAreRefusedBeforeLibvirtIsAsked() throws {
    try TestHost.withDomain { connection, uuid in
      for cpus: CPUSet in [[16], [], [3, 8191]] {
        let error = #expect(throws: LibvirtError.self) { try connection.pinVCPU(0, of: uuid, to: cpus, scope: .live) }
        #expect(error?.kind == .invalidArgument)
        #expect(throws: LibvirtError.self) { try connection.pinEmulator(of: uuid, to: cpus, scope: .live) }
        #expect(throws: LibvirtError.self) { try connection.pinIOThread(1, of: uuid, to: cpus, scope: .live) }
      }
      for vcpu in [-1, 4, 100_000] {
        #expect(throws: LibvirtError.self) { try connection.pinVCPU(vcpu, of: uuid, to: [0], scope: .live) }
      }
      let record = try connection.domain(uuid: uuid)
      #expect(record.live.vcpus.isEmpty)
    }
  }

  @Test func whatADriverCannotDoIsSaidNotDropped() throws {
    try TestHost.withDomain { connection, uuid in
      // The test driver pins running vcpus only; the persistent side must not be claimed.
      for scope in [Scope.config, .both] {
        let error = #expect(throws: LibvirtError.self) { try connection.pinVCPU(0, of: uuid, to: [1], scope: scope) }
        #expect(error?.kind == .unsupported)
        #expect(error?.refusal.code == .unsupported)
      }
    }
  }

  @Test func emulatorAndIOThreadsArePinned() throws {
    try TestHost.withDomain(extra: "  <iothreads>2</iothreads>\n") { connection, uuid in
      try connection.pinEmulator(of: uuid, to: [4, 5], scope: .live)
      #expect(try connection.emulatorPin(of: uuid, config: false) == [4, 5])
      try connection.pinEmulator(of: uuid, to: [6], scope: .config)
      #expect(try connection.emulatorPin(of: uuid, config: true) == [6])
      let record = try connection.domain(uuid: uuid)
      #expect(record.live.emulator == [4, 5])
      #expect(record.config?.emulator == [6])
      try connection.pinIOThread(2, of: uuid, to: [12], scope: .live)
      #expect(try connection.domain(uuid: uuid).live.iothreads == [IOThreadPin(iothread: 2, cpuset: [12])])
      #expect(throws: LibvirtError.self) { try connection.pinIOThread(0, of: uuid, to: [1], scope: .live) }
      #expect(throws: LibvirtError.self) { try connection.pinIOThread(7, of: uuid, to: [1], scope: .live) }
    }
  }

  @Test func numatuneIsReadBackAsSet() throws {
    try TestHost.withDomain { connection, uuid in
      try connection.setNUMATune(of: uuid, mode: .restrictive, nodeset: [1], scope: .live)
      #expect(try connection.numaTune(of: uuid, config: false) == NUMATune(mode: .restrictive, nodeset: [1]))
      try connection.setNUMATune(of: uuid, mode: .interleave, nodeset: [0, 1], scope: .config)
      #expect(try connection.numaTune(of: uuid, config: true) == NUMATune(mode: .interleave, nodeset: [0, 1]))
      let record = try connection.domain(uuid: uuid)
      #expect(record.live.numatune == NUMATune(mode: .restrictive, nodeset: [1]))
      #expect(record.config?.numatune == NUMATune(mode: .interleave, nodeset: [0, 1]))
      let error = #expect(throws: LibvirtError.self) {
        try connection.setNUMATune(of: uuid, mode: nil, nodeset: [], scope: .live)
      }
      #expect(error?.kind == .invalidArgument)
    }
  }

  @Test func schedulerParametersThatTheDriverLacksAreRefused() throws {
    try TestHost.withDomain { connection, uuid in
      // The test driver's scheduler has a weight and none of the parameters of cputune.
      #expect(try connection.cpuTune(of: uuid, config: false) == CPUTune())
      #expect(throws: LibvirtError.self) {
        try connection.setCPUTune(of: uuid, CPUTune(shares: 512, vcpuQuota: -1), scope: .live)
      }
      let negative = #expect(throws: LibvirtError.self) {
        try connection.setCPUTune(of: uuid, CPUTune(shares: -4), scope: .live)
      }
      #expect(negative?.kind == .invalidArgument)
      try connection.setCPUTune(of: uuid, CPUTune(), scope: .live)
    }
  }

  @Test func memnodesAreWrittenIntoTheDefinitionOnly() throws {
    let cells = """
        <cpu>
          <numa>
            <cell id='0' cpus='0-1' memory='524288' unit='KiB'/>
            <cell id='1' cpus='2-3' memory='524288' unit='KiB'/>
          </numa>
        </cpu>

      """
    try TestHost.withDomain(extra: cells) { connection, uuid in
      let wish = Pinning(
        vcpus: [VCPUPin(vcpu: 0, cpuset: [3])],
        memory: [GuestCellPlacement(guestCell: 0, cell: 1), GuestCellPlacement(guestCell: 1, cell: 0)])
      #expect(try connection.rewriteConfig(of: uuid, pinning: wish))
      let record = try connection.domain(uuid: uuid)
      #expect(record.config?.numatune?.memnodes.map(\.nodeset) == [[1], [0]])
      #expect(record.config?.cpuset(ofVCPU: 0) == [3])
      #expect(record.live.numatune == nil)
      #expect(record.state == .running)
      #expect(try !connection.rewriteConfig(of: uuid, pinning: wish))
      let stray = #expect(throws: LibvirtError.self) {
        try connection.rewriteConfig(of: uuid, pinning: Pinning(vcpus: [VCPUPin(vcpu: 9, cpuset: [0])]))
      }
      #expect(stray?.kind == .document)
    }
  }

  @Test func rewritingADefinitionKeepsItsSecrets() throws {
    let devices = "  <devices><graphics type='vnc' passwd='s3cret'/></devices>\n"
    try TestHost.withDomain(extra: devices) { connection, uuid in
      let plain = try connection.xml(of: uuid, inactive: true)
      #expect(!plain.contains("s3cret"))
      #expect(try connection.rewriteConfig(of: uuid, pinning: Pinning(emulator: [2])))
      let secure = try connection.xml(of: uuid, inactive: true, secure: true)
      #expect(secure.contains("s3cret"))
    }
  }
}
