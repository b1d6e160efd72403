import Fleet

/// Ending jobs and plans before their time: an operator says so, or automation was stopped.
///
/// What an agent has not begun and migrations are called off, and their guests stay. Everything else ends by itself: to
/// bring half of a guest's pages back takes as long as to bring the other half over.
extension Coordinator {
  mutating func cancel(_ wish: Cancel, _ question: Question, _ now: Instant, _ output: inout Output) {
    switch wish {
    case .job(let id):
      if let refusal = refusalToCancel(id) { return refuse(question, refusal, now, &output) }
      cancelJob(id, actor: question.actor, now, &output)
      let text = "job \(id) is being cancelled\(record(id).flatMap { delay(of: [$0]) } ?? "")"
      reply(.accepted(Accepted(jobs: [id], text: text)), to: question, &output)
    case .plan(let id):
      guard let plan = plan(id) else { return refuse(question, unknownPlan(id), now, &output) }
      guard plan.state == .applying else {
        let refusal = Refusal(
          .stalePlan, "plan \(id) is not under way: it is \(plan.state.rawValue)", remedy: "see numafleet plan list")
        return refuse(question, refusal, now, &output)
      }
      end(plan, by: question.actor, "it was cancelled", now, &output)
      forgetPlan(id, &output)
      let stopped = cancelJobs(of: [id], by: question.actor, now, &output)
      reply(
        .accepted(Accepted(plan: id, jobs: stopped.jobs, text: "plan \(id) goes no further\(stopped.text)")),
        to: question, &output)
    }
  }

  /// A plan ends where it is.
  mutating func end(_ plan: Plan, by actor: String, _ why: String, _ now: Instant, _ output: inout Output) {
    var plan = plan
    plan.state = .failed
    keep(plan, &output)
    log(.planEnded, actor: actor, "plan \(plan.id) stopped: \(why)", now, &output)
  }

  /// Cancels what plans have in hand; the jobs, and what is said of them and of those that cannot be cancelled.
  mutating func cancelJobs(
    of plans: [PlanID], by actor: String, _ now: Instant, _ output: inout Output
  ) -> (jobs: [JobID], text: String) {
    let inHand = jobs.filter { record in !record.state.isFinal && record.plan.map(plans.contains) ?? false }
    let cancelled = inHand.filter { refusalToCancel($0.job.id) == nil }
    for record in cancelled { cancelJob(record.job.id, actor: actor, now, &output) }
    var text = ""
    if !cancelled.isEmpty {
      text += "; \(cancelled.count) moves are cancelled: migrations and what has not begun at once, the others end by "
      text += "themselves\(delay(of: cancelled) ?? "")"
    }
    let left = inHand.count - cancelled.count
    if left > 0 { text += "; \(left) moves that have begun end by themselves" }
    return (cancelled.map(\.job.id), text)
  }

  private func refusalToCancel(_ id: JobID) -> Refusal? {
    guard let record = record(id) else {
      return Refusal(.unknownJob, "there is no job \(id)", remedy: "see numafleet job list")
    }
    guard !record.state.isFinal else {
      return Refusal(
        .notRunning, "job \(id) has ended: it is \(record.state.rawValue)", remedy: "nothing is to be done")
    }
    guard !record.isArriving else {
      return Refusal(
        .notRunning, "guest \(record.job.guestName) of job \(id) has left host \(record.job.host) already",
        remedy: "migrate it back when it has arrived")
    }
    // One that does not answer may be of any version by the time it does.
    guard let host = entry(of: record.job.host), host.refusal == nil, !host.capabilities.contains(.cancels) else {
      return nil
    }
    return Refusal(
      .unsupported, "the agent of host \(host.id) is of an older version and ends job \(id) by itself",
      remedy: "upgrade it")
  }

  /// What is said of hosts that cannot be told now; nil when all can.
  private func delay(of records: [JobRecord]) -> String? {
    let silent = Set(records.map(\.job.host)).sorted().filter { entry(of: $0)?.refusal != nil }
    return silent.isEmpty ? nil : ", once these hosts answer: \(silent.map(\.text).joined(separator: ", "))"
  }

  private mutating func cancelJob(_ id: JobID, actor: String, _ now: Instant, _ output: inout Output) {
    guard let place = place(of: id) else { return }
    let job = jobs[place].job
    log(
      .jobCancelled, host: job.host, guest: job.guestIfAny, job: id, actor: actor,
      "job \(id) for \(job.subject) is not wanted any more", now, &output)
    guard jobs[place].isCancelled != true else { return }
    jobs[place].isCancelled = true
    output.writes.append(.job(jobs[place]))
    for index in deliveries.indices where deliveries[index].job == id { deliveries[index].due = now }
  }
}
