import Fleet
import NUMA
import PlacementEngine

/// When a job that is not final is sent again.
struct Delivery: Sendable, Hashable {
  var job: JobID
  var due: Instant

  /// Until the agent has said anything of the job.
  static let unansweredMilliseconds = 2000
  /// While the agent reports progress; it also repeats its final report until that is acknowledged.
  static let runningMilliseconds = 15_000
}

extension JobReport {
  /// Whether the agent only refused a late copy of a job that it had ended before.
  var isFenced: Bool { isRefused(for: .staleGeneration) || isRefused(for: .staleEpoch) }

  func isRefused(for code: Refusal.Code) -> Bool {
    guard case .refused(let refusal) = outcome else { return false }
    return refusal.code == code
  }
}

extension Job {
  /// What is so once it is verified.
  fileprivate var whenVerified: String {
    guard case .switchKSM(let mergeAcrossNodes) = action else { return "\(subject) is where it was wanted" }
    return "\(subject) merges \(mergeAcrossNodes ? "across nodes" : "within nodes only")"
  }
}

extension JobRecord {
  /// Whether nothing more will be heard of the job, which is not final, when that host is silent for good.
  func awaits(_ host: HostID) -> Bool { isArriving ? job.destination == host : job.host == host }

  /// Whether it ended by an operator's word, because its host was forgotten.
  var wasGivenUp: Bool {
    guard case .diverged(let refusal)? = report?.outcome else { return false }
    return refusal.code == .hostUnreachable
  }
}

extension Coordinator {
  /// Final jobs kept in memory, and how many more there may be before they are counted; the store has them all.
  static let endedJobsMax = 1000
  static let forgottenAtOnce = 100
  /// No coordinator counts as far between two backups; an agent that says so must not use a counter up.
  static let leapMax: UInt64 = 1 << 32

  /// Where a job is among those in memory, which ascend.
  func place(of id: JobID) -> Int? {
    let index = jobs.partitionIndex { $0.job.id >= id }
    return index < jobs.endIndex && jobs[index].job.id == id ? index : nil
  }

  func record(_ id: JobID) -> JobRecord? { place(of: id).map { jobs[$0] } }

  /// The job of a guest that is not final, if any.
  func activeJob(of guest: GuestID) -> JobRecord? {
    jobs.indices.last { jobs[$0].job.guest == guest && !jobs[$0].state.isFinal }.map { jobs[$0] }
  }

  // MARK: Creating

  /// What a job is made of, before it has a number.
  struct JobDraft {
    var host: HostID
    var guest: GuestID
    var guestName: String
    var incarnation: Incarnation?
    var action: JobAction
    var scope: Scope
    var driver: DriverChoice
    var livePages: Bool
    var plan: PlanID?
  }

  /// Numbers the job, takes its claim, and has it sent.
  @discardableResult
  mutating func create(
    _ draft: JobDraft, claiming claim: (JobID) -> Claim?, actor: String, _ now: Instant, _ output: inout Output
  ) -> JobID {
    lastJob = lastJob.next
    let generation = raiseGeneration(of: draft.guest, &output)
    let job = Job(
      id: lastJob, host: draft.host, guest: draft.guest, guestName: draft.guestName, epoch: epoch,
      generation: generation, incarnation: draft.incarnation, action: draft.action, scope: draft.scope,
      driver: draft.driver, livePages: draft.livePages)
    let record = JobRecord(job: job, plan: draft.plan, state: .sent, created: now.wallMilliseconds)
    jobs.append(record)
    output.writes.append(.job(record))
    if let claim = claim(lastJob) {
      claims.append(claim)
      output.writes.append(.claim(claim))
      if let index = index(of: claim.host) { refresh(index, now) }
    }
    deliveries.append(Delivery(job: lastJob, due: now))
    log(
      .jobSent, host: draft.host, guest: job.guestIfAny, job: lastJob, actor: actor,
      "job \(lastJob) for \(job.subject)", now, &output)
    return lastJob
  }

  private mutating func raiseGeneration(of guest: GuestID, _ output: inout Output) -> Generation {
    let next = generation(of: guest).next
    set(next, of: guest, &output)
    return next
  }

  private func generation(of guest: GuestID) -> Generation {
    let index = generations.partitionIndex { $0.guest >= guest }
    return index < generations.endIndex && generations[index].guest == guest ? generations[index].generation : 0
  }

  private mutating func set(_ generation: Generation, of guest: GuestID, _ output: inout Output) {
    let index = generations.partitionIndex { $0.guest >= guest }
    let mark = GuestGeneration(guest: guest, generation: generation)
    if index < generations.endIndex, generations[index].guest == guest {
      generations[index] = mark
    } else {
      generations.insert(mark, at: index)
    }
    output.writes.append(.generation(guest, generation))
  }

  /// An agent knows a newer generation of a guest than this coordinator, which was restored from an older backup: it
  /// goes on from there, or all its jobs for the guest would be refused.
  mutating func learn(_ newer: Generation, of guest: GuestID, _ output: inout Output) {
    let own = generation(of: guest)
    guard newer > own, storeRefusal == nil else { return }
    guard newer.number - own.number <= Self.leapMax else {
      output.notes.append(
        Note(.error, "generation not believed", ["guest": guest.text, "theirs": "\(newer)", "ours": "\(own)"]))
      return
    }
    set(newer, of: guest, &output)
  }

  // MARK: Delivering

  /// Sends what is due; a job of an earlier term goes out again under this one.
  mutating func deliver(_ now: Instant, _ output: inout Output) {
    for index in deliveries.indices where deliveries[index].due <= now {
      guard let position = place(of: deliveries[index].job) else { continue }
      let isRunning = jobs[position].state == .running && jobs[position].isCancelled != true
      deliveries[index].due = now.advanced(
        byMilliseconds: isRunning ? Delivery.runningMilliseconds : Delivery.unansweredMilliseconds)
      guard let host = entry(of: jobs[position].job.host), host.refusal == nil else { continue }
      if jobs[position].job.epoch != epoch {
        guard storeRefusal == nil else { continue }
        // Agents of the previous release do not tell what they have begun.
        guard host.isJudged || !host.capabilities.contains(.alive) else {
          send(.sendReport(withTopology: false), to: host.id, &output)
          continue
        }
        jobs[position].job.epoch = epoch
        output.writes.append(.job(jobs[position]))
      }
      let isCancelled = jobs[position].isCancelled == true && host.capabilities.contains(.cancels)
      send(isCancelled ? .cancel(jobs[position].job) : .job(jobs[position].job), to: host.id, &output)
    }
  }

  // MARK: Ending

  mutating func took(
    _ report: JobReport, from host: HostID, at reading: Reading, _ now: Instant, _ output: inout Output
  ) {
    // Not even acknowledged: the agent says it again until it is.
    guard storeRefusal == nil else { return }
    guard let index = place(of: report.job) else {
      if report.outcome.isFinal { send(.jobAcknowledged(report.job), to: host, &output) }
      return
    }
    let job = jobs[index].job
    // An agent may still tell of a job of that number from before this coordinator was set back.
    guard job.host == host, job.guest == report.guest, job.generation == report.generation || report.isFenced else {
      log(
        .messageRefused, host: host, job: report.job, actor: host.text,
        "host \(host) reported job \(report.job), which is not its own", now, &output)
      // Acknowledged, or the agent would repeat it for ever.
      if report.outcome.isFinal { send(.jobAcknowledged(report.job), to: host, &output) }
      return
    }
    if jobs[index].state.isFinal {
      repeated(report, of: jobs[index], now, &output)
      return
    }
    if jobs[index].isArriving {
      // The acknowledgement of its departure was lost.
      if report.outcome.isFinal { send(.jobAcknowledged(report.job), to: host, &output) }
      return
    }
    // Not welcomed yet in this term, or by another coordinator: no end of the job, which is sent again after a welcome.
    if report.isRefused(for: .staleEpoch) {
      output.notes.append(Note(.warning, "job not taken yet", ["host": host.text, "job": "\(report.job)"]))
      return
    }
    if report.isRefused(for: .staleGeneration) {
      learn(report.generation, of: report.guest, &output)
    }
    jobs[index].report = report
    if case .running = report.outcome {
      if jobs[index].state != .running {
        jobs[index].state = .running
        output.writes.append(.job(jobs[index]))
      }
      return
    }
    if case .verified = report.outcome, let destination = job.destination {
      depart(index, to: destination, now, &output)
    } else {
      end(index, report, at: reading, now, &output)
    }
  }

  /// An agent older than this coordinator does not know what a job says, however often it comes.
  mutating func notUnderstood(
    _ id: JobID?, _ refusal: Refusal, in term: Epoch, by host: HostID, at reading: Reading, _ now: Instant,
    _ output: inout Output
  ) {
    output.notes.append(
      Note(
        .warning, "agent did not understand",
        ["host": host.text, "job": id.map { "\($0)" } ?? "none", "reason": refusal.description]))
    // Of another term it may be another job of that number.
    guard storeRefusal == nil, let id, term == epoch, let index = place(of: id) else {
      return
    }
    let job = jobs[index].job
    guard job.host == host, !jobs[index].state.isFinal else { return }
    let why = Refusal(
      .unsupported, "the agent of host \(host) does not understand the job: \(refusal.message)",
      remedy: "update the agent")
    let report = JobReport(job: id, guest: job.guest, generation: job.generation, outcome: .refused(why))
    jobs[index].report = report
    end(index, report, at: reading, now, &output)
  }

  /// Ends a job by its host's word, by that of the host where a guest has arrived, or by an operator's who has given
  /// the host up.
  mutating func end(
    _ index: Int, _ report: JobReport, at reading: Reading? = nil, seenOn witness: HostID? = nil,
    givenUpBy actor: String? = nil, _ now: Instant, _ output: inout Output
  ) {
    let job = jobs[index].job
    let host = witness ?? job.host
    let (state, kind, text): (JobState, FleetEvent.Kind, String) =
      switch report.outcome {
      case .refused(let refusal): (.refused, .jobRefused, refusal.description)
      case .diverged(let refusal): (.diverged, .jobDiverged, refusal.description)
      case .verified, .running:
        (.verified, .jobVerified, job.whenVerified + (witness.map { ", on host \($0)" } ?? ""))
      }
    jobs[index].state = state
    jobs[index].ended = now.wallMilliseconds
    output.writes.append(.job(jobs[index]))
    deliveries.removeAll { $0.job == job.id }
    arrivals.removeAll { $0.job == job.id }
    observe(report.observed, on: host, now, &output)
    endClaim(of: jobs[index], toldAt: reading, now, &output)
    log(kind, host: host, guest: job.guestIfAny, job: job.id, actor: actor ?? host.text, text, now, &output)
    if state == .verified {
      if copied(jobs[index]) != nil { copyRates = ratesOfCopies() }
      remember(jobs[index], now, &output)
      want(jobs[index], now, &output)
    }
    if actor == nil, witness == nil { send(.jobAcknowledged(job.id), to: job.host, &output) }
    if let plan = jobs[index].plan { wavePart(plan, now, &output) }
    forgetOldJobs()
  }

  /// Ends all jobs of a host that nobody will ever report of, so that something else may be decided for their guests.
  mutating func giveUpJobs(on host: HostID, actor: String, _ now: Instant, _ output: inout Output) {
    let refusal = Refusal(
      .hostUnreachable, "host \(host) was forgotten before it told of this job",
      remedy: "look at the machine, if it is still there")
    while let index = jobs.firstIndex(where: { !$0.state.isFinal && $0.awaits(host) }) {
      let job = jobs[index].job
      let report = JobReport(
        job: job.id, guest: job.guest, generation: job.generation, outcome: .diverged(refusal))
      jobs[index].report = report
      end(index, report, givenUpBy: actor, now, &output)
    }
  }

  /// A final report again: the acknowledgement was lost, or the agent put back pages that had gone astray.
  private mutating func repeated(
    _ report: JobReport, of record: JobRecord, _ now: Instant, _ output: inout Output
  ) {
    guard report.outcome.isFinal else { return }
    send(.jobAcknowledged(report.job), to: record.job.host, &output)
    guard report.steps != record.report?.steps, !report.isFenced else { return }
    if let index = place(of: report.job) { jobs[index].report = report }
    observe(report.observed, on: record.job.host, now, &output)
    let text =
      switch report.outcome {
      case _ where record.wasGivenUp:
        "job \(report.job) for \(record.job.subject) ended, though it was given up"
      case .verified: "guest \(record.job.guestName) had drifted and was put back"
      case .refused(let refusal), .diverged(let refusal):
        "guest \(record.job.guestName) has drifted and could not be put back: \(refusal.description)"
      case .running: ""
      }
    log(
      .guestChanged, host: record.job.host, guest: record.job.guestIfAny, job: report.job, actor: record.job.host.text,
      text, now, &output)
  }

  /// A guest that was read back after a job replaces the older reading.
  private mutating func observe(_ guest: Guest?, on host: HostID, _ now: Instant, _ output: inout Output) {
    // A sighting needs the host's own record, which comes with its first report.
    guard let guest, let index = index(of: host), hosts[index].recorded != nil else { return }
    var guests = hosts[index].guests
    let place = guests.partitionIndex { $0.id >= guest.id }
    if place < guests.endIndex, guests[place].id == guest.id {
      guests[place] = guest
    } else {
      guests.insert(guest, at: place)
    }
    see(guests, on: index, &output)
    refresh(index, now)
  }

  mutating func forgetOldJobs() {
    guard jobs.count >= Self.endedJobsMax + Self.forgottenAtOnce else { return }
    // The jobs of a plan under way, or that may go on, say which wave is next.
    let underWay = plans.filter { $0.state == .applying || $0.id == lastPlan }.map(\.id)
    let old = jobs.indices.filter { jobs[$0].state.isFinal && !(jobs[$0].plan.map(underWay.contains) ?? false) }
    guard old.count >= Self.endedJobsMax + Self.forgottenAtOnce else { return }
    for index in old.dropLast(Self.endedJobsMax).reversed() { jobs.remove(at: index) }
  }
}
