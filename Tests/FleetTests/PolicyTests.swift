import Fleet
import NUMA
import Testing

/// What the operator decided applies to the guests and hosts he named.
@Suite struct PolicyTests {
  @Test(
    arguments: [
      ([], false), (["*"], true), (["db"], true), (["11111111-2222-3333-4444-555555555555"], true),
      (["web", "d"], false),
    ] as [([String], Bool)])
  func livePagesAreAllowedByNameIdOrStar(listed: [String], allowed: Bool) {
    #expect(Policy(livePages: listed).allowsLivePages(of: Sample.guest) == allowed)
  }

  @Test func hostHasItsOwnDriverOrTheCommonOne() {
    let policy = Policy(driver: .libvirt, driverByHost: [HostDriver(host: "h2", driver: .kernel)])
    #expect(policy.driver(on: "h2") == .kernel && policy.driver(on: "h1") == .libvirt)
  }

  @Test func soundShapeHasNoContradiction() {
    #expect(Sample.shape.contradictions() == [])
    #expect(Sample.shape.vcpus == 3 && Sample.shape.memory == KiB(mib: 768))
    #expect(Shape(guestCells: [ShapeCell(vcpus: 1, memory: 4), ShapeCell(vcpus: 0, memory: 4)]).contradictions() == [])
  }

  @Test(
    arguments: [
      ([], "a shape has 1 to 8 guest cells, this one has 0"),
      (Array(repeating: ShapeCell(vcpus: 1, memory: 4), count: 9), "a shape has 1 to 8 guest cells, this one has 9"),
      ([ShapeCell(vcpus: 1, memory: 4), ShapeCell(vcpus: 0, memory: 0)], "guest cell 1 asks for 0 vcpus and 0 KiB"),
      ([ShapeCell(vcpus: -1, memory: 4)], "guest cell 0 asks for -1 vcpus and 4 KiB"),
      ([ShapeCell(vcpus: 1, memory: -4)], "guest cell 0 asks for 1 vcpus and -4 KiB"),
      ([ShapeCell(vcpus: 1, memory: 6)], "guest cell 0's memory of 6 KiB is not whole pages of 4 KiB"),
      ([ShapeCell(vcpus: 0, memory: 4)], "a shape needs at least one vcpu"),
    ] as [([ShapeCell], String)])
  func contradictionOfAShapeIsNamed(cells: [ShapeCell], text: String) {
    #expect(Shape(guestCells: cells).contradictions().contains(text))
  }

  @Test func shapeOfImpossiblePagesIsNamedNotTrapped() {
    let shape = Shape(guestCells: [ShapeCell(vcpus: 1, memory: 4)], pageSize: PageSize(kib: 0))
    #expect(!shape.contradictions().isEmpty)
  }
}
