import NUMA
import Testing

/// The bitmap does what Swift's own set does, and equal sets are equal values.
@Suite struct IDSetTests {
  @Test(arguments: 0..<100 as Range<UInt64>)
  func algebraAgreesWithSwiftsSet(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    func draw() -> (CPUSet, Set<Int>) {
      let limit = [8, 64, 200, CPUKind.idLimit].randomElement(using: &generator)!
      let ids = (0..<Int.random(in: 0...40, using: &generator)).map { _ in Int.random(in: 0..<limit, using: &generator)
      }
      return (CPUSet(ids), Set(ids))
    }
    let (a, x) = draw()
    let (b, y) = draw()
    #expect(a.members == x.sorted() && a.count == x.count && a.isEmpty == x.isEmpty)
    #expect(a.first == x.min() && a.last == x.max())
    #expect(a.union(b) == CPUSet(x.union(y)))
    #expect(a.intersection(b) == CPUSet(x.intersection(y)))
    #expect(a.subtracting(b) == CPUSet(x.subtracting(y)))
    #expect(a.isSubset(of: b) == x.isSubset(of: y))
    #expect(a.isDisjoint(with: b) == x.isDisjoint(with: y))
    #expect((a == b) == (x == y))
    var joined = a
    joined.formUnion(b)
    #expect(joined == a.union(b))
    for id in [-1, 0, 63, 64, 8191, 8192, x.randomElement(using: &generator) ?? 0] {
      #expect(a.contains(id) == x.contains(id))
      var shrunk = a
      shrunk.remove(id)
      #expect(shrunk == CPUSet(x.subtracting([id])))
    }
  }

  @Test(arguments: 0..<100 as Range<UInt64>)
  func rangeIsInsertedLikeItsMembers(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let low = Int.random(in: 0..<300, using: &generator)
    let range = low...(low + Int.random(in: 0..<200, using: &generator))
    var set: CPUSet = [0, 100]
    set.insert(contentsOf: range)
    #expect(set == CPUSet(Set(range).union([0, 100])), "seed \(seed): \(range)")
  }

  @Test func equalSetsAreEqualValuesWhateverTheirHistory() {
    var set: CPUSet = [0, 8000]
    set.remove(8000)
    #expect(set == [0])
    #expect(set.hashValue == CPUSet([0]).hashValue)
    set.remove(0)
    #expect(set == CPUSet() && set.isEmpty && set.first == nil && set.last == nil)
  }

  @Test func setTravelsAsItsListFormat() throws {
    #expect(try JSONForm.text(of: CPUSet([0, 1, 5])) == #""0-1,5""#)
    #expect(try JSONForm.value(NodeSet.self, from: #""0-3,^2""#) == [0, 1, 3])
    #expect(throws: (any Error).self) { try JSONForm.value(NodeSet.self, from: #""3-1""#) }
  }

  @Test func idOutsideTheLimitStopsTheProgram() async {
    await #expect(processExitsWith: .failure) { _ = CPUSet([CPUKind.idLimit]) }
    await #expect(processExitsWith: .failure) { _ = CPUSet([-1]) }
  }
}
