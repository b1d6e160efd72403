public import Fleet
import NUMA

/// What contradicts the rules in a plan, in order of waves and moves; empty for a plan that may be committed.
///
/// An independent judge: it reads the inventory with its own eyes and shares no code with the planner, so that one
/// mistake cannot hide in both. It follows the plan wave by wave, because what a move needs free must have been freed
/// by an earlier wave.
public func violations(of plan: Plan, in inventory: Inventory, policy: Policy) -> [Violation] {
  var audit = PlanAudit(of: plan, in: inventory, policy: policy)
  for wave in plan.waves { audit.check(wave) }
  audit.checkCrowding()
  return audit.found
}

/// What contradicts the rules in the placement of a new guest, whose id is `guest` where it has one.
public func violations(
  of placement: Placement, shape: Shape, as guest: GuestID? = nil, in inventory: Inventory, policy: Policy
) -> [Violation] {
  guard let view = inventory.host(placement.host) else {
    return [Violation(host: placement.host, guest: nil, rule: "host", text: "the fleet has no such host")]
  }
  guard let host = AuditedHost(view, policy: policy) else {
    return [Violation(host: placement.host, guest: nil, rule: "host", text: "its topology contradicts itself")]
  }
  var audit = PlacementAudit(host: host, policy: policy)
  audit.check(placement, of: shape)
  return audit.found
    + RuleAudit(inventory: inventory, policy: policy)
    .violations(of: placement, shape: shape, as: guest)
}

/// One host as the judge sees it: who holds what, and how that changes from wave to wave.
struct AuditedHost {
  let view: HostView
  let online: CPUSet
  let reserved: CPUSet
  var guests: [AuditedGuest]

  init?(_ view: HostView, policy: Policy) {
    let topology = view.topology
    for cell in topology.cells where cell.id < 0 || cell.id >= NodeKind.idLimit { return nil }
    for cpu in topology.pcpus where cpu.id < 0 || cpu.id >= CPUKind.idLimit { return nil }
    guard topology.contradictions().isEmpty else { return nil }
    self.view = view
    online = CPUSet(topology.pcpus.map(\.id))
    var reserved = CPUSet()
    for cell in topology.cells {
      for cpu in cell.cpus.members.prefix(max(policy.reserve.pcpusPerCell, 0)) { reserved.insert(cpu) }
    }
    self.reserved = reserved
    guests = view.guests.filter { $0.state == .running || $0.state == .paused }.map { AuditedGuest($0, on: topology) }
  }

  /// CPUs that guests may be given.
  var allowed: CPUSet { online.intersection(view.topology.allowed) }
  /// Whether the host has a cell.
  func has(_ cell: Int) -> Bool { view.topology.cells.contains { $0.id == cell } }
  /// CPUs of a cell.
  func cpus(of cell: Int) -> CPUSet { view.topology.cells.first { $0.id == cell }?.cpus ?? [] }

  /// CPUs that other guests have for themselves, by pins or by claims of jobs in flight.
  func owned(besides guest: GuestID?) -> CPUSet {
    var owned = CPUSet()
    for other in guests where other.id != guest { owned.formUnion(other.owned) }
    for claim in view.claims where claim.guest != guest { owned.formUnion(claim.dedicated) }
    return owned
  }

  /// Base-page KiB of a cell that are not promised to anybody but `guest`.
  func unpromised(_ cell: Cell, besides guest: GuestID?, policy: Policy) -> Int {
    var left = AuditedGuest.sane(cell.memoryTotal.count) - AuditedGuest.sane(policy.reserve.memoryPerCell.count)
    for pool in cell.pages where !isOrdinary(pool.size, on: cell) { left -= AuditedGuest.kib(pool.total, pool.size) }
    for other in guests where other.id != guest && isOrdinary(other.pageSize, on: cell) {
      left -= other.promised(on: cell.id)
    }
    for claim in view.claims where claim.guest != guest {
      let own = guests.first { $0.id == claim.guest && isOrdinary($0.pageSize, on: cell) }?.promised(on: cell.id) ?? 0
      for memory in claim.memory where memory.cell == cell.id && isOrdinary(memory.pageSize, on: cell) {
        left -= max(0, AuditedGuest.sane(memory.amount.count) - own)
      }
    }
    return left
  }

  /// KiB of a page size free on a cell now, less what jobs in flight have yet to bring.
  func free(_ size: PageSize, on cell: Cell, besides guest: GuestID?) -> Int {
    let ordinary = isOrdinary(size, on: cell)
    var left = ordinary ? AuditedGuest.sane(cell.memoryFree.count) : 0
    if !ordinary, let pool = cell.pages.first(where: { $0.size == size }) { left = AuditedGuest.kib(pool.free, size) }
    for claim in view.claims where claim.guest != guest {
      let there = guests.first { $0.id == claim.guest }?.resident(on: cell.id) ?? 0
      for memory in claim.memory where memory.cell == cell.id {
        guard ordinary ? isOrdinary(memory.pageSize, on: cell) : memory.pageSize == size else { continue }
        left -= max(0, AuditedGuest.sane(memory.amount.count) - there)
      }
    }
    return left
  }

  /// Whether pages of that size come from ordinary memory, not from a pool.
  func isOrdinary(_ size: PageSize, on cell: Cell) -> Bool {
    if size.kib == 4 { return true }
    return size.kib <= 64 && cell.pages.allSatisfy { $0.size.kib >= size.kib }
      && cell.pages.contains { $0.size == size }
  }
}
