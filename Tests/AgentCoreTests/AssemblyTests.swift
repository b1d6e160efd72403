import AgentCore
import Fleet
import NUMA
import Testing

/// What an agent makes of one reading: movability with its reason, and which mapping backs which guest cell.
@Suite struct AssemblyTests {
  /// The only guest after a host was read, with the record and the process changed as wished.
  func guest(
    _ line: String = "db pins 0-3;0-3 mem 1", kernel: String = "6.1.0", cgroup: Int? = 2,
    _ change: (inout ModelGuest) -> Void = { _ in }
  ) throws -> Guest {
    var scene = try Scene()
    var model = try ModelGuest(
      domain: Words(line.split(separator: " ").map(String.init)), topology: scene.host.topology)
    change(&model)
    scene.host.guests = [model]
    scene.host.facts.kernelVersion = kernel
    scene.host.facts.cgroupVersion = cgroup
    for line in ["tick", "finish"] { _ = try scene.run(line) }
    return try #require(scene.agent.guests.first)
  }

  // MARK: Movability

  @Test func aGuestWithoutNumatuneMovesByLibvirt() throws {
    #expect(try guest().movability == Movability(.liveMemory, because: "it has no numatune"))
    #expect(
      try guest("db numatune restrictive:1").movability
        == Movability(.liveMemory, because: "its numatune mode is restrictive, without memnodes"))
  }

  @Test(arguments: ["strict", "preferred", "interleave"]) func anotherModeMovesByLibnumaOnly(mode: String) throws {
    #expect(
      try guest("db numatune \(mode):1").movability
        == Movability(
          .livePages,
          because: "its numatune mode is \(mode), and libvirt changes only restrictive ones while it runs"))
  }

  @Test func memnodesAndAutomaticPlacementMoveByLibnumaOnly() throws {
    #expect(
      try guest("db pins 0;1 mem 0,1").movability
        == Movability(
          .livePages,
          because: "it has memnodes, and libvirt's live nodeset would put all guest cells on the same cells"))
    #expect(
      try guest("db numatune auto").movability
        == Movability(.livePages, because: "its numatune is automatic (strict, chosen by numad at start)"))
  }

  @Test func devicesAndHugePagesPinAPlainQEMUToo() throws {
    func process(_ change: (inout MachineArguments) -> Void) throws -> Movability {
      var scene = try Scene()
      var model = try ModelGuest(process: Words(["vm"]), topology: scene.host.topology)
      change(&model.machine!)
      scene.host.guests = [model]
      for line in ["tick", "finish"] { _ = try scene.run(line) }
      return try #require(scene.agent.guests.first).movability
    }
    #expect(
      try process { $0.vfio = ["0000:65:00.0"] }
        == Movability(
          .cpuOnly, because: "VFIO device 0000:65:00.0 pins its memory", staysBecause: "libvirt does not know it"))
    #expect(
      try process { $0.pageSize = .huge1G }
        == Movability(
          .cpuOnly, because: "its memory is backed by pages of 1 GiB, which do not migrate",
          staysBecause: "libvirt does not know it"))
    #expect(
      try process { _ in }
        == Movability(
          .livePages, because: "libvirt does not know it, so only libnuma moves its pages",
          staysBecause: "libvirt does not know it"))
  }

  @Test func anOldKernelDoesNotMovePagesByCpuset() throws {
    #expect(
      try guest(kernel: "5.14.0-503.el9").movability
        == Movability(.livePages, because: "on kernel 5.14.0-503.el9 with cgroup v2 a nodeset change moves no pages"))
    #expect(try guest(kernel: "5.15.0").movability.class == .liveMemory)
    #expect(try guest(kernel: "4.18.0", cgroup: 1).movability.class == .liveMemory)
    #expect(
      try guest(cgroup: nil).movability
        == Movability(.livePages, because: "on kernel 6.1.0 with cgroup v0 a nodeset change moves no pages"))
  }

  func movability(_ change: (inout DomainRecord) -> Void) throws -> Movability {
    let changed = try guest { model in if model.record != nil { change(&model.record!) } }
    return changed.movability
  }

  @Test func whatPinsMemoryLeavesOnlyThreads() throws {
    #expect(
      try movability { $0.vfio = ["0000:21:00.0"] }
        == Movability(
          .cpuOnly, because: "VFIO device 0000:21:00.0 pins its memory",
          staysBecause: "VFIO device 0000:21:00.0 does not travel"))
    #expect(
      try movability { $0.launchSecurity = "sev" }
        == Movability(
          .cpuOnly, because: "its memory is encrypted (sev)", staysBecause: "its memory is encrypted (sev)"))
    #expect(try movability { $0.locked = true } == Movability(.cpuOnly, because: "its memory is locked (<locked/>)"))
    #expect(
      try movability { $0.pageSize = .huge1G }
        == Movability(.cpuOnly, because: "its memory is backed by pages of 1 GiB, which do not migrate"))
    #expect(try movability { $0.pageSize = .huge2M }.class == .liveMemory)
  }

  @Test func whatDoesNotRunOrCannotBeReadIsNotMoved() throws {
    let off = try guest { model in
      model.record?.state = .shutoff
      model.record?.pid = nil
      model.process = nil
    }
    #expect(off.movability == Movability(.fixed, because: "it does not run", staysBecause: "it does not run"))
    #expect(off.incarnation == nil)
    let blind = try guest { $0.process = nil }
    #expect(
      blind.movability
        == Movability(.cpuOnly, because: "its process cannot be read, so its memory could not be verified"))
    #expect(try guest { $0.record?.state = .paused }.movability.class == .liveMemory)
  }

  @Test func aProcessMovesByLibnumaUnlessItIsLocked() throws {
    func process(_ change: (inout ProcessObservation) -> Void) throws -> Guest {
      var scene = try Scene()
      var model = try ModelGuest(process: Words(["work", "pins", "0;1-2", "workers"]), topology: scene.host.topology)
      if model.process != nil { change(&model.process!) }
      scene.host.guests = [model]
      for line in ["tick", "finish"] { _ = try scene.run(line) }
      return try #require(scene.agent.guests.first)
    }
    let plain = try process { _ in }
    #expect(
      plain.movability
        == Movability(
          .livePages, because: "libvirt does not know it, so only libnuma moves its pages",
          staysBecause: "libvirt does not know it"))
    #expect(plain.id == "a/process/100@7")
    #expect(plain.live == Pinning(emulator: [0, 1, 2]))
    #expect(plain.vcpusMaximum == 2)
    #expect(
      try process { $0.locked = KiB(mib: 512) }.movability
        == Movability(
          .cpuOnly, because: "its memory is locked (VmLck 512 MiB)", staysBecause: "libvirt does not know it"))
    #expect(try process { $0.locked = KiB(mib: 511) }.movability.class == .livePages)
  }

  // MARK: Mappings

  func region(_ start: UInt64, mib: Int, policy: String = "default") -> MemoryRegion {
    MemoryRegion(start: start, size: KiB(mib: mib), guestCell: nil, policy: policy, residency: [])
  }

  @Test func likeCellsAreToldByTheirBindPolicies() throws {
    let found = try guest("db pins 0;1 mem 2,1 mib 512") { model in
      model.process?.regions = [
        region(0x9000_0000, mib: 512, policy: "bind:1"), region(0x5000_0000, mib: 512, policy: "bind:2"),
      ]
    }
    #expect(found.regions.map(\.guestCell) == [1, 0])
  }

  @Test func likeCellsWithoutPoliciesAreToldByAddressDownwards() throws {
    let found = try guest("db pins 0;1 mem 2,1 mib 512 bare") { model in
      model.process?.regions = [region(0x5000_0000, mib: 512), region(0x9000_0000, mib: 512)]
    }
    #expect(found.regions.map(\.guestCell) == [1, 0])
  }

  @Test func cellsOfDifferentSizesAreToldBySize() throws {
    let found = try guest("db pins 0;1 mem 0,1 mib 512 bare") { model in
      model.record?.guestCells[1].memory = KiB(mib: 256)
      model.process?.regions = [region(0x9000_0000, mib: 256), region(0x5000_0000, mib: 515), region(0x1000, mib: 64)]
    }
    #expect(found.regions.map(\.guestCell) == [1, 0, nil])
  }

  @Test func aMappingThatFitsNoCellIsNobodys() throws {
    let found = try guest("db pins 0;1 mem 0,1 mib 512 bare") { model in
      model.process?.regions = [region(0x9000_0000, mib: 516), region(0x5000_0000, mib: 511)]
    }
    #expect(found.regions.map(\.guestCell) == [nil, nil])
    #expect(found.residency(ofGuestCell: 0).isEmpty)
  }

  @Test func aDomainWithoutCellsIsItsLargestMapping() throws {
    let found = try guest("db pins 0 mem 0 mib 512") { model in
      model.process?.regions = [region(0x9000_0000, mib: 600), region(0x5000_0000, mib: 64)]
    }
    #expect(found.regions.map(\.guestCell) == [0, nil])
  }

  @Test func aProcessOfMoreThreadsThanAMachineHasVcpusIsCutToWhatAReportCarries() throws {
    var scene = try Scene()
    var model = try ModelGuest(process: Words(["crowd", "workers"]), topology: scene.host.topology)
    let thread = try #require(model.process?.threads.first)
    model.process?.threads = (0..<5000).map { index in
      var copy = thread
      copy.tid = 100 + index
      return copy
    }
    scene.host.guests = [model]
    for line in ["tick", "finish"] { _ = try scene.run(line) }
    #expect(try #require(scene.agent.guests.first).vcpusMaximum == 4096)
  }

  @Test func threadsOfADomainThatAreNoVcpusCountAsEmulator() throws {
    let found = try guest("db pins 0 mem 0") { model in
      model.process?.threads.append(
        GuestThread(tid: 150, role: .worker, name: "worker", cpusAllowed: [3], memsAllowed: [0]))
    }
    #expect(found.threads.map(\.role) == [.vcpu(0), .emulator, .emulator])
  }
}
