import Fleet

/// Waits for the jobs and the plan that a command caused, with progress to stderr.
struct JobWatch {
  /// How often the coordinator is asked; a job's steps take longer.
  static let intervalMilliseconds = 300

  let client: CoordinatorClient
  let console: Console
  let options: WaitOptions

  /// How the jobs, and the plan that they belong to, have ended. Asks on while the coordinator restarts, because the
  /// jobs go on without it.
  func end(of accepted: Accepted) throws(CommandFailure) -> JobVerdict {
    let deadline = monotonicMilliseconds() + options.waitTimeout * 1000
    var seen = SeenJobs()
    var shown: [String: String] = [:]
    var silent = false
    while true {
      do {
        try look(at: accepted, &seen)
        silent = false
        for record in seen.records {
          let line = JobWords.progress(record)
          if shown.updateValue(line, forKey: "\(record.job.id)") != line { console.note(line) }
        }
        if let end = try ended(accepted, seen.records) { return end }
      } catch {
        guard error.exit == .noAnswer else { throw error }
        if !silent { console.note("\(error.text); still waiting, the jobs go on without it") }
        silent = true
      }
      guard monotonicMilliseconds() < deadline else {
        let list = accepted.jobs.map { "\($0)" }.joined(separator: ", ")
        throw CommandFailure(
          code: "noAnswer", "job \(list) has not ended within \(options.waitTimeout) s and goes on",
          remedy: "see `numafleet job show ID --wait`", exit: .noAnswer)
      }
      do { try client.rest(milliseconds: Self.intervalMilliseconds) } catch { continue }
    }
  }

  private func look(at accepted: Accepted, _ seen: inout SeenJobs) throws(CommandFailure) {
    guard let plan = accepted.plan else {
      for id in accepted.jobs where seen.mayChange(id) { seen.take(try job(id)) }
      return
    }
    // A plan makes the jobs of its later waves only when the earlier ones have ended.
    let reply = try client.ask(.jobs(active: false))
    guard case .jobs(let listed) = reply else { throw client.unexpected(reply) }
    for record in listed where record.plan == plan { seen.take(record) }
    // The listing has only the newest jobs; older ones of a large plan are asked for one by one.
    guard let first = accepted.jobs.first, let oldest = listed.first?.job.id, first < oldest else { return }
    for number in first.number..<oldest.number where seen.mayChange(JobID(number)) {
      do throws(CommandFailure) {
        let record = try job(JobID(number))
        record.plan == plan ? seen.take(record) : seen.leave(JobID(number))
      } catch {
        guard error.code == Refusal.Code.unknownJob.rawValue else { throw error }
        seen.leave(JobID(number))
      }
    }
  }

  private func job(_ id: JobID) throws(CommandFailure) -> JobRecord {
    let reply = try client.ask(.job(id))
    guard case .jobs(let records) = reply, let record = records.first(where: { $0.job.id == id }) else {
      throw client.unexpected(reply)
    }
    return record
  }

  private func ended(_ accepted: Accepted, _ records: [JobRecord]) throws(CommandFailure) -> JobVerdict? {
    guard records.allSatisfy(\.state.isFinal) else { return nil }
    guard let id = accepted.plan else { return JobVerdict(records: records) }
    let reply = try client.ask(.plan(id))
    guard case .plan(let plan) = reply else { throw client.unexpected(reply) }
    // One that was applied in part is proposed again when it waits.
    guard plan.state != .applying else { return nil }
    return JobVerdict(records: records, plan: plan)
  }
}

/// The jobs of one command, as they were last told.
private struct SeenJobs {
  /// In the order of their numbers.
  private(set) var records: [JobRecord] = []
  /// Jobs of others.
  private var others: Set<JobID> = []

  /// Whether there is something to ask about that job.
  func mayChange(_ id: JobID) -> Bool {
    !others.contains(id) && !records.contains { $0.job.id == id && $0.state.isFinal }
  }

  mutating func take(_ record: JobRecord) {
    let index = records.firstIndex { $0.job.id >= record.job.id } ?? records.endIndex
    if index < records.endIndex, records[index].job.id == record.job.id {
      records[index] = record
    } else {
      records.insert(record, at: index)
    }
  }

  mutating func leave(_ id: JobID) { others.insert(id) }
}

/// What the end of jobs, and of the plan that they belong to, means for the exit code.
struct JobVerdict {
  let records: [JobRecord]
  var plan: Plan?

  /// The worst of the jobs, or why their plan stopped; nil when all was done and verified.
  var failure: CommandFailure? {
    let bad = records.filter { $0.state != .verified }
    guard let worst = bad.first(where: { $0.state == .diverged }) ?? bad.first else { return stopped }
    let exit: CommandExit = worst.state == .diverged ? .diverged : worst.state == .refused ? .refused : .noAnswer
    let subject = "job \(worst.job.id), \(worst.job.guestName) on \(worst.job.host)"
    switch worst.report?.outcome {
    case .refused(let refusal)?, .diverged(let refusal)?:
      return CommandFailure(
        code: refusal.code.rawValue, "\(subject) \(worst.state.rawValue): \(refusal.message)", remedy: refusal.remedy,
        exit: exit)
    default:
      return CommandFailure(
        code: exit == .noAnswer ? "noAnswer" : "diverged", "\(subject) is \(worst.state.rawValue)",
        remedy: "see `numafleet job show \(worst.job.id)`", exit: exit)
    }
  }
  /// A plan may stop without a bad job: the facts that it was made on no longer hold for its later waves.
  private var stopped: CommandFailure? {
    guard let plan, plan.state == .failed else { return nil }
    let begun = records.count
    return CommandFailure(
      code: Refusal.Code.stalePlan.rawValue,
      "plan \(plan.id) stopped: \(begun) of its \(plan.moves.count) moves were made, the fleet has changed meanwhile",
      remedy: "`numafleet events` says what changed; then plan again", exit: .refused)
  }
}
