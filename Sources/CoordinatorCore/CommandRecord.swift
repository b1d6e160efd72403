public import Fleet

/// The answer to a command, kept so that the same command sent again has the same answer and no second effect.
public struct CommandRecord: Sendable, Hashable {
  public var id: RequestID
  public var actor: String
  /// Milliseconds since 1970.
  public var wallMilliseconds: Int
  /// The command's name, by which another request under the same id is told.
  public var command: String
  public var answer: CommandAnswer

  /// How many are kept, the newest; a command is sent again within minutes or never.
  public static let keptMax = 4096

  public init(id: RequestID, actor: String, wallMilliseconds: Int, command: String, answer: CommandAnswer) {
    self.id = id
    self.actor = actor
    self.wallMilliseconds = wallMilliseconds
    self.command = command
    self.answer = answer
  }
}

/// What a command is answered with.
public enum CommandAnswer: Sendable, Hashable, Codable {
  case accepted(Accepted)
  /// A plan as it was committed; the plan itself is kept under its number.
  case proposed(PlanID)
  case refused(Refusal)

  init?(_ reply: OperatorReply) {
    switch reply {
    case .accepted(let accepted): self = .accepted(accepted)
    case .plan(let plan): self = .proposed(plan.id)
    case .refused(let refusal): self = .refused(refusal)
    default: return nil
    }
  }
}

extension Coordinator {
  /// Whether the question is a command that was sent before: then it is answered as it was, or waits for the answer
  /// that is being worked out.
  mutating func recall(_ question: Question, _ output: inout Output) -> Bool {
    guard let id = question.id, let command = question.request.commandName else { return false }
    if let known = commands.last(where: { $0.id == id }) {
      let isSame = known.actor == question.actor && known.command == command
      output.replies.append(Reply(token: question.token, payload: isSame ? reply(of: known) : .refused(taken(id))))
      return true
    }
    guard let index = pending.firstIndex(where: { $0.question.id == id }) else { return false }
    let asked = pending[index].question
    if asked.actor == question.actor, asked.request == question.request {
      pending[index].question.waiting.append(question.token)
    } else {
      output.replies.append(Reply(token: question.token, payload: .refused(taken(id))))
    }
    return true
  }

  /// Keeps the answer to a command with what it changed.
  mutating func keep(_ payload: OperatorReply, to question: Question, _ output: inout Output) {
    // A refusal for want of a store is no last word: the same command may be done when it is sent again.
    guard storeRefusal == nil, let id = question.id, let command = question.request.commandName,
      let answer = CommandAnswer(payload)
    else { return }
    let record = CommandRecord(
      id: id, actor: question.actor, wallMilliseconds: question.wallMilliseconds, command: command, answer: answer)
    commands.append(record)
    commands.removeFirst(max(0, commands.count - CommandRecord.keptMax))
    output.writes.append(.command(record))
  }

  private func reply(of record: CommandRecord) -> OperatorReply {
    switch record.answer {
    case .accepted(let accepted): return .accepted(accepted)
    case .refused(let refusal): return .refused(refusal)
    case .proposed(let id):
      guard var plan = plans.first(where: { $0.id == id }) else { return .refused(unknownPlan(id)) }
      plan.state = .proposed
      return .plan(plan)
    }
  }

  private func taken(_ id: RequestID) -> Refusal {
    Refusal(
      .duplicate, "request \(id.messageID) of \(id.boot) was another command",
      remedy: "number the requests of one run")
  }
}
