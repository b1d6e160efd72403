/// The least that guests can cost on a host, by what is known of its cells alone.
extension Columns {
  private typealias Row = CostRows.Row

  /// Of a block's columns: the least own losses of as many cells as their guests have, twice, as `CostRows` has it.
  /// `losses` are where those of each cell begin, `price` is that of the host.
  @inline(__always) func bounds(
    _ losses: UnsafeMutableBufferPointer<UnsafePointer<Int32>>, _ block: Int, price: Int
  ) -> CostRows.Row {
    let place = block &* CostRows.columnsPerBlock
    @inline(__always) func loss(_ cell: Int) -> Row {
      UnsafeRawPointer(losses[cell] + place).assumingMemoryBound(to: Row.self).pointee
    }
    let misfit = Row(repeating: CellStates.misfit)
    let impossible = Row(repeating: CostRows.impossible)
    let wanted = cellCounts[block]
    if wanted > losses.count { return impossible }
    var bound: Row
    let isMisfit: SIMDMask<Row.MaskStorage>
    if wanted == 1 {
      bound = loss(0)
      for cell in 1..<max(losses.count, 1) { bound = Self.least(bound, loss(cell)) }
      isMisfit = bound .== misfit
    } else if wanted == losses.count {
      bound = loss(0)
      var most = bound
      for cell in 1..<losses.count {
        let next = loss(cell)
        bound &+= next
        most = most.replacing(with: next, where: next .> most)
      }
      isMisfit = most .== misfit
    } else {
      let isLess = loss(1) .< loss(0)
      var first = loss(0).replacing(with: loss(1), where: isLess)
      var second = loss(1).replacing(with: loss(0), where: isLess)
      var fitting = Self.fits(loss(0)) &+ Self.fits(loss(1))
      for cell in 2..<losses.count {
        let next = loss(cell)
        let isFirst = next .< first
        let loser = next.replacing(with: first, where: isFirst)
        first = first.replacing(with: next, where: isFirst)
        second = Self.least(second, loser)
        if wanted > 2 { fitting &+= Self.fits(next) }
      }
      if wanted == 2 {
        bound = first &+ second
        isMisfit = second .== misfit
      } else {
        bound = first &+ Row(repeating: Int32(truncatingIfNeeded: wanted &- 1)) &* second
        isMisfit = fitting .< Row(repeating: Int32(truncatingIfNeeded: wanted))
      }
    }
    let most = Row(repeating: Int32(CostRows.costMaximum))
    bound &+= sureLosses[block] &+ Row(repeating: Int32(truncatingIfNeeded: min(price, CostRows.costMaximum / 2)))
    bound = Self.least(bound, most)
    return (bound &+ bound).replacing(with: impossible, where: isMisfit)
  }

  @inline(__always) private static func least(_ a: Row, _ b: Row) -> Row { a.replacing(with: b, where: b .< a) }

  /// 1 where a guest cell fits.
  @inline(__always) private static func fits(_ loss: Row) -> Row {
    Row.one.replacing(with: Row.zero, where: loss .== Row(repeating: CellStates.misfit))
  }
}
