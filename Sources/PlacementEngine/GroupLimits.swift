import Fleet
import NUMA

/// A guest of a group on one host.
struct GroupMember: Sendable, Equatable {
  /// The group among those of the policy.
  let group: Int
  let name: String
  /// The fault domain it is in, where the group has some.
  let domain: Int?
  /// Ids of the cells that it has memory or vcpus on.
  let cells: NodeSet

  /// The members that run on a host, and those on their way to it.
  static func all(
    of view: HostView, _ footprints: [Footprint], policy: Policy, without excluded: GuestID?
  ) -> [GroupMember] {
    if policy.groups.isEmpty { return [] }
    var members: [GroupMember] = []
    for (number, group) in policy.groups.enumerated() {
      // A guest that cannot be seen for now is still where it was.
      for guest in view.guests where guest.id != excluded && guest.isRunning {
        guard let found = group.membership(name: guest.name, id: guest.id) else { continue }
        let footprint = footprints.first { $0.guest == guest.id }
        members.append(
          GroupMember(
            group: number, name: guest.name, domain: found.domain,
            cells: footprint.map { $0.cells(on: view.topology) } ?? []))
      }
      for claim in view.claims where claim.guest != excluded {
        // Guests of a batch have no ids yet.
        let id = claim.job == 0 ? nil : claim.guest
        guard let found = group.membership(name: claim.guestName, id: id) else { continue }
        let owned = view.topology.cells.filter { !$0.cpus.isDisjoint(with: claim.dedicated) }.map(\.id)
        members.append(
          GroupMember(
            group: number, name: claim.guestName, domain: found.domain,
            cells: NodeSet((claim.memory.map(\.cell) + claim.floating.map(\.cell) + owned).filter(isCell))))
      }
    }
    return members
  }

  private static func isCell(_ id: Int) -> Bool { (0..<NodeKind.idLimit).contains(id) }
}

extension Footprint {
  /// Ids of the cells that it has most of its memory or held vcpus on.
  fileprivate func cells(on topology: HostTopology) -> NodeSet {
    let homes = CPUSet(memory.indices.compactMap { home(ofGuestCellAt: $0) })
    return NodeSet(
      topology.cells.indices.filter { index in
        homes.contains(index) || confined[index] > 0
          || dedicated.map { !$0.isDisjoint(with: topology.cells[index].cpus) } ?? false
      }.map { topology.cells[$0].id })
  }
}

/// What its groups forbid one guest, by where the other members are.
struct GroupLimits: Sendable {
  /// One group of the guest.
  struct Limit: Sendable {
    let group: GuestGroup
    /// Where members are that count: hosts, racks or zones, ascending, without duplicates.
    var places: [String] = []
    /// For groups of cells: the cells of each host that has members.
    var cells: [(host: HostID, cells: NodeSet)] = []
  }

  private(set) var limits: [Limit] = []

  /// The limits of a guest of that name; nil when it is in no group.
  init?(name: String, id: GuestID?, policy: Policy, rooms: [HostRoom]) {
    for (number, group) in policy.groups.enumerated() {
      guard let own = group.membership(name: name, id: id) else { continue }
      var limit = Limit(group: group)
      for room in rooms where !room.members.isEmpty {
        let members = room.members.filter { $0.group == number && Self.counts($0, for: own, in: group) }
        if members.isEmpty { continue }
        limit.places.append(room.rules.place(at: group.level))
        let cells = members.reduce(into: NodeSet()) { $0.formUnion($1.cells) }
        limit.cells.append((room.view.id, cells))
      }
      limit.places = Set(limit.places).sorted()
      limit.cells.sort { $0.host < $1.host }
      limits.append(limit)
    }
    if limits.isEmpty { return nil }
  }

  /// Fault domains keep apart only members of different ones.
  private static func counts(_ member: GroupMember, for own: GuestGroup.Membership, in group: GuestGroup) -> Bool {
    group.rule == .together || group.domains.isEmpty || member.domain != own.domain
  }

  /// What keeps the guest off a host.
  func shortfall(of room: HostRoom) -> Shortfall? {
    for limit in limits where limit.bars(room) {
      return Shortfall(.groupOfHost, detail: limit.text)
    }
    return nil
  }

  /// What keeps a guest cell off a host cell.
  func shortfall(ofCell cell: Int, on room: HostRoom) -> Shortfall? {
    for limit in limits where limit.group.level == .cell {
      let known = limit.cells(on: room.view.id)
      let isBarred =
        switch limit.group.rule {
        case .apart: known.contains(cell)
        // Members that cannot be seen for now tell no cells.
        case .together: !known.isEmpty && !known.contains(cell)
        }
      if isBarred { return Shortfall(.groupOfCell, detail: limit.text) }
    }
    return nil
  }
}

extension GroupLimits.Limit {
  fileprivate func bars(_ room: HostRoom) -> Bool {
    let isThere = isThere(room)
    return switch group.rule {
    case .together: !places.isEmpty && !isThere
    // What is apart by cell may share a host.
    case .apart: group.level != .cell && isThere
    }
  }

  /// Whether members are where a host stands.
  func isThere(_ room: HostRoom) -> Bool {
    let place = room.rules.place(at: group.level)
    let index = places.partitionIndex { $0 >= place }
    return index < places.count && places[index] == place
  }

  /// Ids of the cells that members are on.
  fileprivate func cells(on host: HostID) -> NodeSet {
    let index = cells.partitionIndex { $0.host >= host }
    return index < cells.count && cells[index].host == host ? cells[index].cells : []
  }

  fileprivate var text: String {
    let where_ = places.isEmpty ? "" : " (members are on \(places.prefix(4).joined(separator: ", ")))"
    return "group \(group.name), \(group.rule.rawValue) by \(group.level.rawValue)\(where_)"
  }
}

extension HostRules {
  /// The host, rack or zone that it is or stands in; what is not said is as narrow as what is.
  func place(at level: GroupLevel) -> String {
    switch level {
    case .cell, .host: "host \(host)"
    case .rack: rack.map { "rack \($0)" } ?? place(at: .host)
    case .zone: zone.map { "zone \($0)" } ?? place(at: .rack)
    }
  }
}
