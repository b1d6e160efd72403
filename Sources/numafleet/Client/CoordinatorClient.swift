import ClusterConfig
import Fleet
import Glibc
import Wire
import ZeroMQTransport

/// One conversation with a coordinator: a request out, the answer that names it back.
///
/// The transport promises nothing, so the client has the deadline: an answer that does not come in time is a failure
/// with exit code 3. A command whose answer does not come is sent again under the same name, by which the coordinator
/// knows it: it happens once, and its answer is not lost.
final class CoordinatorClient {
  private static let name = "coordinator"

  let endpoint: String
  private let dialer: Dialer
  private let patienceMilliseconds: Int
  /// Takes progress.
  private let note: (String) -> Void
  /// Names this run among all runs of all operators.
  private let boot: BootID
  private var messageID: UInt64
  /// Whether a coordinator that is being started again is waited for.
  private var waitsForRestart = false
  private var sequence: UInt64 = 0
  private var received: [Envelope<OperatorReply>] = []
  private var interrupted = false

  /// How often a command is sent at most.
  static let attemptsMax = 3

  /// Begins to connect.
  init(_ options: ConnectionOptions, _ console: Console? = nil) throws(CommandFailure) {
    let target = try CoordinatorTarget(options)
    endpoint = target.endpoint
    patienceMilliseconds = options.timeout * 1000
    note = { console?.note($0) }
    boot = BootID("command-" + (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }.joined())
    // Unique among all commands of all operators with near certainty; an answer to another's question is ignored.
    messageID = UInt64.random(in: 1...(1 << 48))
    do {
      dialer = try Dialer([target.destination(named: Self.name)])
    } catch {
      throw CommandFailure(
        code: "noAnswer", "\(error)", remedy: "check --coordinator, --key and --coordinator-key", exit: .noAnswer)
    }
  }

  /// Asks and waits for the answer; a refusal is thrown.
  func ask(_ request: OperatorRequest) throws(CommandFailure) -> OperatorReply {
    messageID += 1
    var attempt = 1
    defer { waitsForRestart = false }
    while true {
      var wasSent = false
      do throws(CommandFailure) {
        return try answer(to: request, messageID, &wasSent)
      } catch {
        guard error.exit == .noAnswer, request.commandName != nil, wasSent || attempt > 1 else { throw error }
        guard attempt < Self.attemptsMax else { throw unanswered(error) }
        attempt += 1
        waitsForRestart = true
        note("\(error.message); asking again, which does nothing twice (\(attempt) of \(Self.attemptsMax))")
      }
    }
  }

  private func answer(
    to request: OperatorRequest, _ id: UInt64, _ wasSent: inout Bool
  ) throws(CommandFailure) -> OperatorReply {
    let deadline = now() + patienceMilliseconds
    try send(request, id, until: deadline)
    wasSent = true
    while true {
      for envelope in received where envelope.answering == id {
        received.removeAll()
        if case .refused(let refusal) = envelope.payload { throw CommandFailure(refusal) }
        return envelope.payload
      }
      received.removeAll()
      guard now() < deadline else { throw noAnswer() }
      try turn(until: deadline, lossMatters: true)
    }
  }

  /// The last failure of a command that was sent and may have been carried out.
  private func unanswered(_ failure: CommandFailure) -> CommandFailure {
    CommandFailure(
      code: failure.code, "\(failure.message), asked \(Self.attemptsMax) times",
      remedy: "the change may have been made: see `numafleet events` when numafleet-coordinator runs again",
      exit: .noAnswer)
  }

  /// Hands over every event after a sequence that has happened by now, however many pages they fill.
  func past(after sequence: UInt64, _ each: (FleetEvent) -> Void) throws(CommandFailure) {
    var last = sequence
    while true {
      let reply = try ask(.events(after: last, follow: false))
      guard case .events(let events) = reply else { throw unexpected(reply) }
      guard events.contains(where: { $0.sequence > last }) else { return }
      for event in events where event.sequence > last {
        each(event)
        last = event.sequence
      }
    }
  }

  /// Asks for events and hands over each as it comes, until SIGINT or SIGTERM; asks again after a lost connection.
  func follow(after sequence: UInt64, _ each: (FleetEvent) -> Void) throws(CommandFailure) {
    do { try dialer.catchSignals([.interrupt, .terminate]) } catch {
      throw CommandFailure(code: "noAnswer", "\(error)", remedy: "follow without it: numafleet events", exit: .refused)
    }
    var last = sequence
    while !interrupted {
      // One answer holds a page; only when a page brings nothing new are live events the next ones.
      let caughtUp = try stream(follow: false, after: &last, each)
      if caughtUp { _ = try stream(follow: true, after: &last, each) }
    }
  }

  /// Takes one page of past events, or past and later ones for as long as they come without a gap. Whether there was
  /// nothing new; false as well when the connection was lost or the command interrupted.
  private func stream(
    follow: Bool, after last: inout UInt64, _ each: (FleetEvent) -> Void
  ) throws(CommandFailure) -> Bool {
    let deadline = now() + patienceMilliseconds
    messageID += 1
    let id = messageID
    try send(.events(after: last, follow: follow), id, until: deadline)
    var answered = false
    while !interrupted, dialer.isConnected(Self.name) {
      let envelopes = received.filter { $0.answering == id }
      received.removeAll()
      for envelope in envelopes {
        let before = last
        for event in try events(in: envelope) where event.sequence > last {
          // Sequences have no gaps, so what is missing fills more than one page and has to be asked for.
          if follow, answered, event.sequence != last + 1 { return false }
          each(event)
          last = event.sequence
        }
        if !follow { return last == before }
        answered = true
      }
      guard answered || now() < deadline else { throw noAnswer() }
      try turn(until: answered ? now() + 60_000 : deadline, lossMatters: false)
    }
    return false
  }

  private func events(in envelope: Envelope<OperatorReply>) throws(CommandFailure) -> [FleetEvent] {
    switch envelope.payload {
    case .events(let events): return events
    case .refused(let refusal): throw CommandFailure(refusal)
    default: throw unexpected(envelope.payload)
    }
  }

  /// Waits without asking anything, so that the connection is kept alive meanwhile.
  func rest(milliseconds: Int) throws(CommandFailure) {
    let end = now() + milliseconds
    while now() < end { try turn(until: end, lossMatters: false) }
    received.removeAll()
  }

  /// The failure of an answer that does not belong to its question.
  func unexpected(_ reply: OperatorReply) -> CommandFailure {
    CommandFailure(
      code: "protocolVersion", "the coordinator at \(endpoint) gave an answer that does not belong to the question",
      remedy: "compare its version in `numafleet status` with `numafleet --version`", exit: .refused)
  }

  private func send(_ request: OperatorRequest, _ id: UInt64, until deadline: Int) throws(CommandFailure) {
    while !dialer.isConnected(Self.name) {
      guard now() < deadline else { throw noAnswer() }
      try turn(until: deadline, lossMatters: false)
      if interrupted { return }
    }
    sequence += 1
    let envelope = Envelope(messageID: id, epoch: 0, boot: boot, sequence: sequence, payload: request)
    switch dialer.send(EnvelopeCodec.encode(envelope), to: Self.name) {
    case .sent, .queued: return
    case .tooLarge:
      throw CommandFailure(
        code: "malformed", "the request is larger than a message may be", remedy: "give a smaller domain XML",
        exit: .refused)
    default: throw noAnswer()
    }
  }

  /// Lets the transport work until something comes.
  private func turn(until deadline: Int, lossMatters: Bool) throws(CommandFailure) {
    let batch = dialer.wait(timeoutMilliseconds: max(0, deadline - now()))
    if !batch.signals.isEmpty { interrupted = true }
    for event in batch.events {
      switch event {
      case .received(let bytes, _): try receive(bytes)
      case .failed(_, .unreachable) where waitsForRestart: break
      case .failed(_, .unreachable):
        throw CommandFailure(
          code: "noAnswer", "no answer from coordinator at \(endpoint)", remedy: "is numafleet-coordinator running?",
          exit: .noAnswer)
      case .failed(_, let reason):
        throw CommandFailure(
          code: "noAnswer", "no connection to the coordinator at \(endpoint): \(reason.problem)", remedy: reason.remedy,
          exit: .noAnswer)
      case .disconnected, .undelivered:
        if lossMatters {
          throw CommandFailure(
            code: "noAnswer", "the connection to the coordinator at \(endpoint) was lost before it answered",
            remedy: "a change may have been accepted: see `numafleet job list`", exit: .noAnswer)
        }
      case .malformed(let frames, _):
        throw CommandFailure(
          code: "malformed", "\(endpoint) answered with \(frames) frames instead of one",
          remedy: "check that a numafleet-coordinator listens there", exit: .noAnswer)
      case .connected, .writable: break
      }
    }
  }

  private func receive(_ bytes: [UInt8]) throws(CommandFailure) {
    do {
      received.append(try EnvelopeCodec.decodeOperatorReply(bytes))
    } catch {
      throw CommandFailure(error.refusal)
    }
  }

  private func noAnswer() -> CommandFailure {
    CommandFailure(
      code: "noAnswer", "no answer from coordinator at \(endpoint) within \(patienceMilliseconds / 1000) s",
      remedy: "is numafleet-coordinator running?", exit: .noAnswer)
  }

  private func now() -> Int { monotonicMilliseconds() }
}

/// CLOCK_MONOTONIC in milliseconds.
func monotonicMilliseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
