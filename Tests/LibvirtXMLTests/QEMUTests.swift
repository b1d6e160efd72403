import Fleet
import LibvirtXML
import NUMA
import Testing

private func commandLine(_ fixture: String) throws -> QEMUCommandLine {
  let text = try Fixture.text("domains/\(fixture)-cmdline.txt")
  return try QEMUCommandLine(parsing: text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init))
}

private func plain(_ text: String) throws -> QEMUCommandLine {
  try QEMUCommandLine(parsing: ["qemu-system-x86_64"] + text.split(separator: " ").map(String.init))
}

@Test func libvirtsOwnCommandLinesAreRead() throws {
  let two = try commandLine("twocell")
  #expect(two.name == "twocell")
  #expect(two.uuid == "5f0c6f3e-6b1d-4c57-9a51-4e554d410006")
  #expect(two.vcpusMaximum == 3)
  #expect(two.vcpusOnline == [0, 1])
  #expect(two.memory == KiB(mib: 96))
  #expect(two.guestCells.map(\.vcpus) == [[0], [1, 2]])
  #expect(two.guestCells.map(\.memory) == [KiB(mib: 48), KiB(mib: 48)])
  #expect(
    two.numatune
      == NUMATune(memnodes: [
        MemNode(guestCell: 0, mode: .strict, nodeset: [0]), MemNode(guestCell: 1, mode: .strict, nodeset: [1]),
      ]))
  #expect(!two.locked && !two.sharedMemory && two.vfio.isEmpty && two.pageSize == .base)
  let db = try commandLine("db")
  #expect(db.iothreads == ["iothread1"])
  #expect(db.numatune == nil)
  #expect(db.guestCells.isEmpty)
}

@Test func plainCommandLinesAreRead() throws {
  let guest = try plain(
    """
    -name web -m 1.5G -smp 4,sockets=2,maxcpus=8 -object memory-backend-memfd,id=m0,size=512M,host-nodes=0-1,\
    host-nodes=3,policy=interleave,hugetlb=on,hugetlbsize=1G -object memory-backend-ram,id=m1,size=1073741824,share=on \
    -numa node,memdev=m0,cpus=0-1,cpus=4 -numa node,nodeid=1,memdev=m1,cpus=2-3,cpus=5-7 -numa dist,src=0,dst=1,val=31 \
    -device vfio-pci,host=21:00.0 -overcommit mem-lock=on -append -m
    """)
  #expect(guest.name == "web")
  #expect(guest.memory == KiB(mib: 1536))
  #expect(guest.vcpusMaximum == 8)
  #expect(guest.vcpusOnline == [0, 1, 2, 3])
  #expect(guest.guestCells.map(\.vcpus.description) == ["0-1,4", "2-3,5-7"])
  #expect(guest.guestCells.map(\.memory) == [KiB(mib: 512), KiB(gib: 1)])
  #expect(guest.guestCells[1].distances.map(\.value) == [31, 10])
  #expect(guest.numatune?.memnodes == [MemNode(guestCell: 0, mode: .interleave, nodeset: [0, 1, 3])])
  #expect(guest.backends.map(\.pageSize) == [.huge1G, .base])
  #expect(guest.vfio == ["0000:21:00.0"])
  #expect(guest.locked && guest.sharedMemory)
  #expect(try plain("-machine pc,accel=kvm").accelerator == "kvm")
  #expect(try plain("-accel tcg,thread=multi -machine pc").accelerator == "tcg")
  #expect(guest.accelerator == nil)
}

@Test func qemusDefaultsFillWhatIsMissing() throws {
  let bare = try plain("")
  #expect(bare.memory == KiB(mib: 128))
  #expect(bare.vcpusMaximum == 1)
  #expect(bare.numatune == nil)
  let spread = try plain("-smp 4,sockets=2,cores=2 -m 2048 -numa node -numa node")
  #expect(spread.guestCells.map(\.vcpus) == [[0, 1], [2, 3]])
  #expect(spread.guestCells.map(\.memory) == [KiB(gib: 1), KiB(gib: 1)])
  let whole = try plain(
    "-machine q35,memory-backend=ram -object memory-backend-ram,id=ram,size=1G,host-nodes=2,policy=bind")
  #expect(whole.numatune == NUMATune(mode: .strict, nodeset: [2]))
  #expect(try plain("-mem-path /dev/hugepages -m 1G").pageSize == .huge2M)
  let byPlace = try plain(
    "-smp 4,sockets=2,cores=1,threads=2 -numa node -numa node -numa cpu,node-id=0,socket-id=0"
      + " -numa cpu,node-id=1,socket-id=1")
  #expect(byPlace.guestCells.map(\.vcpus) == [[0, 1], [2, 3]])
}

@Test(arguments: [
  "-smp sockets=4096,dies=4096,clusters=4096,cores=4096,threads=4096", "-smp maxcpus=4097", "-numa node,nodeid=1024",
  "-smp many", "-smp 100000", "-m lots", "-m 99999999999999999999", "-m 9000000000T", "-numa node,cpus=3-1",
  "-numa node,nodeid=0 -numa node,nodeid=0", "-numa cpu,node-id=4", "-object {\"qom-type\":", "-object {\"a\":[1,}",
  "-object memory-backend-ram,id=a,size=1G,host-nodes=x", "-numa dist,src=0,dst=1",
])
func unreadableArgumentsAreErrors(text: String) {
  #expect(throws: QEMUCommandLineError.self) { try plain(text) }
}

@Test func deepJSONIsRefused() {
  let deep = String(repeating: "[", count: 10_000)
  #expect(throws: QEMUCommandLineError.self) { try plain("-object {\"a\":" + deep) }
}

@Test func programsAreRecognisedByName() {
  #expect(QEMUCommandLine.isQEMU(["/usr/bin/qemu-system-x86_64", "-m", "1"]))
  #expect(QEMUCommandLine.isQEMU(["/usr/libexec/qemu-kvm"]))
  #expect(!QEMUCommandLine.isQEMU(["/usr/bin/qemu-img"]))
  #expect(!QEMUCommandLine.isQEMU([]))
}

@Test func argumentsOfAPlacementReadBackAsThePlacement() throws {
  let host = try CapabilitiesDocument(parsing: Fixture.capabilities("emulated-4-cells")).topology
  for mode in NUMAMode.allCases {
    for pageSize in [PageSize.base, .huge2M] {
      let shape = Shape(
        guestCells: [ShapeCell(vcpus: 2, memory: KiB(mib: 64)), ShapeCell(vcpus: 2, memory: KiB(mib: 128))],
        pageSize: pageSize, mode: mode, iothreads: 2)
      let arguments = try QEMUArguments(shape: shape, placement: Fixture.placement(cells: [1, 3]), host: host)
      let guest = try QEMUCommandLine(parsing: ["qemu-system-x86_64"] + arguments.arguments)
      #expect(guest.vcpusMaximum == 4)
      #expect(guest.memory == KiB(mib: 192))
      #expect(guest.guestCells.map(\.vcpus) == [[0, 1], [2, 3]])
      #expect(guest.guestCells.map(\.memory) == [KiB(mib: 64), KiB(mib: 128)])
      #expect(guest.guestCells[0].distances.map(\.value) == [10, 24])
      #expect(guest.iothreads == ["iothread1", "iothread2"])
      #expect(guest.pageSize == pageSize)
      // Restrictive steers by the cpuset alone, so the backends have no policy.
      #expect(guest.numatune?.memnodes.map(\.nodeset) == (mode == .restrictive ? nil : [[1], [3]]))
      #expect(guest.numatune?.memnodes.first?.mode == (mode == .restrictive ? nil : mode))
    }
  }
}

@Test func argumentsAreWhatAQEMUUserWouldWrite() throws {
  let shape = Shape(guestCells: [ShapeCell(vcpus: 1, memory: KiB(mib: 64)), ShapeCell(vcpus: 1, memory: KiB(mib: 64))])
  let arguments = try QEMUArguments(shape: shape, placement: Fixture.placement(cells: [0, 2]))
  #expect(
    arguments.text == """
      -smp 2,sockets=2,dies=1,cores=1,threads=1 \\
      -m size=131072k \\
      -object memory-backend-ram,id=ram-node0,size=65536k,host-nodes=0,policy=bind \\
      -numa node,nodeid=0,cpus=0,memdev=ram-node0 \\
      -object memory-backend-ram,id=ram-node1,size=65536k,host-nodes=2,policy=bind \\
      -numa node,nodeid=1,cpus=1,memdev=ram-node1
      """)
}
