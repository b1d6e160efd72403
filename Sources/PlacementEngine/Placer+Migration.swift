public import Fleet
import NUMA

extension Placer {
  /// The best cells for a running guest on one of these hosts, as a new guest there.
  ///
  /// `cells` fixes the host cell of each guest cell in order. What it holds on the host that it leaves counts for
  /// nothing elsewhere, not even to its groups. Refusals: `unknownHost`, `unknownGuest`, `notRunning`,
  /// `notMovable`, `unsupported`, `malformed`, `unknownCell`, `noPages`, `noRoom`.
  public func migrate(
    _ guest: Guest, from source: HostID, to hosts: [HostID], cells: [Int]?, explain: Bool, budget: Int = 1_000_000
  ) -> Decision {
    func refused(_ refusal: Refusal) -> Decision {
      let explanation = Explanation(chosen: [], refused: [], counts: [], movability: guest.movability)
      return Decision(placement: nil, refusal: refusal, explanation: explain ? explanation : nil)
    }
    guard let view = room(of: source)?.view, let footprint = Footprint(of: guest, on: view.topology) else {
      return refused(guest.refusalToLeave ?? unknown(source))
    }
    if let refusal = guest.refusalToLeave { return refused(refusal) }
    if let stranger = hosts.first(where: { room(of: $0) == nil }) { return refused(unknown(stranger)) }
    let others = Set(hosts).sorted().filter { $0 != source }
    let open = others.compactMap { room(of: $0) }.filter { $0.view.facts.migrationURI != nil }
    guard !open.isEmpty else { return refused(Self.closed(hosts, besides: source)) }
    var demand = Demand(arriving: guest, footprint, from: view, to: open.map(\.view.id), policy: policy)
    guard (1...8).contains(demand.cells.count) else {
      return refused(
        Refusal(
          .unsupported, "guest \(guest.name) has \(demand.cells.count) guest cells", remedy: "1 to 8 can be placed"))
    }
    demand.limits = limits(of: guest, leaving: source)
    if let cells, let refusal = demand.want(cells, on: open, policy: policy) { return refused(refusal) }
    var search = FleetSearch(demand, budget: budget, policy: policy, measure: worth.measure)
    for sharing in policy.foldGuestCells && demand.cells.count > 1 ? [false, true] : [false] {
      demand.sharing = sharing
      search = FleetSearch(demand, budget: max(budget - search.steps, 1), policy: policy, measure: worth.measure)
      search.run(over: open, only: Array(open.indices), explain: explain)
      if search.best != nil { break }
    }
    var decision = search.decision(over: open, explain: explain)
    decision.explanation?.movability = guest.movability
    return decision
  }

  /// The best place on any other host that takes guests; nil where there is none, without the reason.
  mutating func leave(_ guest: Guest, from source: HostID, closed: [HostID], budget: Int) -> Placement? {
    guard let view = room(of: source)?.view, let footprint = Footprint(of: guest, on: view.topology),
      guest.refusalToLeave == nil
    else { return nil }
    var demand = Demand(arriving: guest, footprint, from: view, to: [], policy: policy)
    guard (1...8).contains(demand.cells.count) else { return nil }
    demand.closed = closed
    demand.limits = limits(of: guest, leaving: source)
    let best = searched(demand, in: nil, explain: false, budget: budget).best
    return best.map { $0.table.placement($0.cells) }
  }

  /// What groups have to say of a guest that is about to leave its host.
  private func limits(of guest: Guest, leaving source: HostID) -> GroupLimits? {
    guard !policy.groups.isEmpty else { return nil }
    let fleet = rooms.map { room in
      room.view.id == source ? HostRoom(room.view, policy: policy, without: guest.id, after: room) : room
    }
    return GroupLimits(name: guest.name, id: guest.id, policy: policy, rooms: fleet)
  }

  private func unknown(_ host: HostID) -> Refusal {
    Refusal(.unknownHost, "host \(host) is not in the fleet", remedy: "see numafleet host list")
  }

  private static func closed(_ hosts: [HostID], besides source: HostID) -> Refusal {
    if hosts == [source] {
      return Refusal(
        .malformed, "the guest is on host \(source) already", remedy: "use numafleet place to move it there")
    }
    let names = hosts.count == 1 ? "host \(hosts[0]) takes no guests" : "no other host takes guests"
    return Refusal(.unsupported, "\(names) from other hosts", remedy: "set migration_uri in its agent.yaml")
  }
}

extension Demand {
  /// A running guest of another host. Which vcpus have CPUs of their own is what its pins there show.
  init(arriving guest: Guest, _ footprint: Footprint, from source: HostView, to hosts: [HostID], policy: Policy) {
    let dedicated = footprint.dedicated
    let guestCells = guest.boundedCells
    name = guest.name
    cells = guestCells.map { cell in
      let own = footprint.vcpus.filter { cell.vcpus.contains($0.vcpu) }
      let active = own.filter { $0.online || $0.owns(of: dedicated) }.map(\.vcpu)
      let waiting = CPUSet(own.map(\.vcpu)).subtracting(CPUSet(active))
      return DemandCell(
        guestCell: cell.id, online: active, dedicated: own.filter { $0.owns(of: dedicated) }.map(\.vcpu),
        offline: waiting.members, memory: Amounts.bounded(cell.memory))
    }
    smt = CoreChoice.satisfies(policy.smt, dedicated ?? [], on: source.topology) ? policy.smt : .prefer
    pageSize = guest.pageSize
    // Restrictive binds no guest cell of several to its cell: what arrives would be allocated on one of them.
    let mode = Self.mode(of: guest)
    self.mode = mode == .restrictive && guestCells.count > 1 ? .strict : mode
    near = []
    emulatorPCPUs = 0
    iothreads = guest.iothreads.sorted()
    self.hosts = hosts
    (labels, tolerates) = ([], [])
    leaves = source.id
    let all = source.load == nil ? [] : source.guests.compactMap { Footprint(of: $0, on: source.topology) }
    use = HostStrain(of: source, all, without: guest.id)?.use ?? HostStrain.Use()
  }

  /// Fixes the host cell of each guest cell, or says why those cells cannot be asked for.
  mutating func want(_ wanted: [Int], on rooms: [HostRoom], policy: Policy) -> Refusal? {
    if wanted.count != cells.count {
      return Refusal(
        .malformed, "guest \(name) has \(cells.count) guest cells, \(wanted.count) host cells were given",
        remedy: "name one host cell for each guest cell, in their order")
    }
    for room in rooms {
      guard let stray = wanted.first(where: { room.index(ofCell: $0) == nil }) else { continue }
      return Refusal(
        .unknownCell, "host \(room.view.id) has no cell \(stray)", remedy: "its cells are \(room.view.topology.nodes)")
    }
    if !policy.foldGuestCells, NodeSet(wanted).count < wanted.count {
      return Refusal(
        .malformed, "cells \(wanted.map { "\($0)" }.joined(separator: ",")) name one host cell twice",
        remedy: "name distinct cells, or set foldGuestCells in the policy")
    }
    self.wanted = wanted
    return nil
  }
}
