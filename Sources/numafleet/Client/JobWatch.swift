import Fleet

/// Waits for the jobs and the plan that a command caused, with progress to stderr.
struct JobWatch {
  /// How often the coordinator is asked; a job's steps take longer.
  static let intervalMilliseconds = 300

  let client: CoordinatorClient
  let console: Console
  let options: WaitOptions

  /// The jobs when they have ended. Asks on while the coordinator restarts, because the jobs go on without it.
  func end(of accepted: Accepted) throws(CommandFailure) -> [JobRecord] {
    let deadline = monotonicMilliseconds() + options.waitTimeout * 1000
    var shown: [String: String] = [:]
    var silent = false
    while true {
      do {
        let records = try jobs(of: accepted)
        silent = false
        for record in records {
          let line = JobWords.progress(record)
          if shown.updateValue(line, forKey: "\(record.job.id)") != line { console.note(line) }
        }
        if try hasEnded(accepted, records) { return records }
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

  private func jobs(of accepted: Accepted) throws(CommandFailure) -> [JobRecord] {
    // A plan makes the jobs of its later waves only when the earlier ones have ended.
    if let plan = accepted.plan {
      guard case .jobs(let all) = try client.ask(.jobs(active: false)) else { return [] }
      return all.filter { $0.plan == plan }
    }
    var records: [JobRecord] = []
    for id in accepted.jobs { records.append(try job(id)) }
    return records
  }

  private func job(_ id: JobID) throws(CommandFailure) -> JobRecord {
    let reply = try client.ask(.job(id))
    guard case .jobs(let records) = reply, let record = records.first(where: { $0.job.id == id }) else {
      throw client.unexpected(reply)
    }
    return record
  }

  private func hasEnded(_ accepted: Accepted, _ records: [JobRecord]) throws(CommandFailure) -> Bool {
    guard records.allSatisfy(\.state.isFinal) else { return false }
    guard let plan = accepted.plan else { return true }
    guard case .plan(let state) = try client.ask(.plan(plan)) else { return true }
    return state.state == .done || state.state == .failed
  }
}

/// What the end of jobs means for the exit code.
struct JobVerdict {
  let records: [JobRecord]

  /// The worst of the jobs; nil when all are verified.
  var failure: CommandFailure? {
    let bad = records.filter { $0.state != .verified }
    guard let worst = bad.first(where: { $0.state == .diverged }) ?? bad.first else { return nil }
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
}
