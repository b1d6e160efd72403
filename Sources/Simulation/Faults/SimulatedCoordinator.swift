import CoordinatorCore
import Fleet
import PlacementEngine
import Store
import Wire

/// One coordinator of a simulated fleet: the real core on the real store, in memory.
struct SimulatedCoordinator: Sendable {
  let ledger: Ledger
  /// Nil while it does not run.
  var core: Coordinator?
  var run = 0
  var boot: BootID = ""
  var epoch: Epoch = 0
  var sequence: UInt64 = 0
  /// The newest connection of each host.
  var sessions: [Int?]
  var stoppedUntil = 0
  var isStoreFull = false
  /// Steps that it still carries out before it is killed.
  var stepsToLive: Int?
  var downFor = 1000
  /// The tick that is scheduled.
  var tick = Int.max

  init(ledger: Ledger, hosts: Int) {
    self.ledger = ledger
    sessions = Array(repeating: nil, count: hosts)
  }

  mutating func envelope<Payload>(_ payload: Payload, answering: UInt64?, job: JobID? = nil) -> Envelope<Payload> {
    sequence += 1
    return Envelope(
      messageID: sequence, answering: answering, job: job, epoch: epoch, boot: boot, sequence: sequence,
      payload: payload)
  }
}

/// Coordinators: their starts and ends, and the carrying out of what their cores say.
extension FleetUnderFaults {
  mutating func startCoordinator(_ index: Int) {
    guard coordinators.indices.contains(index), coordinators[index].core == nil else { return }
    coordinators[index].run += 1
    do {
      let restored = try coordinators[index].ledger.beginTerm()
      coordinators[index].epoch = restored.epoch
      coordinators[index].boot = BootID("c\(index)/\(coordinators[index].run)")
      coordinators[index].sequence = 0
      watch.restored(restored, index, coordinators[index].ledger, time)
      var core = Coordinator(
        settings: Coordinator.Settings(
          softwareVersion: "0.1.0", boot: coordinators[index].boot,
          heartbeatMilliseconds: climate.heartbeatMilliseconds,
          unreachableMilliseconds: climate.unreachableMilliseconds),
        policy: policy, policyText: "the policy of this seed", restoring: restored, now: now)
      let output = core.begin(at: now)
      coordinators[index].core = core
      coordinators[index].tick = .max
      say { _ in "coordinator \(index) starts, term \(restored.epoch)" }
      carryOut(output, index)
      for host in agents.indices { redial(host, index) }
    } catch {
      watch.broken("store", "coordinator \(index) cannot start: \(error)", time)
    }
  }

  /// Whether the process is stopped; then the occurrence waits for it.
  mutating func isStopped(coordinator index: Int, _ occurrence: Occurrence) -> Bool {
    guard coordinators.indices.contains(index) else { return false }
    let left = coordinators[index].stoppedUntil - now.milliseconds
    guard left > 0 else { return false }
    schedule(occurrence, after: left)
    return true
  }

  mutating func coordinatorTick(_ index: Int, run: Int) {
    guard coordinators[index].run == run, coordinators[index].core != nil,
      coordinators[index].tick <= now.milliseconds
    else { return }
    guard !isStopped(coordinator: index, .coordinatorTick(index, run: run)) else { return }
    coordinators[index].tick = .max
    step(index, .tick)
  }

  mutating func step(_ index: Int, _ event: Coordinator.Event) {
    guard let output = coordinators[index].core?.step(event, at: now) else { return }
    carryOut(output, index)
  }

  private mutating func carryOut(_ output: Coordinator.Output, _ index: Int) {
    for step in output.steps {
      guard carryOut(step, index) else { return }
      guard live(index) else { return }
    }
    guard let due = coordinators[index].core?.nextDeadline?.milliseconds, due < coordinators[index].tick else { return }
    coordinators[index].tick = max(due, now.milliseconds)
    schedule(.coordinatorTick(index, run: coordinators[index].run), after: due - now.milliseconds)
  }

  /// False when the process was killed just now, between one step and the next.
  private mutating func live(_ index: Int) -> Bool {
    guard let left = coordinators[index].stepsToLive else { return true }
    coordinators[index].stepsToLive = left - 1
    guard left <= 0 else { return true }
    crashCoordinator(index, downFor: coordinators[index].downFor)
    return false
  }

  mutating func crashCoordinator(_ index: Int, downFor milliseconds: Int) {
    guard coordinators[index].core != nil else { return }
    say { _ in "coordinator \(index) is killed" }
    coordinators[index].core = nil
    coordinators[index].stepsToLive = nil
    coordinators[index].stoppedUntil = 0
    coordinators[index].run += 1
    for host in agents.indices {
      let link = agents[host].links[index]
      guard link.isUp else { continue }
      // Now and then something between them keeps the connection, and a coordinator's restart is not seen.
      if dice.chance(perMille: climate.silentRestartsPerMille), time < quietFrom {
        faults.add("silentRestart")
        continue
      }
      coordinators[index].sessions[host] = nil
      schedule(.linkLost(host: host, coordinator: index, connection: link.connection), after: dice.within(1...100))
    }
    schedule(.coordinatorStarts(index), after: milliseconds)
  }

  /// False when what follows must not be carried out.
  private mutating func carryOut(_ step: Coordinator.Output.Step, _ index: Int) -> Bool {
    switch step {
    case .commit(let writes): return commit(writes, index)
    case .tryStore: tryStore(index)
    case .admitKeys, .read: break
    case .note(let note):
      say { _ in
        "  coordinator \(index): \(note.event) \(note.fields.map { "\($0.key)=\($0.value)" }.joined(separator: " "))"
      }
    case .send(let message):
      guard let host = hosts.firstIndex(where: { $0.id == message.host }) else { break }
      let envelope = coordinators[index].envelope(
        message.payload, answering: message.answering, job: message.payload.job?.id)
      if case .job(let job) = message.payload {
        say { _ in "  coordinator \(index): job \(job.id) sent to \(job.host)" }
      }
      send(EnvelopeCodec.encode(envelope), toAgent: host, from: index)
    case .reply(let reply): answer(reply, index)
    case .plan(let task):
      let event = Coordinator.Event.planned(Placer.plan(task.input), token: task.token)
      workOut(event, index)
    case .inquire(let inquiry):
      workOut(.answered(inquiry.answer(), token: inquiry.token), index)
    }
    return true
  }

  /// Off the loop: whatever happens meanwhile, the answer is of the fleet as it was.
  private mutating func workOut(_ event: Coordinator.Event, _ index: Int) {
    let milliseconds = dice.chance(perMille: 100) ? dice.within(500...20_000) : dice.within(1...50)
    schedule(.workedOut(coordinator: index, run: coordinators[index].run, event), after: milliseconds)
  }

  private mutating func commit(_ writes: [Write], _ index: Int) -> Bool {
    do {
      try coordinators[index].ledger.commit(writes)
    } catch {
      withhold(error, index)
      return false
    }
    if transcript != nil {
      for case .event(let event) in writes {
        say { _ in "  coordinator \(index): \(event.kind.rawValue) \(event.text)" }
      }
    }
    watch.committed(writes, index, agents, hosts, time)
    return true
  }

  /// Nothing was stored, so nothing leaves; a full store passes, and the core is told to take back what it decided.
  private mutating func withhold(_ error: StoreError, _ index: Int) {
    guard error.mayPass else {
      // The schema is the last line: that it had to hold is a fault of the core.
      return watch.broken("schema", "coordinator \(index): \(error)", time)
    }
    faults.add("storeNotWritten")
    say { _ in "  coordinator \(index): \(error)" }
    do { step(index, .storeFailed(error.refusal, try coordinators[index].ledger.restored())) } catch {
      watch.broken("store", "coordinator \(index) cannot read: \(error)", time)
    }
  }

  private mutating func tryStore(_ index: Int) {
    // A full disk has room for a trial now and then, and for no more.
    if coordinators[index].isStoreFull, !dice.chance(perMille: 100) { return }
    do { try coordinators[index].ledger.tryWriting() } catch { return }
    step(index, .storeRecovered)
  }

  /// Sets how far a store may grow: not at all, or as far as it likes.
  mutating func fillStore(_ index: Int, _ isFull: Bool) {
    coordinators[index].isStoreFull = isFull
    do { try coordinators[index].ledger.limit(isFull) } catch {
      watch.broken("store", "coordinator \(index): \(error)", time)
    }
  }
}
