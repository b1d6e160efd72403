import Fleet
import NUMA
import PlacementEngine

extension Coordinator {
  /// Plans kept in memory, and those under way beside them; the store has them all.
  static let plansMax = 200

  mutating func ask(
    _ request: PlanRequest, _ purpose: PendingPlan.Purpose, for question: Question, _ now: Instant,
    _ output: inout Output
  ) {
    pending.append(PendingPlan(question: question, purpose: purpose))
    let input = PlanningInput(
      inventory: inventory(now), policy: policy, parent: lastPlan, request: request, rates: copyRates)
    output.planning.append(PlanningTask(token: question.token, input: input))
  }

  /// A plan has come back; the fleet may have changed since it was asked for.
  mutating func planned(_ plan: Plan, _ token: Token, _ now: Instant, _ output: inout Output) {
    guard let index = pending.firstIndex(where: { $0.question.token == token }) else { return }
    let asked = pending.remove(at: index)
    var plan = plan
    plan.wallMilliseconds = now.wallMilliseconds
    switch asked.purpose {
    case .propose:
      let committed = commit(plan, actor: asked.question.actor, now, &output)
      reply(.plan(committed), to: asked.question, &output)
    case .place(let wish):
      place(plan, wish, asked.question, now, &output)
    }
  }

  private mutating func place(
    _ plan: Plan, _ wish: PlaceGuest, _ question: Question, _ now: Instant, _ output: inout Output
  ) {
    guard !plan.moves.isEmpty else {
      let reason = plan.unmoved.first?.reason ?? "it is already in the best place"
      let stays = Refusal(.noRoom, "guest \(wish.guest) stays where it is: \(reason)", remedy: "see numafleet doctor")
      refuse(question, refusal(of: wish) ?? stays, now, &output)
      return
    }
    if let refusal = staleness(of: plan, scope: wish.scope, now) {
      refuse(question, refusal, now, &output)
      return
    }
    if wish.dryRun {
      reply(.plan(plan), to: question, &output)
      return
    }
    var committed = commit(plan, actor: question.actor, now, &output)
    let jobs = begin(&committed, wave: 0, scope: wish.scope, driver: wish.driver, actor: question.actor, now, &output)
    reply(
      .accepted(Accepted(plan: committed.id, jobs: jobs, text: "plan \(committed.id): \(committed.purpose)")),
      to: question, &output)
  }

  /// The placer's own refusal, whose code and remedy a plan does not carry; nil when the guest could be placed by now.
  private func refusal(of wish: PlaceGuest) -> Refusal? {
    switch find(wish.guest) {
    case .failure(let refusal): refusal
    case .success(let placed):
      if let destination = wish.to {
        placer.migrate(placed.guest, from: placed.host, to: [destination], cells: wish.cells, explain: false).refusal
      } else {
        placer.replace(placed.guest, on: placed.host, cells: wish.cells, explain: false).refusal
      }
    }
  }

  /// Gives the plan its number and makes it durable.
  mutating func commit(_ plan: Plan, actor: String, _ now: Instant, _ output: inout Output) -> Plan {
    var plan = plan
    lastPlan = lastPlan.next
    plan.id = lastPlan
    plan.state = .proposed
    keep(plan, &output)
    log(
      .planCommitted, actor: actor,
      "plan \(plan.id), \(plan.purpose): \(plan.moves.count) moves, \(plan.unmoved.count) guests stay",
      now, &output)
    return plan
  }

  mutating func keep(_ plan: Plan, _ output: inout Output) {
    plans.removeAll { $0.id == plan.id }
    plans.append(plan)
    plans.sort { $0.id < $1.id }
    // What is under way goes on, however many have been made since.
    var surplus = plans.count - Self.plansMax
    if surplus > 0 {
      plans.removeAll { plan in
        guard surplus > 0, plan.state != .applying else { return false }
        surplus -= 1
        return true
      }
    }
    output.writes.append(.plan(plan))
  }

  /// Why the facts a plan was made on no longer hold; nil when they do.
  func staleness(of plan: Plan, scope: Scope?, _ now: Instant) -> Refusal? {
    let moves = plan.moves
    for (index, move) in moves.enumerated() {
      // What an earlier move will have changed is looked at when that one is done.
      if moves[..<index].contains(where: { $0.guest == move.guest }) { continue }
      guard let host = entry(of: move.host) else {
        return Refusal(.hostUnreachable, "host \(move.host) does not answer", remedy: "look at numafleet host list")
      }
      if let refusal = host.refusal { return refusal }
      guard let guest = host.guests.first(where: { $0.id == move.guest }), guest.incarnation == move.incarnation else {
        return Refusal(.stalePlan, "guest \(move.guestName) was restarted or is gone", remedy: "plan again")
      }
      guard guest.live.isSamePinning(as: move.expected) else {
        return Refusal(.stalePlan, "the live pins of guest \(move.guestName) have changed", remedy: "plan again")
      }
      if let refusal = refusalWhileBusy(move.guest, called: "guest \(move.guestName)") { return refusal }
      let refusal =
        move.isMigration
        ? refusal(toMigrate: guest, by: move, now)
        : preflight(move.host, guest, now)?.refusal(
          of: move.placement.pinning, for: guest, scope: scope ?? policy.scope)
      if let refusal { return refusal }
    }
    let found = violations(of: plan, in: fleet(around: plan, now), policy: policy)
    return found.first.map { Refusal(.overlap, "the plan would break a rule: \($0)", remedy: "plan again") }
  }

  /// What a plan can touch: all hosts where groups may have something to say, else its own.
  private func fleet(around plan: Plan, _ now: Instant) -> Inventory {
    guard policy.groups.isEmpty else { return inventory(now) }
    let touched = Set(plan.moves.flatMap { [$0.host, $0.placement.host] }).sorted()
    if touched.isEmpty { return inventory(now) }
    return Inventory(hosts: touched.compactMap { entry(of: $0).flatMap { view(of: $0, now) } })
  }

  func preflight(_ host: HostID, _ guest: Guest, _ now: Instant) -> Preflight? {
    guard let view = entry(of: host).flatMap({ view(of: $0, now) }) else { return nil }
    return Preflight(
      topology: view.topology, facts: view.facts, livePages: policy.allowsLivePages(of: guest))
  }

  /// A plan that is in memory, where they ascend.
  func plan(_ id: PlanID) -> Plan? {
    let index = plans.partitionIndex { $0.id >= id }
    return index < plans.endIndex && plans[index].id == id ? plans[index] : nil
  }

  func unknownPlan(_ id: PlanID) -> Refusal {
    Refusal(.unknownPlan, "there is no plan \(id)", remedy: "see numafleet plan list")
  }

  // MARK: Applying

  /// Carries a plan out, to its end or through the wave of that number, after which it waits to be asked again.
  mutating func apply(
    _ id: PlanID, through last: Int?, for question: Question, _ now: Instant, _ output: inout Output
  ) {
    guard var plan = plans.first(where: { $0.id == id }) else {
      return refuse(question, unknownPlan(id), now, &output)
    }
    guard plan.state == .proposed, plan.id == lastPlan else {
      let why = plan.state == .proposed ? "plan \(lastPlan) is newer" : "it is \(plan.state.rawValue)"
      refuse(
        question, Refusal(.stalePlan, "plan \(id) can no longer be applied: \(why)", remedy: "plan again"), now, &output
      )
      return
    }
    let (done, count) = (plan.wavesDone ?? 0, plan.waves.count)
    if let last, last <= done || last > count {
      let range = done + 1 < count ? "\(done + 1)...\(count)" : "\(count)"
      let refusal = Refusal(.malformed, "plan \(id) has no wave \(last) to come", remedy: "allowed: \(range)")
      return refuse(question, refusal, now, &output)
    }
    if let refusal = staleness(of: plan.remaining(from: done), scope: nil, now) {
      refuse(question, refusal, now, &output)
      return
    }
    plan.throughWave = last == count ? nil : last
    let jobs = begin(&plan, wave: done, scope: nil, driver: nil, actor: question.actor, now, &output)
    reply(
      .accepted(Accepted(plan: id, jobs: jobs, text: "wave \(done + 1) of \(count) of plan \(id)")), to: question,
      &output)
  }

  mutating func begin(
    _ plan: inout Plan, wave: Int, scope: Scope?, driver: DriverChoice?, actor: String, _ now: Instant,
    _ output: inout Output
  ) -> [JobID] {
    guard wave < plan.waves.count else {
      plan.state = .done
      keep(plan, &output)
      return []
    }
    plan.state = .applying
    plan.wavesDone = nil
    keep(plan, &output)
    return plan.waves[wave].moves.map { move in
      let view = entry(of: move.host).flatMap { self.view(of: $0, now) }
      let guest = view?.guests.first { $0.id == move.guest }
      var draft = JobDraft(
        host: move.host, guest: move.guest, guestName: move.guestName, incarnation: move.incarnation,
        action: .apply(desired: move.placement.pinning, expected: move.expected), scope: scope ?? policy.scope,
        driver: driver ?? policy.driver(on: move.host), livePages: guest.map(policy.allowsLivePages) ?? false,
        plan: plan.id)
      if move.isMigration {
        // Only libvirt sends guests, and what it sends is pinned live and in its definition.
        draft.action = .migrate(uri: migrationURI(of: move), placement: move.placement, expected: move.expected)
        (draft.scope, draft.driver, draft.livePages) = (.both, .libvirt, false)
      }
      return create(
        draft, claiming: { job in view.map { Claim.of(move, job: job, in: $0) } }, actor: actor, now, &output)
    }
  }

  /// Plans go on that waited for a host's first report of this term, or stop because it was forgotten.
  mutating func goOnWithPlans(_ now: Instant, _ output: inout Output) {
    guard storeRefusal == nil else { return }
    for plan in plans where plan.state == .applying { wavePart(plan.id, now, &output) }
  }

  /// Whether a host is remembered from an earlier term and has not reported in this one.
  private func isAwaited(_ host: HostID) -> Bool { index(of: host).map { !hosts[$0].hasReported } ?? false }

  /// A job of a plan has ended: the next wave begins when all of this one are verified.
  mutating func wavePart(_ id: PlanID, _ now: Instant, _ output: inout Output) {
    guard var plan = plans.first(where: { $0.id == id }), plan.state == .applying else { return }
    let own = jobs.indices.filter { jobs[$0].plan == id }
    guard own.allSatisfy({ jobs[$0].state.isFinal }) else { return }
    let begun = own.count
    guard own.allSatisfy({ jobs[$0].state == .verified }) else {
      return stop(plan, "a move was not verified", now, &output)
    }
    var counted = 0
    var next = 0
    while next < plan.waves.count, counted < begun {
      counted += plan.waves[next].moves.count
      next += 1
    }
    if next < plan.waves.count, own.contains(where: { jobs[$0].isCancelled == true }) {
      return stop(plan, "a move was cancelled, though it came to its end", now, &output)
    }
    if let last = plan.throughWave, next >= last, next < plan.waves.count {
      plan.state = .proposed
      plan.wavesDone = next
      plan.throughWave = nil
      keep(plan, &output)
      let text = "plan \(id) waits after wave \(next) of \(plan.waves.count)"
      return log(.planEnded, actor: "coordinator", text, now, &output)
    }
    let rest = plan.remaining(from: next)
    // After a restart hosts come back one by one, and none of them has refused anything.
    if rest.moves.contains(where: { isAwaited($0.host) || isAwaited($0.placement.host) }) { return }
    if next < plan.waves.count, let refusal = staleness(of: rest, scope: nil, now) {
      return stop(plan, refusal.description, now, &output)
    }
    _ = begin(&plan, wave: next, scope: nil, driver: nil, actor: "coordinator", now, &output)
    if plan.state == .done {
      log(.planEnded, actor: "coordinator", "plan \(id) is done", now, &output)
      forgetPlan(id, &output)
    }
  }

  private mutating func stop(_ plan: Plan, _ why: String, _ now: Instant, _ output: inout Output) {
    end(plan, by: "coordinator", why, now, &output)
    forgetPlan(plan.id, &output)
  }
}

extension Plan {
  /// The same plan without the waves that are over.
  func remaining(from wave: Int) -> Plan {
    var copy = self
    copy.waves.removeFirst(min(wave, waves.count))
    return copy
  }
}

extension Pinning {
  /// Equal but for where the memory is, which drifts by itself.
  func isSamePinning(as other: Pinning) -> Bool {
    var (a, b) = (self, other)
    a.memory = []
    b.memory = []
    return a == b
  }
}
