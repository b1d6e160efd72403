import Fleet
import NUMA
import Testing

/// What is told of a guest from its parts.
@Suite struct GuestTests {
  @Test func guestWithoutCellsIsPlacedAsOne() {
    var guest = Sample.guest
    guest.guestCells = []
    #expect(guest.cellsToPlace == [GuestCell(id: 0, vcpus: [0, 1, 2, 3], memory: KiB(mib: 512))])
    #expect(Sample.guest.cellsToPlace == Sample.guest.guestCells)
  }

  @Test func memoryIsAddedUpByCellOverPageSizes() {
    var guest = Sample.guest
    guest.residency = [
      CellResidency(cell: 3, pageSize: .base, pages: 256), CellResidency(cell: 0, pageSize: .huge2M, pages: 4),
      CellResidency(cell: 3, pageSize: .huge2M, pages: 1),
    ]
    #expect(guest.mibByCell.map(\.cell) == [0, 3])
    #expect(guest.mibByCell.map(\.mib) == [8, 3])
  }

  @Test func threadIsFoundByItsVCPU() {
    #expect(Sample.guest.thread(ofVCPU: 0)?.tid == 43)
    #expect(Sample.guest.thread(ofVCPU: 1) == nil)
  }

  @Test func residencyOfAGuestCellIsThatOfItsMappings() {
    var guest = Sample.guest
    #expect(guest.residency(ofGuestCell: 0) == guest.residency)
    guest.regions = []
    #expect(guest.residency(ofGuestCell: 0) == guest.residency, "one guest cell is the whole process")
    guest.guestCells.append(GuestCell(id: 1, vcpus: [], memory: 0))
    #expect(guest.residency(ofGuestCell: 0).isEmpty, "two cannot be told apart")
  }

  @Test func majorityIsTheCellWithMostBytes() {
    var guest = Sample.guest
    guest.regions[0].residency = [
      CellResidency(cell: 0, pageSize: .base, pages: 400), CellResidency(cell: 1, pageSize: .huge2M, pages: 1),
    ]
    #expect(guest.majorityCell(ofGuestCell: 0) == 1)
    #expect(guest.memoryElsewhere(than: GuestCellPlacement(guestCell: 0, cell: 1)) == KiB(400 * 4))
    guest.regions[0].residency = []
    #expect(guest.majorityCell(ofGuestCell: 0) == nil)
  }

  @Test func theMostThatTheWireCarriesAddsUp() {
    var guest = Sample.guest
    guest.regions[0].residency = Array(
      repeating: CellResidency(cell: 0, pageSize: PageSize(kib: 1 << 24), pages: 1 << 20), count: 8192)
    let elsewhere = guest.memoryElsewhere(than: GuestCellPlacement(guestCell: 0, cell: 1))
    #expect(elsewhere == KiB((1 << 44) * 8192))
    let wish = Pinning(memory: [GuestCellPlacement(guestCell: 0, cell: 1)])
    #expect(Verification(desired: wish, scope: .live, checksRecords: true).differences(in: guest).count == 1)
  }

  @Test func movabilityRunsFromEverythingToNothing() {
    #expect(MovabilityClass.allCases == MovabilityClass.allCases.sorted())
    #expect(MovabilityClass.liveMemory < .livePages && MovabilityClass.migrateOnly < .fixed)
  }
}
