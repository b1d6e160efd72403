public import Fleet

extension Agent.Output {
  /// One thing to carry out.
  public enum Step: Sendable, Hashable {
    /// Durable, whole; when it fails, nothing that follows may be done.
    case save(Journal)
    case note(Note)
    case send(Agent.Message)
    case run(Command)
    /// Whatever migration of that domain is under way here ends, and the domain stays (`virDomainAbortJob`).
    case callOff(domain: String)
  }

  /// All there is to do, in the only order that survives a stop between any two steps: the daemon's loop and the
  /// simulator both follow it.
  public var steps: [Step] {
    var steps = notes.map(Step.note)
    let save: [Step] = journal.map { [.save($0)] } ?? []
    if SafetyCheck.intentBeforeAct.isOn { steps += save }
    steps += messages.map(Step.send)
    steps += commands.map(Step.run)
    steps += calledOff.map(Step.callOff)
    if !SafetyCheck.intentBeforeAct.isOn { steps += save }
    return steps
  }
}
