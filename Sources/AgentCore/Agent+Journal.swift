import Fleet

/// The journal on a disk that may be full: what depends on it waits, and what does not goes on.
extension Agent {
  /// An output, until the loop's next event tells that it was carried out.
  struct PendingWrite: Sendable, Hashable {
    var journal: Journal
    var messages: [Message]
    var commands: [Command]
  }

  /// Since the journal could not be written.
  struct JournalTrouble: Sendable, Hashable {
    var refusal: Refusal
    var retryDue: Instant
  }

  static let journalRetryMilliseconds = 1000

  /// The output before was carried out, its journal first.
  mutating func settle(_ pending: PendingWrite, _ now: Instant, _ output: inout Output) {
    written = pending.journal
    guard journalTrouble != nil else { return }
    journalTrouble = nil
    output.notes.append(Note(.info, "journal is written again"))
    beginWaiting(now, &output)
  }

  /// Nothing of the output before has left. What its journal was to allow is taken back; the rest is asked for again.
  mutating func failed(_ pending: PendingWrite, _ refusal: Refusal, _ now: Instant, _ output: inout Output) {
    if journalTrouble == nil {
      output.notes.append(
        Note(.error, "journal not written, nothing new is begun", ["reason": refusal.description]))
    }
    journalTrouble = JournalTrouble(
      refusal: refusal, retryDue: now.advanced(byMilliseconds: Self.journalRetryMilliseconds))
    journalChanged = true
    if journal.highestEpoch != written.highestEpoch || journal.epochOwner != written.epochOwner {
      journal.highestEpoch = written.highestEpoch
      journal.epochOwner = written.epochOwner
      for link in links.indices { links[link].epoch = nil }
    }
    for entry in journal.inHand.reversed() where !written.inHand.contains(where: { $0.job.isSame(as: entry.job) }) {
      journal.inHand.removeAll { $0.job.isSame(as: entry.job) }
      journal.restore(entry.job.guest, as: written)
      requeue(entry.job, now)
    }
    output.messages += pending.messages.compactMap(standing)
    for command in pending.commands {
      switch inFlight[command.id] {
      case .run(let job) where !runs.contains { $0.job.id == job }: inFlight[command.id] = nil
      case .host, .run: output.commands.append(command)
      case nil: break
      }
    }
  }

  /// A message as it may leave without the journal: a host whose disk is full is still heard of.
  private func standing(_ message: Message) -> Message? {
    var message = message
    switch message.envelope.payload {
    case .hello:
      message.envelope.payload = .hello(hello)
      message.envelope.epoch = journal.highestEpoch
      return message
    case .refused:
      return message
    case .heartbeat, .report:
      return links[message.link].epoch == nil ? nil : message
    case .jobReport(let report):
      return report.outcome.isFinal && links[message.link].epoch != nil && mayTell(report) ? message : nil
    }
  }

  /// A run of which nothing was done goes back to those that wait, before all others.
  mutating func requeue(_ job: Job, _ now: Instant) {
    guard let index = runs.firstIndex(where: { $0.job.isSame(as: job) }) else { return }
    let run = runs.remove(at: index)
    waiting.insert(
      JobRun(job: run.job, desired: run.desired, driver: run.job.driver, before: nil, isUpkeep: false, now: now), at: 0)
  }

  /// The journal goes out with what it allows; after a failure at its own pace, for a full disk mends slowly.
  mutating func writeJournal(_ now: Instant, _ output: inout Output) {
    guard journalChanged, journalTrouble.map({ $0.retryDue <= now }) ?? true else { return }
    output.journal = journal
    journalChanged = false
    journalTrouble?.retryDue = now.advanced(byMilliseconds: Self.journalRetryMilliseconds)
    pendingWrite = PendingWrite(journal: journal, messages: output.messages, commands: output.commands)
  }

  /// Whether the end of a job may be told: an agent that forgets it would do the job again.
  func mayTell(_ report: JobReport) -> Bool {
    journalTrouble == nil
      || written.unacknowledged.contains { $0.job == report.job && $0.generation == report.generation }
  }

  /// Repeats what no coordinator has acknowledged.
  mutating func tellEnds(on link: Int, _ output: inout Output) {
    for report in journal.unacknowledged where mayTell(report) { send(.jobReport(current(report)), on: link, &output) }
  }

  /// The end of a job with its guest as it was read last: what was seen when the job ended may be long past, and would
  /// be taken for news.
  func current(_ report: JobReport) -> JobReport {
    guard report.observed != nil else { return report }
    var copy = report
    copy.observed = view.guests.first { $0.id == report.guest }
    return copy
  }

  /// Marks of guests that are gone pile up. The oldest beyond `Journal.absentMarksMax` go, and only where a good
  /// reading of the host shows that their guests are not there.
  mutating func pruneMarks() {
    guard view.libvirtAnswers != false, journal.generations.count > Journal.absentMarksMax else { return }
    let busy = (runs + waiting).map(\.job.guest) + journal.unacknowledged.map(\.guest) + journal.kept.map(\.job.guest)
    let needed = Set(view.guests.map(\.id) + busy)  // lookup only
    if journal.prune(except: { needed.contains($0) }) { journalChanged = true }
  }
}
