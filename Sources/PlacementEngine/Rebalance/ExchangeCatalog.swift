/// The exchanges of all parts that were met so far: parts that are alike have the same, and plans are made several
/// times.
struct ExchangeCatalog {
  private(set) var table: ExchangeTable
  private(set) var lists: [[CellExchanges.Choice]] = []
  private var cells: CellExchanges
  private var hosts: HostExchanges
  private var cellLists: [CellExchanges.Signature: Int] = [:]  // lookup only
  private var hostLists: [HostExchanges.Signature: (list: Int, wideSlots: Int)] = [:]  // lookup only

  /// Looks the deeper, the fewer kinds and hosts there are.
  init(_ fleet: FleetLayout) {
    let kinds = fleet.kinds
    table = ExchangeTable(kinds: kinds.count)
    let hostCount = min(fleet.cpus.count, 3000)
    let single = kinds.reduce(0) { $0 + ($1.cells == 1 ? 1 : 0) }
    let isShallow = Self.choices(of: single) * min(hostCount, 300) > 60_000
    cells = CellExchanges(
      kinds: kinds, wide: fleet.wide,
      limits: CellExchanges.Limits(takenIn: isShallow ? [5, 3, 2, 1] : [6, 4, 3, 2, 1], lost: 2))
    let work = Self.choices(of: kinds.count) * hostCount
    let limits =
      work <= 100_000
      ? CellExchanges.Limits(takenIn: [9, 7, 5, 4, 3], lost: 4)
      : CellExchanges.Limits(takenIn: work <= 1_000_000 ? [5, 4, 3, 2] : [4, 3, 2], lost: 1)
    let unit = kinds.reduce(0) { greatestCommonDivisor($0, $1.cells == 1 ? $1.cpus : 0) }
    hosts = HostExchanges(kinds: kinds, wide: fleet.wide, limits: limits, unit: unit)
  }

  /// Ways to choose up to four guests of some kinds.
  private static func choices(of kinds: Int) -> Int { (kinds + 1) * (kinds + 2) * (kinds + 3) * (kinds + 4) / 24 }

  /// Kinds of one cell in the order of a signature's counts.
  var cellOrder: [Int] { cells.table.map(\.kind) }

  mutating func number(of units: [UInt16]) -> Int { table.number(of: units[...]) }

  mutating func list(of cell: CellExchanges.Signature) -> Int {
    if let list = cellLists[cell] { return list }
    cellLists[cell] = lists.count
    lists.append(cells.choices(of: cell, in: &table))
    return lists.count - 1
  }

  mutating func list(of host: HostExchanges.Signature) -> (list: Int, wideSlots: Int) {
    if let known = hostLists[host] { return known }
    let (wideSlots, choices) = hosts.choices(of: host, in: &table)
    let entry = (list: lists.count, wideSlots: wideSlots)
    hostLists[host] = entry
    lists.append(choices)
    return entry
  }
}

extension HostExchanges.Signature {
  init(_ fleet: FleetLayout, host: Int) {
    var frame = SplitReach.Frame(
      cpus0: fleet.cpus[host][0], cpus1: fleet.cpus[host][1], memory0: fleet.memory[host][0],
      memory1: fleet.memory[host][1])
    var split = Array(repeating: UInt8(0), count: fleet.kinds.count)
    var leaving = split
    for guest in fleet.guests[host] where fleet.freedom[guest] != .fixed {
      let kind = fleet.kind[guest]
      if fleet.freedom[guest] == .anywhere, leaving[kind] < 255 { leaving[kind] += 1 }
      guard fleet.cells[guest].count == 1, split[kind] < 255 else { continue }
      split[kind] += 1
      if fleet.cells[guest][0] == 0 {
        frame.cpus0 += fleet.kinds[kind].cpus
        frame.memory0 += fleet.kinds[kind].memory
      } else {
        frame.cpus1 += fleet.kinds[kind].cpus
        frame.memory1 += fleet.kinds[kind].memory
      }
    }
    // The cells are alike: which is first makes no difference to what can be exchanged.
    if (frame.cpus0, frame.memory0) > (frame.cpus1, frame.memory1) {
      frame = SplitReach.Frame(
        cpus0: frame.cpus1, cpus1: frame.cpus0, memory0: frame.memory1, memory1: frame.memory0)
    }
    self.init(frame: frame, split: split, leaving: leaving)
  }
}

func greatestCommonDivisor(_ one: Int, _ other: Int) -> Int {
  var (one, other) = (one, other)
  while other != 0 { (one, other) = (other, one % other) }
  return one
}
