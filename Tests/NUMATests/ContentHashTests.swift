import NUMA
import Testing

/// Both ends of the wire, of whatever release, hash one topology to one number.
@Suite struct ContentHashTests {
  private let topology = HostTopologyTests.odd

  @Test func hashOfAKnownTopologyNeverChanges() {
    #expect(topology.contentHash == 5_819_308_680_434_109_878)
  }

  @Test func hashIsFNV1a() {
    var hash = ContentHash()
    #expect(hash.value == 0xcbf2_9ce4_8422_2325)
    // FNV-1a of the length 1 as eight bytes, low byte first, and "a".
    hash.combine("a")
    let expected = ([1, 0, 0, 0, 0, 0, 0, 0, 0x61] as [UInt64]).reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
      ($0 ^ $1) &* 0x100_0000_01b3
    }
    #expect(hash.value == expected)
  }

  @Test func freeAmountsDoNotCount() {
    var later = topology
    later.cells[0].memoryFree = 0
    later.cells[0].pages[0].free = 0
    #expect(later.contentHash == topology.contentHash)
  }

  @Test(
    arguments: [
      { $0.cells[0].memoryTotal += 1 }, { $0.cells[0].pages[0].total += 1 }, { $0.cells[0].cpus.remove(9) },
      { $0.cells[0].id = 1 }, { $0.pcpus[0].cell = nil }, { $0.pcpus[0].socket = 1 }, { $0.pcpus[0].die = 1 },
      { $0.pcpus[0].core = 9 }, { $0.pcpus[0].siblings = [0] }, { $0.pcpus.removeLast() }, { $0.distances = nil },
      { $0.l3Groups = [] }, { $0.l3Groups[0].size = 1 }, { $0.devices[0].cell = nil }, { $0.devices[0].driver = nil },
      { $0.devices[0].address = "0000:21:00.1" }, { $0.offline = [] }, { $0.isolated = [] }, { $0.nohzFull = [] },
      { $0.allowed = [0] },
    ] as [@Sendable (inout HostTopology) -> Void])
  func everythingElseCounts(change: @Sendable (inout HostTopology) -> Void) {
    var other = topology
    change(&other)
    #expect(other != topology)
    #expect(other.contentHash != topology.contentHash)
  }

  @Test func neighbouringTextsDoNotFlowTogether() {
    var one = ContentHash()
    one.combine("ab")
    one.combine("c")
    var other = ContentHash()
    other.combine("a")
    other.combine("bc")
    #expect(one.value != other.value)
  }
}
