/// How many guests of each shape of the mix something has room for: sixteen shapes at once.
typealias Lanes = SIMD16<Int16>

/// How much room hosts have for the guests that the fleet gets: the measure whose loss is the cost of a placement.
///
/// For each shape of the mix, the number of its guests that would still fit on a host, a little more than
/// proportionally, times the shape's weight. For guests of k like cells on cells with q free slots each, that number is
/// the largest t with Σ min(q, t) ≥ k·t (arXiv 2604.15033), which is the least of ⌊Sⱼ / (k − j)⌋ over j < k, where Sⱼ
/// is the sum of all q but the j largest. Costs are integers; a mix that fits once is worth `unit`.
package struct AvailableSpace: Sendable {
  package struct Entry: Sendable {
    package let cell: CellSpace
    /// 1 to 8.
    package let cells: Int
    /// The share of `unit`.
    package let weight: Int

    package init(cell: CellSpace, cells: Int, weight: Int) {
      (self.cell, self.cells, self.weight) = (cell, cells, weight)
    }
  }

  /// At most `entriesMaximum`, ascending by cells.
  package let entries: [Entry]
  private let contentionPrice: Int
  /// What each free CPU of a host costs its guests.
  package let emptiness: Int
  private let blocks: [SlotBlock]
  /// By entry and number of guests up to `tableEnd`.
  private let values: [Int32]

  /// What one guest of the mix is worth: fine enough for the smallest guest on the largest host.
  static let unit = 1 << 18
  /// What each free CPU of a host costs its guests where CPUs run out first: hosts that are filled already are
  /// preferred a little. Where memory does, CPUs that are left over say less of how full a host is; a third of the
  /// price is left, without which a decision has to look at four times as many hosts that cost nearly the same.
  private static let emptiness = unit * 4804 / 1_000_000
  /// Slots count to the power of so many 64ths: the last slot for a shape is worth a little less than each of many.
  private static let growthExponent = 70
  /// Shapes that are looked at: two blocks of lanes.
  static let entriesMaximum = blockCount * Lanes.scalarCount
  static let blockCount = 1
  /// Numbers of guests beyond this are worth as much more each as this one.
  private static let tableEnd = 255
  /// Between the rows of the table: an odd number of cache lines, so that rows do not push each other out of the cache.
  private static let rowStride = 272
  /// The bits that numbers beyond the table have, for four lanes.
  private static let beyondEnd: UInt64 = 0xff00_ff00_ff00_ff00
  private static let growth: [Double] = (0...tableEnd).map { power(Double($0), growthExponent) }

  /// `contentionPrice` is what a thousandth of contention costs, `areCPUsScarce` whether CPUs run out first.
  package init(_ unsorted: [Entry], contentionPrice: Int = 0, areCPUsScarce: Bool = true) {
    self.contentionPrice = contentionPrice
    emptiness = areCPUsScarce ? Self.emptiness : Self.emptiness / 3
    let entries = unsorted.prefix(Self.entriesMaximum).enumerated()
      .sorted { ($0.element.cells, $0.offset) < ($1.element.cells, $1.offset) }.map(\.element)
    self.entries = entries
    blocks = (0..<Self.blockCount).map {
      SlotBlock(entries.dropFirst($0 * Lanes.scalarCount).prefix(Lanes.scalarCount))
    }
    var values = [Int32](repeating: 0, count: Self.entriesMaximum * Self.rowStride)
    for (index, entry) in entries.enumerated() {
      let row = index * Self.rowStride
      var step: Int32 = 0
      for count in 1...Self.tableEnd {
        // Steps never shrink, in spite of rounding: bounds on costs rest on it.
        step = max(step, Int32(Double(entry.weight) * (Self.growth[count] - Self.growth[count - 1])))
        values[row + count] = values[row + count - 1] + step
      }
    }
    self.values = values
  }

  /// Slots of a cell for each shape of one block.
  func slots(of cell: CellSpace, block: Int) -> Lanes { blocks[block].slots(of: cell) }

  /// The worth of a host whose cells have these slots, `blockCount` for each cell.
  func worth(of slots: borrowing [Lanes], cells: Int) -> Int {
    // By pointer, because a block that is taken out of its array is copied.
    blocks.withUnsafeBufferPointer { blocks in
      var worth = 0
      for block in 0..<Self.blockCount where !blocks[block].isEmpty {
        let place = blocks.baseAddress.unsafelyUnwrapped + block
        worth += value(of: SlotBlock.guests(place, slots, cells: cells, offset: block), block)
      }
      return worth
    }
  }

  /// The worth of one cell by itself to guests of one cell; what is taken of it costs a host at least as much.
  func worth(ofCell slots: Lanes, block: Int) -> Int {
    value(of: slots.replacing(with: Lanes.zero, where: blocks[block].isSeveral), block)
  }

  @inline(__always) private func value(of guests: Lanes, _ block: Int) -> Int {
    let row = block &* Lanes.scalarCount &* Self.rowStride
    // Lanes are read from memory: taking them out of a vector one by one writes it there each time.
    return values.withUnsafeBufferPointer { values in
      withUnsafeBytes(of: guests) { lanes in
        var bits: UInt64 = 0
        for word in 0..<(Lanes.scalarCount / 4) { bits |= lanes.load(fromByteOffset: word &* 8, as: UInt64.self) }
        if bits & Self.beyondEnd != 0 { return beyondTable(guests, block) }
        let guests = lanes.assumingMemoryBound(to: Int16.self)
        var sum: Int32 = 0
        for lane in 0..<Lanes.scalarCount {
          sum &+= values[row &+ lane &* Self.rowStride &+ Int(guests[lane])]
        }
        return Int(sum)
      }
    }
  }

  private func beyondTable(_ guests: Lanes, _ block: Int) -> Int {
    (0..<Lanes.scalarCount).reduce(0) { $0 + value(of: Int(guests[$1]), entry: block * Lanes.scalarCount + $1) }
  }

  /// What so many guests of an entry are worth.
  package func value(of guests: Int, entry: Int) -> Int {
    let row = entry * Self.rowStride
    let last = row + min(guests, Self.tableEnd)
    let more = Int(values[row + Self.tableEnd]) - Int(values[row + Self.tableEnd - 1])
    return Int(values[last]) + max(guests - Self.tableEnd, 0) * more
  }

  /// What the load costs that a guest cell finds or makes on a cell, by the part of the guest that meets it.
  @inline(__always) func crowding(of cell: CellSpace, by need: CellSpace, in demand: borrowing SlotDemand) -> Int {
    // Where nobody floats there is no load.
    if need.load | cell.load == 0 { return 0 }
    let vcpus = need.load > 0 ? need.load / 1000 : need.shared
    return contentionPrice * (cell.contention(for: need) * vcpus / demand.vcpus)
  }

  /// What a guest takes of any host's worth to guests of several cells: as many as would fit into its own room.
  func sureLoss(of demand: SlotDemand) -> Int {
    var loss = 0
    for (index, entry) in entries.enumerated() where entry.cells > 1 {
      loss += value(of: Self.slots(entry.cell, entry.cells, in: demand.cells), entry: index)
    }
    return loss
  }

  /// How many guests of `count` such cells fit.
  static func slots(_ cell: CellSpace, _ count: Int, in cells: some RandomAccessCollection<CellSpace>) -> Int {
    if count > cells.count { return 0 }
    if count == 1 { return cells.reduce(0) { $0 + slots(cell, in: $1) } }
    // Σ min(q, t) − k·t is concave in t and 0 at 0, so the largest t is found by halving.
    var low = 0
    var high = cells.reduce(0) { $0 + slots(cell, in: $1) } / count
    while low < high {
      let middle = (low + high + 1) / 2
      let sum = cells.reduce(0) { $0 + min(slots(cell, in: $1), middle) }
      if sum >= count * middle { low = middle } else { high = middle - 1 }
    }
    return low
  }

  /// How many such guest cells fit on one cell.
  static func slots(_ need: CellSpace, in free: CellSpace) -> Int {
    func slots(_ free: Int, _ need: Int) -> Int {
      if free < 0 { return 0 }
      return need > 0 ? free / need : SlotBlock.slotsMaximum
    }
    return min(
      slots(free.cpus, need.cpus), slots(free.memory, need.memory), slots(free.floating, need.floating),
      slots(free.hugePages, need.hugePages), slots(free.giantPages, need.giantPages), SlotBlock.slotsMaximum)
  }
}

/// `base` to the power `sixtyFourths`/64, by square roots and products, which every machine rounds alike.
func power(_ base: Double, _ sixtyFourths: Int) -> Double {
  var root = base
  for _ in 0..<6 { root = root.squareRoot() }
  var result = 1.0
  for _ in 0..<abs(sixtyFourths) { result *= root }
  return sixtyFourths < 0 ? 1 / result : result
}
