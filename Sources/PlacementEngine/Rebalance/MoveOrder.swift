/// Turns exchanges into moves, each made when there is room for it.
///
/// What comes to a cell may have to wait for what leaves it. Guests of a kind are alike, so who goes where is decided
/// only when the move is made: to a place that has room, from a place that others wait for.
struct MoveOrder {
  /// A guest of a kind that leaves or comes; nil cells where a host's own cells are chosen late.
  private struct End {
    let host: Int
    let cells: [Int]?
    var isParked = false
  }

  private(set) var fleet: FleetLayout
  private let repins: Bool
  private let migrations: Int
  private var leaving: [[End]]
  private var coming: [[End]]
  /// Guests that still come, by host: whose departures are worth most.
  private var waiting: [Int]

  init(_ fleet: FleetLayout, repins: Bool, migrations: Int) {
    self.fleet = fleet
    self.repins = repins
    self.migrations = migrations
    leaving = Array(repeating: [], count: fleet.kinds.count)
    coming = leaving
    waiting = Array(repeating: 0, count: fleet.cpus.count)
  }

  mutating func carryOut(_ columns: [ExchangePrices.Column], of choices: ExchangeChoices) {
    for column in columns {
      let alternative = choices.alternatives[column.host][column.alternative]
      if let span = alternative.leaving { leaving[span.kind].append(End(host: column.host, cells: span.cells)) }
      if let span = alternative.coming { coming[span.kind].append(End(host: column.host, cells: span.cells)) }
      for (part, pick) in column.picks.enumerated() {
        let cells = alternative.isWhole ? nil : [part]
        for unit in choices.table.units(of: Int(pick)) {
          let kind = Int(unit) % fleet.kinds.count
          if Int(unit) < fleet.kinds.count {
            leaving[kind].append(End(host: column.host, cells: cells))
          } else {
            coming[kind].append(End(host: column.host, cells: cells))
          }
        }
      }
    }
    dropUnneeded()
    for ends in coming { for end in ends { waiting[end.host] += 1 } }
    while round() || detour() {}
  }

  /// Leaves out what is to come but leaves nowhere, first where it would have to wait.
  private mutating func dropUnneeded() {
    for kind in coming.indices {
      var surplus = coming[kind].count - leaving[kind].count
      for hasRoom in [false, true] {
        var index = coming[kind].count - 1
        while surplus > 0, index >= 0 {
          if (room(for: kind, at: coming[kind][index]) != nil) == hasRoom {
            coming[kind].remove(at: index)
            surplus -= 1
          }
          index -= 1
        }
      }
    }
  }

  /// Makes every move that has room; false when there was none.
  private mutating func round() -> Bool {
    var isMoved = false
    for kind in coming.indices.reversed() {
      var index = 0
      while index < coming[kind].count {
        guard move(kind, index) else {
          index += 1
          continue
        }
        isMoved = true
      }
    }
    return isMoved
  }

  private mutating func move(_ kind: Int, _ index: Int) -> Bool {
    let target = coming[kind][index]
    guard fleet.crossHostMoves < migrations, let cells = room(for: kind, at: target) else { return false }
    guard let source = source(of: kind, for: target.host) else { return false }
    let from = leaving[kind][source]
    guard let guest = fleet.guest(of: kind, on: from.host, cells: from.cells, leaving: true) else { return false }
    coming[kind].remove(at: index)
    leaving[kind].remove(at: source)
    waiting[target.host] -= 1
    fleet.move(guest, to: target.host, cells: cells)
    return true
  }

  /// Where a guest leaves from, best where most wait.
  private func source(of kind: Int, for host: Int) -> Int? {
    var best: Int?
    for (index, end) in leaving[kind].enumerated() where end.host != host {
      if let found = best, waiting[leaving[kind][found].host] >= waiting[end.host] { continue }
      best = index
    }
    return best
  }

  /// Cells with room for a guest that comes; on cells that may be chosen, where it breaks up least.
  private func room(for kind: Int, at end: End) -> [Int]? {
    if let cells = end.cells { return fleet.hasRoom(for: kind, on: end.host, cells: cells) ? cells : nil }
    let roomy = fleet.cpus[end.host].indices.filter { fleet.hasRoom(for: kind, on: end.host, cell: $0) }
    let need = fleet.kinds[kind]
    guard roomy.count >= need.cells else { return nil }
    let sorted = roomy.sorted { one, other in
      (rest(end.host, one, need.cpus), one) < (rest(end.host, other, need.cpus), other)
    }
    return sorted.prefix(need.cells).sorted()
  }

  /// How many CPUs more would be in no whole block when a guest takes `cpus` of a cell.
  private func rest(_ host: Int, _ cell: Int, _ cpus: Int) -> Int {
    let free = fleet.cpus[host][cell]
    return (free - cpus) % fleet.wide - free % fleet.wide
  }

  // MARK: - When nothing has room

  /// Makes room on a host by repins, or gives a guest that others wait for another place where it breaks up nothing.
  private mutating func detour() -> Bool {
    if repins, makeRoom() { return true }
    guard fleet.crossHostMoves < migrations else { return false }
    for kind in leaving.indices.reversed() {
      for (index, end) in leaving[kind].enumerated() where waiting[end.host] > 0 {
        guard let (host, cells) = spare(for: kind, not: end.host),
          let guest = fleet.guest(of: kind, on: end.host, cells: end.cells, leaving: true)
        else { continue }
        leaving[kind].remove(at: index)
        fleet.move(guest, to: host, cells: cells)
        dropOne(kind)
        return true
      }
    }
    return park()
  }

  /// Moves a guest that others wait for out of their way, where moves are left for its way on.
  private mutating func park() -> Bool {
    guard fleet.crossHostMoves + leaving.reduce(0, { $0 + $1.count }) < migrations else { return false }
    for kind in leaving.indices {
      for (index, end) in leaving[kind].enumerated() where waiting[end.host] > 0 && !end.isParked {
        guard let guest = fleet.guest(of: kind, on: end.host, cells: end.cells, leaving: true),
          let (host, cells) = anyRoom(for: kind, not: end.host)
        else { continue }
        leaving[kind][index] = End(host: host, cells: cells, isParked: true)
        fleet.move(guest, to: host, cells: cells)
        return true
      }
    }
    return false
  }

  /// Cells with most CPUs free, of a host to which nobody is to come.
  private func anyRoom(for kind: Int, not source: Int) -> (Int, [Int])? {
    var best: (host: Int, cells: [Int], free: Int)?
    for host in fleet.cpus.indices where host != source && waiting[host] == 0 {
      let cells = fleet.cpus[host].indices.filter { fleet.hasRoom(for: kind, on: host, cell: $0) }
      let free = cells.reduce(0) { $0 + fleet.cpus[host][$1] }
      if cells.count >= fleet.kinds[kind].cells, free > best?.free ?? -1 {
        best = (host, Array(cells.prefix(fleet.kinds[kind].cells)), free)
      }
    }
    return best.map { ($0.host, $0.cells) }
  }

  private mutating func dropOne(_ kind: Int) {
    guard coming[kind].count > leaving[kind].count, let last = coming[kind].popLast() else { return }
    waiting[last.host] -= 1
  }

  private mutating func makeRoom() -> Bool {
    for kind in coming.indices.reversed() {
      for end in coming[kind] where end.cells == nil && source(of: kind, for: end.host) != nil {
        let free = fleet.cpus[end.host].reduce(0, +)
        guard free >= fleet.kinds[kind].cpus * fleet.kinds[kind].cells, room(for: kind, at: end) == nil else {
          continue
        }
        var search = HostRepins(fleet, host: end.host)
        guard let sequence = search.sequence(for: .room(kind: kind)), !sequence.isEmpty else { continue }
        fleet.carryOut(sequence, on: end.host)
        return true
      }
    }
    return false
  }

  /// Cells of another host where a guest costs no whole block and nobody is to come.
  private func spare(for kind: Int, not source: Int) -> (Int, [Int])? {
    let need = fleet.kinds[kind]
    for host in fleet.cpus.indices where host != source && waiting[host] == 0 {
      let cells = fleet.cpus[host].indices.filter {
        fleet.hasRoom(for: kind, on: host, cell: $0) && fleet.cpus[host][$0] % fleet.wide >= need.cpus % fleet.wide
          && need.cpus < fleet.wide
      }
      if cells.count >= need.cells { return (host, Array(cells.prefix(need.cells))) }
    }
    return nil
  }
}
