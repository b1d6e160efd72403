/// Which shape each column of costs is for.
///
/// Columns are given in the order in which shapes are first asked for; when all `columnsMaximum` are given, the one
/// that was not asked for the longest gives way.
struct Columns: Sendable {
  /// By column; nil where it is for none.
  private(set) var demands: [SlotDemand?] = Array(repeating: nil, count: CostRows.columnsPerBlock)
  /// By block and column: cells of the guest; more than any host has where there is none.
  private(set) var counts: [CostRows.Row] = [CostRows.Row(repeating: none)]
  /// By block and column: what the guest takes of any host's worth at least, beside what it takes of single cells.
  private(set) var sureLosses: [CostRows.Row] = [.zero]
  private var hashes: [Int] = Array(repeating: 0, count: CostRows.columnsPerBlock)
  private var asked: [Int] = Array(repeating: 0, count: CostRows.columnsPerBlock)
  private var clock = 0
  private var used = 0

  /// Beyond so many shapes, columns cost more than they save.
  static let columnsMaximum = 256
  private static let none: Int32 = 64

  /// Blocks that have columns.
  var blocksUsed: Int { (used + CostRows.columnsPerBlock - 1) / CostRows.columnsPerBlock }

  /// The column of a shape that has one, which is then the last one asked for.
  mutating func find(_ demand: borrowing SlotDemand) -> Int? {
    let hash = demand.fingerprint
    for column in 0..<used where hashes[column] == hash && demands[column]?.cells == demand.cells {
      clock += 1
      asked[column] = clock
      return column
    }
    return nil
  }

  /// Gives a shape a column.
  mutating func add(_ demand: SlotDemand, _ measure: borrowing AvailableSpace) -> Int {
    var column = used
    if used == Self.columnsMaximum {
      column = asked.indices.min { asked[$0] < asked[$1] } ?? 0
    } else {
      used += 1
      if column == demands.count { widen(to: Self.width(beyond: demands.count)) }
    }
    demands[column] = demand
    hashes[column] = demand.fingerprint
    clock += 1
    asked[column] = clock
    counts[column / CostRows.columnsPerBlock][column % CostRows.columnsPerBlock] = Int32(demand.cells.count)
    setSureLoss(column, measure)
    return column
  }

  /// Works out what guests take at least by a new measure.
  mutating func renew(_ measure: borrowing AvailableSpace) {
    for column in 0..<used { setSureLoss(column, measure) }
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

  /// The next number of columns: blocks one by one at first, then by half as many again.
  private static func width(beyond width: Int) -> Int {
    let blocks = width / CostRows.columnsPerBlock
    return (blocks < 4 ? blocks + 1 : blocks + blocks / 2) * CostRows.columnsPerBlock
  }

  private mutating func widen(to width: Int) {
    let more = width - demands.count
    demands.append(contentsOf: repeatElement(nil, count: more))
    hashes.append(contentsOf: repeatElement(0, count: more))
    asked.append(contentsOf: repeatElement(0, count: more))
    counts.append(contentsOf: repeatElement(CostRows.Row(repeating: Self.none), count: more / CostRows.columnsPerBlock))
    sureLosses.append(contentsOf: repeatElement(.zero, count: more / CostRows.columnsPerBlock))
  }
}
