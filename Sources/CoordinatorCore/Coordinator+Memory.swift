import Fleet
import NUMA
import PlacementEngine

/// What the coordinator remembers of hosts and guests from one term to the next.
///
/// A guest on a host that has not reported yet is still there: it counts to its groups, and a second copy of it would
/// be a second owner of its disks.
extension Coordinator {
  /// The hosts of earlier terms, each with the guests that were last seen on it.
  static func entries(_ restored: Restored, _ shelf: TopologyShelf, now: Instant) -> [HostEntry] {
    var seen = restored.sightings[...]
    return restored.hosts.map { record in
      HostEntry(
        remembering: record, topology: record.topology.flatMap { shelf[$0] },
        guests: seen.take(on: record.id).map(\.remembered), wishes: restored.wishes(on: record.id), now: now)
    }
  }

  /// Whether a host may leave out the topology that it calls by that hash.
  func knowsTopology(of entry: HostEntry, _ hash: UInt64) -> Bool {
    (entry.topology != nil && entry.topologyHash == hash) || shelf[hash] != nil
  }

  /// Makes what is durable of a host agree with its entry.
  mutating func remember(_ index: Int, _ output: inout Output) {
    guard storeRefusal == nil, let facts = hosts[index].facts else { return }
    let old = hosts[index].recorded
    var record = HostRecord(
      id: hosts[index].id, facts: facts.lasting, topology: old?.topology, topologyHash: hosts[index].topologyHash)
    if let topology = hosts[index].topology, !hosts[index].isTopologyRecorded {
      record.topology = shelve(topology.withoutFreeAmounts, &output)
      hosts[index].isTopologyRecorded = true
    }
    guard record != old else { return }
    hosts[index].recorded = record
    output.writes.append(.host(record))
    forgetTopology(old?.topology)
  }

  /// The hash under which the topology is kept; nil when it is not, for two topologies of one hash must not be taken
  /// for each other.
  private mutating func shelve(_ topology: HostTopology, _ output: inout Output) -> UInt64? {
    let hash = topology.contentHash
    if let known = shelf[hash] { return known == topology ? hash : nil }
    let record = TopologyRecord(hash: hash, topology: topology)
    shelf.add(record)
    output.writes.append(.topology(record))
    return hash
  }

  /// Drops a topology that no host has any more; the store does the same by itself.
  private mutating func forgetTopology(_ hash: UInt64?) {
    guard let hash, !hosts.contains(where: { $0.recorded?.topology == hash }) else { return }
    shelf.remove(hash)
  }

  /// Replaces the guests of a host, in ascending order, and keeps which they are and whether they run.
  mutating func see(_ guests: [Guest], on index: Int, _ output: inout Output) {
    if storeRefusal == nil { remember(guests, on: hosts[index].id, after: hosts[index].guests, &output) }
    hosts[index].guests = guests
  }

  /// Writes what has changed of the guests that are remembered of a host; both ascend by id.
  private func remember(_ guests: [Guest], on host: HostID, after before: [Guest], _ output: inout Output) {
    var old = before[...]
    for guest in guests {
      while let gone = old.first, gone.id < guest.id {
        output.writes.append(.vanished(gone.id, from: host))
        old.removeFirst()
      }
      let before = old.first.flatMap { $0.id == guest.id ? $0 : nil }
      if before != nil { old.removeFirst() }
      let sighting = Sighting(of: guest, on: host)
      if before.map({ Sighting(of: $0, on: host) }) != sighting { output.writes.append(.sighting(sighting)) }
    }
    for gone in old { output.writes.append(.vanished(gone.id, from: host)) }
  }

  /// What was observed while the store took no writes becomes durable; `sightings` is what the store holds.
  mutating func rememberAll(after sightings: [Sighting], _ output: inout Output) {
    var seen = sightings[...]
    for index in hosts.indices {
      let host = hosts[index].id
      remember(index, &output)
      remember(hosts[index].guests, on: host, after: seen.take(on: host).map(\.remembered), &output)
    }
  }

  /// Forgets what was to be written of hosts, and was not.
  mutating func takeBackHosts(_ restored: Restored, _ now: Instant) {
    shelf = TopologyShelf(restored.topologies)
    // A host that was forgotten in what was not stored is not forgotten.
    for entry in Self.entries(restored, shelf, now: now) where index(of: entry.id) == nil {
      hosts.insert(entry, at: hosts.partitionIndex { $0.id >= entry.id })
    }
    var records = restored.hosts[...]
    for index in hosts.indices {
      records = records.drop { $0.id < hosts[index].id }
      let record = records.first.flatMap { $0.id == hosts[index].id ? $0 : nil }
      hosts[index].wishes = restored.wishes(on: hosts[index].id)
      hosts[index].recorded = record
      // What was ended when it was judged is not ended.
      hosts[index].isJudged = false
      let isKept = record?.topology != nil && record?.topologyHash == hosts[index].topologyHash
      hosts[index].isTopologyRecorded = hosts[index].topology == nil || isKept
    }
  }

  // MARK: Forgetting

  /// Forgets a host that is gone for good, and the guests that were on it.
  mutating func forget(_ wish: ForgetHost, _ question: Question, _ now: Instant, _ output: inout Output) {
    guard let index = index(of: wish.host) else {
      return refuse(question, unknown(wish.host), now, &output)
    }
    if let refusal = refusal(of: wish, hosts[index]) { return refuse(question, refusal, now, &output) }
    let lost = hosts[index].guests.count { $0.isThere }
    log(
      .hostForgotten, host: wish.host, actor: question.actor,
      "host \(wish.host) was forgotten\(lost == 0 ? "" : " with \(lost) guests that ran there")", now, &output)
    giveUpJobs(on: wish.host, actor: question.actor, now, &output)
    for claim in claims where claim.host == wish.host { release(claim.job, on: wish.host, now, &output) }
    if draining.contains(wish.host) {
      draining.removeAll { $0 == wish.host }
      output.writes.append(.draining(wish.host, false))
    }
    let entry = hosts.remove(at: index)
    output.writes.append(.forgottenHost(wish.host))
    forgetTopology(entry.recorded?.topology)
    placer.remove(wish.host)
    goOnWithPlans(now, &output)
    reply(.accepted(Accepted(text: "host \(wish.host) is forgotten")), to: question, &output)
  }

  /// Why a host must not be forgotten; nil when it may be.
  private func refusal(of wish: ForgetHost, _ entry: HostEntry) -> Refusal? {
    if entry.liveness == .connected {
      return Refusal(
        .busy, "host \(entry.id) is connected", remedy: "stop its agent first, or use numafleet host drain")
    }
    guard !wish.evenWithGuests else { return nil }
    let running = entry.guests.count { $0.isThere }
    let jobs = jobs.count { !$0.state.isFinal && $0.job.hosts.contains(entry.id) }
    let claims = claims.count { $0.host == entry.id }
    guard running + jobs + claims > 0 else { return nil }
    return Refusal(
      .busy,
      "host \(entry.id) had \(running) running guests, \(jobs) jobs in flight and \(claims) claims when last heard of",
      remedy: "if the machine is gone with all of them, add --lost; then their UUIDs may be started elsewhere")
  }
}

extension Guest {
  /// What an operator would want to read of a guest that is only remembered from an earlier term.
  func changes(sinceRemembered before: Guest) -> [String] {
    state == before.state ? [] : ["\(before.state.rawValue) is now \(state.rawValue)"]
  }
}

extension [Guest] {
  /// The same by id, each once; agents send them so, but what they send decides nothing about the ledger.
  var ascending: [Guest] {
    guard zip(self, dropFirst()).contains(where: { $0.id >= $1.id }) else { return self }
    return sorted { $0.id < $1.id }.reduce(into: []) { if $0.last?.id != $1.id { $0.append($1) } }
  }
}
