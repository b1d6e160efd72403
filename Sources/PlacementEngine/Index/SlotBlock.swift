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

  /// How many guests of each lane fit on cells with these slots: lane by lane the least of ⌊Sⱼ / (k − j)⌋.
  @inline(__always) func guests(_ slots: borrowing [Lanes], cells count: Int, offset: Int) -> Lanes {
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
      if cellsMaximum == 1 { return sum }
      let half = sum &>> Lanes.one
      let rest = sum &- most
      var guests = sum.replacing(with: half.replacing(with: rest, where: rest .< half), where: isPair)
      let all = Lanes(repeating: Int16(truncatingIfNeeded: count))
      if cellsMaximum > 2 {
        let isAll = cells .== all
        guests = guests.replacing(with: least, where: isAll .& isSeveral)
        let isInner = (cells .> Lanes(repeating: 2)) .& (cells .< all)
        if any(isInner) { guests = guests.replacing(with: peeled(slots, count, offset), where: isInner) }
      }
      return guests.replacing(with: Lanes.zero, where: cells .> all)
    }
  }

  /// The same for three cells and more, on hosts with still more cells: takes off the largest one after another.
  private func peeled(_ slots: UnsafeBufferPointer<Lanes>, _ count: Int, _ offset: Int) -> Lanes {
    withUnsafeTemporaryAllocation(of: Lanes.self, capacity: count) { left in
      var sum = Lanes.zero
      for cell in 0..<count {
        left[cell] = slots[cell * AvailableSpace.blockCount + offset]
        sum &+= left[cell]
      }
      var guests = Lanes(repeating: Int16.max)
      for peeled in 0..<min(cellsMaximum, count) {
        let parts = cells &- Lanes(repeating: Int16(truncatingIfNeeded: peeled))
        let quotient = Self.quotient(sum, parts)
        guests = guests.replacing(with: quotient, where: (parts .> Lanes.zero) .& (quotient .< guests))
        // The largest of each lane goes to the end.
        var largest = left[0]
        for cell in 1..<max(count - peeled, 1) {
          let other = left[cell]
          let isLarger = other .> largest
          left[cell - 1] = other.replacing(with: largest, where: isLarger)
          largest = largest.replacing(with: other, where: isLarger)
        }
        sum &-= largest
      }
      return guests
    }
  }

  /// Rounded down; anything where `parts` is below 1.
  private static func quotient(_ sum: Lanes, _ parts: Lanes) -> Lanes {
    var result = sum
    for lane in 0..<Lanes.scalarCount where parts[lane] > 1 { result[lane] /= parts[lane] }
    return result
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
