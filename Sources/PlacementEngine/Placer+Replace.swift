import Fleet
import NUMA

/// What came of looking for a better place for a running guest.
struct Replacement {
  var decision: Decision
  /// What of a budget it took.
  var steps = 1
  /// The terms of the cells that the guest's memory is on now, were it placed there; nil where it is on none.
  var present: [ScoreTerm]?
}

extension Placer {
  /// `replace`, with all that it found out.
  func replaceCounting(
    _ guest: Guest, on host: HostID, cells: [Int]?, explain: Bool, budget: Int
  ) -> Replacement {
    func refused(_ refusal: Refusal) -> Replacement {
      let explanation = Explanation(chosen: [], refused: [], counts: [], movability: guest.movability)
      return Replacement(
        decision: Decision(placement: nil, refusal: refusal, explanation: explain ? explanation : nil))
    }
    guard let present = room(of: host) else {
      return refused(Refusal(.unknownHost, "host \(host) is not in the fleet", remedy: "see numafleet host list"))
    }
    let view = present.view
    if let refusal = Self.refusal(of: guest, on: view) { return refused(refusal) }
    let room = HostRoom(view, policy: policy, without: guest.id, after: present)
    if let unfit = room.unfit {
      return refused(Refusal(.hostUnreachable, "host \(host) \(unfit.text)", remedy: "see numafleet host \(host)"))
    }
    guard let footprint = Footprint(of: guest, on: view.topology) else {
      return refused(Refusal(.notRunning, "guest \(guest.name) does not run", remedy: "start it first"))
    }
    var demand = Demand(guest, footprint, on: room, policy: policy)
    if !(1...8).contains(demand.cells.count) {
      return refused(
        Refusal(
          .unsupported, "guest \(guest.name) has \(demand.cells.count) guest cells", remedy: "1 to 8 can be placed"))
    }
    demand.limits = GroupLimits(name: guest.name, id: guest.id, policy: policy, rooms: [room])
    if let cells {
      if let refusal = demand.fix(cells, on: room, policy: policy) { return refused(refusal) }
    }
    // Guest cells share a host cell only where they must: distinct cells are tried first.
    let mayShare = demand.sharing
    demand.sharing = mayShare && demand.isFixedShared
    var search = FleetSearch(demand, budget: budget, policy: policy, measure: worth.measure)
    search.run(over: [room], explain: explain)
    if search.best == nil, mayShare, !demand.sharing, demand.cells.count > 1 {
      demand.sharing = true
      search = FleetSearch(demand, budget: budget, policy: policy, measure: worth.measure)
      search.run(over: [room], explain: explain)
    }
    var decision = search.decision(over: [room], explain: explain)
    decision.explanation?.movability = guest.movability
    let homes = demand.running?.homes.compactMap(\.self) ?? []
    let isKnown = homes.count == demand.cells.count
    return Replacement(
      decision: decision, steps: search.steps, present: isKnown ? search.best?.table.terms(of: homes) : nil)
  }

  private static func refusal(of guest: Guest, on view: HostView) -> Refusal? {
    if view.liveness != .connected {
      let seconds = view.ageMilliseconds / 1000
      return Refusal(
        .hostUnreachable, "host \(view.id) has not been heard of for \(seconds) s",
        remedy: "check its agent; its guests are placed again once it answers")
    }
    if !view.guests.contains(where: { $0.id == guest.id }) {
      return Refusal(
        .unknownGuest, "host \(view.id) has no guest \(guest.name)",
        remedy: "see numafleet guest list --host \(view.id)")
    }
    if !guest.isRunning {
      return Refusal(
        .notRunning, "guest \(guest.name) does not run",
        remedy: "start it, or place a new one with numafleet place --shape")
    }
    let movability = guest.movability
    if movability.class == .fixed || movability.class == .migrateOnly {
      let remedy =
        movability.class == .fixed ? "restart it where it belongs" : "migrate it to another host or restart it"
      return Refusal(
        .notMovable,
        "guest \(guest.name) cannot be placed anew while it runs: it is \(movability.class.rawValue), "
          + "because \(movability.reason)", remedy: remedy)
    }
    return nil
  }
}

extension Demand {
  /// Whether its fixed cells name one host cell twice.
  var isFixedShared: Bool {
    let fixed = running?.fixed.compactMap { $0 } ?? []
    return CPUSet(fixed).count < fixed.count
  }

  /// Fixes the host cell of each guest cell, or says why those cells cannot be asked for.
  mutating func fix(_ wanted: [Int], on room: HostRoom, policy: Policy) -> Refusal? {
    guard var running else { return nil }
    let guest = running.guest
    let known = room.view.topology.nodes
    if wanted.count != cells.count {
      return Refusal(
        .malformed, "guest \(guest.name) has \(cells.count) guest cells, \(wanted.count) host cells were given",
        remedy: "name one host cell for each guest cell, in their order")
    }
    var fixed: [Int?] = []
    for cell in wanted {
      guard let index = room.index(ofCell: cell) else {
        return Refusal(.unknownCell, "host \(room.view.id) has no cell \(cell)", remedy: "its cells are \(known)")
      }
      fixed.append(index)
    }
    let stays = !running.memoryMoves && running.homes.contains { $0 != nil }
    if stays, zip(fixed, running.homes).contains(where: { $1 != nil && $0 != $1 }) {
      let homes = running.homes.map { $0.map { "\(room.cells[$0].id)" } ?? "?" }.joined(separator: ",")
      let off = running.byPages && !policy.allowsLivePages(of: guest)
      return Refusal(
        off ? .livePagesOff : .notMovable,
        "guest \(guest.name)'s memory is on cell \(homes) and stays there: it is \(guest.movability.class.rawValue), "
          + "because \(running.memoryReason)",
        remedy: off ? "add it to livePages in the policy, or ask for cell \(homes)" : "ask for cell \(homes)")
    }
    let distinct = CPUSet(fixed.compactMap { $0 }).count == wanted.count
    if !distinct, !policy.foldGuestCells, !stays {
      return Refusal(
        .malformed, "cells \(wanted.map { "\($0)" }.joined(separator: ",")) name one host cell twice",
        remedy: "name distinct cells, or set foldGuestCells in the policy")
    }
    running.fixed = fixed
    sharing = sharing || !distinct
    self.running = running
    return nil
  }
}
