import Fleet
import NUMA

/// Follows a plan wave by wave and writes down what breaks a rule.
struct PlanAudit {
  private(set) var found: [Violation] = []
  /// Those that the plan is about.
  private var hosts: [AuditedHost]
  private let inventory: Inventory
  /// The fleet as earlier waves left it, for what groups and taints say.
  private var rules: Inventory
  private let policy: Policy
  /// What guests were given by earlier waves, in that order; nil for those that have gone to another host.
  private var moved: [(guest: GuestID, pinning: Pinning?)] = []
  /// Host cells that floating vcpus were put on.
  private var crowded: [(host: HostID, cell: Int)] = []

  init(of plan: Plan, in inventory: Inventory, policy: Policy) {
    self.inventory = inventory
    rules = inventory
    self.policy = policy
    let touched = Set(plan.moves.flatMap { [$0.host, $0.placement.host] })  // lookup only
    hosts = inventory.hosts.compactMap { touched.contains($0.id) ? AuditedHost($0, policy: policy) : nil }
  }

  /// Checks all moves of a wave against the state that earlier waves left, then applies them.
  mutating func check(_ wave: Wave) {
    if wave.moves.isEmpty, let host = inventory.hosts.first?.id { report(host, nil, "wave", "a wave has no moves") }
    let before = hosts
    var copying: [HostID] = []
    for (index, move) in wave.moves.enumerated() {
      if wave.moves[..<index].contains(where: { $0.guest == move.guest }) {
        report(move.host, move.guest, "once", "a wave moves a guest once")
      }
      if move.isMigration {
        checkMigration(move, before, &copying)
        checkNeighbours(of: move, after: index, in: wave)
        continue
      }
      guard let host = before.firstIndex(where: { $0.view.id == move.host }) else {
        report(move.host, move.guest, "host", "the fleet has no such host, or its topology contradicts itself")
        continue
      }
      guard let guest = before[host].guests.first(where: { $0.id == move.guest }) else {
        report(move.host, move.guest, "guest", "no such guest runs on the host")
        continue
      }
      checkIdentity(of: move, guest, on: before[host].view)
      if bringsMemory(move, guest) {
        if copying.contains(move.host) {
          report(move.host, move.guest, "oneMemoryMove", "a second memory move of one host in one wave")
        }
        copying.append(move.host)
      }
      var audit = PlacementAudit(host: before[host], policy: policy)
      audit.check(move, guest)
      found += audit.found
      checkNeighbours(of: move, after: index, in: wave)
    }
    for move in wave.moves { apply(move) }
  }

  /// Moves of one wave that end on the same host do not wait for each other.
  private mutating func checkNeighbours(of move: Move, after index: Int, in wave: Wave) {
    let host = move.placement.host
    for other in wave.moves[(index + 1)...] where other.placement.host == host && other.guest != move.guest {
      let both = cpus(of: move).intersection(other.placement.dedicated)
        .union(cpus(of: other).intersection(move.placement.dedicated))
      if !both.isEmpty {
        report(host, move.guest, "dedicated", "pcpus \(both) are given to \(other.guestName) too in the same wave")
      }
    }
  }

  /// A migration must be possible on the host that the guest leaves, and fit on the one that it goes to.
  private mutating func checkMigration(_ move: Move, _ before: [AuditedHost], _ copying: inout [HostID]) {
    let target = move.placement.host
    guard let source = before.first(where: { $0.view.id == move.host }),
      let destination = before.first(where: { $0.view.id == target })
    else { return report(target, move.guest, "host", "the fleet has no such host, or its topology contradicts itself") }
    guard let guest = source.guests.first(where: { $0.id == move.guest }) else {
      return report(move.host, move.guest, "guest", "no such guest runs on the host")
    }
    checkIdentity(of: move, guest, on: source.view)
    if let refusal = guest.guest.refusalToLeave { report(move.host, move.guest, "movability", refusal.message) }
    if destination.view.facts.migrationURI == nil {
      report(target, move.guest, "migration", "the host takes no guests from other hosts")
    }
    if destination.guests.contains(where: { $0.id == move.guest }) {
      report(target, move.guest, "duplicate", "the guest is on the host already")
    }
    for host in [move.host, target] {
      if copying.contains(host) {
        report(host, move.guest, "oneMemoryMove", "a second memory move of one host at once")
      }
      copying.append(host)
    }
    var audit = PlacementAudit(host: destination, policy: policy)
    audit.checkArrival(of: move, guest)
    found += audit.found
    var others = rules
    for index in others.hosts.indices { others.hosts[index].guests.removeAll { $0.id == move.guest } }
    let shape = Shape(name: guest.guest.name, guestCells: [])
    found += RuleAudit(inventory: others, policy: policy)
      .violations(of: move.placement, shape: shape, as: move.guest)
  }

  /// No cell that the plan put floating vcpus on carries more of them than the policy allows in the end.
  mutating func checkCrowding() {
    for host in hosts {
      for cell in host.view.topology.cells {
        guard crowded.contains(where: { $0.host == host.view.id && $0.cell == cell.id }) else { continue }
        let shared = PlacementAudit(host: host, policy: policy).shared(of: cell, besides: nil)
        let load = PlacementAudit(host: host, policy: policy).confined(to: cell, besides: nil)
        if load > shared.count * policy.overcommitPercent * 10 {
          report(
            host.view.id, nil, "overcommit",
            "cell \(cell.id) carries \(load) thousandths of floating vcpus on \(shared.count) shared pcpus "
              + "at \(policy.overcommitPercent) %"
          )
        }
      }
    }
  }

  private mutating func checkIdentity(of move: Move, _ guest: AuditedGuest, on view: HostView) {
    if view.liveness != .connected { report(move.host, move.guest, "liveness", "the host is not heard of") }
    if move.incarnation != guest.guest.incarnation {
      report(move.host, move.guest, "incarnation", "planned for another run of the guest")
    }
    if let earlier = moved.last(where: { $0.guest == move.guest }) {
      guard let given = earlier.pinning else {
        return report(move.host, move.guest, "once", "a guest that goes to another host is moved once by a plan")
      }
      if given.vcpus != move.expected.vcpus || given.emulator != move.expected.emulator {
        report(move.host, move.guest, "expected", "planned on pins that the plan has not given it before")
      }
      return
    }
    var (expected, live) = (move.expected, guest.guest.live)
    // Where pages are is no pin and changes by itself.
    expected.memory = []
    live.memory = []
    if expected != live {
      report(move.host, move.guest, "expected", "planned on pins that the guest does not have")
    }
  }

  private func bringsMemory(_ move: Move, _ guest: AuditedGuest) -> Bool {
    move.placement.pinning.memory.contains { target in
      guard let index = guest.cells.firstIndex(where: { $0.id == target.guestCell }) else { return false }
      // A few pages strayed since the plan was made are no move of memory.
      let away = guest.away(index, from: target.cell)
      return guest.home(of: index) != target.cell || away * 16 > AuditedGuest.sane(guest.cells[index].memory.count)
    }
  }

  private func cpus(of move: Move) -> CPUSet {
    let pinning = move.placement.pinning
    return pinning.vcpus.reduce(pinning.emulator ?? []) { $0.union($1.cpuset) }
  }

  private mutating func apply(_ move: Move) {
    moved.append((move.guest, move.isMigration ? nil : move.placement.pinning))
    if move.isMigration { return applyMigration(move) }
    guard let host = hosts.firstIndex(where: { $0.view.id == move.host }),
      let index = hosts[host].guests.firstIndex(where: { $0.id == move.guest })
    else { return }
    let old = hosts[host].guests[index]
    hosts[host].guests[index].take(move)
    let new = hosts[host].guests[index]
    hosts[host].shiftFree(old, new)
    let isFloating = move.placement.pinning.vcpus.contains { !$0.cpuset.isSubset(of: move.placement.dedicated) }
    if isFloating || move.placement.dedicated.isEmpty { crowded += move.placement.cells.map { (move.host, $0.cell) } }
  }

  private mutating func applyMigration(_ move: Move) {
    guard let source = hosts.firstIndex(where: { $0.view.id == move.host }),
      let target = hosts.firstIndex(where: { $0.view.id == move.placement.host }),
      let index = hosts[source].guests.firstIndex(where: { $0.id == move.guest })
    else { return }
    let old = hosts[source].guests.remove(at: index)
    hosts[source].shiftFree(old, old.withoutMemory)
    var new = old
    new.take(move)
    hosts[target].guests.append(new)
    hosts[target].shiftFree(old.withoutMemory, new)
    crowded += move.placement.cells.map { (move.placement.host, $0.cell) }
    for host in rules.hosts.indices {
      rules.hosts[host].guests.removeAll { $0.id == move.guest }
      guard rules.hosts[host].id == move.placement.host else { continue }
      let memory = move.placement.pinning.memory.map { MemoryClaim(cell: $0.cell, pageSize: .base, amount: 0) }
      rules.hosts[host].claims.append(
        Claim(
          job: JobID(.max), host: move.placement.host, guest: move.guest, guestName: move.guestName,
          dedicated: move.placement.dedicated, memory: memory))
    }
  }

  private mutating func report(_ host: HostID, _ guest: GuestID?, _ rule: String, _ text: String) {
    found.append(Violation(host: host, guest: guest, rule: rule, text: text))
  }
}

extension AuditedHost {
  /// Frees what a guest left and fills where it went.
  mutating func shiftFree(_ old: AuditedGuest, _ new: AuditedGuest) {
    var topology = view.topology
    for index in topology.cells.indices {
      let cell = topology.cells[index]
      let more = new.resident(on: cell.id) - old.resident(on: cell.id)
      if isOrdinary(new.pageSize, on: cell) {
        topology.cells[index].memoryFree = KiB(AuditedGuest.sane(AuditedGuest.sane(cell.memoryFree.count) - more))
      } else if let pool = cell.pages.firstIndex(where: { $0.size == new.pageSize }) {
        topology.cells[index].pages[pool].free -= more / max(new.pageSize.kib, 1)
      }
    }
    self = AuditedHost(self, topology: topology)
  }

  private init(_ other: AuditedHost, topology: HostTopology) {
    var view = other.view
    view.topology = topology
    self.view = view
    online = other.online
    reserved = other.reserved
    guests = other.guests
  }
}
