/// Sixteen shapes of the mix, and how many of their guests fit, all at once.
///
/// Only operators between two vectors are used: those between a vector and a number are worked lane by lane.
struct SlotBlock: Sendable {
  private let cpus: LaneNeed
  private let memory: LaneNeed
  /// Floating vcpus, and pages of 2 MiB and 1 GiB; nil where no guest of the block needs any.
  private let floating: LaneNeed?
  private let hugePages: LaneNeed?
  private let giantPages: LaneNeed?
  private var isUsed = SIMDMask<Lanes.MaskStorage>(repeating: false)
  private var isPair = SIMDMask<Lanes.MaskStorage>(repeating: false)
  /// Guests of more than one cell.
  private(set) var isSeveral = SIMDMask<Lanes.MaskStorage>(repeating: false)
  /// Cells of each lane's guests.
  private var cells = Lanes(repeating: 1)
  private var cellsMaximum = 1
  let isEmpty: Bool

  /// A cell has no more slots than this for one shape, so that sixteen cells do not overflow.
  static let slotsMaximum = 2047

  init(_ entries: ArraySlice<AvailableSpace.Entry>) {
    isEmpty = entries.isEmpty
    func needs(_ amount: (CellSpace) -> Int) -> LaneNeed { LaneNeed(entries.map { amount($0.cell) }) }
    func others(_ amount: (CellSpace) -> Int) -> LaneNeed? {
      entries.contains { amount($0.cell) > 0 } ? needs(amount) : nil
    }
    cpus = needs(\.cpus)
    memory = needs(\.memory)
    floating = others(\.floating)
    hugePages = others(\.hugePages)
    giantPages = others(\.giantPages)
    for (lane, entry) in entries.enumerated() {
      isUsed[lane] = true
      isPair[lane] = entry.cells == 2
      isSeveral[lane] = entry.cells > 1
      cells[lane] = Int16(entry.cells)
      cellsMaximum = max(cellsMaximum, entry.cells)
    }
  }

  /// Slots of one cell; none where something is overdrawn already.
  func slots(of cell: CellSpace) -> Lanes {
    guard cell.cpus >= 0, cell.memory >= 0 else { return .zero }
    var least = SIMD16(repeating: Double(Self.slotsMaximum))
    cpus.limit(&least, cell.cpus)
    memory.limit(&least, cell.memory)
    if let floating { floating.limit(&least, max(cell.floating, 0)) }
    if let hugePages { hugePages.limit(&least, max(cell.hugePages, 0)) }
    if let giantPages { giantPages.limit(&least, max(cell.giantPages, 0)) }
    var slots = Lanes.zero
    for lane in 0..<Lanes.scalarCount { slots[lane] = Int16(least[lane]) }
    return slots.replacing(with: Lanes.zero, where: .!isUsed)
  }

  /// How many guests of each lane fit on cells with these slots: lane by lane the least of ⌊Sⱼ / (k − j)⌋. The block
  /// is given by its place, because it would be copied as a value.
  @inline(__always) static func guests(
    _ block: UnsafePointer<SlotBlock>, _ slots: borrowing [Lanes], cells count: Int, offset: Int
  ) -> Lanes {
    slots.withUnsafeBufferPointer { slots in
      var sum = Lanes.zero
      var most = Lanes.zero
      var least = Lanes(repeating: Int16.max)
      var index = offset
      for _ in 0..<count {
        let cell = slots[index]
        sum &+= cell
        most = most.replacing(with: cell, where: cell .> most)
        least = least.replacing(with: cell, where: cell .< least)
        index += AvailableSpace.blockCount
      }
      if block.pointee.cellsMaximum == 1 { return sum }
      let half = sum &>> Lanes.one
      let rest = sum &- most
      var guests = sum.replacing(with: half.replacing(with: rest, where: rest .< half), where: block.pointee.isPair)
      let all = Lanes(repeating: Int16(truncatingIfNeeded: count))
      let cells = block.pointee.cells
      if block.pointee.cellsMaximum > 2 {
        let isAll = cells .== all
        guests = guests.replacing(with: least, where: isAll .& block.pointee.isSeveral)
        let isInner = (cells .> Lanes(repeating: 2)) .& (cells .< all)
        if any(isInner) { guests = guests.replacing(with: peeled(block, slots, count, offset), where: isInner) }
      }
      return guests.replacing(with: Lanes.zero, where: cells .> all)
    }
  }

  /// The same for three cells and more, on hosts with still more cells.
  private static func peeled(
    _ block: UnsafePointer<SlotBlock>, _ slots: UnsafeBufferPointer<Lanes>, _ count: Int, _ offset: Int
  ) -> Lanes {
    // By number of cells taken off, the largest first: what is left of the sum.
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: SlotDemand.cellsMaximum) { left in
      let most = block.pointee.cellsMaximum
      var sum = Lanes.zero
      for rank in 0..<most { left[rank] = .zero }
      for cell in 0..<count {
        var next = slots[cell * AvailableSpace.blockCount + offset]
        sum &+= next
        // The largest of each lane come first.
        for rank in 1..<most {
          let other = left[rank]
          left[rank] = other.replacing(with: next, where: next .> other)
          next = next.replacing(with: other, where: next .> other)
        }
      }
      left[0] = sum
      for rank in 1..<most { left[rank] = left[rank - 1] &- left[rank] }
      return least(block, UnsafeRawBufferPointer(left), count)
    }
  }

  /// Whole numbers are divided by 1 to 8 with a product and a shift of so many digits, which is exact below 2^15.
  private static let shift: UInt64 = 20
  private static let inverses = SIMD16<UInt64>(
    0, (1 << 20) + 1, (1 << 20) / 2 + 1, (1 << 20) / 3 + 1, (1 << 20) / 4 + 1, (1 << 20) / 5 + 1, (1 << 20) / 6 + 1,
    (1 << 20) / 7 + 1, (1 << 20) / 8 + 1, 0, 0, 0, 0, 0, 0, 0)

  /// By lane the least of what is left over the cells that are still wanted.
  private static func least(
    _ block: UnsafePointer<SlotBlock>, _ left: UnsafeRawBufferPointer, _ count: Int
  ) -> Lanes {
    let left = left.assumingMemoryBound(to: Int16.self)
    var guests = Lanes.zero
    withUnsafeMutableBytes(of: &guests) { guests in
      withUnsafeBytes(of: inverses) { inverses in
        withUnsafeBytes(of: block.pointee.cells) { cells in
          let (cells, inverses) = (
            cells.assumingMemoryBound(to: Int16.self), inverses.assumingMemoryBound(to: UInt64.self)
          )
          for lane in 0..<Lanes.scalarCount where cells[lane] > 2 && Int(cells[lane]) < count {
            var least = UInt64.max
            for rank in 0..<Int(cells[lane]) {
              let sum = UInt64(truncatingIfNeeded: left[rank &* Lanes.scalarCount &+ lane])
              least = min(least, (sum &* inverses[Int(cells[lane]) &- rank]) &>> shift)
            }
            guests.assumingMemoryBound(to: Int16.self)[lane] = Int16(truncatingIfNeeded: least)
          }
        }
      }
    }
    return guests
  }
}

/// What sixteen guests need of one thing.
private struct LaneNeed: Sendable {
  /// By lane; 1 where nothing is needed, and what makes up for that.
  private var amounts = SIMD16<Double>(repeating: 1)
  private var bonus = SIMD16<Double>.zero

  init(_ needs: [Int]) {
    for (lane, need) in needs.enumerated() {
      if need > 0 { amounts[lane] = Double(need) } else { bonus[lane] = 1e9 }
    }
  }

  /// Lowers numbers of slots to those that an amount is enough for. Quotients of whole numbers below 2^52 round down
  /// exactly.
  @inline(__always) func limit(_ least: inout SIMD16<Double>, _ amount: Int) {
    let slots = (SIMD16(repeating: Double(amount)) + bonus) / amounts
    least = least.replacing(with: slots, where: slots .< least)
  }
}
