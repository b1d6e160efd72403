public import Fleet
import NUMA
import PlacementEngine

extension Coordinator {
  /// Final jobs listed at once.
  static let listedJobsMax = 200

  mutating func asked(_ question: Question, _ now: Instant, _ output: inout Output) {
    if let refusal = storeRefusal, !question.request.onlyAsks { return refuse(question, refusal, now, &output) }
    switch question.request {
    case .hosts: reply(.hosts(inventory(now).hosts), to: question, &output)
    case .host(let id): answer(question, host(id, now).map(OperatorReply.host), now, &output)
    case .guests(let host):
      answer(
        question, host.flatMap(refusalOfUnknown).map { .failure($0) } ?? .success(.guests(guests(of: host))), now,
        &output)
    case .guest(let text): answer(question, find(text).map { .guest(withWish($0)) }, now, &output)
    case .findings(let subject): answer(question, examine(subject, now).map { .findings($0) }, now, &output)
    case .placeGuest(let wish): place(wish, question, now, &output)
    case .placeShape(let shape, let explain): place(shape, explain, question, now, &output)
    case .drain(let host, let isDraining): drain(host, isDraining, question, now, &output)
    case .forgetHost(let wish): forget(wish, question, now, &output)
    case .placeShapes(let wish): place(wish, question, now, &output)
    case .capacity(let shape, let byHost, let after):
      count(shape, byHost: byHost, after: after, question, now, &output)
    case .start(let wish): start(wish, question, now, &output)
    case .change(let change): self.change(change, question, now, &output)
    case .makePlan(let request):
      switch request.host.map({ self.host($0, now) }) {
      case .failure(let refusal)?: refuse(question, refusal, now, &output)
      case .success?, nil: ask(request, .propose, for: question, now, &output)
      }
    case .plans: reply(.plans(plans), to: question, &output)
    case .plan(let id):
      let plan = plans.first { $0.id == id }
      answer(question, plan.map { .success(.plan($0)) } ?? .failure(unknownPlan(id)), now, &output)
    case .applyPlan(let id, let last): apply(id, through: last, for: question, now, &output)
    case .jobs(let active):
      reply(.jobs(jobs.filter { !active || !$0.state.isFinal }.suffix(Self.listedJobsMax)), to: question, &output)
    case .job(let id):
      let unknown = Refusal(.unknownJob, "there is no job \(id)", remedy: "see numafleet job list")
      answer(question, record(id).map { .success(.jobs([$0])) } ?? .failure(unknown), now, &output)
    case .events(let after, let follow):
      if follow { followers.append(question.token) }
      output.queries.append(EventQuery(token: question.token, after: after, upTo: lastEvent))
    case .keys: reply(.keys(keys), to: question, &output)
    case .authorizeKey(let key): authorize(key, question, now, &output)
    case .revokeKey(let publicKey): revoke(publicKey, question, now, &output)
    case .automate(let wish): automate(wish, question, now, &output)
    case .adopt(let wish): adopt(wish, question, now, &output)
    case .switchKSM(let wish): switchKSM(wish, question, now, &output)
    case .cancel(let wish): cancel(wish, question, now, &output)
    case .automation: reply(.automation(automationStatus(now)), to: question, &output)
    case .policy: reply(.policy(policy), to: question, &output)
    case .status: reply(.status(status), to: question, &output)
    }
  }

  mutating func reply(_ payload: OperatorReply, to question: Question, _ output: inout Output) {
    keep(payload, to: question, &output)
    for token in question.waiting { output.replies.append(Reply(token: token, payload: payload)) }
  }

  /// A refused command changes nothing, but that it was tried is part of the audit.
  mutating func refuse(_ question: Question, _ refusal: Refusal, _ now: Instant, _ output: inout Output) {
    log(.commandRefused, actor: question.actor, refusal.description, now, &output)
    reply(.refused(refusal), to: question, &output)
  }

  private mutating func answer(
    _ question: Question, _ result: Result<OperatorReply, Refusal>, _ now: Instant, _ output: inout Output
  ) {
    switch result {
    case .success(let payload): reply(payload, to: question, &output)
    case .failure(let refusal): reply(.refused(refusal), to: question, &output)
    }
  }

  // MARK: Finding

  private var status: CoordinatorStatus {
    CoordinatorStatus(
      softwareVersion: settings.softwareVersion, epoch: epoch, hosts: hosts.count,
      hostsUnreachable: hosts.count { $0.liveness == .unreachable || $0.foreign != nil },
      guests: hosts.reduce(0) { $0 + $1.guests.count }, jobsInFlight: jobs.filter { !$0.state.isFinal }.count,
      lastEvent: lastEvent, storeOutage: storeRefusal == nil ? nil : outage?.shown)
  }

  func host(_ id: HostID, _ now: Instant) -> Result<HostView, Refusal> {
    if let refusal = refusalOfUnknown(id) { return .failure(refusal) }
    guard let view = entry(of: id).flatMap({ view(of: $0, now) }) else {
      return .failure(withoutTopology(id))
    }
    return .success(view)
  }

  /// The refusal of a host that no agent has reported for; nil when one has.
  func refusalOfUnknown(_ id: HostID) -> Refusal? { index(of: id) == nil ? unknown(id) : nil }

  func unknown(_ id: HostID) -> Refusal {
    let known = hosts.map(\.id.text).prefix(8).joined(separator: ", ")
    return Refusal(
      .unknownHost, "no host is called \(id)",
      remedy: known.isEmpty ? "no agent has connected yet" : "known are \(known)")
  }

  private mutating func drain(
    _ host: HostID, _ isDraining: Bool, _ question: Question, _ now: Instant, _ output: inout Output
  ) {
    // A host that is gone may still be resumed, lest it stay on the list for ever.
    if let refusal = refusalOfUnknown(host), isDraining || !draining.contains(host) {
      return refuse(question, refusal, now, &output)
    }
    if draining.contains(host) != isDraining {
      draining.removeAll { $0 == host }
      if isDraining { draining = (draining + [host]).sorted() }
      output.writes.append(.draining(host, isDraining))
      log(
        isDraining ? .hostDraining : .hostResumed, host: host, actor: question.actor,
        isDraining ? "nothing new is placed on host \(host)" : "host \(host) takes new guests again", now, &output)
      if let index = hosts.firstIndex(where: { $0.id == host }) { refresh(index, now) }
    }
    let running = guests(of: host).count { $0.guest.isThere }
    var text = "host \(host) takes new guests"
    if isDraining {
      text = "host \(host) is draining: nothing new is placed there, its \(running) running guests stay"
    } else if policy.rules(of: host).draining {
      text = "host \(host) is still draining by the policy; change it under hosts in policy.yaml"
    }
    reply(.accepted(Accepted(text: text)), to: question, &output)
  }

  func withoutTopology(_ id: HostID) -> Refusal {
    Refusal(.hostUnreachable, "host \(id) has not sent its topology yet", remedy: "ask again in a few seconds")
  }

  func guests(of host: HostID?, which isMeant: (HostID, Guest) -> Bool = { _, _ in true }) -> [PlacedGuest] {
    let travels = travels
    var found: [PlacedGuest] = []
    for place in hosts.indices where host == nil || hosts[place].id == host {
      let id = hosts[place].id
      for index in hosts[place].guests.indices where isMeant(id, hosts[place].guests[index]) {
        let guest = hosts[place].guests[index]
        if !travels.hide(guest.id, on: id) { found.append(PlacedGuest(host: id, guest: guest)) }
      }
    }
    return found
  }

  /// A guest by id, by `HOST/NAME`, or by a name that only one guest has.
  func find(_ text: String) -> Result<PlacedGuest, Refusal> {
    let exact = guests(of: nil) { host, guest in
      guest.id.text == text || text.hasSuffix(guest.name) && "\(host)/\(guest.name)" == text
    }
    let found = exact.isEmpty ? guests(of: nil) { $1.name == text } : exact
    switch found.count {
    case 1: return .success(found[0])
    case 0:
      return .failure(Refusal(.unknownGuest, "no guest is called \(text)", remedy: "see numafleet guest list"))
    default:
      let where_ = found.map { "\($0.host)/\($0.guest.name)" }.joined(separator: ", ")
      return .failure(
        Refusal(.ambiguousGuest, "\(found.count) guests are called \(text)", remedy: "use the id, or one of \(where_)"))
    }
  }

  // MARK: Placing

  private mutating func place(_ wish: PlaceGuest, _ question: Question, _ now: Instant, _ output: inout Output) {
    switch find(wish.guest).flatMap({ checkReachable($0) }) {
    case .failure(let refusal): refuse(question, refusal, now, &output)
    case .success(let placed):
      guard let destination = wish.to else {
        return ask(
          .place(guest: placed.guest.id, host: placed.host, cells: wish.cells), .place(wish), for: question, now,
          &output)
      }
      if let refusal = refusalOfUnknown(destination) { return refuse(question, refusal, now, &output) }
      ask(
        .migrate(guest: placed.guest.id, from: placed.host, to: destination, cells: wish.cells), .place(wish),
        for: question, now, &output)
    }
  }

  func checkReachable(_ placed: PlacedGuest) -> Result<PlacedGuest, Refusal> {
    guard let index = index(of: placed.host) else { return .failure(unknown(placed.host)) }
    // Without a topology nothing could be checked before it is tried.
    guard hosts[index].topology != nil else { return .failure(withoutTopology(placed.host)) }
    if let refusal = hosts[index].refusal { return .failure(refusal) }
    return .success(placed)
  }

  private mutating func place(
    _ shape: Shape, _ explain: Bool, _ question: Question, _ now: Instant, _ output: inout Output
  ) {
    let contradictions = shape.contradictions()
    guard contradictions.isEmpty else {
      refuse(question, Refusal(.malformed, contradictions[0], remedy: "see numafleet place --help"), now, &output)
      return
    }
    reply(.decision(placer.decide(shape, explain: explain)), to: question, &output)
  }

  private mutating func start(_ wish: StartGuest, _ question: Question, _ now: Instant, _ output: inout Output) {
    let twins = guests(of: nil) { $1.id == wish.guest }
    if let twin = twins.first {
      // A second definition of a shut-off guest would be two owners of one disk.
      let isRunning = twin.guest.isThere
      let refusal = Refusal(
        .duplicate, "guest \(wish.guest) \(isRunning ? "already runs" : "is already defined") on host \(twin.host)",
        remedy: isRunning ? "use another UUID" : "start it there and use numafleet place, or undefine it first")
      refuse(question, refusal, now, &output)
      return
    }
    if let refusal = refusalWhileBusy(wish.guest, called: "this guest") {
      return refuse(question, refusal, now, &output)
    }
    // Groups know a guest by its own name, whatever its shape is called.
    var shape = wish.shape
    if !wish.guestName.isEmpty { shape.name = wish.guestName }
    let decision = placer.decide(shape, as: wish.guest, explain: wish.dryRun)
    guard !wish.dryRun, let placement = decision.placement else {
      if !wish.dryRun { placer.learn(refused: shape) }
      reply(.decision(decision), to: question, &output)
      return
    }
    let found = violations(of: placement, shape: shape, as: wish.guest, in: inventory(now), policy: policy)
    if let first = found.first {
      let refusal = Refusal(.overlap, "the placement would break a rule: \(first)", remedy: "report it; place by hand")
      return refuse(question, refusal, now, &output)
    }
    let job = create(
      JobDraft(
        host: placement.host, guest: wish.guest, guestName: shape.name, incarnation: nil,
        action: .start(domainXML: wish.domainXML, shape: shape, placement: placement), scope: .both,
        driver: .libvirt, livePages: false, plan: nil),
      claiming: { job in
        Claim.of(placement, shape: shape, guest: wish.guest, job: job)
      }, actor: question.actor, now, &output)
    reply(
      .accepted(Accepted(jobs: [job], text: "starting \(shape.name) on host \(placement.host)")), to: question,
      &output)
  }

  // MARK: Changing

  private mutating func change(
    _ change: ManualChange, _ question: Question, _ now: Instant, _ output: inout Output
  ) {
    switch find(change.guest).flatMap({ checkReachable($0) }) {
    case .failure(let refusal): refuse(question, refusal, now, &output)
    case .success(let placed):
      let scope = change.scope ?? policy.scope
      let desired = change.desired.completed(for: placed.guest)
      if let refusal = refusalWhileBusy(placed.guest.id, called: "this guest") {
        refuse(question, refusal, now, &output)
      } else if let refusal = preflight(placed.host, placed.guest, now)?.refusal(
        of: desired, for: placed.guest, scope: scope)
      {
        refuse(question, refusal, now, &output)
      } else if change.dryRun {
        reply(.accepted(Accepted(text: "nothing forbids it; nothing was changed (--dry-run)")), to: question, &output)
      } else {
        let job = create(
          JobDraft(
            host: placed.host, guest: placed.guest.id, guestName: placed.guest.name,
            incarnation: placed.guest.incarnation, action: .apply(desired: desired, expected: nil), scope: scope,
            driver: change.driver ?? policy.driver(on: placed.host),
            livePages: policy.allowsLivePages(of: placed.guest), plan: nil),
          claiming: { job in placed.claim(for: desired, job: job) }, actor: question.actor, now, &output)
        reply(
          .accepted(Accepted(jobs: [job], text: "job \(job) for guest \(placed.guest.name)")), to: question, &output)
      }
    }
  }

  // MARK: Keys

  private mutating func authorize(_ key: AuthorizedKey, _ question: Question, _ now: Instant, _ output: inout Output) {
    guard key.isWellFormed else {
      let refusal = Refusal(
        .malformed, "a key is 40 characters of Z85 and has an owner",
        remedy: "copy the public key that numafleet key new printed")
      refuse(question, refusal, now, &output)
      return
    }
    if let known = keys.first(where: { $0.publicKey == key.publicKey }) {
      let why = known.revoked ? "was revoked" : "already belongs to \(known.owner)"
      refuse(
        question, Refusal(.duplicate, "this key \(why)", remedy: "make a new one with numafleet key new"), now, &output)
      return
    }
    var key = key
    key.since = now.wallMilliseconds
    key.revoked = false
    keys.append(key)
    output.writes.append(.key(key))
    output.keysChanged = true
    log(.keyAuthorized, actor: question.actor, "key of \(key.role.rawValue) \(key.owner) authorized", now, &output)
    reply(.accepted(Accepted(text: "\(key.role.rawValue) \(key.owner) may connect")), to: question, &output)
  }

  private mutating func revoke(_ publicKey: String, _ question: Question, _ now: Instant, _ output: inout Output) {
    guard let index = keys.firstIndex(where: { $0.publicKey == publicKey && !$0.revoked }) else {
      refuse(
        question, Refusal(.unknownKey, "no such key is authorized", remedy: "see numafleet key list"), now, &output)
      return
    }
    keys[index].revoked = true
    output.writes.append(.key(keys[index]))
    output.keysChanged = true
    log(
      .keyRevoked, actor: question.actor, "key of \(keys[index].role.rawValue) \(keys[index].owner) revoked", now,
      &output)
    reply(.accepted(Accepted(text: "\(keys[index].owner) can no longer connect with this key")), to: question, &output)
  }
}

extension AuthorizedKey {
  /// Whether the transport can make an admission of it; what is stored is admitted at every start.
  public var isWellFormed: Bool {
    let punctuation: [UInt8] = Array(".-:+=^!/*?&<>()[]{}@%$#".utf8)
    let isZ85 = publicKey.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
        UInt8(ascii: "A")...UInt8(ascii: "Z"):
        true
      default: punctuation.contains(byte)
      }
    }
    return isZ85 && publicKey.utf8.count == 40 && owner.contains { !$0.isWhitespace }
  }
}

extension Pinning {
  /// A nodeset of one cell also says where the memory of a guest without guest cells shall be.
  func completed(for guest: Guest) -> Pinning {
    guard memory.isEmpty, let nodeset = numatune?.nodeset, nodeset.count == 1, let cell = nodeset.first,
      guest.guestCells.count <= 1
    else { return self }
    var copy = self
    copy.memory = [GuestCellPlacement(guestCell: guest.guestCells.first?.id ?? 0, cell: cell)]
    return copy
  }
}

extension PlacedGuest {
  /// What a manual change reserves while it runs: the memory it moves, on its new cells.
  func claim(for desired: Pinning, job: JobID) -> Claim? {
    let memory = desired.memory.compactMap { target -> MemoryClaim? in
      let amount = guest.memoryElsewhere(than: target)
      return amount > 0 ? MemoryClaim(cell: target.cell, pageSize: guest.pageSize, amount: amount) : nil
    }
    guard !memory.isEmpty else { return nil }
    return Claim(job: job, host: host, guest: guest.id, dedicated: [], memory: memory)
  }
}
