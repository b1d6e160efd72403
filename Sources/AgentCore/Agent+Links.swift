import Fleet
import NUMA

/// One connection to one coordinator.
struct Link: Sendable, Hashable {
  var connected = false
  /// The term of the coordinator behind it, once it has welcomed us and may be obeyed.
  var epoch: Epoch?
  /// The last welcome that could not be obeyed, so that its repetition is not told again.
  var unheeded: Unheeded?

  struct Unheeded: Sendable, Hashable {
    var epoch: Epoch
    var boot: BootID
  }
  var heartbeatMilliseconds = 2000
  var heartbeatDue: Instant?
  /// When the last hello went out; the next comes one heartbeat later at the soonest.
  var helloed: Instant?
  /// Whether a welcome that answers a hello is missing.
  var wantsWelcome = true
  /// When the coordinator that is obeyed was last heard on it.
  var lastHeard: Instant?
  /// Whether that coordinator answers heartbeats, so that its silence ends the lease.
  var answersHeartbeats = false
  /// Sequence of the report this coordinator was last sent.
  var reported: UInt64?
  /// Whether the next report tells what the journal knows.
  var wantsJournal = true
  /// Whether the coordinator lacks the topology.
  var wantsTopology = true
  /// Looks that the coordinator of this term has asked for: the newest, the newest that had come when the last reading
  /// began, and the newest that a whole reading came after.
  var look = Looks()

  struct Looks: Sendable, Hashable {
    var asked: UInt64 = 0
    var begun: UInt64 = 0
    var done: UInt64 = 0
  }
}

extension Agent {
  mutating func send(_ payload: ToCoordinator, on link: Int, answering: UInt64? = nil, _ output: inout Output) {
    lastSequence += 1
    output.messages.append(
      Message(
        link: link,
        envelope: Envelope(
          messageID: lastSequence, answering: answering, epoch: links[link].epoch ?? journal.highestEpoch,
          boot: settings.boot, sequence: lastSequence, payload: payload)))
  }

  /// Sends to every coordinator that has welcomed us.
  mutating func broadcast(_ payload: ToCoordinator, _ output: inout Output) {
    for link in links.indices where links[link].epoch != nil { send(payload, on: link, &output) }
  }

  mutating func received(_ envelope: Envelope<ToAgent>, _ link: Int, _ now: Instant, _ output: inout Output) {
    guard links.indices.contains(link), links[link].connected else { return }
    if case .welcome(let welcome) = envelope.payload {
      welcomed(welcome, by: envelope.boot, isAnswer: envelope.answering != nil, link, now, &output)
      return
    }
    notice(envelope, link, now)
    switch envelope.payload {
    case .welcome, .alive:
      break
    case .job(let job), .cancel(let job):
      if let report = fence(job, by: envelope.boot, link) {
        output.notes.append(note(of: report))
        send(.jobReport(report), on: link, answering: envelope.messageID, &output)
        // The coordinator that is obeyed takes this for the job's end.
        if obeys(envelope.boot, on: link) { reportSoon(now) }
      } else if case .cancel = envelope.payload {
        cancel(job, now, &output)
      } else {
        accept(job, now, &output)
      }
    case .jobAcknowledged(let id):
      // Another coordinator does not know these jobs, and its word must not make us forget them.
      guard obeys(envelope.boot, on: link) else { return }
      guard journal.unacknowledged.contains(where: { $0.job == id }) else { return }
      journal.unacknowledged.removeAll { $0.job == id }
      journalChanged = true
    case .sendReport(let withTopology):
      if withTopology { links[link].wantsTopology = true }
      // The report that told of the journal may be the one that was lost.
      links[link].wantsJournal = true
      report(on: link, &output)
    case .look(let number):
      guard obeys(envelope.boot, on: link), number > links[link].look.done else { return }
      links[link].look.asked = max(links[link].look.asked, number)
      schedule.threadsDue = now
    case .refused(let refusal):
      output.notes.append(
        Note(.warning, "coordinator refused", ["code": refusal.code.rawValue, "reason": refusal.description]))
    }
  }

  private mutating func welcomed(
    _ welcome: Welcome, by boot: BootID, isAnswer: Bool, _ link: Int, _ now: Instant, _ output: inout Output
  ) {
    links[link].heartbeatMilliseconds = max(welcome.heartbeatMilliseconds, 100)
    links[link].heartbeatDue = now.advanced(byMilliseconds: links[link].heartbeatMilliseconds)
    guard journal.admits(welcome.epoch, of: boot) else {
      disregard(Link.Unheeded(epoch: welcome.epoch, boot: boot), link, &output)
      return
    }
    let isNews = !journal.obeys(welcome.epoch, of: boot)
    // What cannot be remembered must not be shown: hello goes on until it can.
    guard !isNews || journalTrouble == nil else { return }
    host = welcome.host
    if isNews {
      if journal.highestEpoch > 0 {
        schedule.handover = .due
        schedule.threadsDue = now
      }
      journal.obey(welcome.epoch, of: boot)
      journalChanged = true
      depose(link, &output)
    }
    // One that comes unasked is from a coordinator that does not know this agent yet: it is told once.
    links[link].wantsWelcome = !isAnswer && links[link].epoch != welcome.epoch
    if links[link].epoch != welcome.epoch { links[link].look = Link.Looks() }
    links[link].epoch = welcome.epoch
    links[link].lastHeard = now
    links[link].answersHeartbeats = welcome.answersHeartbeats
    links[link].unheeded = nil
    links[link].wantsTopology = welcome.wantsTopology
    links[link].wantsJournal = true
    output.notes.append(
      Note(.info, "welcomed", ["host": welcome.host.text, "epoch": "\(welcome.epoch)", "link": "\(link)"]))
    report(on: link, &output)
    tellEnds(on: link, &output)
    beginWaiting(now, &output)
  }

  /// A coordinator of a later version is told, or it would send the same job for ever.
  mutating func refuse(
    _ messageID: UInt64?, _ job: JobID?, _ refusal: Refusal, _ link: Int, _ output: inout Output
  ) {
    guard links.indices.contains(link), links[link].connected else { return }
    let name = job.map { "\($0)" } ?? "none"
    output.notes.append(
      Note(.warning, "message not understood", ["link": "\(link)", "job": name, "reason": refusal.description]))
    send(.refused(refusal, job: job), on: link, answering: messageID, &output)
  }

  /// Keeps the lease while the coordinator that is obeyed speaks. Another behind the same connection, such as that one
  /// after a restart, is asked who it is.
  private mutating func notice(_ envelope: Envelope<ToAgent>, _ link: Int, _ now: Instant) {
    if envelope.epoch == links[link].epoch, envelope.boot == journal.epochOwner {
      links[link].lastHeard = now
      return
    }
    // What is older may only be late.
    if let epoch = links[link].epoch, envelope.epoch >= epoch { links[link].epoch = nil }
    links[link].wantsWelcome = true
    guard let due = links[link].heartbeatDue else { return }
    let soonest = links[link].helloed?.advanced(byMilliseconds: links[link].heartbeatMilliseconds) ?? now
    links[link].heartbeatDue = min(due, max(now, soonest))
  }

  /// Whether some coordinator has welcomed this host and still speaks.
  var isRuled: Bool { links.contains { $0.epoch != nil } }

  /// A welcome that must not be obeyed: hello goes on and tells whom the host obeys.
  private mutating func disregard(_ welcome: Link.Unheeded, _ link: Int, _ output: inout Output) {
    links[link].epoch = nil
    guard links[link].unheeded != welcome else { return }
    links[link].unheeded = welcome
    output.notes.append(
      Note(
        .warning, "coordinator not obeyed",
        [
          "link": "\(link)", "epoch": "\(welcome.epoch)", "coordinator": welcome.boot.text,
          "reason": "this host obeys \(journal.ruler)",
        ]))
  }

  /// Another rules from now on: older ones are told by a hello, and what they decided and nobody has begun is dropped,
  /// for only the new one knows whether it still holds. It sends again what does.
  private mutating func depose(_ ruling: Int, _ output: inout Output) {
    for link in links.indices where link != ruling { links[link].epoch = nil }
    let obsolete = waiting.filter(isObsolete)
    waiting = waiting.filter { !isObsolete($0) }
    output.notes += obsolete.map(dropped)
  }

  /// Whether a coordinator that the host obeys no longer wants this, and nothing of it was done yet.
  func isObsolete(_ run: JobRun) -> Bool {
    !run.isUpkeep && run.job.epoch < journal.highestEpoch
      && !journal.inHand.contains { $0.job.id == run.job.id && $0.job.guest == run.job.guest }
  }

  func dropped(_ run: JobRun) -> Note {
    Note(
      .warning, "job of an older term dropped",
      ["job": "\(run.job.id)", "guest": run.job.guest.text, "reason": "this host obeys \(journal.ruler)"])
  }

  /// Whether the coordinator behind a link is the one that the host obeys.
  func obeys(_ boot: BootID, on link: Int) -> Bool {
    links[link].epoch == journal.highestEpoch && boot == journal.epochOwner
  }

  /// The answer to a job that must not be done: of a coordinator that is not obeyed, however good its key, or older
  /// than what is known of the guest. It is no end of the job, so the journal does not keep it.
  private func fence(_ job: Job, by boot: BootID, _ link: Int) -> JobReport? {
    let isOfOurTerm = job.epoch == journal.highestEpoch && obeys(boot, on: link)
    guard isOfOurTerm || !SafetyCheck.epoch.isOn else {
      let refusal = Refusal(
        .staleEpoch, "the job is of term \(job.epoch) and this host obeys \(journal.ruler)",
        remedy: "stop the older coordinator")
      return JobReport(job: job.id, guest: job.guest, generation: job.generation, outcome: .refused(refusal))
    }
    let known = journal.generation(of: job.guest)
    let isOurs =
      (runs + waiting).contains { $0.job.isSame(as: job) } || journal.unacknowledged.contains { $0.isOf(job) }
    guard job.generation > known || isOurs || !SafetyCheck.generation.isOn else {
      let refusal = Refusal(
        .staleGeneration, "generation \(job.generation) of \(job.subject) is not newer than \(known)",
        remedy: job.guestIfAny == nil
          ? "ask again; a newer change was already begun"
          : "ask again; a newer placement of this guest was already begun")
      // The newest that is known, so that a coordinator that was set back need not ask as often as it lost.
      return JobReport(job: job.id, guest: job.guest, generation: known, outcome: .refused(refusal))
    }
    return nil
  }

  // MARK: Reports

  mutating func report(on link: Int, _ output: inout Output) {
    guard links[link].epoch != nil, schedule.handover == nil, view.isRead, let facts = view.facts else { return }
    let report = HostReport(
      facts: facts, topologyHash: view.topologyHash, topology: links[link].wantsTopology ? view.topology : nil,
      cells: view.cells, guests: view.guests, libvirtAnswers: view.libvirtAnswers,
      journal: links[link].wantsJournal ? journal.head(of: view.guests.map(\.id) + [.ksm(of: host)]) : nil,
      load: view.load, looked: links[link].look.done)
    send(.report(report), on: link, &output)
    links[link].reported = lastSequence
    links[link].wantsJournal = false
    links[link].wantsTopology = false
  }

  mutating func reportEverywhere(_ output: inout Output) {
    for link in links.indices { report(on: link, &output) }
  }

  var hello: Hello {
    Hello(
      softwareVersion: settings.softwareVersion, topologyHash: view.topologyHash, highestEpoch: journal.highestEpoch,
      epochOwner: journal.epochOwner, capabilities: [.alive, .looks, .ksm, .cancels])
  }

  /// Without a word for three heartbeats a coordinator is lost, whatever the transport says: it must welcome us anew.
  private mutating func endLeaseIfOver(_ link: Int, _ now: Instant, _ output: inout Output) {
    guard links[link].epoch != nil, links[link].answersHeartbeats, let heard = links[link].lastHeard else { return }
    let silence = now.milliseconds - heard.milliseconds
    guard silence >= max(3 * links[link].heartbeatMilliseconds, 3000) else { return }
    links[link].epoch = nil
    output.notes.append(
      Note(.warning, "coordinator lost", ["link": "\(link)", "silent_milliseconds": "\(silence)"]))
  }

  mutating func beatIfDue(_ now: Instant, _ output: inout Output) {
    for link in links.indices {
      guard let due = links[link].heartbeatDue, due <= now else { continue }
      links[link].heartbeatDue = now.advanced(byMilliseconds: links[link].heartbeatMilliseconds)
      endLeaseIfOver(link, now, &output)
      guard links[link].epoch != nil, !links[link].wantsWelcome else {
        // Said again until it is answered: either message may have been lost.
        links[link].helloed = now
        send(.hello(hello), on: link, &output)
        continue
      }
      // A host whose first reading takes long is alive all the same; no report has the sequence 0.
      send(.heartbeat(lastReport: links[link].reported ?? 0), on: link, &output)
      tellEnds(on: link, &output)
    }
  }
}
