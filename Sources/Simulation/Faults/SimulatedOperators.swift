import CoordinatorCore
import Fleet
import NUMA
import Wire

/// Operators at their terminals: each question is asked until it is answered, and what was acknowledged is remembered.
struct SimulatedOperators: Sendable {
  struct Question: Sendable {
    let request: OperatorRequest
    let coordinator: Int
    var attempts = 0
    var answer: OperatorReply?
  }

  var questions: [Question] = []
  /// Which question each token of a coordinator's run stands for.
  var tokens: [(coordinator: Int, run: Int, token: UInt64, question: Int)] = []
  var started = 0

  static let attemptsMax = 6
  static let patienceMilliseconds = 10_000
}

extension FleetUnderFaults {
  mutating func question(_ request: OperatorRequest, to coordinator: Int) {
    operators.questions.append(SimulatedOperators.Question(request: request, coordinator: coordinator))
    schedule(.asked(question: operators.questions.count - 1), after: 0)
  }

  /// The question arrives, unless nobody is there; it is asked again until an answer has come.
  mutating func ask(_ index: Int) {
    let question = operators.questions[index]
    guard question.answer == nil, question.attempts < SimulatedOperators.attemptsMax else { return }
    operators.questions[index].attempts += 1
    schedule(.asked(question: index), after: SimulatedOperators.patienceMilliseconds)
    let coordinator = question.coordinator
    guard coordinators.indices.contains(coordinator), coordinators[coordinator].core != nil,
      coordinators[coordinator].stoppedUntil <= now.milliseconds
    else { return }
    let token = UInt64(index * SimulatedOperators.attemptsMax + question.attempts)
    let run = coordinators[coordinator].run
    operators.tokens.append((coordinator, run, token, index))
    if operators.tokens.count > 256 { operators.tokens.removeFirst(128) }
    let envelope = Envelope(
      messageID: UInt64(index + 1), epoch: 0, boot: "operator", sequence: 0,
      payload: question.request)
    do throws(WireError) {
      let arrived = try EnvelopeCodec.decodeOperatorRequest(EnvelopeCodec.encode(envelope))
      let id = RequestID(boot: arrived.boot, messageID: arrived.messageID)
      step(coordinator, .asked(arrived.payload, actor: "olga", token: Coordinator.Token(token), id: id))
    } catch {
      watch.broken("wire", "a request cannot be read: \(error)", time)
    }
  }

  mutating func answer(_ reply: Coordinator.Reply, _ coordinator: Int) {
    let run = coordinators[coordinator].run
    guard
      let token = operators.tokens.last(where: {
        $0.coordinator == coordinator && $0.run == run && $0.token == reply.token.number
      })
    else { return }
    let bytes = EnvelopeCodec.encode(coordinators[coordinator].envelope(reply.payload, answering: nil))
    schedule(.answered(question: token.question, bytes), after: dice.within(0...3))
  }

  mutating func takeAnswer(_ bytes: [UInt8], of index: Int) {
    do throws(WireError) {
      let reply = try EnvelopeCodec.decodeOperatorReply(bytes).payload
      if case .accepted(let second) = reply, case .accepted(let first)? = operators.questions[index].answer,
        first.jobs != second.jobs
      {
        watch.broken("once", "a command made jobs \(first.jobs), and asked again \(second.jobs)", time)
      }
      guard operators.questions[index].answer == nil else { return }
      operators.questions[index].answer = reply
      let coordinator = operators.questions[index].coordinator
      switch reply {
      case .accepted(let accepted):
        say { _ in "operator: \(accepted.text)" }
        watch.acknowledged(accepted, coordinator)
        if case .cancel = operators.questions[index].request { return }
        // Who is quick meets a guest on its way.
        if climate.kinds.contains(.cancel), !accepted.jobs.isEmpty, dice.chance(perMille: 200) {
          schedule(.act(.cancel(pick: dice.below(2))), after: dice.within(1...1500))
        }
      case .refused(let refusal): say { _ in "operator: refused, \(refusal.description)" }
      case .plan(let plan) where !plan.moves.isEmpty && plan.state == .proposed:
        say { _ in "operator: plan \(plan.id) has \(plan.moves.count) moves" }
        question(.applyPlan(plan.id), to: coordinator)
      default: break
      }
    } catch {
      watch.broken("wire", "an answer cannot be read: \(error)", time)
    }
  }

  // MARK: What they ask for

  mutating func askToStart(_ pick: Int, _ coordinator: Int) {
    operators.started += 1
    let number = operators.started
    let (cells, vcpus) = [(1, 1), (1, 2), (1, 2), (1, 4), (2, 2), (2, 4)][pick % 6]
    let id = GuestID(Self.uuid(number))
    let shape = Shape(
      name: "g\(number)",
      guestCells: Array(
        repeating: ShapeCell(vcpus: vcpus / cells, memory: KiB(mib: [256, 512, 1024][pick / 8 % 3])), count: cells),
      cpuClass: pick / 32 % 3 == 0 ? .floating : .dedicated)
    question(
      .start(
        StartGuest(
          guest: id, guestName: shape.name, shape: shape, domainXML: "\(id.text) \(shape.name) \(vcpus)", dryRun: false)
      ), to: coordinator)
  }

  mutating func askToChange(_ pick: Int, _ coordinator: Int) {
    guard let (host, guest) = guest(pick) else { return }
    let found = hosts[host].guests[guest]
    let cell = pick / 64 % hosts[host].topology.cells.count
    let cpus = hosts[host].topology.cells[cell].cpus
    guard !cpus.isEmpty else { return }
    var desired = Pinning()
    if pick & 1 == 0 { desired.vcpus = (0..<found.vcpus).map { VCPUPin(vcpu: $0, cpuset: cpus) } }
    if pick & 2 == 0 { desired.emulator = cpus }
    if pick & 4 == 0, found.cells.count == 1 { desired.memory = [GuestCellPlacement(guestCell: 0, cell: cell)] }
    if desired.isEmpty { desired.vcpus = [VCPUPin(vcpu: 0, cpuset: cpus)] }
    let scope: Scope? = [nil, .live, .both, nil][pick / 8 % 4]
    let driver: DriverChoice? = [nil, nil, .kernel, .libvirt][pick / 16 % 4]
    question(
      .change(ManualChange(guest: found.id.text, desired: desired, scope: scope, driver: driver, dryRun: false)),
      to: coordinator)
  }

  /// Somebody thinks better of what was asked for not long ago.
  mutating func askToCancel(_ pick: Int, _ coordinator: Int) {
    let accepted = operators.questions.reversed().lazy.compactMap { question -> Accepted? in
      if case .cancel = question.request { return nil }
      guard question.coordinator == coordinator, case .accepted(let accepted)? = question.answer else { return nil }
      return accepted.jobs.isEmpty ? nil : accepted
    }
    let recent = Array(accepted.prefix(3))
    guard !recent.isEmpty else { return }
    let chosen = recent[pick / 64 % recent.count]
    if pick & 1 == 0, let plan = chosen.plan {
      question(.cancel(.plan(plan)), to: coordinator)
    } else {
      question(.cancel(.job(chosen.jobs[pick / 256 % chosen.jobs.count])), to: coordinator)
    }
  }

  static func uuid(_ number: Int) -> String {
    let digits = String(number)
    return "00000000-0000-4000-8000-" + String(repeating: "0", count: 12 - digits.count) + digits
  }
}
