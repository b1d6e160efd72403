import Fleet
import NUMA
import PlacementEngine

/// Switching automation on and off, and what it remembers of the moves that were made.
extension Coordinator {
  /// The kill switch among it: once the answer is out, nothing more begins, and what agents have in hand is cancelled,
  /// each guest in its old place or its new one. A pause begins nothing more either, and lets that go through.
  mutating func automate(_ wish: Automate, _ question: Question, _ now: Instant, _ output: inout Output) {
    if let minutes = wish.pauseMinutes, !(1...Automate.pauseMinutesMax).contains(minutes) {
      let range = "1...\(Automate.pauseMinutesMax)"
      return refuse(
        question, Refusal(.malformed, "a pause of \(minutes) minutes", remedy: "allowed: \(range)"), now, &output)
    }
    let before = automation.state
    automation.state.mode = wish.mode ?? before.mode
    automation.state.pausedUntil = wish.pauseMinutes.map { now.wallMilliseconds + $0 * 60_000 }
    automation.state.since = now.wallMilliseconds
    automation.state.actor = question.actor
    automation.asked = nil
    let isStopped = automation.state.mode != .on || automation.state.pausedUntil != nil
    let rest = isStopped ? stopPlans(by: question.actor, now, &output) : ""
    output.writes.append(.automation(automation.state))
    let text = "automation is \(automation.state.words)"
    log(.automationChanged, actor: question.actor, text + rest, now, &output)
    if before.mode != automation.state.mode {
      // What would be done is told anew.
      for index in hosts.indices { hosts[index].review.shadowed = [] }
      automation.room.shadowed = []
      reviewAll("automation was switched to \(automation.state.mode.rawValue)", now)
    }
    reply(.accepted(Accepted(text: text + rest)), to: question, &output)
  }

  /// Ends automation's plans where they are; what is said of their moves in hand, which only a pause lets go through.
  private mutating func stopPlans(by actor: String, _ now: Instant, _ output: inout Output) -> String {
    for id in automation.state.plans {
      guard let plan = plan(id), plan.state == .applying else { continue }
      end(plan, by: actor, "automation was stopped", now, &output)
    }
    automation.state.plans = []
    // Those of plans that have failed or were stopped before, by a pause too, may have moves in hand still.
    let own = plans.filter(\.isAutomatic).map(\.id)
    guard automation.state.mode == .on else { return cancelJobs(of: own, by: actor, now, &output).text }
    let left = jobs.count { record in !record.state.isFinal && record.plan.map(own.contains) ?? false }
    return left == 0 ? "" : "; \(left) moves that have begun end by themselves"
  }

  /// All hosts are to be looked at, one after another.
  mutating func reviewAll(_ why: String, _ now: Instant) {
    guard automation.state.mode != .off else { return }
    automation.room.earliest = nil
    for index in hosts.indices { disturb(index, why, now) }
  }

  /// A plan of automation's is over, whatever became of it.
  mutating func forgetPlan(_ id: PlanID, _ output: inout Output) {
    guard automation.state.plans.contains(id) else { return }
    automation.state.plans.removeAll { $0 == id }
    output.writes.append(.automation(automation.state))
  }

  // MARK: Moves

  /// A job was verified: its guest has moved, and what that brought is to be seen.
  mutating func remember(_ record: JobRecord, _ now: Instant, _ output: inout Output) {
    let desired: Pinning
    switch record.job.action {
    case .apply(let pinning, _) where record.job.scope.touchesLive: desired = pinning
    case .migrate(_, let placement, _): desired = placement.pinning
    default: return
    }
    let job = record.job
    let plan = record.plan.flatMap { id in self.plan(id) }
    // A plan may move a guest twice.
    let own = plan?.moves.filter { $0.guest == job.guest } ?? []
    let move = own.first { $0.placement.pinning == desired } ?? own.first
    let isOwn = move != nil && plan?.isAutomatic ?? false
    let to = move?.placement.cells.map(\.cell) ?? desired.memory.map(\.cell)
    var made = MoveRecord(
      job: job.id, guest: job.guest, guestName: job.guestName, host: job.destination ?? job.host,
      fromHost: job.destination == nil ? nil : job.host, from: NodeSet(move?.from.map(\.cell) ?? []).members,
      to: NodeSet(to).members,
      wallMilliseconds: now.wallMilliseconds, actor: isOwn ? Self.automationActor : "operator", copy: move?.copy ?? 0)
    made.relief = move?.relief
    guard move?.isSlight != true else { return automation.repins.append(made) }
    automation.moves.append(made)
    output.writes.append(.moved(made))
    for host in [made.fromHost, made.host].compactMap(\.self) {
      guard let index = index(of: host) else { continue }
      hosts[index].pressure.restart(after: Automation.measureMilliseconds, now)
    }
    if made.copy > 0 || made.relief != nil {
      automation.measurements.append(
        Automation.Measurement(job: job.id, due: now.advanced(byMilliseconds: Automation.measureMilliseconds)))
    }
  }

  /// Looks where the memory of moved guests is by now, and whether the cells that they relieved have less to do; a
  /// guest that is gone has nothing to be measured.
  mutating func measureMoves(_ now: Instant, _ output: inout Output) {
    while let measurement = automation.measurements.first, measurement.due <= now {
      automation.measurements.removeFirst()
      guard var made = automation.moves.of(measurement.job), let index = index(of: made.host),
        let guest = hosts[index].guests.first(where: { $0.id == made.guest }), guest.isThere
      else { continue }
      var told: [String] = []
      if made.copy > 0 {
        let elsewhere = guest.memory(elsewhereThan: made.to)
        made.elsewhere = elsewhere
        told.append(
          "has \(elsewhere) elsewhere than on cell \(NodeSet(made.to)), of \(made.copy) that were brought there")
      }
      if let relief = made.relief {
        made.relief?.after = placer.strain(relief.strain, ofCell: relief.cell, on: made.host)
        told.append("left \(made.relief?.words ?? relief.words)")
      }
      automation.moves.replace(made)
      output.writes.append(.moved(made))
      log(
        .moveMeasured, host: made.host, guest: made.guest, job: made.job, actor: Self.automationActor,
        "guest \(made.guestName) \(told.joined(separator: ", "))\(made.wasInVain ? "; the move did not pay" : "")", now,
        &output)
    }
  }

  /// What automation's moves copy that are under way or to come in its plans, and those that ended within the last
  /// minute, whatever became of them.
  func copiedLastMinute(_ now: Instant) -> KiB {
    func isRecent(_ wall: Int) -> Bool { now.wallMilliseconds - wall < 60_000 }
    // What is verified is counted from the history: it remembers more than plans that are over.
    var sum = automation.moves.records.reversed().prefix { isRecent($0.wallMilliseconds) }
      .reduce(KiB(0)) { $1.actor == Self.automationActor ? $0 + $1.copy : $0 }
    let failed = jobs.indices.filter {
      jobs[$0].plan != nil && jobs[$0].state != .verified && jobs[$0].ended.map(isRecent) ?? false
    }
    for plan in plans
    where plan.isAutomatic && (plan.state == .applying || failed.contains { jobs[$0].plan == plan.id }) {
      let own = jobs.indices.filter { jobs[$0].plan == plan.id }
      for move in plan.moves where move.copy > 0 {
        let job = own.last { jobs[$0].job.guest == move.guest }
        let isToCome = job == nil && plan.state == .applying
        let isUnderWay = job.map { !jobs[$0].state.isFinal } ?? false
        if isToCome || isUnderWay || job.map(failed.contains) ?? false { sum = sum + move.copy }
      }
    }
    return sum
  }

  func automationStatus(_ now: Instant) -> AutomationStatus {
    let isOn = automation.state.mode != .off
    let held = isOn ? automation.room.held + hosts.flatMap(\.review.held) : []
    let today = automation.moves.records.reversed().prefix {
      now.wallMilliseconds - $0.wallMilliseconds < Automation.dayMilliseconds
    }
    var state = automation.state
    // A pause that is over is none.
    if let until = state.pausedUntil, until <= now.wallMilliseconds { state.pausedUntil = nil }
    return AutomationStatus(
      state: state, isQuiet: policy.automation.quietMilliseconds(from: now.wallMilliseconds) > 0,
      hostsDue: isOn ? hosts.count { $0.review.due <= now } : 0, movesLastDay: today.count,
      copiedLastMinute: copiedLastMinute(now), held: Array(held.prefix(AutomationStatus.heldMax)),
      moves: Array(automation.moves.records.suffix(AutomationStatus.movesMax).reversed()), rooms: roomStatus)
  }
}

extension AutomationState {
  /// For the audit and the answer.
  var words: String { mode.rawValue + (pausedUntil == nil ? "" : ", paused") }
}

extension Plan {
  /// Whether automation made it, and not in shadow mode.
  var isAutomatic: Bool { purpose.hasPrefix("auto: ") }
}
