public import Fleet
import NUMA
import PlacementEngine

extension Coordinator {
  mutating func received(
    _ envelope: Envelope<ToCoordinator>, from id: HostID, _ now: Instant, _ output: inout Output
  ) {
    guard let index = entryIndex(id, envelope.boot, now, &output) else { return }
    guard hosts[index].admits(envelope.boot, sequence: envelope.sequence) else {
      output.notes.append(Note(.debug, "late message dropped", ["host": id.text, "sequence": "\(envelope.sequence)"]))
      return
    }
    hosts[index].lastHeard = now
    introduce(index, to: envelope, now, &output)
    switch envelope.payload {
    case .hello(let hello):
      greet(index, hello, answering: envelope.messageID, now, &output)
    case .report where envelope.epoch != epoch, .heartbeat where envelope.epoch != epoch:
      // It was on its way to another term; the agent says hello to this one, or has already.
      output.notes.append(Note(.debug, "message of another term dropped", ["host": id.text]))
    case .report(let report):
      hosts[index].lastReport = envelope.sequence
      // Agents that remember whom they obey report to no other.
      if hosts[index].foreign?.owner != nil, envelope.epoch == epoch { follow(nil, index, now, &output) }
      fold(report, index, at: Reading(boot: envelope.boot, sequence: envelope.sequence), now, &output)
    case .heartbeat(let lastReport):
      let asked = askForReport(index, unless: hosts[index].lastReport == lastReport, &output)
      if !asked, hosts[index].capabilities.contains(.alive) { send(.alive, to: id, &output) }
    case .jobReport(let report):
      took(report, from: id, at: Reading(boot: envelope.boot, sequence: envelope.sequence), now, &output)
      askForReport(index, unless: true, &output)
    case .refused(let refusal, let job):
      let reading = Reading(boot: envelope.boot, sequence: envelope.sequence)
      notUnderstood(job, refusal, in: envelope.epoch, by: id, at: reading, now, &output)
    }
  }

  /// Asks for what is missing: a first report of this term, a fresh one after silence, the topology.
  @discardableResult
  private mutating func askForReport(_ index: Int, unless isCurrent: Bool, _ output: inout Output) -> Bool {
    let lacksTopology = hosts[index].topology == nil
    guard !isCurrent || lacksTopology || hosts[index].liveness != .connected else { return false }
    send(.sendReport(withTopology: lacksTopology), to: hosts[index].id, &output)
    return true
  }

  private mutating func entryIndex(
    _ id: HostID, _ boot: BootID, _ now: Instant, _ output: inout Output
  ) -> Int? {
    if let index = index(of: id) { return index }
    guard hosts.count < settings.hostsMax else {
      let refusal = Refusal(
        .busy, "the coordinator serves \(hosts.count) hosts, which is its limit",
        remedy: "raise max_hosts in coordinator.yaml, or forget hosts that are gone with numafleet host forget")
      send(.refused(refusal), to: id, &output)
      return nil
    }
    let index = position(of: id)
    hosts.insert(HostEntry(id: id, boot: boot, heard: now), at: index)
    return index
  }

  private func welcome(_ index: Int, wantsTopology: Bool) -> Welcome {
    Welcome(
      host: hosts[index].id, epoch: epoch, wantsTopology: wantsTopology,
      heartbeatMilliseconds: settings.heartbeatMilliseconds,
      answersHeartbeats: hosts[index].capabilities.contains(.alive))
  }

  /// An agent that speaks as in an older term has not heard of this one, nor would it by itself when the connection
  /// outlived the coordinator. It is welcomed unasked, which every agent understands, and once a heartbeat at most.
  private mutating func introduce(
    _ index: Int, to envelope: Envelope<ToCoordinator>, _ now: Instant, _ output: inout Output
  ) {
    if case .hello = envelope.payload { return }
    guard envelope.epoch < epoch else { return }
    if let last = hosts[index].welcomedUnasked,
      now.milliseconds - last.milliseconds < settings.heartbeatMilliseconds
    {
      return
    }
    hosts[index].welcomedUnasked = now
    send(.welcome(welcome(index, wantsTopology: hosts[index].topology == nil)), to: hosts[index].id, &output)
  }

  /// A report of this term was read: from now on the host may be planned on, and its jobs are sent.
  private mutating func connect(_ index: Int, _ now: Instant, _ output: inout Output) {
    guard hosts[index].liveness == .unreachable else { return }
    let id = hosts[index].id
    hosts[index].liveness = .connected
    expectSilence(from: now)
    let words = hosts[index].recorded == nil ? "connected" : "is back"
    log(.hostConnected, host: id, actor: id.text, "host \(id) \(words)", now, &output)
    hasten(id, now)
  }

  /// Sends the jobs of a host again at once.
  private mutating func hasten(_ host: HostID, _ now: Instant) {
    for delivery in deliveries.indices where record(deliveries[delivery].job)?.job.host == host {
      deliveries[delivery].due = now
    }
  }

  private mutating func greet(
    _ index: Int, _ hello: Hello, answering: UInt64, _ now: Instant, _ output: inout Output
  ) {
    let id = hosts[index].id
    hosts[index].softwareVersion = hello.softwareVersion
    follow(ForeignRule(hello, ownEpoch: epoch, ownBoot: settings.boot), index, now, &output)
    hosts[index].capabilities = hello.capabilities
    let knows = knowsTopology(of: hosts[index], hello.topologyHash)
    send(.welcome(welcome(index, wantsTopology: !knows)), to: id, answering: answering, &output)
    // A restarted agent may never have seen what was sent to the one before it.
    hasten(id, now)
  }

  /// Takes note of whom a host obeys; told when it changes only.
  private mutating func follow(
    _ foreign: ForeignRule?, _ index: Int, _ now: Instant, _ output: inout Output
  ) {
    let (id, before) = (hosts[index].id, hosts[index].foreign)
    guard before != foreign else { return }
    hosts[index].foreign = foreign
    refresh(index, now)
    if let foreign {
      output.notes.append(
        Note(
          .error, "host obeys another coordinator",
          [
            "host": id.text, "term": "\(foreign.epoch)", "coordinator": foreign.owner?.text ?? "not told",
            "own_term": "\(epoch)", "remedy": foreign.refusal(of: id).remedy,
          ]))
      log(.hostUnreachable, host: id, actor: id.text, foreign.refusal(of: id).description, now, &output)
    } else {
      output.notes.append(Note(.error, "host obeys this coordinator again", ["host": id.text, "own_term": "\(epoch)"]))
      log(.hostConnected, host: id, actor: id.text, "host \(id) obeys this coordinator again", now, &output)
    }
  }

  private mutating func fold(
    _ report: HostReport, _ index: Int, at reading: Reading, _ now: Instant, _ output: inout Output
  ) {
    let id = hosts[index].id
    if let topology = report.topology {
      let contradictions = topology.contradictions()
      guard contradictions.isEmpty else {
        output.notes.append(Note(.error, "topology refused", ["host": id.text, "reason": contradictions[0]]))
        let refusal = Refusal(
          .malformed, "the topology contradicts itself: \(contradictions[0])", remedy: "look at the agent's log")
        send(.refused(refusal), to: id, &output)
        return
      }
      take(topology, report.topologyHash, index, now, &output)
    } else if hosts[index].topology == nil || hosts[index].topologyHash != report.topologyHash {
      if let known = shelf[report.topologyHash] {
        take(known, report.topologyHash, index, now, &output)
      } else {
        send(.sendReport(withTopology: true), to: id, &output)
      }
    }
    let changed = report.differs(from: hosts[index])
    hosts[index].facts = report.facts
    hosts[index].load = report.load
    hosts[index].looked = report.looked
    if hosts[index].topology != nil, hosts[index].topologyHash == report.topologyHash { connect(index, now, &output) }
    remember(index, &output)
    let guests = report.guests.ascending
    let changes = logChanges(of: hosts[index], to: guests, now, &output)
    if let change = changes.first { disturb(index, change, now) }
    see(guests, on: index, &output)
    hosts[index].cells = report.cells
    hosts[index].libvirtAnswers = report.libvirtAnswers
    let isFirst = !hosts[index].hasReported && hosts[index].liveness == .connected
    if isFirst { hosts[index].hasReported = true }
    releaseObserved(on: index, at: reading, now, &output)
    welcomeArrivals(on: index, now, &output)
    forgetWishes(on: index, &output)
    refresh(index, now)
    let isPressedElsewhere = feelPressure(index, now)
    watchFindings(index, changed: changed || isPressedElsewhere, now, &output)
    if let head = report.journal {
      learn(head, index, &output)
      revalidate(head, on: id, at: reading, now, &output)
    } else if isFirst, !hosts[index].capabilities.contains(.alive) {
      revalidate(nil, on: id, at: reading, now, &output)
    }
    if isFirst { goOnWithPlans(now, &output) }
  }

  /// What an agent remembers and this coordinator, restored from an older backup, does not: counters go on from there,
  /// or its jobs would be refused and taken for others. An agent's word counts for guests of its own host only.
  private mutating func learn(_ head: JournalHead, _ index: Int, _ output: inout Output) {
    let id = hosts[index].id
    let own = Set(hosts[index].guests.map(\.id))  // lookup only
    for mark in head.generations {
      guard own.contains(mark.guest) || activeJob(of: mark.guest)?.job.host == id else { continue }
      learn(mark.generation, of: mark.guest, &output)
    }
    guard let newest = (head.inHand + head.unacknowledged).max(), newest > lastJob else { return }
    guard newest.number - lastJob.number <= Self.leapMax else { return }
    output.notes.append(
      Note(.warning, "job numbers go on", ["host": id.text, "theirs": "\(newest)", "ours": "\(lastJob)"]))
    lastJob = newest
  }

  private mutating func take(
    _ topology: HostTopology, _ hash: UInt64, _ index: Int, _ now: Instant, _ output: inout Output
  ) {
    if hosts[index].topologyHash != hash || hosts[index].topology == nil {
      log(
        .topologyChanged, host: hosts[index].id, actor: hosts[index].id.text,
        "\(topology.cells.count) cells, \(topology.pcpus.count) cpus", now, &output)
    }
    hosts[index].topology = topology
    hosts[index].topologyHash = hash
    hosts[index].isTopologyRecorded = false
  }

  /// Makes the placement index agree with one host's entry.
  mutating func refresh(_ index: Int, _ now: Instant) {
    if let view = view(of: hosts[index], now) { placer.update(view) }
  }

  /// A host as planning and operators see it; nil until it has sent its topology.
  func view(of entry: HostEntry, _ now: Instant) -> HostView? {
    let isDraining = draining.contains(entry.id) || policy.rules(of: entry.id).draining
    return entry.view(claims: claims, isDraining: isDraining, now: now)
  }

  /// What has changed, in words.
  private mutating func logChanges(
    of entry: HostEntry, to new: [Guest], _ now: Instant, _ output: inout Output
  ) -> [String] {
    let (host, old) = (entry.id, entry.guests)
    var told: [String] = []
    func tell(_ kind: FleetEvent.Kind, _ guest: Guest, _ text: String) {
      told.append("guest \(guest.name) \(text)")
      log(kind, host: host, guest: guest.id, actor: host.text, told[told.endIndex - 1], now, &output)
    }
    for guest in new {
      guard let before = old.first(where: { $0.id == guest.id }) else {
        tell(.guestAppeared, guest, "is \(guest.state.rawValue)")
        continue
      }
      let changes = entry.hasReported ? guest.changes(since: before) : guest.changes(sinceRemembered: before)
      if !changes.isEmpty {
        let text = "guest \(guest.name): \(changes.joined(separator: "; "))"
        log(.guestChanged, host: host, guest: guest.id, actor: host.text, text, now, &output)
        told.append(text)
      } else if guest.hasDrifted(since: before) {
        told.append("the memory of guest \(guest.name) went elsewhere")
      }
    }
    for guest in old where !new.contains(where: { $0.id == guest.id }) { tell(.guestVanished, guest, "is gone") }
    return told
  }

  /// Where a host is in `hosts`, or where it would be inserted.
  private func position(of id: HostID) -> Int {
    hosts.partitionIndex { $0.id >= id }
  }

  /// Where a host is in `hosts`; nil when no agent has ever reported for it.
  func index(of id: HostID) -> Int? {
    let index = position(of: id)
    return index < hosts.endIndex && hosts[index].id == id ? index : nil
  }

  func entry(of id: HostID) -> HostEntry? { index(of: id).map { hosts[$0] } }

  /// A host heard at that time may be silent for too long at the earliest so much later.
  private mutating func expectSilence(from heard: Instant) {
    let due = heard.advanced(byMilliseconds: settings.unreachableMilliseconds)
    silenceDue = silenceDue.map { min($0, due) } ?? due
  }

  /// Looks at all hosts only when one of them may be due, for this runs with every message.
  mutating func noticeSilence(_ now: Instant, _ output: inout Output) {
    guard let due = silenceDue, due <= now else { return }
    silenceDue = nil
    for index in hosts.indices where hosts[index].liveness == .connected {
      let silence = now.milliseconds - hosts[index].lastHeard.milliseconds
      guard silence >= settings.unreachableMilliseconds else {
        expectSilence(from: hosts[index].lastHeard)
        continue
      }
      // Its guests still run, so its claims stay; nothing new goes there.
      hosts[index].liveness = .unreachable
      refresh(index, now)
      log(
        .hostUnreachable, host: hosts[index].id, actor: "coordinator",
        "host \(hosts[index].id) was silent for \(silence) ms", now, &output)
    }
  }

  mutating func send(_ payload: ToAgent, to host: HostID, answering: UInt64? = nil, _ output: inout Output) {
    output.messages.append(Message(host: host, payload: payload, answering: answering))
  }

  /// The fleet as it is known now; hosts that have not sent a topology are not in it.
  public func inventory(_ now: Instant) -> Inventory {
    Inventory(hosts: hosts.compactMap { view(of: $0, now) })
  }
}

extension Guest {
  /// What an operator would want to read in the event log, in words.
  func changes(since before: Guest) -> [String] {
    var found: [String] = []
    if state != before.state { found.append("\(before.state.rawValue) is now \(state.rawValue)") }
    if incarnation != before.incarnation, state == .running, before.state == .running { found.append("restarted") }
    if vcpusOnline != before.vcpusOnline { found.append("online vcpus \(before.vcpusOnline) are now \(vcpusOnline)") }
    if live != before.live { found.append("live pinning changed") }
    if config != before.config { found.append("config pinning changed") }
    if threads.map(\.cpusAllowed) != before.threads.map(\.cpusAllowed), live == before.live,
      threads.count == before.threads.count
    {
      found.append("thread affinity changed behind libvirt")
    }
    if movability.class != before.movability.class { found.append("is now \(movability.class.rawValue)") }
    return found
  }

  /// Whether a twentieth of its memory is on other cells than before, which no pin tells of.
  func hasDrifted(since before: Guest) -> Bool {
    var moved = 0
    for place in residency {
      let old = before.residency.first { $0.cell == place.cell && $0.pageSize == place.pageSize }?.pages ?? 0
      moved += max(0, place.pages - old) * place.pageSize.kib
    }
    // What it touches for the first time is no drift while the sum grows by as much.
    let grown =
      residency.reduce(0) { $0 + $1.pages * $1.pageSize.kib }
      - before.residency.reduce(0) { $0 + $1.pages * $1.pageSize.kib }
    return (moved - max(0, grown)) * 20 > max(memory.count, 1)
  }
}
