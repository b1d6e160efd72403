import NUMA
import Testing

/// Distances are looked up by cell id, whatever order and gaps the ids have.
@Suite struct DistanceMatrixTests {
  @Test func rowsAreSortedByCell() throws {
    let matrix = try #require(DistanceMatrix(ids: [8, 0], rows: [[10, 21], [32, 10]]))
    #expect(matrix.ids == [0, 8])
    #expect(matrix.rows == [[10, 32], [21, 10]])
    #expect(matrix[8, 0] == 21 && matrix[0, 8] == 32 && matrix[0, 0] == 10)
    #expect(matrix[0, 1] == nil && matrix[1, 0] == nil)
  }

  @Test(arguments: 0..<50 as Range<UInt64>)
  func lookupAgreesWithTheRowsGiven(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let ids = Array((0..<16).shuffled(using: &generator).prefix(Int.random(in: 1...8, using: &generator)))
    let rows = ids.map { _ in ids.map { _ in Int.random(in: 10...255, using: &generator) } }
    let matrix = try #require(DistanceMatrix(ids: ids, rows: rows))
    for (row, from) in ids.enumerated() {
      for (column, to) in ids.enumerated() { #expect(matrix[from, to] == rows[row][column], "seed \(seed)") }
    }
  }

  @Test(arguments: [
    (ids: [0, 1], rows: [[10, 20]]), ([0], [[10, 20]]), ([0, 1], [[10, 20], [20]]), ([0], [[9]]), ([0], [[256]]),
    ([0], []),
  ])
  func rowsThatDoNotFitAreRefused(ids: [Int], rows: [[Int]]) {
    #expect(DistanceMatrix(ids: ids, rows: rows) == nil)
  }

  @Test func matrixTravelsWhole() throws {
    let matrix = try #require(DistanceMatrix(ids: [0, 2], rows: [[10, 20], [21, 10]]))
    #expect(try JSONForm.value(DistanceMatrix.self, from: JSONForm.text(of: matrix)) == matrix)
  }

  @Test(arguments: [
    #"{"ids":[0,1],"values":[10]}"#, #"{"ids":[1,0],"values":[10,20,20,10]}"#, #"{"ids":[0],"values":[9]}"#,
  ])
  func storedMatrixThatDoesNotFitIsRefused(text: String) {
    #expect(throws: (any Error).self) { try JSONForm.value(DistanceMatrix.self, from: text) }
  }
}
