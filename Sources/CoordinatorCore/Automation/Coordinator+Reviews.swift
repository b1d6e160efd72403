import Fleet
import NUMA
import PlacementEngine

/// Automation looks at hosts, one after another: those on which something changed, once they have come to rest, and
/// each now and then. What it decides goes the way of every plan.
extension Coordinator {
  /// Something has changed on a host; it is looked at when nothing has for a while.
  mutating func disturb(_ index: Int, _ why: String, _ now: Instant) {
    guard automation.state.mode != .off else { return }
    let due = now.advanced(byMilliseconds: policy.automation.settleSeconds * 1000)
    hosts[index].review.due = due
    hosts[index].review.why = why
    automation.expect(due)
    disturbRoom(now)
  }

  /// When automation has something to do; nil while it is off.
  var automationDue: Instant? {
    guard automation.state.mode != .off, storeRefusal == nil else { return nil }
    let reviews = automation.asked == nil ? [automation.nextDue, automation.room.due] : []
    return (reviews + [automation.measurements.first?.due]).lazy.compactMap(\.self).min()
  }

  mutating func automate(_ now: Instant, _ output: inout Output) {
    guard let due = automationDue, due <= now else { return }
    measureMoves(now, &output)
    guard automation.asked == nil else { return }
    let (isHostDue, isRoomDue) = (automation.nextDue.isReached(now), automation.room.due.isReached(now))
    let rest = restMilliseconds(now)
    guard rest == 0 else {
      let then = now.advanced(byMilliseconds: rest)
      if isHostDue { automation.nextDue = then }
      if isRoomDue { automation.room.due = then }
      return
    }
    if isRoomDue {
      reviewRoom(now, &output)
      // Hosts that wait too are looked at when this plan is made.
      if automation.asked != nil { return }
    }
    guard isHostDue else { return }
    automation.nextDue = nil
    guard let index = nextReview(now) else { return }
    let host = hosts[index].id
    if adoptDrifted(on: index, now, &output) {
      // Their jobs end first.
      hosts[index].review.due = now.advanced(byMilliseconds: Automation.retryMilliseconds)
      return automation.expect(hosts[index].review.due)
    }
    let limits = moveLimits(now)
    let leaving = hosts[index].guests.compactMap { guest in
      (limits.refusal(of: guest) ?? unmanaged(guest, on: hosts[index])).map {
        UnmovedGuest(guest: guest.id, guestName: guest.name, host: host, reason: $0)
      }
    }
    plan(
      .repair(host: host),
      as: Automation.Asked(token: automation.ask(), host: host, why: hosts[index].review.why, leaving: leaving),
      on: index,
      now, &output)
  }

  private mutating func plan(
    _ request: PlanRequest, as asked: Automation.Asked, on index: Int, _ now: Instant, _ output: inout Output
  ) {
    automation.asked = asked
    let input = PlanningInput(
      inventory: Inventory(hosts: view(of: hosts[index], now).map { [$0] } ?? []), policy: policy, parent: lastPlan,
      request: request, leaving: asked.leaving.map(\.guest), rates: copyRates)
    output.planning.append(PlanningTask(token: asked.token, input: input))
  }

  /// A host on which nothing needs mending may have its free CPUs in pieces.
  private mutating func rebalance(
    _ host: HostID, after asked: Automation.Asked, on index: Int, _ now: Instant, _ output: inout Output
  ) {
    var asked = asked
    asked.token = automation.ask()
    asked.rebalances = true
    let request = PlanRequest.rebalance(host: host, migrations: 0, wideCPUs: policy.automation.wideCPUs)
    plan(request, as: asked, on: index, now, &output)
  }

  /// How long nothing may begin: the rest of a pause or of the quiet hours.
  func restMilliseconds(_ now: Instant) -> Int {
    let pause = automation.state.pausedUntil.map { max(0, $0 - now.wallMilliseconds) } ?? 0
    return max(pause, policy.automation.quietMilliseconds(from: now.wallMilliseconds))
  }

  /// The host that has been due for longest and can be looked at; the others are put off.
  private mutating func nextReview(_ now: Instant) -> Int? {
    var next: Int?
    let busy = busyHosts
    let isFull = working.count { !$0.keepsRoom } >= policy.automation.concurrentHosts
    for index in hosts.indices {
      if hosts[index].review.due <= now,
        let why = obstacle(on: hosts[index], busy) ?? (isFull ? ("concurrent_hosts are worked on", true) : nil)
      {
        hosts[index].review.held = []
        hosts[index].review.due = now.advanced(byMilliseconds: why.passes ? Automation.retryMilliseconds : reviewSpan)
      }
      automation.expect(hosts[index].review.due)
      guard hosts[index].review.due <= now else { continue }
      if next.map({ hosts[index].review.due < hosts[$0].review.due }) ?? true { next = index }
    }
    return next
  }

  /// Why a host is not looked at now, and whether that passes by itself.
  func obstacle(
    on entry: HostEntry, _ busy: Set<HostID>  // lookup only
  ) -> (why: String, passes: Bool)? {
    if let pattern = policy.automation.exceptHosts.first(where: { matchesPattern(entry.id.text, $0) }) {
      return ("the policy's except_hosts names it (\(pattern))", false)
    }
    guard entry.refusal == nil, entry.hasReported else { return ("it does not answer", true) }
    return busy.contains(entry.id) ? ("jobs or a plan are under way", true) : nil
  }

  /// Hosts with jobs in flight, and those of automation's plans under way.
  var busyHosts: Set<HostID> {  // lookup only
    let own = jobs.indices.filter { !jobs[$0].state.isFinal }.flatMap { jobs[$0].job.hosts }
    let planned = working.flatMap(\.moves).flatMap { [$0.host, $0.placement.host] }
    return Set(own).union(planned)  // lookup only
  }

  /// Automation's own plans under way.
  var working: [Plan] { plans.filter { $0.state == .applying && automation.state.plans.contains($0.id) } }

  var reviewSpan: Int { policy.automation.reviewMinutes * 60_000 }

  func moveLimits(_ now: Instant) -> MoveLimits {
    MoveLimits(
      rules: policy.automation, moves: automation.moves, repins: automation.repins, copied: copiedLastMinute(now),
      wallMilliseconds: now.wallMilliseconds)
  }

  // MARK: Plans

  /// The plan that was asked for has come back; one that was asked for before automation was switched is not looked at.
  mutating func reviewed(_ plan: Plan, _ token: Token, _ now: Instant, _ output: inout Output) {
    guard let asked = automation.asked, asked.token == token else { return }
    automation.asked = nil
    guard automation.state.mode != .off, storeRefusal == nil else { return }
    guard let host = asked.host else { return reviewedRoom(plan, asked, now, &output) }
    guard let index = index(of: host) else { return }
    let sizes = hosts[index].guests
    let (settled, peaks) = withoutPeaks(plan, on: index)
    var (chosen, held, mayLater) = moveLimits(now).choose(from: settled) { guest in
      sizes.first { $0.id == guest }?.memory ?? 0
    }
    let needy = plan.unmoved
    hosts[index].review.held =
      held + peaks + needy + asked.leaving.filter { left in !needy.contains { $0.guest == left.guest } }
    let span = mayLater ? 60_000 : reviewSpan
    hosts[index].review.due = now.advanced(byMilliseconds: span)
    automation.expect(hosts[index].review.due)
    if plan.moves.isEmpty, !asked.rebalances, policy.automation.wideCPUs > 0 {
      return rebalance(host, after: asked, on: index, now, &output)
    }
    guard !chosen.moves.isEmpty, restMilliseconds(now) == 0 else { return }
    if let refusal = harm(on: index, now) ?? staleness(of: chosen, scope: nil, now) {
      hosts[index].review.held += chosen.left(for: refusal)
      output.notes.append(
        Note(.info, "automation moves nothing", ["host": host.text, "reason": refusal.description]))
      return
    }
    chosen.unmoved = needy
    carryOut(chosen, because: asked.why, on: index, now, &output)
  }

  /// What on a host would make an error of every move; nil when nothing does.
  func harm(on index: Int, _ now: Instant) -> Refusal? {
    guard let view = view(of: hosts[index], now),
      let finding = findings(in: view, policy: policy).first(where: \.forbidsAutomation)
    else { return nil }
    return Refusal(.busy, "\(finding.kind.rawValue): \(finding.evidence)", remedy: finding.remedy)
  }

  /// Carries a plan out, or writes down what it would do: one for a host, or for the fleet's room.
  mutating func carryOut(
    _ plan: Plan, because why: String, on index: Int?, _ now: Instant, _ output: inout Output
  ) {
    let isShadow = automation.state.mode == .shadow
    var plan = plan
    plan.wallMilliseconds = now.wallMilliseconds
    plan.purpose = "\(isShadow ? "shadow" : "auto"): \(plan.purpose), as \(why)"
    let proposed = plan.moves.map { ProposedMove(guest: $0.guest, pinning: $0.placement.pinning) }
    if isShadow {
      let told = index.map { hosts[$0].review.shadowed } ?? automation.room.shadowed
      guard told != proposed else { return }
      if let index { hosts[index].review.shadowed = proposed } else { automation.room.shadowed = proposed }
    }
    var committed = commit(plan, actor: Self.automationActor, now, &output)
    guard !isShadow else {
      for move in plan.moves {
        log(
          .automationWouldMove, host: move.host, guest: move.guest, actor: Self.automationActor,
          "would move guest \(move.guestName) \(move.way): \(move.reason)", now, &output)
      }
      return
    }
    automation.state.plans.append(committed.id)
    output.writes.append(.automation(automation.state))
    _ = begin(&committed, wave: 0, scope: nil, driver: nil, actor: Self.automationActor, now, &output)
  }

  static let automationActor = "automation"
}

extension Coordinator.Token {
  /// Of the plan that automation asks for as its n-th; the loop counts up from 1 those that operators wait for.
  static func automation(_ count: UInt64) -> Self { Self(Self.automationBase | count) }

  /// Whether no operator waits for the answer.
  public var isAutomation: Bool { number & Self.automationBase != 0 }

  private static let automationBase: UInt64 = 1 << 63
}

extension Move {
  /// From where to where, in words.
  fileprivate var way: String {
    let (old, new) = (NodeSet(from.map(\.cell)), NodeSet(placement.cells.map(\.cell)))
    if isMigration { return "from host \(host) to host \(placement.host), cell \(new)" }
    if old == new || old.isEmpty { return "on cell \(new)" }
    return "from cell \(old) to \(new)"
  }
}
