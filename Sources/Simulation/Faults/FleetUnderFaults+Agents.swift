import AgentCore
import CoordinatorCore
import Fleet
import NUMA
import Wire

/// Agents: their starts and ends, and the carrying out of what their cores say.
extension FleetUnderFaults {
  static let libvirtDeadlineMilliseconds = 10_000

  mutating func startAgent(_ host: Int) {
    guard agents[host].core == nil else { return }
    agents[host].run += 1
    let boot = BootID("\(hosts[host].id)/\(hosts[host].boots)/\(agents[host].run)")
    let core = Agent(
      settings: Agent.Settings(
        softwareVersion: agents[host].isPreviousVersion ? "0.0.9" : "0.1.0", hostname: hosts[host].id, boot: boot,
        links: agents[host].links.count, threadsMilliseconds: climate.threadsMilliseconds,
        residencyMilliseconds: climate.residencyMilliseconds, topologyMilliseconds: climate.topologyMilliseconds,
        watchMilliseconds: climate.watchMilliseconds),
      journal: agents[host].durable, now: now)
    agents[host].core = core
    agents[host].tick = .max
    say { fleet in "agent of \(fleet.hosts[host].id) starts, run \(fleet.agents[host].run)" }
    step(agent: host, .tick)
    for link in agents[host].links.indices { schedule(.dial(host: host, coordinator: link), after: dice.below(2000)) }
  }

  /// Whether the process is stopped; then the occurrence waits for it.
  mutating func isStopped(agent host: Int, _ occurrence: Occurrence) -> Bool {
    let left = agents[host].stoppedUntil - now.milliseconds
    guard left > 0 else { return false }
    schedule(occurrence, after: left)
    return true
  }

  mutating func agentTick(_ host: Int, run: Int) {
    guard agents[host].run == run, agents[host].core != nil, agents[host].tick <= now.milliseconds else { return }
    guard !isStopped(agent: host, .agentTick(host: host, run: run)) else { return }
    agents[host].tick = .max
    step(agent: host, .tick)
  }

  mutating func step(agent host: Int, _ event: Agent.Event) {
    guard let output = agents[host].core?.step(event, at: now) else { return }
    for step in output.steps {
      guard carryOut(step, host) else { return }
      guard live(host) else { return }
    }
    guard let due = agents[host].core?.nextDeadline.milliseconds, due < agents[host].tick else { return }
    agents[host].tick = max(due, now.milliseconds)
    schedule(.agentTick(host: host, run: agents[host].run), after: due - now.milliseconds)
  }

  /// False when the process was killed just now, between one step and the next.
  private mutating func live(_ host: Int) -> Bool {
    guard let left = agents[host].stepsToLive else { return true }
    agents[host].stepsToLive = left - 1
    guard left <= 0 else { return true }
    crashAgent(host)
    return false
  }

  mutating func crashAgent(_ host: Int) {
    guard agents[host].core != nil else { return }
    say { fleet in "agent of \(fleet.hosts[host].id) is killed" }
    agents[host].core = nil
    agents[host].stepsToLive = nil
    agents[host].run += 1
    agents[host].stoppedUntil = 0
    for index in agents[host].links.indices where agents[host].links[index].isUp {
      agents[host].links[index].isUp = false
      if coordinators.indices.contains(index) { coordinators[index].sessions[host] = nil }
    }
    schedule(.agentStarts(host: host), after: agents[host].downFor)
  }

  /// False when what follows must not be carried out.
  private mutating func carryOut(_ step: Agent.Output.Step, _ host: Int) -> Bool {
    switch step {
    case .save(let journal):
      guard agents[host].journalFullUntil <= now.milliseconds else {
        faults.add("journalNotWritten")
        say { fleet in "  \(fleet.hosts[host].id): journal not written" }
        self.step(agent: host, .journalFailed(ModelHost.refusal(.storeUnavailable, "no space left on device")))
        return false
      }
      let old = agents[host].durable
      agents[host].durable = journal
      watch.saved(journal, after: old, on: hosts[host], host, time)
      tellOfEnds(old, journal, host)
    case .note(let note):
      say { fleet in
        "  \(fleet.hosts[host].id): \(note.event) \(note.fields.map { "\($0.key)=\($0.value)" }.joined(separator: " "))"
      }
    case .send(let message):
      let envelope = agents[host].isPreviousVersion ? message.envelope.asBefore : message.envelope
      send(EnvelopeCodec.encode(envelope), toCoordinator: message.link, from: host)
    case .run(let command):
      watch.willAct(command.effect, agents[host].durable, on: hosts[host], host, time)
      begin(command, host)
    case .callOff(let domain): callOff(domain, host)
    }
    return true
  }

  private mutating func tellOfEnds(_ old: Journal, _ new: Journal, _ host: Int) {
    guard transcript != nil else { return }
    for entry in new.inHand where !old.inHand.contains(where: { $0.job.id == entry.job.id }) {
      say { fleet in
        "  \(fleet.hosts[host].id): job \(entry.job.id) of \(entry.job.guestName) begins (\(entry.job.generation))"
      }
    }
    for report in new.unacknowledged where !old.unacknowledged.contains(where: { $0.job == report.job }) {
      say { fleet in "  \(fleet.hosts[host].id): job \(report.job) ends \(report.outcome)" }
    }
  }

  // MARK: Commands

  /// Decides when a command acts and when it ends.
  private mutating func begin(_ command: Command, _ host: Int) {
    let run = agents[host].run
    switch command.effect {
    case .observeHost, .observeGuest, .observeKSM, .setKSM:
      var delay = dice.within(2...40)
      if !hosts[host].libvirtAnswers(at: now.milliseconds), hosts[host].libvirtHungUntil > now.milliseconds {
        delay += min(Self.libvirtDeadlineMilliseconds, hosts[host].libvirtHungUntil - now.milliseconds)
      }
      schedule(.acts(host: host, run: run, command), after: delay)
    case .settleMigration: beginSettling(command, host)
    case .libvirt, .start, .migrate:
      if hosts[host].libvirtDownUntil > now.milliseconds {
        let refusal = ModelHost.refusal(.libvirtDown, "libvirt does not answer")
        return schedule(.ends(host: host, run: run, command.id, .failed(refusal)), after: 2)
      }
      if hosts[host].libvirtHungUntil > now.milliseconds {
        agents[host].waiting.append(WaitingCall(run: run, command: command))
        // The connection's keepalive may end before the deadline; the call lies in libvirtd's queue all the same.
        let isCut = dice.chance(perMille: 500)
        let refusal =
          isCut
          ? ModelHost.refusal(.libvirtDown, "the connection to libvirt broke")
          : ModelHost.refusal(.libvirtTimeout, "libvirt did not answer in time")
        let patience =
          isCut ? min(dice.within(15_000...20_000), command.deadlineMilliseconds) : command.deadlineMilliseconds
        return schedule(.ends(host: host, run: run, command.id, .failed(refusal)), after: patience)
      }
      if case .migrate(let domain, let uri, _, _) = command.effect {
        flights.append(Flight(host: host, guest: GuestID(domain), uri: uri, command: command.id))
      }
      schedule(.acts(host: host, run: run, command), after: duration(of: command.effect, host))
    case .kernel:
      schedule(.acts(host: host, run: run, command), after: duration(of: command.effect, host))
    }
  }

  /// A gigabyte a second, a few milliseconds a call.
  private mutating func duration(of effect: Effect, _ host: Int) -> Int {
    let call = dice.within(1...20)
    guard effect.movesPages, let guest = hosts[host].guest(of: effect) else { return call }
    return call + hosts[host].guests[guest].cells.reduce(0) { $0 + $1.mib }
  }

  mutating func acts(_ command: Command, host: Int, run: Int) {
    let isAlive = agents[host].run == run && agents[host].core != nil
    let answers = hosts[host].libvirtAnswers(at: now.milliseconds)
    let outcome: CommandOutcome
    switch command.effect {
    case .observeHost(let residency, let topology):
      guard isAlive else { return }
      outcome = .observedHost(
        hosts[host].observed(residency: residency, topology: topology, libvirtAnswers: answers))
    case .observeGuest(let guest, let incarnation):
      guard isAlive else { return }
      outcome = .observedGuest(hosts[host].observed(guest, run: incarnation, libvirtAnswers: answers))
    case .observeKSM, .setKSM:
      // No job of these fleets asks for it.
      outcome = .failed(ModelHost.refusal(.unsupported, "this host has no KSM"))
    case .settleMigration:
      guard isAlive else { return }
      guard let settled = settle(command, host, run) else { return }
      outcome = settled
    case .libvirt, .start, .migrate:
      // A call that has reached libvirtd is carried out whoever lives to hear of it, as long as the host lives.
      guard run >= agents[host].firstRunOfBoot else { return }
      outcome = act(command, host)
    case .kernel:
      // A system call dies with its process; pages that it has moved by then stay moved.
      guard isAlive || command.effect.movesPages else { return }
      if !isAlive { hosts[host].kernelFaults.insert(.doesHalf, at: 0) }
      outcome = act(command, host)
    }
    schedule(.ends(host: host, run: run, command.id, outcome), after: dice.within(0...5))
  }

  private mutating func act(_ command: Command, _ host: Int, isLate: Bool = false) -> CommandOutcome {
    // The daemon asks the kernel just before the call; what lies in libvirtd's queue nobody can stop any more.
    if !isLate, case .libvirt(let domain, let effect) = command.effect, effect.scope.touchesLive, let run = command.run,
      hosts[host].index(of: GuestID(domain)).map({ hosts[host].guests[$0].run != run }) ?? true
    {
      return .failed(ModelHost.refusal(.incarnationChanged, "process \(run) has ended"))
    }
    if !isLate, !isOver(command, host) { watch.acts(command.effect, agents[host].durable, on: hosts[host], host, time) }
    let (outcome, fault) =
      if case .migrate = command.effect { migrate(command, host) } else { hosts[host].carryOut(command.effect) }
    if let fault {
      faults.add("call.\(fault)")
      watch.excuse(host, hosts[host].guestID(of: command.effect))
    }
    say { fleet in "  \(fleet.hosts[host].id): \(command.effect.words)\(fault.map { " [\($0)]" } ?? "")" }
    watch.acted(command.effect, outcome, on: hosts[host], host, time)
    if let guest = hosts[host].guestID(of: command.effect) { watch.alone(guest, among: hosts, time) }
    return outcome
  }

  mutating func ends(_ command: CommandID, _ outcome: CommandOutcome, host: Int, run: Int) {
    guard agents[host].run == run, agents[host].core != nil else { return }
    guard !isStopped(agent: host, .ends(host: host, run: run, command, outcome)) else { return }
    step(agent: host, .completed(command, outcome))
  }

  /// The calls that waited are carried out in their order, those whose callers have given up too.
  mutating func libvirtWakes(_ host: Int) {
    guard hosts[host].libvirtHungUntil <= now.milliseconds else { return }
    let waiting = agents[host].waiting
    agents[host].waiting = []
    for call in waiting {
      let outcome = act(call.command, host, isLate: true)
      schedule(.ends(host: host, run: call.run, call.command.id, outcome), after: dice.within(0...5))
    }
  }
}

extension Effect {
  /// Whether it takes as long as pages take.
  var movesPages: Bool {
    switch self {
    case .kernel(_, .migratePages), .kernel(_, .movePages), .libvirt(_, .setNumatune), .migrate: true
    default: false
    }
  }

  /// For a transcript.
  var words: String {
    switch self {
    case .libvirt(let domain, let effect): "libvirt \(domain.suffix(4)) \(effect)"
    case .kernel(let run, let effect): "kernel \(run) \(effect)"
    case .start(let domainXML, _, let placement): "start \(domainXML) on \(placement.cells.map(\.cell))"
    case .migrate(let domain, let uri, let pinning, _):
      "migrate \(domain.suffix(4)) to \(uri) on \(pinning.memory.map(\.cell))"
    case .settleMigration(let domain, _): "settle migration of \(domain.suffix(4))"
    case .observeHost, .observeGuest, .observeKSM: "read"
    case .setKSM(let setting): "KSM \(setting)"
    }
  }
}

extension ModelHost {
  /// Which guest an effect is for.
  func guest(of effect: Effect) -> Int? {
    switch effect {
    case .libvirt(let domain, _), .migrate(let domain, _, _, _), .settleMigration(let domain, _):
      index(of: GuestID(domain))
    case .kernel(let run, _): guests.firstIndex { $0.run == run }
    case .observeHost, .observeGuest, .start, .observeKSM, .setKSM: nil
    }
  }

  func guestID(of effect: Effect) -> GuestID? {
    switch effect {
    case .libvirt(let domain, _), .migrate(let domain, _, _, _), .settleMigration(let domain, _): GuestID(domain)
    case .kernel(let run, _): guests.first { $0.run == run }?.id
    case .start(let domainXML, _, _): GuestID(String(domainXML.prefix { $0 != " " }))
    case .observeHost, .observeGuest, .observeKSM, .setKSM: nil
    }
  }
}

extension Envelope<ToCoordinator> {
  /// The message as the previous release would have sent it, which knew neither leases nor owners of terms.
  fileprivate var asBefore: Self {
    var copy = self
    switch payload {
    case .hello(var hello):
      hello.capabilities = []
      hello.epochOwner = nil
      copy.payload = .hello(hello)
    case .report(var report):
      report.journal = nil
      copy.payload = .report(report)
    case .heartbeat, .jobReport, .refused: break
    }
    return copy
  }
}
