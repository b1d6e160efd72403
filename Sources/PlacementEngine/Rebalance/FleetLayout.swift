/// Who is where while a plan is made: guests by kind, and what each cell has left.
struct FleetLayout {
  /// What tells guests apart: only how much they take of how many cells.
  struct Kind: Hashable {
    let cells: Int
    let cpus: Int
    let memory: Int
  }

  let kinds: [Kind]
  let wide: Int
  /// By guest.
  let kind: [Int]
  let freedom: [RebalanceProblem.Freedom]
  private(set) var host: [Int]
  private(set) var cells: [[Int]]
  /// By host and cell.
  private(set) var cpus: [[Int]]
  private(set) var memory: [[Int]]
  /// Guests of a host, by id.
  private(set) var guests: [[Int]]
  private(set) var moves: [RebalancePlan.Move] = []
  private(set) var crossHostMoves = 0

  init(_ problem: RebalanceProblem) {
    wide = problem.wideCPUs
    cpus = problem.free.map { $0.map(\.cpus) }
    memory = problem.free.map { $0.map(\.memory) }
    let own = problem.guests.map { Kind(cells: $0.cells.count, cpus: $0.need.cpus, memory: $0.need.memory) }
    let sorted = own.sorted { ($0.cells, $0.cpus, $0.memory) < ($1.cells, $1.cpus, $1.memory) }
    var kinds: [Kind] = []
    var number: [Kind: Int] = [:]  // lookup only
    for kind in sorted where kinds.last != kind {
      number[kind] = kinds.count
      kinds.append(kind)
    }
    self.kinds = kinds
    kind = own.map { number[$0] ?? 0 }
    freedom = problem.guests.map(\.freedom)
    host = problem.guests.map(\.host)
    cells = problem.guests.map(\.cells)
    guests = Array(repeating: [], count: problem.free.count)
    for (guest, place) in problem.guests.enumerated() { guests[place.host].append(guest) }
  }

  var wideSlots: Int { cpus.reduce(0) { $0 + $1.reduce(0) { $0 + max($1, 0) / wide } } }

  func wideSlots(of host: Int) -> Int { cpus[host].reduce(0) { $0 + max($1, 0) / wide } }

  func hasRoom(for kind: Int, on host: Int, cell: Int) -> Bool {
    cpus[host][cell] >= kinds[kind].cpus && memory[host][cell] >= kinds[kind].memory
  }

  func hasRoom(for kind: Int, on host: Int, cells: [Int]) -> Bool {
    cells.allSatisfy { hasRoom(for: kind, on: host, cell: $0) }
  }

  /// The first guest of a kind on a host that is on these cells and may leave the host, or only them.
  func guest(of kind: Int, on host: Int, cells wanted: [Int]?, leaving: Bool) -> Int? {
    guests[host].first { guest in
      self.kind[guest] == kind && (wanted == nil || cells[guest] == wanted)
        && (leaving ? freedom[guest] == .anywhere : freedom[guest] != .fixed)
    }
  }

  /// Moves a guest to where there is room for it.
  mutating func move(_ guest: Int, to host: Int, cells: [Int]) {
    let kind = kinds[kind[guest]]
    let from = self.host[guest]
    for cell in cells {
      cpus[host][cell] -= kind.cpus
      memory[host][cell] -= kind.memory
    }
    for cell in self.cells[guest] {
      cpus[from][cell] += kind.cpus
      memory[from][cell] += kind.memory
    }
    moves.append(
      RebalancePlan.Move(
        guest: guest, fromHost: from, fromCells: self.cells[guest], toHost: host, toCells: cells))
    self.cells[guest] = cells
    self.host[guest] = host
    guard from != host else { return }
    crossHostMoves += 1
    guests[from].removeAll { $0 == guest }
    let position = guests[host].firstIndex { $0 > guest } ?? guests[host].count
    guests[host].insert(guest, at: position)
  }
}
