/// The exchanges worth making on one cell whose guests stay on their cells.
///
/// Worth making is what no other exchange beats: no guest given away without need, and no room left that another guest
/// could have had. What is taken in too much can always be left where it was.
struct CellExchanges {
  struct Limits {
    /// Guests taken in at most, by how many are given away.
    let takenIn: [Int]
    /// Whole blocks given up at most.
    let lost: Int
  }

  /// What tells cells apart.
  struct Signature: Hashable {
    let cpus: Int
    let memory: Int
    /// Guests of each kind of one cell that may leave.
    let counts: [UInt8]
  }

  let table: [(cpus: Int, memory: Int, kind: Int)]
  let kinds: Int
  let wide: Int
  let limits: Limits
  private var units: [UInt16] = []
  private var found: [Choice] = []
  private var smallest: (cpus: Int, memory: Int)

  struct Choice {
    let exchange: Int32
    /// Whole blocks more than there were.
    let gain: Int32
  }

  init(kinds: [FleetLayout.Kind], wide: Int, limits: Limits) {
    table = kinds.indices.filter { kinds[$0].cells == 1 }.map { (kinds[$0].cpus, kinds[$0].memory, $0) }
      .sorted { ($0.0, $0.1) > ($1.0, $1.1) }
    self.kinds = kinds.count
    self.wide = wide
    self.limits = limits
    smallest = (table.map(\.cpus).min() ?? 0, table.map(\.memory).min() ?? 0)
  }

  mutating func choices(of cell: Signature, in exchanges: inout ExchangeTable) -> [Choice] {
    found.removeAll(keepingCapacity: true)
    units.removeAll(keepingCapacity: true)
    let whole = cell.cpus >= 0 ? cell.cpus / wide : -((wide - 1 - cell.cpus) / wide)
    giveAway(from: 0, cell, whole, cell.cpus, cell.memory, &exchanges)
    return found
  }

  private mutating func giveAway(
    from first: Int, _ cell: Signature, _ whole: Int, _ cpus: Int, _ memory: Int,
    _ exchanges: inout ExchangeTable
  ) {
    if cpus >= 0, memory >= 0 { fill(cell, whole, cpus, memory, &exchanges) }
    guard units.count + 1 < limits.takenIn.count else { return }
    for index in first..<table.count {
      let kind = table[index]
      let given = units.reduce(0) { $0 + (Int($1) == kind.kind ? 1 : 0) }
      guard given < Int(cell.counts[index]) else { continue }
      units.append(UInt16(kind.kind))
      giveAway(from: index, cell, whole, cpus + kind.cpus, memory + kind.memory, &exchanges)
      units.removeLast()
    }
  }

  /// All that may be taken in when `cpus` are free, for each number of whole blocks that is to be left.
  private mutating func fill(
    _ cell: Signature, _ whole: Int, _ cpus: Int, _ memory: Int, _ exchanges: inout ExchangeTable
  ) {
    let given = units.count
    let floor = max(0, given == 0 ? whole - limits.lost : given == 1 ? whole : whole + 1)
    var level = cpus / wide
    while level >= floor {
      takeIn(
        from: 0, cpus - level * wide, memory, gain: level - whole, left: limits.takenIn[given],
        given: given, &exchanges)
      level -= 1
    }
  }

  private mutating func takeIn(
    from first: Int, _ cpus: Int, _ memory: Int, gain: Int, left: Int, given: Int,
    _ exchanges: inout ExchangeTable
  ) {
    var isFull = true
    if left > 0, cpus >= smallest.cpus, memory >= smallest.memory {
      for index in 0..<table.count {
        let kind = table[index]
        if kind.cpus > cpus || kind.memory > memory { continue }
        if units[..<given].contains(UInt16(kind.kind)) { continue }
        isFull = false
        if index < first { continue }
        units.append(UInt16(kind.kind + kinds))
        takeIn(
          from: index, cpus - kind.cpus, memory - kind.memory, gain: gain, left: left - 1, given: given,
          &exchanges)
        units.removeLast()
      }
    }
    // With as much room left as a guest takes that was given away, it need not have been.
    guard isFull,
      !table.contains(where: { kind in
        kind.cpus <= cpus && kind.memory <= memory && units[..<given].contains(UInt16(kind.kind))
      })
    else { return }
    if gain == 0, units.isEmpty { return }
    found.append(Choice(exchange: Int32(exchanges.number(of: units[...])), gain: Int32(gain)))
  }
}
