import CoordinatorCore
import Fleet
import NUMA
import PlacementEngine

/// Automation as it works on the fleet of a day: the engine's plans, the coordinator's limits, and moves that take as
/// long as their memory takes to copy.
///
/// Hosts are looked at as the coordinator looks at them: those on which something changed, once they have come to rest,
/// and each now and then; as many at a time as the policy lets. What is wrong there is mended; where nothing is, free
/// CPUs are brought together as the policy says. Every move is judged once more before it begins, and one that has gone
/// stale is dropped.
struct DayAutomation: Sendable {
  /// Moves that ended, by guest number.
  private(set) var moved: [Int: [MoveRecord]] = [:]  // lookup only
  private(set) var plans = 0
  /// Moves that were planned and had gone stale.
  private(set) var stale = 0
  /// What hosts are worked on for.
  private var works: [Work] = []
  /// What moves copied that have ended, and when.
  private var copied: [(at: Int, amount: KiB)] = []
  /// When each host is looked at.
  private var reviews: [Int]
  private let settings: DaySettings
  private var rules: AutomationRules { settings.policy.automation }

  /// One plan under way: its waves one after another, on each host one move at a time, as its agent has it.
  private struct Work: Sendable {
    var waves: [Wave]
    var running: [Move] = []

    var left: [Move] { running + waves.flatMap(\.moves) }

    func touches(_ host: HostID) -> Bool { left.contains { $0.host == host || $0.placement.host == host } }
  }

  static let tickMilliseconds = 10_000

  init(_ settings: DaySettings) {
    self.settings = settings
    let span = settings.policy.automation.reviewMinutes * 60_000
    reviews = (0..<settings.hosts).map { span * $0 / settings.hosts }
  }

  mutating func disturb(_ host: Int, at now: Int) { reviews[host] = now + rules.settleSeconds * 1000 }

  /// Looks at what is due, and begins what the limits allow; each move that began, with how long it takes.
  mutating func tick(_ fleet: inout DayFleet, at now: Int) -> [(number: Int, milliseconds: Int)] {
    guard rules.quietMilliseconds(from: now) == 0 else { return [] }
    copied.removeAll { now - $0.at >= 60_000 }
    var begun = beginMoves(&fleet, at: now)
    let due = reviews.indices.filter { reviews[$0] <= now }.sorted { (reviews[$0], $0) < (reviews[$1], $1) }
    for host in due
    where works.count < rules.concurrentHosts && !works.contains(where: { $0.touches(DayHost.id(host)) }) {
      guard let work = review(host, fleet, at: now) else { continue }
      works.append(work)
      begun += beginMoves(&fleet, at: now)
    }
    return begun
  }

  /// The move of a guest has ended, or the guest has.
  mutating func end(_ number: Int, isMoved: Bool, at now: Int) -> Move? {
    let id = DayGuest.id(number)
    guard let work = works.firstIndex(where: { $0.running.contains { $0.guest == id } }),
      let index = works[work].running.firstIndex(where: { $0.guest == id })
    else { return nil }
    let move = works[work].running.remove(at: index)
    copied.append((now, move.copy))
    guard isMoved else { return nil }
    moved[number, default: []].append(
      MoveRecord(
        job: JobID(UInt64(number) + 1), guest: move.guest, guestName: move.guestName, host: move.host,
        from: move.from.map(\.cell), to: move.placement.cells.map(\.cell), wallMilliseconds: now, actor: "automation",
        copy: move.copy))
    return move
  }

  // MARK: Plans

  /// What a host is to be worked on for; nil where all is well or the limits forbid it.
  private mutating func review(_ host: Int, _ fleet: DayFleet, at now: Int) -> Work? {
    reviews[host] = now + rules.reviewMinutes * 60_000
    let view = fleet.views[host]
    var plan = plan(.repair(host: view.id), on: view, at: now)
    if plan.moves.isEmpty, rules.wideCPUs > 0 {
      plan = self.plan(.rebalance(host: view.id, migrations: 0, wideCPUs: rules.wideCPUs), on: view, at: now)
    }
    let (chosen, _, mayLater) = limits([], at: now).choose(from: plan) {
      fleet.observed(DayGuest.number(of: $0))?.memory ?? 0
    }
    if mayLater { reviews[host] = now + 60_000 }
    return chosen.moves.isEmpty ? nil : Work(waves: chosen.waves)
  }

  private mutating func plan(_ request: PlanRequest, on view: HostView, at now: Int) -> Plan {
    plans += 1
    return Placer.plan(
      PlanningInput(
        inventory: Inventory(hosts: [view]), policy: settings.policy, parent: PlanID(UInt64(plans - 1)),
        request: request, leaving: view.guests.filter { refusal(of: $0, at: now) != nil }.map(\.id)))
  }

  // MARK: Limits

  private func refusal(of guest: Guest, at now: Int) -> String? {
    limits(moved[DayGuest.number(of: guest.id)] ?? [], at: now).refusal(of: guest)
  }

  /// Whole plans count from their beginning, as they do at the coordinator.
  private func limits(_ moves: [MoveRecord], at now: Int) -> MoveLimits {
    let recent = copied.reduce(KiB(0)) { $0 + $1.amount }
    let planned = works.flatMap(\.left).reduce(recent) { $0 + $1.copy }
    return MoveLimits(rules: rules, moves: moves, copied: planned, wallMilliseconds: now)
  }

  // MARK: Moves

  private mutating func beginMoves(_ fleet: inout DayFleet, at now: Int) -> [(number: Int, milliseconds: Int)] {
    var begun: [(number: Int, milliseconds: Int)] = []
    for index in works.indices {
      while let move = nextMove(of: index, fleet, at: now) {
        let number = DayGuest.number(of: move.guest)
        fleet.begin(move, number, at: now)
        works[index].running.append(move)
        let rate = max(settings.copyPerSecond.count, 1)
        begun.append((number, max(1000, move.copy.count / rate * 1000)))
      }
    }
    works.removeAll { $0.left.isEmpty }
    return begun
  }

  /// The next move of a plan whose hosts have none under way, taken off it; stale ones are dropped on the way.
  private mutating func nextMove(of work: Int, _ fleet: DayFleet, at now: Int) -> Move? {
    while let wave = works[work].waves.first, wave.moves.isEmpty, works[work].running.isEmpty {
      works[work].waves.removeFirst()
    }
    var index = 0
    while let wave = works[work].waves.first, index < wave.moves.count {
      let move = wave.moves[index]
      let hosts = [move.host, move.placement.host]
      if works.contains(where: { $0.running.contains { hosts.contains($0.host) || hosts.contains($0.placement.host) } })
      {
        index += 1
        continue
      }
      works[work].waves[0].moves.remove(at: index)
      if isCurrent(move, fleet, at: now) { return move }
      // What comes after it may count on it, and is planned anew.
      stale += 1
      works[work].waves = Array(works[work].waves.prefix(1))
    }
    return nil
  }

  /// Whether a move still is what the engine's own judge lets pass.
  private func isCurrent(_ move: Move, _ fleet: DayFleet, at now: Int) -> Bool {
    let number = DayGuest.number(of: move.guest)
    guard let guest = fleet.guest(number), guest.target == nil, DayHost.id(guest.host) == move.host,
      let observed = fleet.observed(number), observed.live == move.expected, refusal(of: observed, at: now) == nil
    else { return false }
    let hosts = [guest.host, DayHost.number(of: move.placement.host)]
    let inventory = Inventory(hosts: Set(hosts).sorted().map { fleet.views[$0] })
    return violations(
      of: Plan(purpose: "", waves: [Wave(moves: [move])]), in: inventory, policy: settings.policy
    ).isEmpty
  }
}
