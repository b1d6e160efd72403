import Fleet
import NUMA

/// One connection to one coordinator.
struct Link: Sendable, Hashable {
  var connected = false
  /// The term of the coordinator behind it, once it has welcomed us.
  var epoch: Epoch?
  var heartbeatMilliseconds = 2000
  var heartbeatDue: Instant?
  /// Sequence of the report this coordinator was last sent.
  var reported: UInt64?
  /// Whether the coordinator lacks the topology.
  var wantsTopology = true
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
    switch envelope.payload {
    case .welcome(let welcome):
      welcomed(welcome, link, now, &output)
    case .job(let job):
      if let refusal = fence(job, link) {
        output.notes.append(Note(.warning, "job refused", ["job": "\(job.id)", "reason": refusal.message]))
        send(
          .jobReport(JobReport(job: job.id, guest: job.guest, generation: job.generation, outcome: .refused(refusal))),
          on: link, answering: envelope.messageID, &output)
      } else {
        accept(job, now, &output)
      }
    case .jobAcknowledged(let id):
      // A coordinator of an older term does not know the newer jobs, and its word must not make us forget them.
      guard links[link].epoch == journal.highestEpoch else { return }
      guard journal.unacknowledged.contains(where: { $0.job == id }) else { return }
      journal.unacknowledged.removeAll { $0.job == id }
      journalChanged = true
    case .sendReport(let withTopology):
      if withTopology { links[link].wantsTopology = true }
      report(on: link, &output)
    case .refused(let refusal):
      output.notes.append(
        Note(.warning, "coordinator refused", ["code": refusal.code.rawValue, "reason": refusal.description]))
    }
  }

  private mutating func welcomed(_ welcome: Welcome, _ link: Int, _ now: Instant, _ output: inout Output) {
    host = welcome.host
    links[link].epoch = welcome.epoch
    links[link].wantsTopology = welcome.wantsTopology
    links[link].heartbeatMilliseconds = max(welcome.heartbeatMilliseconds, 100)
    links[link].heartbeatDue = now.advanced(byMilliseconds: links[link].heartbeatMilliseconds)
    if welcome.epoch > journal.highestEpoch {
      journal.highestEpoch = welcome.epoch
      journalChanged = true
    }
    output.notes.append(
      Note(.info, "welcomed", ["host": welcome.host.text, "epoch": "\(welcome.epoch)", "link": "\(link)"]))
    if view.isRead { report(on: link, &output) }
    for unacknowledged in journal.unacknowledged { send(.jobReport(unacknowledged), on: link, &output) }
  }

  /// A coordinator of an older term must not move anything, however good its key.
  private func fence(_ job: Job, _ link: Int) -> Refusal? {
    let isOfOurTerm = job.epoch >= journal.highestEpoch && links[link].epoch == job.epoch
    guard isOfOurTerm || !SafetyCheck.epoch.isOn else {
      return Refusal(
        .staleEpoch, "the job is of term \(job.epoch), this agent obeys term \(journal.highestEpoch)",
        remedy: "stop the older coordinator")
    }
    let known = journal.generation(of: job.guest)
    let isOurs =
      (runs + waiting).contains { $0.job.id == job.id } || journal.unacknowledged.contains { $0.job == job.id }
    guard job.generation > known || isOurs || !SafetyCheck.generation.isOn else {
      return Refusal(
        .staleGeneration, "generation \(job.generation) of guest \(job.guestName) is not newer than \(known)",
        remedy: "ask again; a newer placement of this guest was already begun")
    }
    return nil
  }

  // MARK: Reports

  mutating func report(on link: Int, _ output: inout Output) {
    guard links[link].epoch != nil, view.isRead, let facts = view.facts else { return }
    let report = HostReport(
      facts: facts, topologyHash: view.topologyHash, topology: links[link].wantsTopology ? view.topology : nil,
      cells: view.cells, guests: view.guests, libvirtAnswers: view.libvirtAnswers)
    send(.report(report), on: link, &output)
    links[link].reported = lastSequence
    links[link].wantsTopology = false
  }

  mutating func reportEverywhere(_ output: inout Output) {
    for link in links.indices { report(on: link, &output) }
  }

  private var hello: Hello {
    Hello(
      softwareVersion: settings.softwareVersion, topologyHash: view.topologyHash, highestEpoch: journal.highestEpoch)
  }

  mutating func beatIfDue(_ now: Instant, _ output: inout Output) {
    for link in links.indices {
      guard let due = links[link].heartbeatDue, due <= now else { continue }
      links[link].heartbeatDue = now.advanced(byMilliseconds: links[link].heartbeatMilliseconds)
      guard links[link].epoch != nil else {
        // Said again until it is answered: either message may have been lost.
        send(.hello(hello), on: link, &output)
        continue
      }
      // A host whose first reading takes long is alive all the same; no report has the sequence 0.
      send(.heartbeat(lastReport: links[link].reported ?? 0), on: link, &output)
      for unacknowledged in journal.unacknowledged { send(.jobReport(unacknowledged), on: link, &output) }
    }
  }
}
