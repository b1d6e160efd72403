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
    heard(index, now, &output)
    switch envelope.payload {
    case .hello(let hello):
      greet(index, hello, answering: envelope.messageID, now, &output)
    case .report(let report):
      hosts[index].lastReport = envelope.sequence
      fold(report, index, now, &output)
    case .heartbeat(let lastReport):
      if hosts[index].lastReport != lastReport || hosts[index].topology == nil {
        send(.sendReport(withTopology: hosts[index].topology == nil), to: id, &output)
      }
    case .jobReport(let report):
      took(report, from: id, now, &output)
    }
  }

  private mutating func entryIndex(
    _ id: HostID, _ boot: BootID, _ now: Instant, _ output: inout Output
  ) -> Int? {
    let index = position(of: id)
    if index < hosts.endIndex, hosts[index].id == id { return index }
    guard hosts.count < settings.hostsMax else {
      let refusal = Refusal(
        .busy, "the coordinator serves \(hosts.count) hosts, which is its limit",
        remedy: "raise max_hosts in coordinator.yaml")
      send(.refused(refusal), to: id, &output)
      return nil
    }
    hosts.insert(HostEntry(id: id, boot: boot, heard: now), at: index)
    expectSilence(from: now)
    log(.hostConnected, host: id, actor: id.text, "host \(id) connected", now, &output)
    return index
  }

  private mutating func heard(_ index: Int, _ now: Instant, _ output: inout Output) {
    hosts[index].lastHeard = now
    guard hosts[index].liveness == .unreachable else { return }
    hosts[index].liveness = .connected
    refresh(index, now)
    log(
      .hostConnected, host: hosts[index].id, actor: hosts[index].id.text, "host \(hosts[index].id) is back", now,
      &output)
  }

  private mutating func greet(
    _ index: Int, _ hello: Hello, answering: UInt64, _ now: Instant, _ output: inout Output
  ) {
    let id = hosts[index].id
    hosts[index].softwareVersion = hello.softwareVersion
    if hello.highestEpoch > epoch {
      output.notes.append(
        Note(
          .error, "host obeys a newer term", ["host": id.text, "theirs": "\(hello.highestEpoch)", "ours": "\(epoch)"]))
    }
    let knows = hosts[index].topology != nil && hosts[index].topologyHash == hello.topologyHash
    send(
      .welcome(
        Welcome(
          host: id, epoch: epoch, wantsTopology: !knows, heartbeatMilliseconds: settings.heartbeatMilliseconds)),
      to: id, answering: answering, &output)
    // A restarted agent may never have seen what was sent to the one before it.
    for delivery in deliveries.indices where record(deliveries[delivery].job)?.job.host == id {
      deliveries[delivery].due = now
    }
  }

  private mutating func fold(_ report: HostReport, _ index: Int, _ now: Instant, _ output: inout Output) {
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
      if hosts[index].topologyHash != report.topologyHash || hosts[index].topology == nil {
        log(
          .topologyChanged, host: id, actor: id.text,
          "\(topology.cells.count) cells, \(topology.pcpus.count) cpus", now, &output)
      }
      hosts[index].topology = topology
      hosts[index].topologyHash = report.topologyHash
    } else if hosts[index].topology == nil || hosts[index].topologyHash != report.topologyHash {
      send(.sendReport(withTopology: true), to: id, &output)
    }
    logChanges(from: hosts[index].guests, to: report.guests, host: id, now, &output)
    hosts[index].facts = report.facts
    hosts[index].cells = report.cells
    hosts[index].guests = report.guests
    hosts[index].libvirtAnswers = report.libvirtAnswers
    refresh(index, now)
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

  private mutating func logChanges(
    from old: [Guest], to new: [Guest], host: HostID, _ now: Instant, _ output: inout Output
  ) {
    for guest in new {
      guard let before = old.first(where: { $0.id == guest.id }) else {
        log(
          .guestAppeared, host: host, guest: guest.id, actor: host.text,
          "guest \(guest.name) is \(guest.state.rawValue)", now, &output)
        continue
      }
      let changes = guest.changes(since: before)
      if !changes.isEmpty {
        log(
          .guestChanged, host: host, guest: guest.id, actor: host.text,
          "guest \(guest.name): \(changes.joined(separator: "; "))", now, &output)
      }
    }
    for guest in old where !new.contains(where: { $0.id == guest.id }) {
      log(
        .guestVanished, host: host, guest: guest.id, actor: host.text, "guest \(guest.name) is gone", now, &output)
    }
  }

  /// Where a host is in `hosts`, or where it would be inserted.
  private func position(of id: HostID) -> Int {
    var low = hosts.startIndex
    var high = hosts.endIndex
    while low < high {
      let middle = (low + high) / 2
      if hosts[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low
  }

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
}
