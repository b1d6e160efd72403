import ClusterConfig
import CoordinatorCore
import Daemon
import Dispatch
import Fleet
import Logging
import PlacementEngine
import Store
import Wire
import ZeroMQTransport

/// Largest messages by direction; the wire's own limits.
enum ByteLimit {
  static let agentMessage = WireLimits.message.bytes
  static let operatorReply = WireLimits.reply.bytes
  /// Texts of the events in one reply: far below what a message holds, so that an operator soon sees the first.
  static let eventsPage = 8 << 20
}

/// Waits for what happens, steps the core, and carries its output out in order: one durable transaction for a whole
/// batch, then messages and replies, then planning on another thread.
///
/// A value that is never copied: the compiler proves its accesses exclusive, where a class would check each of them.
struct CoordinatorLoop: ~Copyable {
  private var core: Coordinator
  private let ledger: Ledger
  private let hub: Hub
  private let admission: Admission
  private let clock: MachineClock
  private var now: Instant
  private let log: Logger
  private let policyFile: PolicyFile
  private var outgoing: Outgoing
  private var sessions = Sessions()
  /// Plans and answers that were made off the loop.
  private let finished: Mailbox<Coordinator.Event>
  private let planner = DispatchQueue(label: "planner")
  private let inquirer = DispatchQueue(label: "inquirer")
  private var batch = Coordinator.Output()

  /// How many may wait for the loop.
  static let finishedMax = 64

  init(
    core: Coordinator, ledger: Ledger, hub: Hub, admission: Admission, clock: MachineClock, log: Logger, boot: BootID,
    epoch: Epoch, policyFile: PolicyFile
  ) throws {
    self.core = core
    self.ledger = ledger
    self.hub = hub
    self.admission = admission
    self.clock = clock
    now = clock.now()
    self.log = log
    self.policyFile = policyFile
    outgoing = Outgoing(boot: boot, epoch: epoch)
    finished = try Mailbox(capacity: Self.finishedMax)
    hub.attach(finished)
  }

  /// Serves until a signal says stop or the store fails for good; the process's exit status.
  mutating func run() -> Int32 {
    batch.append(core.begin(at: now))
    guard carryOut() else { return 75 }
    while true {
      let wait = core.nextDeadline.map { max(0, $0.milliseconds - clock.now().milliseconds) } ?? -1
      let arrived = hub.wait(timeoutMilliseconds: wait)
      // What came together happened together.
      now = clock.now()
      for done in finished.take() { step(done) }
      for event in arrived.events { take(event) }
      if arrived.signals.contains(.hangup) { reload() }
      step(.tick)
      guard carryOut() else { return 75 }
      if arrived.signals.contains(.terminate) || arrived.signals.contains(.interrupt) {
        log.info("stopping")
        return 0
      }
    }
  }

  private mutating func step(_ event: Coordinator.Event) { batch.append(core.step(event, at: now)) }

  // MARK: In

  private mutating func take(_ event: HubEvent) {
    switch event {
    case .received(let delivery):
      guard let identity = Admission.identity(of: delivery) else { return }
      if delivery.listener == ListenerName.agents {
        takeFromAgent(delivery, identity)
      } else {
        takeFromOperator(delivery, identity)
      }
    case .malformed(let malformed):
      log.warning("malformed message", metadata: ["user": "\(malformed.user)", "problem": "\(malformed.problem)"])
    case .refused(let connection):
      let revoked = Refusal(
        .notPermitted, "this key was revoked", remedy: "ask an administrator for a new one")
      _ = hub.sendRefusal(sessions.refusal(revoked, to: connection, &outgoing), to: connection)
      forget(connection)
    case .turnedAway(let peer):
      log.warning(
        "handshake refused",
        metadata: ["listener": "\(peer.listener)", "address": "\(peer.address)", "key": "\(peer.key?.z85 ?? "none")"])
    case .undelivered(let connection, let count):
      log.info("messages not delivered", metadata: ["connection": "\(connection)", "count": "\(count)"])
      forget(connection)
    case .writable:
      break
    }
  }

  private mutating func takeFromAgent(_ delivery: Delivery, _ identity: Admission.Identity) {
    let host = HostID(identity.name)
    do throws(WireError) {
      let envelope = try EnvelopeCodec.decodeToCoordinator(delivery.payload)
      FailPoint.reach("coordinator-report-received", when: envelope.payload.isFinalReport)
      sessions.connect(host, delivery.connection)
      step(.received(envelope, from: host))
    } catch {
      log.warning("message refused", metadata: ["host": "\(host)", "reason": "\(error)"])
      let envelope = outgoing.envelope(ToAgent.refused(error.refusal), answering: error.messageID)
      _ = hub.send(EnvelopeCodec.encode(envelope), to: delivery.connection)
    }
  }

  private mutating func takeFromOperator(_ delivery: Delivery, _ identity: Admission.Identity) {
    do throws(WireError) {
      let envelope = try EnvelopeCodec.decodeOperatorRequest(delivery.payload)
      FailPoint.reach("coordinator-command-received", when: !Authorization.permits(.viewer, envelope.payload))
      let token = sessions.token(for: delivery.connection, messageID: envelope.messageID)
      if let refusal = Authorization.refusal(identity.role, envelope.payload) {
        batch.replies.append(Coordinator.Reply(token: token, payload: .refused(refusal)))
      } else {
        let id = RequestID(boot: envelope.boot, messageID: envelope.messageID)
        step(.asked(envelope.payload, actor: identity.name, token: token, id: id))
      }
    } catch {
      let envelope = outgoing.envelope(OperatorReply.refused(error.refusal), answering: error.messageID)
      _ = hub.send(EnvelopeCodec.encode(envelope), to: delivery.connection)
    }
  }

  private mutating func reload() {
    do {
      let (policy, text) = try policyFile.read()
      step(.reloaded(policy, text: text))
      log.info("policy reloaded", metadata: ["file": "\(policyFile.path)"])
    } catch {
      log.error("policy not reloaded, the old one stays", metadata: ["reason": "\(error)"])
    }
  }

  // MARK: Out

  /// False when the store failed for good: then the process must stop.
  private mutating func carryOut() -> Bool {
    let output = batch
    batch = Coordinator.Output()
    for step in output.steps {
      switch step {
      case .commit(let writes):
        FailPoint.reach("coordinator-before-commit", when: output.beginsJobs)
        FailPoint.reach("coordinator-before-report-commit", when: output.endsJobs)
        do { try ledger.commit(writes) } catch { return withhold(output, error) }
        FailPoint.reach("coordinator-after-commit", when: output.beginsJobs)
        FailPoint.reach("coordinator-after-report-commit", when: output.endsJobs)
      case .admitKeys: admit()
      case .note(let note): log.log(note)
      case .send(let message): send(message)
      case .read(let query): answer(query)
      case .reply(let reply):
        answer(reply.token, reply.payload)
        FailPoint.reach("coordinator-answered", when: reply.payload.beginsJobs)
      case .plan(let task): plan(task)
      case .inquire(let inquiry): answer(inquiry)
      case .tryStore: return tryStore()
      }
    }
    return true
  }

  /// Nothing of this output is stored, so nothing of it leaves but what only reads; false when the store cannot be
  /// tried again.
  private mutating func withhold(_ output: Coordinator.Output, _ error: StoreError) -> Bool {
    log.critical("store failed", metadata: ["reason": "\(error)"])
    for reply in output.replies {
      // A follower waits for events, and these did not happen.
      if case .events = reply.payload { continue }
      answer(reply.token, .refused(error.refusal))
    }
    for note in output.notes { log.log(note) }
    guard error.mayPass else { return false }
    do {
      step(.storeFailed(error.refusal, try ledger.restored()))
    } catch {
      log.critical("store not readable", metadata: ["reason": "\(error)"])
      return false
    }
    for query in output.queries { answer(query) }
    return carryOut()
  }

  private mutating func tryStore() -> Bool {
    do {
      try ledger.tryWriting()
    } catch {
      if !error.mayPass { log.critical("store failed", metadata: ["reason": "\(error)"]) }
      return error.mayPass
    }
    log.notice("store takes writes again")
    step(.storeRecovered)
    return carryOut()
  }

  private func admit() {
    do {
      try admission.replace(core.keys)
    } catch {
      // Keys are checked before they are stored, so this is a damaged row; fail closed for it alone.
      log.error("key table not replaced", metadata: ["reason": "\(error)"])
    }
  }

  private mutating func send(_ message: Coordinator.Message) {
    guard let connection = sessions.connection(of: message.host) else { return }
    var envelope = outgoing.envelope(message.payload, answering: message.answering)
    envelope.job = message.payload.job?.id
    // What cannot be delivered now is sent again when due: messages carry full state.
    let result = hub.send(EnvelopeCodec.encode(envelope), to: connection)
    if result == .unreachable || result == .revoked { forget(connection) }
    FailPoint.reach("coordinator-job-sent", when: message.payload.isJob)
  }

  private mutating func answer(_ token: Coordinator.Token, _ payload: OperatorReply) {
    guard let session = sessions.session(of: token) else { return }
    var bytes = EnvelopeCodec.encode(outgoing.envelope(payload, answering: session.messageID))
    if bytes.count > ByteLimit.operatorReply {
      let refusal = Refusal(
        .busy, "the answer has \(bytes.count) bytes, too many for one message", remedy: "ask for one host")
      bytes = EnvelopeCodec.encode(outgoing.envelope(OperatorReply.refused(refusal), answering: session.messageID))
    }
    let result = hub.send(bytes, to: session.connection)
    if result == .unreachable || result == .revoked { forget(session.connection) }
  }

  private mutating func answer(_ query: Coordinator.EventQuery) {
    do {
      // Later events of this batch reach a follower as they happen, so they must not come from the store too.
      let past = try ledger.events(after: query.after, limit: Ledger.readLimit).filter { $0.sequence <= query.upTo }
      answer(query.token, .events(past.page(bytesMax: ByteLimit.eventsPage)))
    } catch {
      answer(query.token, .refused(error.refusal))
    }
  }

  private mutating func forget(_ connection: Connection) {
    for token in sessions.forget(connection) { step(.left(token)) }
  }

  private func plan(_ task: Coordinator.PlanningTask) {
    let finished = finished
    planner.async { finished.post(.planned(Placer.plan(task.input), token: task.token)) }
  }

  private func answer(_ inquiry: Coordinator.Inquiry) {
    let finished = finished
    // Beside the planner, because jobs wait for plans and for inquiries only whoever asked.
    inquirer.async { finished.post(.answered(inquiry.answer(), token: inquiry.token)) }
  }
}

extension [FleetEvent] {
  /// The first of them whose texts fit, and at least one, so that who asks on gets on.
  func page(bytesMax: Int) -> [FleetEvent] {
    var bytes = 0
    let end = indices.first { index in
      let event = self[index]
      bytes += event.text.utf8.count + event.actor.utf8.count
      return bytes > bytesMax && index > startIndex
    }
    return Array(self[..<(end ?? endIndex)])
  }
}

extension Coordinator.Output {
  /// Joins the output of a later step, so that one transaction serves a whole batch.
  mutating func append(_ later: Coordinator.Output) {
    // Most steps fill one of these, and this runs with every message.
    if !later.writes.isEmpty { writes += later.writes }
    if !later.messages.isEmpty { messages += later.messages }
    if !later.replies.isEmpty { replies += later.replies }
    if !later.queries.isEmpty { queries += later.queries }
    if !later.planning.isEmpty { planning += later.planning }
    if !later.inquiries.isEmpty { inquiries += later.inquiries }
    if !later.notes.isEmpty { notes += later.notes }
    keysChanged = keysChanged || later.keysChanged
    retriesStore = retriesStore || later.retriesStore
  }
}

// What named moments are told by.

extension Coordinator.Output {
  /// Whether an operator is told of jobs that these writes have begun.
  fileprivate var beginsJobs: Bool { replies.contains { $0.payload.beginsJobs } }

  fileprivate var endsJobs: Bool {
    writes.contains { if case .job(let record) = $0 { record.state.isFinal } else { false } }
  }
}

extension OperatorReply {
  fileprivate var beginsJobs: Bool {
    if case .accepted(let accepted) = self { return !accepted.jobs.isEmpty }
    return false
  }
}

extension ToCoordinator {
  fileprivate var isFinalReport: Bool {
    if case .jobReport(let report) = self { return report.outcome.isFinal }
    return false
  }
}

extension ToAgent {
  fileprivate var isJob: Bool {
    if case .job = self { return true }
    return false
  }
}
