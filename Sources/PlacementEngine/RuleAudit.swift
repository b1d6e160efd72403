import Fleet
import NUMA

/// Checks a placement of a new guest against what the operator says of hosts and groups, with eyes of its own.
struct RuleAudit {
  let inventory: Inventory
  let policy: Policy

  func violations(of placement: Placement, shape: Shape, as guest: GuestID? = nil) -> [Violation] {
    var found: [Violation] = []
    func report(_ rule: String, _ text: String) {
      found.append(Violation(host: placement.host, guest: nil, rule: rule, text: text))
    }
    if inventory.host(placement.host)?.draining == true { report("draining", "the host is draining") }
    for rules in policy.hosts where rules.host == placement.host {
      if rules.draining { report("draining", "the host is draining") }
      for taint in rules.taints where !shape.tolerates.contains(taint) {
        report("taint", "the host has taint \(taint)")
      }
    }
    let labels = policy.hosts.filter { $0.host == placement.host }.flatMap(\.labels)
    for label in shape.labels where !labels.contains(label) { report("label", "the host has no label \(label)") }
    for group in policy.groups {
      let names = [shape.name] + (guest.map { [$0.text] } ?? [])
      if let broken = conflict(of: placement, names, with: group) { report("group", broken) }
    }
    return found
  }

  /// A member that is where the newcomer forbids it, or not where it demands it.
  private func conflict(of placement: Placement, _ names: [String], with group: GuestGroup) -> String? {
    guard let own = domain(of: names, in: group) else { return nil }
    var others: [(name: String, domain: Int, view: HostView, cells: NodeSet?)] = []
    for view in inventory.hosts {
      for guest in view.guests where guest.state == .running || guest.state == .paused {
        guard let domain = domain(of: [guest.name, guest.id.text], in: group) else { continue }
        // Only cells need the whole host looked at.
        let host = group.level == .cell ? AuditedHost(view, policy: policy) : nil
        others.append((guest.name, domain, view, host?.cells(of: guest)))
      }
      for claim in view.claims {
        let names = claim.job == 0 ? [claim.guestName] : [claim.guestName, claim.guest.text]
        guard let domain = domain(of: names, in: group) else { continue }
        let cpus = view.topology.cells.filter { !$0.cpus.isDisjoint(with: claim.dedicated) }.map(\.id)
        let named = (claim.memory.map(\.cell) + claim.floating.map(\.cell)).filter {
          (0..<NodeKind.idLimit).contains($0)
        }
        let cells = NodeSet(named + cpus)
        others.append((claim.guestName, domain, view, cells))
      }
    }
    let mine = NodeSet(placement.cells.map(\.cell))
    let here = place(of: placement.host, group.level)
    func isNear(_ other: (name: String, domain: Int, view: HostView, cells: NodeSet?)) -> Bool {
      let isSame = place(of: other.view.id, group.level) == here
      guard group.level == .cell, isSame, let cells = other.cells else { return isSame }
      return group.rule == .apart ? !cells.isDisjoint(with: mine) : mine.isSubset(of: union(others, on: other.view.id))
    }
    func union(_ others: [(name: String, domain: Int, view: HostView, cells: NodeSet?)], on host: HostID) -> NodeSet {
      others.reduce(into: NodeSet()) { if $1.view.id == host { $0.formUnion($1.cells ?? mine) } }
    }
    switch group.rule {
    case .together:
      if others.isEmpty || others.contains(where: isNear) { return nil }
      return "group \(group.name) is to be together by \(group.level.rawValue), \(others[0].name) is elsewhere"
    case .apart:
      let rivals = others.filter { (group.domains.isEmpty || $0.domain != own) && isNear($0) }
      return rivals.first.map { "group \(group.name) is to be apart by \(group.level.rawValue), \($0.name) is there" }
    }
  }

  /// The fault domain of a guest in a group, -1 for none; nil for guests that are no members.
  private func domain(of names: [String], in group: GuestGroup) -> Int? {
    for (number, domain) in group.domains.enumerated() {
      if domain.contains(where: { pattern in names.contains { isLike(Array($0.utf8)[...], Array(pattern.utf8)[...]) } })
      {
        return number
      }
    }
    let isMember = group.members.contains { pattern in
      names.contains { isLike(Array($0.utf8)[...], Array(pattern.utf8)[...]) }
    }
    return isMember ? -1 : nil
  }

  private func isLike(_ text: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
    guard let head = pattern.first else { return text.isEmpty }
    if head == UInt8(ascii: "*") {
      return isLike(text, pattern.dropFirst()) || (!text.isEmpty && isLike(text.dropFirst(), pattern))
    }
    return text.first == head && isLike(text.dropFirst(), pattern.dropFirst())
  }

  private func place(of host: HostID, _ level: GroupLevel) -> [String] {
    // Hosts ascend, and groups may have thousands of members.
    var left = policy.hosts[...]
    while left.count > 1 {
      let middle = left.startIndex + left.count / 2
      left = left[middle].host <= host ? left[middle...] : left[..<middle]
    }
    let rules = left.first { $0.host == host }
    switch level {
    case .cell, .host: return ["host", host.text]
    case .rack: return rules?.rack.map { ["rack", $0] } ?? ["host", host.text]
    case .zone: return rules?.zone.map { ["zone", $0] } ?? place(of: host, .rack)
    }
  }
}

extension AuditedHost {
  /// Cells that a guest has most of a guest cell's memory on, or vcpus that may run nowhere else.
  fileprivate func cells(of guest: Guest) -> NodeSet {
    guard let audited = guests.first(where: { $0.id == guest.id }) else { return [] }
    var cells = NodeSet(audited.cells.indices.compactMap { audited.home(of: $0) })
    for cell in view.topology.cells {
      let isHeld = audited.masks.contains { mask in
        let open = (mask ?? allowed).intersection(online)
        return !open.isEmpty
          && (open.isSubset(of: cell.cpus) || (open.isSubset(of: audited.owned) && !open.isDisjoint(with: cell.cpus)))
      }
      if isHeld { cells.insert(cell.id) }
    }
    return cells
  }
}
