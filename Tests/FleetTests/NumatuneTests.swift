import Fleet
import NUMA
import Testing

/// What a wish leaves as it is stays, and what it names is checked.
@Suite struct NumatuneTests {
  let record = NUMATune(
    mode: .strict, nodeset: [0, 1],
    memnodes: [
      MemNode(guestCell: 0, mode: .strict, nodeset: [0]), MemNode(guestCell: 1, mode: .strict, nodeset: [1]),
    ])

  @Test func aWishIsLaidOverTheRecord() {
    #expect(NUMATune().over(record) == record)
    #expect(NUMATune(mode: .preferred).over(record).nodeset == [0, 1])
    #expect(NUMATune(nodeset: [2]).over(record).memnodes == record.memnodes)
    let moved = MemNode(guestCell: 0, mode: .strict, nodeset: [3])
    #expect(NUMATune(memnodes: [moved]).over(record).memnodes == [moved, record.memnodes[1]])
    let automatic = NUMATune(mode: .strict, automatic: true)
    #expect(NUMATune(mode: .preferred).over(automatic).automatic)
    #expect(!NUMATune(nodeset: [1]).over(automatic).automatic)
  }

  @Test func modeAndMemnodesOfTheDefinitionAreChecked() {
    var guest = Sample.guest
    guest.config?.numatune = record
    func differences(_ wish: NUMATune, checksConfig: Bool? = nil) -> [String] {
      Verification(
        desired: Pinning(numatune: wish), scope: .config, checksRecords: checksConfig == nil, checksConfig: checksConfig
      ).differences(in: guest)
    }
    #expect(differences(record).isEmpty)
    #expect(differences(NUMATune(mode: .preferred)).count == 1)
    #expect(differences(NUMATune(memnodes: [MemNode(guestCell: 1, mode: .strict, nodeset: [0])])).count == 1)
    #expect(differences(NUMATune(mode: .preferred), checksConfig: true).count == 1, "whoever carried it out")
    #expect(differences(NUMATune(mode: .preferred), checksConfig: false).isEmpty)
  }
}
