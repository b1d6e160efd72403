import Fleet
import NUMA

/// Takes guests off the cells where a new one lacks least.
struct RoomMaking {
  var model: FleetModel
  private var shape = Shape(guestCells: [])
  private var needs: [CellSpace] = []
  private var migrationsLeft: Int
  private let budget: Int
  /// Hosts that nobody comes to or leaves, ascending.
  private let closed: [HostID]
  /// Guests that stay, and those that are on their way already.
  private var settled: Set<GuestID>  // lookup only

  /// How many hosts are tried for one guest, how many of them without finding a cheaper way, and how many choices of
  /// cells on each.
  private static let hostsMaximum = 64
  private static let patience = 16
  private static let choicesMaximum = 6

  init(_ input: PlanningInput, migrations: Int) {
    model = FleetModel(input)
    migrationsLeft = migrations
    settled = Set(input.leaving)  // lookup only
    closed = Set(input.closed).sorted()
    budget = max(input.budget / 1000, 1000)
  }

  /// Room is made for guests of that shape from now on, beside what was taken before.
  mutating func turn(to shape: Shape) {
    self.shape = shape
    needs = Demand(shape).needs(model.placer.policy)
  }

  /// Some moves after which a guest of the shape fits on one host.
  private struct Attempt {
    var model: FleetModel
    var moves: [Move] = []
    var stuck: Set<GuestID>  // lookup only
    var migrations: Int { moves.count { $0.isMigration } }
    /// Less is better: moves between hosts, then KiB to copy, then moves.
    var cost: [Int] { [migrations, moves.reduce(0) { $0 + $1.copy.count }, moves.count] }
  }

  /// The moves that make room for one guest at least cost among the likeliest hosts; nil where none can.
  mutating func makeRoom() -> [Move]? {
    var best: Attempt?
    var inVain = 0
    for host in likeliestHosts() {
      guard let room = model.placer.room(of: host) else { continue }
      inVain += 1
      for cells in choices(on: room) {
        guard let attempt = attempt(on: host, cells, below: best?.cost) else { continue }
        best = attempt
        inVain = 0
        break
      }
      // Nothing is cheaper than one move within a host.
      if let best, best.migrations == 0, best.moves.count == 1 { break }
      if inVain >= Self.patience { break }
    }
    guard let best else { return nil }
    model = best.model
    migrationsLeft -= best.migrations
    for move in best.moves { settled.insert(move.guest) }
    return best.moves
  }

  // MARK: Where to try

  private func likeliestHosts() -> [HostID] {
    let policy = model.placer.policy
    let open = model.placer.rooms.filter { room in
      room.unfit == nil && !room.isDraining && room.cells.count >= needs.count
        && (shape.hosts.isEmpty || shape.hosts.contains(room.view.id)) && !isClosed(room.view.id)
    }
    let ranked = open.map { room in
      let spaces = room.spaces(policy)
      let lacks = needs.map { need in spaces.map { $0.lack(of: need, policy) }.min() ?? 0 }
      return (lack: lacks.reduce(0, +), host: room.view.id)
    }
    return ranked.sorted { ($0.lack, $0.host) < ($1.lack, $1.host) }.prefix(Self.hostsMaximum).map(\.host)
  }

  /// Host cells by index for each guest cell, those first that lack least.
  private func choices(on room: HostRoom) -> [[Int]] {
    let spaces = room.spaces(model.placer.policy)
    // Guest cells that need the same are put in one order only.
    let isAlike = needs.allSatisfy { $0 == needs[0] }
    var found: [(lack: Int, cells: [Int])] = [(0, [])]
    for need in needs {
      var longer: [(lack: Int, cells: [Int])] = []
      for choice in found {
        for cell in spaces.indices
        where !choice.cells.contains(cell) && (!isAlike || choice.cells.last.map { $0 < cell } ?? true) {
          longer.append((choice.lack + spaces[cell].lack(of: need, model.placer.policy), choice.cells + [cell]))
        }
      }
      longer.sort { $0.lack == $1.lack ? $0.cells.lexicographicallyPrecedes($1.cells) : $0.lack < $1.lack }
      found = Array(longer.prefix(64))
    }
    return found.prefix(Self.choicesMaximum).map(\.cells)
  }

  // MARK: What to move

  /// What makes room on those cells of a host; nil where nothing does at less than that cost.
  private func attempt(on host: HostID, _ targets: [Int], below most: [Int]?) -> Attempt? {
    var attempt = Attempt(model: model, stuck: settled)
    while let room = attempt.model.placer.room(of: host) {
      let spaces = room.spaces(attempt.model.placer.policy)
      guard let short = targets.indices.first(where: { !spaces[targets[$0]].holds(needs[$0]) }) else { break }
      let lack = spaces[targets[short]].lack(of: needs[short], attempt.model.placer.policy)
      guard let move = move(off: targets[short], lacking: lack, besides: targets, of: room, &attempt) else {
        return nil
      }
      attempt.model.apply(move)
      attempt.moves.append(move)
      attempt.stuck.insert(move.guest)
      if let most, !attempt.cost.lexicographicallyPrecedes(most) { return nil }
    }
    // Amounts cannot say all; the placer can.
    var here = shape
    here.hosts = [host]
    return attempt.model.placer.spot(for: here, budget: budget) == nil ? nil : attempt
  }

  /// A guest that can leave a cell: one that leaves enough before others, then the one with least memory.
  private func move(
    off cell: Int, lacking lack: Int, besides targets: [Int], of room: HostRoom, _ attempt: inout Attempt
  ) -> Move? {
    let holders = room.footprints.filter { !attempt.stuck.contains($0.guest) }
      .map { (held: $0.held(ofCellAt: cell, on: room, model.placer.policy), footprint: $0) }
      .filter { $0.held.weight > 0 && mayMove($0.footprint, of: room) }
      .sorted { a, b in
        let (first, second) = (a.held.weight >= lack, b.held.weight >= lack)
        if first != second { return first }
        let (one, other) = (a.footprint.memory.reduce(0, +), b.footprint.memory.reduce(0, +))
        return first || a.held.weight == b.held.weight
          ? (one, a.footprint.guest) < (other, b.footprint.guest) : a.held.weight > b.held.weight
      }
    // Even without all of them there would be no room.
    if holders.reduce(0, { $0 + $1.held.weight }) < lack { return nil }
    for holder in holders {
      guard let guest = room.view.guests.first(where: { $0.id == holder.footprint.guest }) else { continue }
      if var move = aside(guest, of: room, targets, attempt) ?? away(guest, of: room, &attempt) {
        move.reason =
          "leaves \(holder.held.words) of cell \(room.cells[cell].id) on host \(room.view.id) to guest \(shape.name)"
        return move
      }
      attempt.stuck.insert(guest.id)
    }
    return nil
  }

  /// Whether a guest can be elsewhere at all, as far as itself is concerned.
  private func mayMove(_ footprint: Footprint, of room: HostRoom) -> Bool {
    guard let guest = room.view.guests.first(where: { $0.id == footprint.guest }) else { return false }
    if migrationsLeft > 0, guest.refusalToLeave == nil { return true }
    let homes = [footprint.home(ofGuestCellAt: 0)]
    return footprint.memory.count == 1
      && Demand.memoryMoves(of: guest, homes: homes, policy: model.placer.policy).moves
  }

  /// To another cell of its host; guests of several guest cells stay where they are together.
  private func aside(_ guest: Guest, of room: HostRoom, _ targets: [Int], _ attempt: Attempt) -> Move? {
    guard guest.boundedCells.count == 1 else { return nil }
    let moves = room.cells.indices.filter { !targets.contains($0) }.compactMap { cell in
      attempt.model.move(guest, from: room.view.id, to: room.view.id, cells: [room.cells[cell].id], budget: budget)
    }
    return moves.min {
      ($0.placement.score, $0.placement.cells[0].cell) < ($1.placement.score, $1.placement.cells[0].cell)
    }
  }

  /// To another host.
  private func away(_ guest: Guest, of room: HostRoom, _ attempt: inout Attempt) -> Move? {
    guard attempt.migrations < migrationsLeft else { return nil }
    let placement = attempt.model.placer.leave(guest, from: room.view.id, closed: closed, budget: budget)
    return placement.map { Move(guest, from: room.view, to: $0, reason: "", explanation: nil) }
  }

  private func isClosed(_ host: HostID) -> Bool {
    let index = closed.partitionIndex { $0 >= host }
    return index < closed.count && closed[index] == host
  }
}

/// CPUs and memory in one number, to tell how far apart they are: a CPU counts as much as 4 GiB.
extension CellSpace {
  fileprivate var weight: Int { cpus * 1000 + (memory + hugePages + giantPages) >> 12 }

  /// What of a need is not there.
  fileprivate func lack(of need: CellSpace, _ policy: Policy) -> Int {
    var missing = CellSpace(cpus: max(need.cpus - cpus, 0), memory: max(need.memory - memory, 0))
    missing.hugePages = max(need.hugePages - hugePages, 0)
    missing.giantPages = max(need.giantPages - giantPages, 0)
    // Vcpus that share, as the CPUs that they take.
    let shared = max(need.floating - floating, 0) * 1000 / policy.crowding
    return missing.weight + max(shared - missing.cpus * 1000, 0)
  }
}

/// What one guest holds of one cell.
private struct Held {
  let cpus: Int
  /// Thousandths of vcpus, and of the CPUs that these take as crowded as they may be.
  let floating: Int
  let shared: Int
  let memory: KiB

  var weight: Int { max(cpus * 1000, shared) + memory.count >> 12 }

  var words: String {
    let own = cpus > 0 ? "\(cpus) cpus" : floating > 0 ? "the share of \(Amounts.decimal(milli: floating)) vcpus" : ""
    return own.isEmpty ? "\(memory)" : memory > 0 ? "\(own) and \(memory)" : own
  }
}

extension Footprint {
  fileprivate func held(ofCellAt index: Int, on room: HostRoom, _ policy: Policy) -> Held {
    let own = (dedicated ?? []).intersection(room.view.topology.cells[index].cpus).count
    let shared = confined[index] * 1000 / policy.crowding
    return Held(cpus: own, floating: confined[index], shared: shared, memory: KiB(committed[index]))
  }
}
