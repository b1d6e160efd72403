/// Which shape each column of costs is for.
///
/// Eight columns make a block, and all shapes of a block have as many cells, so that what they cost on a host is worked
/// out by one formula. Columns are given in the order in which shapes are first asked for; when all blocks are given,
/// the one that was not asked for the longest gives way.
struct Columns: Sendable {
  /// By column; nil where it is for none.
  private(set) var demands: [SlotDemand?] = []
  /// By block: cells of each guest.
  private(set) var cellCounts: [Int] = []
  /// By block and column: what the guest takes of any host's worth at least, beside what it takes of single cells.
  private(set) var sureLosses: [CostRows.Row] = []
  /// By column: whether all cells of the guest are alike and bring no load, so that what is known of states says all.
  private(set) var arePlain: [Bool] = []
  private var hashes: [Int] = []
  private var asked: [Int] = []
  private var clock = 0
  /// Columns by the last digits of a hash, tried before all others.
  private var guesses: [Int16] = Array(repeating: 0, count: guessesMaximum)
  private var last = 0

  /// Beyond so many shapes, columns cost more than they save.
  static let columnsMaximum = 256
  private static let guessesMaximum = 512
  private static let blocksMaximum = columnsMaximum / CostRows.columnsPerBlock

  var blockCount: Int { cellCounts.count }
  /// Columns with room for more blocks than there are now, so that not every new block moves all costs.
  var width: Int {
    var blocks = 1
    while blocks < blockCount { blocks = blocks < 4 ? blocks + 1 : blocks + blocks / 2 }
    return min(blocks, Self.blocksMaximum) * CostRows.columnsPerBlock
  }

  /// The column of a shape that has one, which is then the last one asked for.
  mutating func find(_ demand: borrowing SlotDemand) -> Int? {
    let guess = Int(guesses[demand.fingerprint & (Self.guessesMaximum - 1)])
    var found = guess < hashes.count && isFor(demand, guess) ? guess : nil
    if found == nil {
      for column in hashes.indices where isFor(demand, column) { found = column }
      guard let found else { return nil }
      guesses[demand.fingerprint & (Self.guessesMaximum - 1)] = Int16(truncatingIfNeeded: found)
    }
    clock += 1
    if let found { (asked[found], last) = (clock, found) }
    return found
  }

  /// The column that was asked for last, if it is this shape's.
  func last(_ demand: borrowing SlotDemand) -> Int? {
    last < hashes.count && isFor(demand, last) ? last : nil
  }

  @inline(__always) private func isFor(_ demand: borrowing SlotDemand, _ column: Int) -> Bool {
    hashes[column] == demand.fingerprint && demands[column]?.cells == demand.cells
  }

  /// Gives a shape a column.
  mutating func add(_ demand: SlotDemand, _ measure: borrowing AvailableSpace) -> Int {
    let column = free(demand.cells.count) ?? newBlock(demand.cells.count) ?? givenUp(demand.cells.count)
    demands[column] = demand
    hashes[column] = demand.fingerprint
    arePlain[column] = demand.cells.allSatisfy { $0 == demand.cells[0] && $0.load == 0 }
    clock += 1
    (asked[column], last) = (clock, column)
    setSureLoss(column, measure)
    return column
  }

  private func free(_ cells: Int) -> Int? {
    demands.indices.first {
      demands[$0] == nil && cellCounts[$0 / CostRows.columnsPerBlock] == cells
    }
  }

  private mutating func newBlock(_ cells: Int) -> Int? {
    guard blockCount < Self.blocksMaximum else { return nil }
    let more = CostRows.columnsPerBlock
    demands.append(contentsOf: repeatElement(nil, count: more))
    hashes.append(contentsOf: repeatElement(0, count: more))
    asked.append(contentsOf: repeatElement(0, count: more))
    arePlain.append(contentsOf: repeatElement(false, count: more))
    cellCounts.append(cells)
    sureLosses.append(.zero)
    return demands.count - more
  }

  /// The column of the shape with as many cells that was not asked for the longest; of a whole block where none has.
  private mutating func givenUp(_ cells: Int) -> Int {
    let size = CostRows.columnsPerBlock
    let alike = asked.indices.filter { cellCounts[$0 / size] == cells }
    if let oldest = alike.min(by: { asked[$0] < asked[$1] }) { return oldest }
    func lastAsked(_ block: Int) -> Int { asked[(block * size)..<((block + 1) * size)].max() ?? 0 }
    let block = cellCounts.indices.min { lastAsked($0) < lastAsked($1) } ?? 0
    cellCounts[block] = cells
    for column in (block * size)..<((block + 1) * size) {
      (demands[column], hashes[column], asked[column], arePlain[column]) = (nil, 0, 0, false)
    }
    sureLosses[block] = .zero
    return block * size
  }

  /// Works out what guests take at least by a new measure.
  mutating func renew(_ measure: borrowing AvailableSpace) {
    for column in demands.indices { setSureLoss(column, measure) }
  }

  private mutating func setSureLoss(_ column: Int, _ measure: borrowing AvailableSpace) {
    guard let demand = demands[column] else { return }
    let loss = min(measure.sureLoss(of: demand), CostRows.costMaximum / 2)
    sureLosses[column / CostRows.columnsPerBlock][column % CostRows.columnsPerBlock] = Int32(loss)
  }

  /// What a column's guest takes of any host's worth at least, beside what it takes of single cells.
  func sureLoss(_ column: Int) -> Int {
    Int(sureLosses[column / CostRows.columnsPerBlock][column % CostRows.columnsPerBlock])
  }
}
