/// Moves between the cells of one host, found by trying all short sequences: a guest moves only where there is room
/// while it still holds its old cell.
struct HostRepins {
  /// A guest of a kind of one cell, from cell to cell.
  struct Repin {
    let kind: Int
    let from: Int
    let to: Int
  }

  /// What the sequence is for.
  enum Purpose {
    /// Most whole blocks.
    case wideSlots
    /// Room for a guest of this kind.
    case room(kind: Int)
  }

  private struct State {
    var cpus: [Int]
    var memory: [Int]
    /// By kind and cell, guests that may be moved.
    var counts: [Int]
    /// Of the counts.
    var key: UInt64
    let parent: Int
    let repin: Repin?
  }

  private static let statesMaximum = 1500

  private let kinds: [FleetLayout.Kind]
  private let wide: Int
  private let movable: [Int]
  private var states: [State]
  private let cells: Int
  private let weights: [UInt64]

  init(_ fleet: FleetLayout, host: Int) {
    kinds = fleet.kinds
    wide = fleet.wide
    cells = fleet.cpus[host].count
    var counts = Array(repeating: 0, count: fleet.kinds.count * fleet.cpus[host].count)
    var movable: [Int] = []
    for guest in fleet.guests[host] where fleet.cells[guest].count == 1 && fleet.freedom[guest] != .fixed {
      counts[fleet.kind[guest] * fleet.cpus[host].count + fleet.cells[guest][0]] += 1
      if !movable.contains(fleet.kind[guest]) { movable.append(fleet.kind[guest]) }
    }
    weights = counts.indices.map { mixed(UInt64($0) + 1) }
    self.movable = movable.sorted()
    states = [
      State(cpus: fleet.cpus[host], memory: fleet.memory[host], counts: counts, key: 0, parent: -1, repin: nil)
    ]
  }

  /// The shortest sequence that serves the purpose best; nil where room cannot be made.
  mutating func sequence(for purpose: Purpose) -> [Repin]? {
    var seen: Set<UInt64> = [0]  // lookup only
    var best = worth(states[0], purpose)
    var bestState = 0
    let enough = most(purpose)
    var next = 0
    while best < enough, next < states.count, states.count < Self.statesMaximum {
      let state = states[next]
      for kind in movable {
        for from in 0..<cells where state.counts[kind * cells + from] > 0 {
          for to in 0..<cells where to != from {
            guard state.cpus[to] >= kinds[kind].cpus, state.memory[to] >= kinds[kind].memory else { continue }
            let key = state.key &- weights[kind * cells + from] &+ weights[kind * cells + to]
            guard seen.insert(key).inserted else { continue }
            var counts = state.counts
            counts[kind * cells + from] -= 1
            counts[kind * cells + to] += 1
            var (cpus, memory) = (state.cpus, state.memory)
            cpus[from] += kinds[kind].cpus
            cpus[to] -= kinds[kind].cpus
            memory[from] += kinds[kind].memory
            memory[to] -= kinds[kind].memory
            states.append(
              State(
                cpus: cpus, memory: memory, counts: counts, key: key, parent: next,
                repin: Repin(kind: kind, from: from, to: to)))
            let worth = worth(states[states.count - 1], purpose)
            if worth > best { (best, bestState) = (worth, states.count - 1) }
          }
        }
      }
      next += 1
    }
    if case .room = purpose, best < enough { return nil }
    return path(to: bestState)
  }

  private func path(to state: Int) -> [Repin] {
    var path: [Repin] = []
    var state = state
    while let repin = states[state].repin {
      path.append(repin)
      state = states[state].parent
    }
    return path.reversed()
  }

  private func worth(_ state: State, _ purpose: Purpose) -> Int {
    switch purpose {
    case .wideSlots: return state.cpus.reduce(0) { $0 + max($1, 0) / wide }
    case .room(let kind):
      let need = kinds[kind]
      let roomy = state.cpus.indices.reduce(0) {
        $0 + (state.cpus[$1] >= need.cpus && state.memory[$1] >= need.memory ? 1 : 0)
      }
      return roomy >= need.cells ? 1 : 0
    }
  }

  /// What no state can exceed.
  private func most(_ purpose: Purpose) -> Int {
    if case .room = purpose { return 1 }
    return states[0].cpus.reduce(0) { $0 + max($1, 0) } / wide
  }
}

extension FleetLayout {
  /// Carries out repins of a host; each is of the first guest of its kind that may be moved.
  mutating func carryOut(_ repins: [HostRepins.Repin], on host: Int) {
    for repin in repins {
      guard let guest = guest(of: repin.kind, on: host, cells: [repin.from], leaving: false) else { continue }
      move(guest, to: host, cells: [repin.to])
    }
  }
}
