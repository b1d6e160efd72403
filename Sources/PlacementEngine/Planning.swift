public import Fleet
import NUMA

extension Placer {
  /// The plan for a request: which guests move where, in waves, and which cannot and why.
  ///
  /// The same input gives the same plan. Every plan has no `violations` in the inventory it was made from.
  public static func plan(_ input: PlanningInput) -> Plan {
    var plan = unrated(input)
    for wave in plan.waves.indices {
      for move in plan.waves[wave].moves.indices {
        plan.waves[wave].moves[move].seconds = input.rates.seconds(for: plan.waves[wave].moves[move])
      }
    }
    return plan
  }

  private static func unrated(_ input: PlanningInput) -> Plan {
    switch input.request {
    case .place(let guest, let host, let cells):
      return planPlace(guest, on: host, cells: cells, input)
    case .repair(let host):
      return planRepair(of: host, input)
    case .migrate(let guest, let source, let destination, let cells):
      return planMigration(of: guest, from: source, to: destination, cells: cells, input)
    case .drain(let host):
      return planDrain(of: host, input)
    case .rebalance(let host, let migrations, let wideCPUs):
      return planRebalance(of: host, migrations: migrations, wideCPUs: wideCPUs, input)
    case .fit(let shape, let count, let migrations):
      return planFit(shape, count: count, migrations: migrations, input)
    case .keepRoom(let migrations):
      return planKeepRoom(migrations: migrations, input)
    }
  }

  private static func planPlace(_ id: GuestID, on host: HostID, cells: [Int]?, _ input: PlanningInput) -> Plan {
    func unmoved(_ name: String, _ reason: String) -> Plan {
      Plan(
        parent: input.parent, purpose: "place \(name)",
        unmoved: [UnmovedGuest(guest: id, guestName: name, host: host, reason: reason)])
    }
    guard let view = input.inventory.host(host) else { return unmoved(id.text, "host \(host) is not in the fleet") }
    guard let guest = view.guests.first(where: { $0.id == id }) else {
      return unmoved(id.text, "host \(host) has no such guest; see numafleet guest list")
    }
    var placer = Placer(policy: input.policy)
    placer.update(view)
    let found = placer.replaceCounting(guest, on: host, cells: cells, explain: true, budget: input.budget)
    let decision = found.decision
    guard let placement = decision.placement else {
      return unmoved(guest.name, decision.refusal?.description ?? "it was refused")
    }
    let asked = cells.map { " on cells \($0.map { "\($0)" }.joined(separator: ","))" } ?? ""
    let move = Move(
      guest, on: view, to: placement, instead: found.present, reason: "placed anew\(asked) by request",
      explanation: decision.explanation)
    return Plan(parent: input.parent, purpose: "place \(guest.name)", waves: [Wave(moves: [move])])
  }

  private static func planRepair(of host: HostID?, _ input: PlanningInput) -> Plan {
    var plan = Plan(parent: input.parent, purpose: host.map { "repair \($0)" } ?? "repair")
    var schedule = WaveSchedule()
    var budget = input.budget
    if let host, input.inventory.host(host) == nil { plan.unmoved = [UnmovedGuest(of: host)] }
    for view in input.inventory.hosts.sorted(by: { $0.id < $1.id }) where host == nil || view.id == host {
      var repair = HostRepair(view, policy: input.policy, leaving: input.leaving)
      repair.run(budget: &budget)
      for (move, before) in repair.moves { schedule.add(move, before: before) }
      plan.unmoved += repair.unmoved
      // What was measured holds for guests as they are: where some are mended, the host is looked at again after that.
      guard repair.moves.isEmpty else { continue }
      var relief = HostRelief(view, policy: input.policy, leaving: input.leaving + repair.unmoved.map(\.guest))
      relief.run(budget: &budget)
      for (move, before) in relief.moves { schedule.add(move, before: before) }
      plan.unmoved += relief.unmoved
    }
    plan.waves = schedule.waves
    return plan
  }
}

extension Move {
  /// The move of a guest as it is on its host now, with the terms of its present place, to a placement.
  init(
    _ guest: Guest, on host: HostView, to placement: Placement, instead present: [ScoreTerm]?, reason: String,
    explanation: Explanation?
  ) {
    let footprint = Footprint(of: guest, on: host.topology)
    let ids = host.topology.cells.map(\.id)
    var from: [GuestCellPlacement] = []
    var copy = 0
    for (index, cell) in guest.boundedCells.enumerated() {
      if let home = footprint?.home(ofGuestCellAt: index) {
        from.append(GuestCellPlacement(guestCell: cell.id, cell: ids[home]))
      }
      let target = placement.pinning.memory.first { $0.guestCell == cell.id }.flatMap { ids.firstIndex(of: $0.cell) }
      if let target, let resident = footprint?.resident[index] { copy += resident.reduce(0, +) - resident[target] }
    }
    self.init(
      guest: guest.id, guestName: guest.name, host: host.id, incarnation: guest.incarnation, from: from,
      placement: placement, expected: guest.live, movability: guest.movability, copy: KiB(copy), reason: reason,
      explanation: explanation)
    keepsVCPUs = guest.runsVCPUs(as: placement.pinning)
    gain = present.map { present in
      zip(present, placement.terms).map { now, then in
        ScoreTerm(name: now.name, value: now.value - then.value, detail: "\(now.value) now, \(then.value) then")
      }
    }
  }
}

extension UnmovedGuest {
  /// Nobody is moved on a host that is not in the fleet.
  init(of unknown: HostID) {
    self.init(guest: "", guestName: "", host: unknown, reason: "host \(unknown) is not in the fleet")
  }
}

/// Puts moves into waves: what a move needs free must have been freed in an earlier wave.
struct WaveSchedule {
  private(set) var waves: [Wave] = []
  private var placed: [(move: Move, before: Footprint, wave: Int)] = []

  /// Adds a move that was decided after all moves added before it.
  mutating func add(_ move: Move, before: Footprint) {
    let pinning = move.placement.pinning
    var cpus = move.placement.dedicated.union(pinning.emulator ?? [])
    for pin in pinning.vcpus { cpus.formUnion(pin.cpuset) }
    var wave = 0
    for earlier in placed where earlier.move.host == move.host {
      let freed = !(earlier.before.dedicated ?? []).isDisjoint(with: cpus)
      // One memory move a host at a time; in the order of deciding, later ones find room that earlier ones left.
      let serial = move.changesMemory && earlier.move.changesMemory
      if freed || serial { wave = max(wave, earlier.wave + 1) }
    }
    while waves.count <= wave { waves.append(Wave(moves: [])) }
    waves[wave].moves.append(move)
    placed.append((move, before, wave))
  }
}

extension Move {
  /// Whether memory goes to a cell where not all of it is.
  var changesMemory: Bool {
    copy > 0
      || placement.pinning.memory.contains { target in
        from.first { $0.guestCell == target.guestCell }.map { $0.cell != target.cell } ?? true
      }
  }
}
