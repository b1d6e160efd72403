import Fleet
import NUMA

/// The fleet as the moves of a plan leave it, one after another: what the next one is decided on.
struct FleetModel: Sendable {
  var placer: Placer

  init(_ input: PlanningInput) { placer = Placer(inventory: input.inventory, policy: input.policy) }

  /// A host with all moves so far; nil for one that is not in the fleet.
  func view(of host: HostID) -> HostView? { placer.room(of: host)?.view }

  /// Carries a move out. A guest that goes to another host is a claim there, as it will be until it is seen.
  mutating func apply(_ move: Move) {
    guard let view = view(of: move.host) else { return }
    guard move.isMigration else { return placer.update(view.after(move, policy: placer.policy)) }
    if var target = self.view(of: move.placement.host) {
      target.claims.append(Claim.of(move, job: JobID(.max), in: view))
      placer.update(target)
    }
    placer.update(view.without(move.guest))
  }

  /// Places nothing new on a host from now on.
  mutating func close(_ host: HostID) {
    guard var view = view(of: host) else { return }
    view.draining = true
    placer.update(view)
  }

  /// Takes what a new guest will need where it would be placed now; false when it has no room.
  mutating func take(_ shape: Shape, as name: GuestID) -> Bool {
    guard let placement = placer.spot(for: shape) else { return false }
    placer.reserve(placement, for: shape, as: name)
    return true
  }
}

extension FleetModel {
  /// A guest's way to those cells of that host; nil where a rule, a group or its own movability forbids it.
  func move(_ guest: Guest, from host: HostID, to target: HostID, cells: [Int]?, budget: Int) -> Move? {
    guard let view = view(of: host) else { return nil }
    if target == host {
      // Cells that an operator names go before groups; those that a plan names do not.
      let room = HostRoom(view, policy: placer.policy, without: guest.id, after: placer.room(of: host))
      let limits = GroupLimits(name: guest.name, id: guest.id, policy: placer.policy, rooms: [room])
      if cells?.contains(where: { limits?.shortfall(ofCell: $0, on: room) != nil }) ?? false { return nil }
      let found = placer.replaceCounting(guest, on: host, cells: cells, explain: false, budget: budget)
      return found.decision.placement.map {
        Move(guest, on: view, to: $0, instead: found.present, reason: "", explanation: nil)
      }
    }
    let decision = placer.migrate(guest, from: host, to: [target], cells: cells, explain: false, budget: budget)
    return decision.placement.map { Move(guest, from: view, to: $0, reason: "", explanation: nil) }
  }
}

extension HostView {
  /// The host when a guest has left it.
  func without(_ id: GuestID) -> HostView {
    guard let guest = guests.first(where: { $0.id == id }) else { return self }
    var view = self
    view.guests.removeAll { $0.id == id }
    guard let footprint = Footprint(of: guest, on: topology) else { return view }
    let resident = topology.cells.indices.map { -footprint.resident(onCellAt: $0) }
    view.topology.fill(resident, guest.pageSize)
    return view
  }
}

extension HostTopology {
  /// Takes so many KiB more of each cell, by index, from ordinary memory or a pool of pages; gives back what is
  /// negative.
  mutating func fill(_ amounts: [Int], _ size: PageSize) {
    for cell in cells.indices {
      let base = cells[cell].basePool
      if size == .base || size == base {
        let free = Amounts.bounded(cells[cell].memoryFree) - amounts[cell]
        cells[cell].memoryFree = min(KiB(max(free, 0)), cells[cell].memoryTotal)
      } else if let pool = cells[cell].pages.firstIndex(where: { $0.size == size }) {
        cells[cell].pages[pool].free -= amounts[cell] / max(size.kib, 1)
      }
    }
  }
}

/// Puts moves into waves in which no host has two, so that what a move needs free was freed in a wave before it, and no
/// more moves between hosts than may be under way at the same time.
struct HostWaves {
  private(set) var waves: [Wave] = []
  private var next: [HostID: Int] = [:]  // lookup only
  private let migrationsAtOnce: Int

  /// 0 for as many as there are.
  init(migrationsAtOnce: Int) { self.migrationsAtOnce = migrationsAtOnce == 0 ? .max : migrationsAtOnce }

  mutating func add(_ move: Move) {
    let hosts = [move.host, move.placement.host]
    var wave = hosts.reduce(0) { max($0, next[$1] ?? 0) }
    if move.isMigration {
      while wave < waves.count, waves[wave].moves.count(where: \.isMigration) >= migrationsAtOnce { wave += 1 }
    }
    if waves.count == wave { waves.append(Wave(moves: [])) }
    waves[wave].moves.append(move)
    for host in hosts { next[host] = wave + 1 }
  }
}
