import Fleet
import NUMA

/// Plans that take guests to other hosts.
extension Placer {
  static func planMigration(
    of id: GuestID, from source: HostID, to destination: HostID, cells: [Int]?, _ input: PlanningInput
  ) -> Plan {
    func unmoved(_ name: String, _ reason: String) -> Plan {
      Plan(
        parent: input.parent, purpose: "migrate \(name) to \(destination)",
        unmoved: [UnmovedGuest(guest: id, guestName: name, host: source, reason: reason)])
    }
    guard let view = input.inventory.host(source) else { return unmoved(id.text, "host \(source) is not in the fleet") }
    guard let guest = view.guests.first(where: { $0.id == id }) else {
      return unmoved(id.text, "host \(source) has no such guest; see numafleet guest list")
    }
    let placer = Placer(inventory: input.inventory, policy: input.policy)
    let decision = placer.migrate(
      guest, from: source, to: [destination], cells: cells, explain: true, budget: input.budget)
    guard let placement = decision.placement else {
      return unmoved(guest.name, decision.refusal?.description ?? "it was refused")
    }
    let asked = cells.map { " on cells \($0.map { "\($0)" }.joined(separator: ","))" } ?? ""
    let move = Move(
      guest, from: view, to: placement, reason: "migrated to host \(destination)\(asked) by request",
      explanation: decision.explanation)
    return Plan(
      parent: input.parent, purpose: "migrate \(guest.name) to \(destination)", waves: [Wave(moves: [move])])
  }

  /// Takes every guest off a host that can leave it, one after another and the hardest to place first; each finds its
  /// place with those before it on theirs.
  static func planDrain(of host: HostID, _ input: PlanningInput) -> Plan {
    var plan = Plan(parent: input.parent, purpose: "drain \(host)")
    guard let full = input.inventory.host(host) else {
      plan.unmoved = [UnmovedGuest(of: host)]
      return plan
    }
    var model = FleetModel(input)
    let others = input.inventory.hosts.map(\.id).filter { $0 != host }
    var left = input.budget
    for (count, guest) in full.guests.sorted(by: { $0.isHarderToPlace(than: $1) }).enumerated() {
      let share = max(left / (full.guests.count - count), 1)
      let decision = model.placer.migrate(guest, from: host, to: others, cells: nil, explain: true, budget: share)
      left = max(left - share, 1)
      guard let placement = decision.placement else {
        let refusal = guest.refusalToLeave ?? decision.refusal
        plan.unmoved.append(
          UnmovedGuest(
            guest: guest.id, guestName: guest.name, host: host, reason: refusal?.description ?? "it was refused"))
        continue
      }
      let move = Move(
        guest, from: model.view(of: host) ?? full, to: placement, reason: "host \(host) is emptied",
        explanation: decision.explanation)
      // One guest leaves a host at a time, so each wave has one move.
      plan.waves.append(Wave(moves: [move]))
      model.apply(move)
    }
    return plan
  }
}

extension Move {
  /// The migration of a guest that is on `host` to a placement on another.
  init(_ guest: Guest, from host: HostView, to placement: Placement, reason: String, explanation: Explanation?) {
    let footprint = Footprint(of: guest, on: host.topology)
    let ids = host.topology.cells.map(\.id)
    let from = guest.boundedCells.enumerated().compactMap { index, cell in
      footprint?.home(ofGuestCellAt: index).map { GuestCellPlacement(guestCell: cell.id, cell: ids[$0]) }
    }
    let memory = guest.boundedCells.reduce(0) { $0 + Amounts.bounded($1.memory) }
    self.init(
      guest: guest.id, guestName: guest.name, host: host.id, incarnation: guest.incarnation, from: from,
      placement: placement, expected: guest.live, movability: guest.movability, copy: KiB(memory), reason: reason,
      explanation: explanation)
  }
}

extension Guest {
  /// More guest cells, then more memory, then the lower id.
  fileprivate func isHarderToPlace(than other: Guest) -> Bool {
    let (a, b) = ((boundedCells.count, memory.count), (other.boundedCells.count, other.memory.count))
    return a == b ? id < other.id : a > b
  }
}
