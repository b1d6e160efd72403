import Fleet
import NUMA

/// Plans that bring free CPUs together.
extension Placer {
  /// `RebalancePlan` says which moves would bring most together, on amounts alone; each is then decided like any other
  /// move, with all that amounts cannot say, on the fleet as those before it leave it. What is refused is left out, and
  /// the plan ends with the last move that brought anything.
  static func planRebalance(of host: HostID?, migrations: Int, wideCPUs: Int, _ input: PlanningInput) -> Plan {
    var plan = Plan(parent: input.parent, purpose: host.map { "rebalance \($0)" } ?? "rebalance")
    if let host, input.inventory.host(host) == nil {
      plan.unmoved = [UnmovedGuest(of: host)]
      return plan
    }
    var model = FleetModel(input)
    let layout = RebalanceLayout(
      model.placer, only: host, leaving: input.leaving, migrations: host == nil ? migrations : 0, wideCPUs: wideCPUs)
    let steps = RebalancePlan(layout.problem).moves
    var made: [Move] = []
    var blocks = layout.wideSlots
    var best = (blocks: blocks, moves: 0)
    var arrived: [GuestID] = []
    for step in steps {
      let id = layout.ids[step.guest]
      let (source, target) = (layout.hosts[step.fromHost], layout.hosts[step.toHost])
      // What is on its way to another host is that host's to move, once it is seen there.
      guard !arrived.contains(id), let guest = model.view(of: source)?.guests.first(where: { $0.id == id }),
        var move = model.move(
          guest, from: source, to: target, cells: step.toCells.map { layout.cells[step.toHost][$0] },
          budget: max(input.budget / steps.count, 1000))
      else { continue }
      let touched = source == target ? [source] : [source, target]
      let before = touched.reduce(0) { $0 + model.wideSlots(on: $1, wideCPUs) }
      model.apply(move)
      let after = touched.reduce(0) { $0 + model.wideSlots(on: $1, wideCPUs) }
      blocks += after - before
      move.reason = reason(before, after, wideCPUs, on: touched)
      made.append(move)
      if move.isMigration { arrived.append(id) }
      if blocks > best.blocks { best = (blocks, made.count) }
    }
    var waves = HostWaves(migrationsAtOnce: 0)
    for move in made.prefix(best.moves) { waves.add(move) }
    plan.waves = waves.waves
    plan.purpose += ": \(layout.wideSlots) -> \(best.blocks) free blocks of \(wideCPUs) cpus"
    return plan
  }

  private static func reason(_ before: Int, _ after: Int, _ wide: Int, on hosts: [HostID]) -> String {
    let place = hosts.count == 1 ? "host \(hosts[0])" : "hosts \(hosts.map(\.text).joined(separator: " and "))"
    let count = "\(place) \(hosts.count == 1 ? "has" : "have") \(before) free blocks of \(wide) cpus"
    return after == before ? "\(count), and room for the moves after it" : "\(count), then \(after)"
  }
}

extension FleetModel {
  /// Whole blocks of so many CPUs that cells of a host have free.
  func wideSlots(on host: HostID, _ wide: Int) -> Int {
    placer.room(of: host)?.cells.reduce(0) { $0 + $1.dedicable.count / max(wide, 1) } ?? 0
  }
}

/// A fleet in the amounts that a rebalance counts: guests with CPUs of their own, on hosts that guests may come to.
private struct RebalanceLayout {
  let problem: RebalanceProblem
  /// By index of the problem's hosts and guests.
  let hosts: [HostID]
  let cells: [[Int]]
  let ids: [GuestID]

  /// Whole blocks free before any move.
  var wideSlots: Int { problem.free.joined().reduce(0) { $0 + max($1.cpus, 0) / problem.wideCPUs } }

  init(_ placer: Placer, only host: HostID?, leaving: [GuestID], migrations: Int, wideCPUs: Int) {
    let rooms = placer.rooms.filter {
      $0.unfit == nil && !$0.isDraining && (1...8).contains($0.cells.count) && (host == nil || $0.view.id == host)
    }
    let left = Set(leaving)  // lookup only
    let isOpen = rooms.contains { $0.view.facts.migrationURI != nil }
    var guests: [RebalanceProblem.Guest] = []
    var ids: [GuestID] = []
    for (index, room) in rooms.enumerated() {
      for footprint in room.footprints where !left.contains(footprint.guest) {
        guard let guest = room.view.guests.first(where: { $0.id == footprint.guest }),
          let (need, cells) = Self.need(of: footprint, guest, on: room)
        else { continue }
        let homes = cells.map { Optional($0) }
        var freedom = RebalanceProblem.Freedom.fixed
        if Demand.memoryMoves(of: guest, homes: homes, policy: placer.policy).moves { freedom = .withinHost }
        if isOpen, migrations > 0, guest.refusalToLeave == nil { freedom = .anywhere }
        guests.append(RebalanceProblem.Guest(need: need, host: index, cells: cells, freedom: freedom))
        ids.append(footprint.guest)
      }
    }
    problem = RebalanceProblem(
      free: rooms.map { room in
        room.cells.map { CellSpace(cpus: $0.dedicable.count, memory: max(min($0.capacity, $0.freeNow), 0)) }
      }, guests: guests, migrations: migrations, wideCPUs: wideCPUs)
    hosts = rooms.map(\.view.id)
    cells = rooms.map { $0.cells.map(\.id) }
    self.ids = ids
  }

  /// What each of a guest's cells takes and where; nil for a guest that shares CPUs, whose cells take different amounts
  /// or whose threads and memory are not on the same cells: that one is `plan repair`'s.
  private static func need(of footprint: Footprint, _ guest: Guest, on room: HostRoom) -> (CellSpace, [Int])? {
    guard footprint.isDedicated, let own = footprint.dedicated else { return nil }
    let guestCells = guest.boundedCells
    var homes: [Int] = []
    var need: CellSpace?
    for (index, guestCell) in guestCells.enumerated() {
      guard let home = footprint.home(ofGuestCellAt: index), !homes.contains(home) else { return nil }
      let here = own.intersection(room.view.topology.cells[home].cpus).count
      let vcpus = footprint.vcpus.count { guestCell.vcpus.contains($0.vcpu) && $0.owns(of: own) }
      guard here == vcpus || guestCells.count == 1 && here == own.count else { return nil }
      let isOrdinary = room.isBase(footprint.pageSize, at: home)
      let amount = CellSpace(cpus: here, memory: isOrdinary ? footprint.memory[index] : 0)
      guard need == nil || need == amount else { return nil }
      need = amount
      homes.append(home)
    }
    return need.map { ($0, homes) }
  }
}
