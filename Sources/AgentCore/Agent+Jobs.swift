import Fleet
import NUMA

extension JobRun {
  /// A job from the journal of an agent that was stopped in the middle of it.
  init(resuming entry: JobInHand, now: Instant) {
    self.init(
      job: entry.job, desired: entry.job.desired, driver: entry.job.driver, before: entry.before,
      configBefore: entry.config, ksmBefore: entry.ksm, isUpkeep: false, now: now)
  }
}

extension Job {
  /// Whether it is a copy of another, not one of the same number from a coordinator that was set back.
  func isSame(as other: Job) -> Bool { id == other.id && guest == other.guest && generation == other.generation }

  /// The pinning that the guest shall have.
  var desired: Pinning {
    switch action {
    case .apply(let desired, _): desired
    case .start(_, _, let placement), .migrate(_, let placement, _): placement.pinning
    case .switchKSM: Pinning()
    }
  }

  /// The live pinning that it was decided on; nil where any will do.
  var expected: Pinning? {
    switch action {
    case .apply(_, let expected): expected
    case .start, .switchKSM: nil
    case .migrate(_, _, let expected): expected
    }
  }
}

extension JobReport {
  /// Whether it tells of that very job.
  func isOf(_ other: Job) -> Bool { job == other.id && guest == other.guest && generation == other.generation }
}

extension Agent {
  /// Jobs that may wait; more are refused, so that a lost coordinator cannot fill the agent's memory.
  static let waitingMax = 256

  mutating func accept(_ job: Job, _ now: Instant, _ output: inout Output) {
    if tellAgain(job, &output) { return }
    if let run = renew(job) {
      progress(run, &output)
      return
    }
    if hasOther(job, &output) { return }
    guard waiting.count < Self.waitingMax else {
      finish(
        job, .refused(Refusal(.busy, "\(waiting.count) jobs wait on this host", remedy: "wait for them and ask again")),
        run: nil, observed: nil, &output)
      reportSoon(now)
      return
    }
    output.notes.append(Note(.info, "job accepted", ["job": "\(job.id)", "guest": job.guest.text]))
    // What is decided now must not be undone by the upkeep of an older decision.
    waiting.removeAll { $0.isUpkeep && $0.job.guest == job.guest }
    waiting.append(
      JobRun(job: job, desired: job.desired, driver: job.driver, before: nil, isUpkeep: false, now: now))
    beginWaiting(now, &output)
    if journalTrouble != nil, let run = waiting.first(where: { $0.job.isSame(as: job) }) { progress(run, &output) }
  }

  /// Whether a job has ended, and its end, which waits to be acknowledged, was told once more.
  mutating func tellAgain(_ job: Job, _ output: inout Output) -> Bool {
    guard let report = journal.unacknowledged.first(where: { $0.isOf(job) }) else { return false }
    if mayTell(report) { broadcast(.jobReport(current(report)), &output) }
    return true
  }

  /// Whether another job of that number is in hand: a coordinator that was set back gives numbers out twice. The job
  /// comes again until the other has ended.
  func hasOther(_ job: Job, _ output: inout Output) -> Bool {
    guard (runs + waiting).contains(where: { $0.job.id == job.id }) else { return false }
    output.notes.append(Note(.warning, "another job of that number is in hand", ["job": "\(job.id)"]))
    return true
  }

  /// The run of a job that came again, now under the term in which it came.
  mutating func renew(_ job: Job) -> JobRun? {
    if let index = runs.firstIndex(where: { $0.job.isSame(as: job) }) {
      runs[index].job.epoch = job.epoch
      return runs[index]
    }
    guard let index = waiting.firstIndex(where: { $0.job.isSame(as: job) }) else { return nil }
    waiting[index].job.epoch = job.epoch
    return waiting[index]
  }

  /// Begins what may begin: one run per guest, one memory move per host, and nothing new while no coordinator is
  /// heard or the journal cannot be written.
  mutating func beginWaiting(_ now: Instant, _ output: inout Output) {
    guard view.isRead else { return }
    var index = 0
    while index < waiting.count {
      let run = waiting[index]
      let isHeld = (!isRuled || journalTrouble != nil) && !run.isUpkeep && !run.resumed
      let blocked =
        isHeld || isBlind(to: run)
        || runs.contains { $0.job.guest == run.job.guest || ($0.movesMemory && run.movesMemory) }
      guard !blocked else {
        index += 1
        continue
      }
      waiting.remove(at: index)
      begin(run, now, &output)
    }
  }

  /// What an agent before this one has begun is not given up because libvirt is away: only it can see the guest, or put
  /// it right, so the run waits for it.
  private func isBlind(to run: JobRun) -> Bool {
    guard run.resumed, !run.job.guest.isProcess, view.libvirtAnswers == false else { return false }
    guard view.guests.contains(where: { $0.id == run.job.guest }) else { return true }
    if case .failure = chosenDriver(for: run) { return true }
    return false
  }

  mutating func begin(_ run: JobRun, _ now: Instant, _ output: inout Output) {
    switch chosenDriver(for: run) {
    case .failure(let refusal):
      finish(run.job, run.outcome(refusedBy: refusal), run: run, observed: nil, &output)
      if !run.isUpkeep { reportSoon(now) }
    case .success(let driver):
      var begun = run
      begun.choose(driver)
      let next = begun.begin(now: now)
      if case .start = run.job.action { mark(begun) }
      runs.append(begun)
      carryOut(next, of: run.job.id, now, &output)
    }
  }

  /// libvirt where it answers and knows the guest, so that its record stays true; the kernel otherwise.
  private func chosenDriver(for run: JobRun) -> Result<DriverChoice, Refusal> {
    if run.switchesKSM { return .success(.kernel) }
    let known = view.guests.first { $0.id == run.job.guest }
    let isDomain = known?.kind.isDomain ?? true
    let answers = view.libvirtAnswers == true
    let down = Refusal(
      .libvirtDown, "libvirt does not answer on this host", remedy: "start libvirtd, or use --driver kernel")
    // The persistent definition is libvirt's, whoever carries out the rest.
    if run.job.scope == .config, !answers {
      return .failure(Refusal(down.code, down.message, remedy: "start libvirtd, which keeps the persistent definition"))
    }
    switch run.driver {
    case .kernel:
      return .success(.kernel)
    case .libvirt:
      guard isDomain else {
        return .failure(
          Refusal(.unsupported, "libvirt does not know guest \(run.job.guestName)", remedy: "use --driver kernel"))
      }
      return answers ? .success(.libvirt) : .failure(down)
    case .automatic:
      if isDomain && answers { return .success(.libvirt) }
      if case .start = run.job.action { return .failure(down) }
      return .success(.kernel)
    }
  }

  /// The effect of a run has ended.
  mutating func advance(_ id: JobID, _ outcome: CommandOutcome, _ now: Instant, _ output: inout Output) {
    guard let index = runs.firstIndex(where: { $0.job.id == id }) else { return }
    var guest: Guest?
    if case .observedGuest(let observation) = outcome { guest = replace(runs[index].job.guest, by: observation) }
    if let topology = view.current { runs[index].online = topology.cpus }
    runs[index].libvirtIsDown = view.libvirtAnswers == false
    let wasInspecting = runs[index].phase == .inspecting
    if wasInspecting, isObsolete(runs[index]) {
      output.notes.append(dropped(runs.remove(at: index)))
      beginWaiting(now, &output)
      return
    }
    if runs[index].isCancelled, wasInspecting, runs[index].isNew {
      return carryOut(.end(.refused(runs[index].job.whenDropped), observed: guest), of: id, now, &output)
    }
    if wasInspecting, journalTrouble != nil, !runs[index].isUpkeep, !runs[index].resumed {
      requeue(runs[index].job, now)
      return
    }
    let next: JobRun.Next
    if runs[index].switchesKSM {
      next = runs[index].completedKSM(outcome, guests: view.guests, now: now)
      if wasInspecting, case .run = next { mark(runs[index]) }
    } else if wasInspecting, case .observedGuest = outcome, let topology = view.current, let facts = view.facts {
      let preflight = Preflight(topology: topology, facts: facts, livePages: runs[index].job.livePages)
      next = runs[index].inspected(
        guest, preflight: preflight, libvirtAnswers: view.libvirtAnswers == true, now: now)
      if case .run = next { mark(runs[index]) }
    } else {
      next = runs[index].completed(outcome, guest: guest, now: now)
    }
    if case .end(.verified, nil) = next, runs[index].migrates { drop(runs[index].job.guest) }
    carryOut(next, of: id, now, &output)
  }

  /// Tells how far the effect of a job is.
  mutating func progressed(_ id: CommandID, _ detail: String, _ output: inout Output) {
    guard case .run(let job) = inFlight[id], let index = runs.firstIndex(where: { $0.job.id == job }) else { return }
    runs[index].effectProgress = detail
    if !runs[index].isUpkeep { progress(runs[index], &output) }
  }

  /// Intent before act: what was there before is durable before the first step.
  private mutating func mark(_ run: JobRun) {
    guard !run.isUpkeep else { return }
    journal.inHand.removeAll { $0.job.id == run.job.id }
    journal.inHand.append(
      JobInHand(job: run.job, before: run.before ?? Pinning(), config: run.configBefore, ksm: run.ksmBefore))
    journal.mark(run.job.guest, max(run.job.generation, journal.generation(of: run.job.guest)))
    journalChanged = true
  }

  private mutating func carryOut(_ next: JobRun.Next, of id: JobID, _ now: Instant, _ output: inout Output) {
    guard let index = runs.firstIndex(where: { $0.job.id == id }) else { return }
    switch next {
    case .run(let effect, let deadline):
      if !runs[index].isUpkeep { progress(runs[index], &output) }
      command(
        effect, of: runs[index].job.incarnation, owner: .run(id), deadlineMilliseconds: deadline, &output)
    case .end(let outcome, let observed):
      let run = runs.remove(at: index)
      finish(run.job, outcome, run: run, observed: observed, &output)
      schedule.threadsDue = now
      schedule.residencyDue = now
      // KSM's settings are read with the topology.
      if run.switchesKSM { schedule.topologyDue = now }
      if observed == nil, !run.isUpkeep { reportSoon(now) }
      beginWaiting(now, &output)
    }
  }

  /// The coordinator holds the claim of a job whose guest was not read back until it is.
  mutating func reportSoon(_ now: Instant) {
    schedule.threadsDue = now
    schedule.reportDue = now
  }

  mutating func progress(_ run: JobRun, _ output: inout Output) {
    let isBegun = runs.contains { $0.job.id == run.job.id }
    let trouble = isBegun ? nil : journalTrouble.map { "waiting: \($0.refusal.message)" }
    broadcast(
      .jobReport(
        JobReport(
          job: run.job.id, guest: run.job.guest, generation: run.job.generation,
          outcome: .running(detail: trouble ?? run.progress), driver: run.driver, steps: run.records)), &output)
  }

  mutating func finish(
    _ job: Job, _ outcome: JobOutcome, run: JobRun?, observed: Guest?, _ output: inout Output
  ) {
    let report = JobReport(
      job: job.id, guest: job.guest, generation: job.generation, outcome: outcome,
      driver: run?.records.isEmpty == false ? run?.driver : nil, steps: run?.records ?? [],
      pagesLeft: run?.pagesLeft ?? 0, observed: observed)
    output.notes.append(note(of: report))
    if let run, run.isUpkeep {
      endUpkeep(run, outcome)
      broadcast(.jobReport(report), &output)
      return
    }
    journal.inHand.removeAll { $0.job.id == job.id }
    journal.mark(job.guest, max(job.generation, journal.generation(of: job.guest)))
    journal.unacknowledged.append(report)
    if outcome == .verified, let run { keep(run, observed) }
    journalChanged = true
    if mayTell(report) { broadcast(.jobReport(report), &output) }
  }

  func note(of report: JobReport) -> Note {
    switch report.outcome {
    case .verified: Note(.info, "job verified", ["job": "\(report.job)", "guest": report.guest.text])
    case .refused(let refusal):
      Note(
        .warning, "job refused", ["job": "\(report.job)", "guest": report.guest.text, "reason": refusal.description])
    case .diverged(let refusal):
      Note(.error, "job diverged", ["job": "\(report.job)", "guest": report.guest.text, "reason": refusal.description])
    case .running(let detail): Note(.debug, "job running", ["job": "\(report.job)", "step": detail])
    }
  }
}
