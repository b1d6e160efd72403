import Fleet
import NUMA
import PlacementEngine

/// What is wanted of each guest beyond one job: kept when a job is verified or an operator adopts what is there, and
/// forgotten when the guest is gone.
extension Coordinator {
  func withWish(_ placed: PlacedGuest) -> PlacedGuest {
    var placed = placed
    placed.wish = index(of: placed.host).flatMap { hosts[$0].wish(of: placed.guest) }
    return placed
  }

  /// A job was verified: what it wanted is wanted from now on. What only the next start shall have is not.
  mutating func want(_ record: JobRecord, _ now: Instant, _ output: inout Output) {
    let job = record.job
    let desired: Pinning
    switch job.action {
    case .apply(let pinning, _): desired = pinning
    case .start(_, _, let placement), .migrate(_, let placement, _): desired = placement.pinning
    case .switchKSM: return
    }
    guard job.scope.touchesLive, let index = index(of: job.destination ?? job.host),
      let guest = hosts[index].guests.first(where: { $0.id == job.guest })
    else { return }
    let earlier = hosts[index].wish(of: guest)
    let pinning = desired.filled(from: earlier?.pinning ?? Pinning())
    // A job that makes records true of what was adopted changes nobody's mind.
    if let earlier, earlier.pinning == pinning { return }
    let outlives = job.scope.touchesConfig && guest.persistent
    keep(
      Wish(
        guest: guest.id, host: hosts[index].id, incarnation: outlives ? nil : guest.incarnation, pinning: pinning,
        origin: .placed(job.id), since: now.wallMilliseconds), on: index, &output)
    refresh(index, now)
  }

  private mutating func keep(_ wish: Wish, on index: Int, _ output: inout Output) {
    // A wish needs the host's own record, which comes with its first report.
    guard storeRefusal == nil, hosts[index].recorded != nil else { return }
    hosts[index].keep(wish)
    output.writes.append(.wish(wish))
  }

  /// Nothing is wanted of a guest that is gone. Without libvirt's answer its domains are only remembered.
  mutating func forgetWishes(on index: Int, _ output: inout Output) {
    guard storeRefusal == nil, hosts[index].libvirtAnswers != false else { return }
    let guests = hosts[index].guests
    for wish in hosts[index].wishes {
      let place = guests.partitionIndex { $0.id >= wish.guest }
      guard place == guests.endIndex || guests[place].id != wish.guest else { continue }
      hosts[index].wishes.removeAll { $0.guest == wish.guest }
      output.writes.append(.forgottenWish(wish.guest, on: hosts[index].id))
    }
  }

  /// Why automation leaves a guest that somebody else placed; nil when it may move it.
  func unmanaged(_ guest: Guest, on entry: HostEntry) -> String? {
    guard policy.automation.manage == .ours else { return nil }
    switch entry.wish(of: guest)?.origin {
    case .placed?: return nil
    case .adopted(let actor)?: return "\(actor) adopted its pins, and the policy's manage is ours"
    case nil:
      guard let topology = entry.topology, guest.isConfined(on: topology) else { return nil }
      return "it was pinned by hand, and the policy's manage is ours"
    }
  }

  // MARK: Adopting

  /// What adopting one guest would do.
  private struct Adoption {
    var wish: Wish
    /// What its records lack; empty where they say the same already.
    var records: Pinning
    var scope: Scope
  }

  mutating func adopt(_ wish: Adopt, _ question: Question, _ now: Instant, _ output: inout Output) {
    let subjects: [PlacedGuest]
    switch wish.subject {
    case .guest(let text):
      switch find(text) {
      case .failure(let refusal): return refuse(question, refusal, now, &output)
      case .success(let placed): subjects = [placed]
      }
    case .guests(let host):
      if let refusal = refusalOfUnknown(host) { return refuse(question, refusal, now, &output) }
      subjects = guests(of: host).filter(\.guest.isThere)
    }
    var (told, left, jobs): ([String], [String], [JobID]) = ([], [], [])
    for placed in subjects {
      switch adoption(of: placed, by: question.actor, now) {
      case .failure(let refusal):
        if case .guest = wish.subject { return refuse(question, refusal, now, &output) }
        left.append(refusal.message)
      // Of a whole host only those are adopted that are not as they were wanted already.
      case .success(let adoption) where wish.subject.isHost && isAsWanted(placed) && adoption.records.isEmpty: continue
      case .success(let adoption):
        told.append(placed.guest.name)
        guard !wish.dryRun else {
          if !adoption.records.isEmpty { left.append("a job would write the records of guest \(placed.guest.name)") }
          continue
        }
        jobs += carryOut(adoption, placed, actor: question.actor, now, &output)
      }
    }
    let names = told.isEmpty ? "no guest" : (told.count == 1 ? "guest " : "guests ") + told.joined(separator: ", ")
    let verb = "\(names) \(wish.dryRun ? "would be" : told.count > 1 ? "are" : "is") wanted as found"
    let rest = left.isEmpty ? "" : "; " + left.joined(separator: "; ")
    reply(.accepted(Accepted(jobs: jobs, text: verb + rest)), to: question, &output)
  }

  /// Whether something is wanted of the guest, and the kernel shows it.
  private func isAsWanted(_ placed: PlacedGuest) -> Bool {
    guard let index = index(of: placed.host), let topology = hosts[index].topology,
      let wish = hosts[index].wish(of: placed.guest)
    else { return false }
    return wish.drift(of: placed.guest, on: topology).isEmpty
  }

  /// Adopts the drifted guests of a host for which the policy says so; whether jobs came of it.
  mutating func adoptDrifted(on index: Int, _ now: Instant, _ output: inout Output) -> Bool {
    guard automation.state.mode == .on, let topology = hosts[index].topology else { return false }
    let host = hosts[index].id
    var jobs: [JobID] = []
    for guest in hosts[index].guests where policy.drift(of: guest) == .adopt {
      guard let wish = hosts[index].wish(of: guest), !wish.drift(of: guest, on: topology).isEmpty else { continue }
      let placed = PlacedGuest(host: host, guest: guest)
      guard case .success(let adoption) = adoption(of: placed, by: Self.automationActor, now) else { continue }
      jobs += carryOut(adoption, placed, actor: Self.automationActor, now, &output)
    }
    return !jobs.isEmpty
  }

  private func adoption(of placed: PlacedGuest, by actor: String, _ now: Instant) -> Result<Adoption, Refusal> {
    let guest = placed.guest
    if case .failure(let refusal) = checkReachable(placed) { return .failure(refusal) }
    guard guest.isThere, let index = index(of: placed.host), let topology = hosts[index].topology else {
      return .failure(
        Refusal(.notRunning, "guest \(guest.name) does not run", remedy: "start it; there is nothing to adopt"))
    }
    if let refusal = refusalWhileBusy(guest.id, called: "guest \(guest.name)") { return .failure(refusal) }
    let shown = guest.shown(on: topology)
    guard !shown.vcpus.isEmpty || shown.emulator != nil || !shown.iothreads.isEmpty || shown.numatune != nil else {
      return .failure(
        Refusal(
          .malformed, "guest \(guest.name) has no pins to adopt",
          remedy: "use numafleet place, which gives it some"))
    }
    let (records, scope) = records(of: guest, lacking: shown)
    if !records.isEmpty,
      let refusal = preflight(placed.host, guest, now)?.refusal(of: records, for: guest, scope: scope)
    {
      return .failure(refusal)
    }
    let outlives = guest.persistent && policy.scope.touchesConfig
    let wish = Wish(
      guest: guest.id, host: placed.host, incarnation: outlives ? nil : guest.incarnation, pinning: shown,
      origin: .adopted(by: actor), since: now.wallMilliseconds)
    return .success(Adoption(wish: wish, records: records, scope: scope))
  }

  /// What of the pins libvirt's records do not say, and which of them: the next start's, and the running guest's where
  /// somebody went past libvirt. Its threads stay where they are.
  private func records(of guest: Guest, lacking shown: Pinning) -> (Pinning, Scope) {
    guard case .domain = guest.kind else { return (Pinning(), .config) }
    var lacking = Pinning()
    if policy.scope.touchesConfig, guest.persistent, let config = guest.config {
      lacking = shown.pins(differingFrom: config)
      if let tune = shown.numatune, tune.nodeset != nil, tune.memnodes.isEmpty, tune != config.numatune {
        lacking.numatune = NUMATune(mode: tune.mode, nodeset: tune.nodeset)
      }
    }
    let unrecorded = shown.pins(differingFrom: guest.live)
    guard !unrecorded.isEmpty else { return (lacking, .config) }
    return (lacking.filled(from: unrecorded), policy.scope.touchesConfig && guest.persistent ? .both : .live)
  }

  private mutating func carryOut(
    _ adoption: Adoption, _ placed: PlacedGuest, actor: String, _ now: Instant, _ output: inout Output
  ) -> [JobID] {
    guard let index = index(of: placed.host) else { return [] }
    let guest = placed.guest
    keep(adoption.wish, on: index, &output)
    log(
      .guestAdopted, host: placed.host, guest: guest.id, actor: actor, "guest \(guest.name) is wanted as it is", now,
      &output)
    refresh(index, now)
    guard !adoption.records.isEmpty else { return [] }
    let job = create(
      JobDraft(
        host: placed.host, guest: guest.id, guestName: guest.name, incarnation: guest.incarnation,
        action: .apply(desired: adoption.records, expected: guest.live), scope: adoption.scope,
        driver: policy.driver(on: placed.host), livePages: false, plan: nil),
      claiming: { job in placed.claim(for: adoption.records, job: job) }, actor: actor, now, &output)
    return [job]
  }
}

extension Adopt.Subject {
  fileprivate var isHost: Bool {
    if case .guests = self { return true }
    return false
  }
}

extension HostEntry {
  mutating func keep(_ wish: Wish) {
    let place = wishes.partitionIndex { $0.guest >= wish.guest }
    if place < wishes.endIndex, wishes[place].guest == wish.guest {
      wishes[place] = wish
    } else {
      wishes.insert(wish, at: place)
    }
  }
}

extension Restored {
  /// What is wanted of the guests of one host.
  func wishes(on host: HostID) -> [Wish] {
    let first = wishes.partitionIndex { $0.host >= host }
    return Array(wishes[first...].prefix { $0.host == host })
  }
}
