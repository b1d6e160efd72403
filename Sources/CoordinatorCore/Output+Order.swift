public import Fleet

extension Coordinator.Output {
  /// One thing to carry out.
  public enum Step: Sendable, Hashable {
    /// All writes in one transaction; when it fails, nothing that follows may leave.
    case commit([Write])
    /// Make the table of admitted keys anew.
    case admitKeys
    case note(Note)
    case send(Coordinator.Message)
    case read(Coordinator.EventQuery)
    case reply(Coordinator.Reply)
    case plan(Coordinator.PlanningTask)
    case inquire(Coordinator.Inquiry)
    /// Try whether a store that failed takes writes again.
    case tryStore
  }

  /// All there is to do, in the only order that survives a stop between any two steps: the daemon's loop and the
  /// simulator both follow it.
  public var steps: [Step] {
    var steps: [Step] = []
    let commit: [Step] = writes.isEmpty ? [] : [.commit(writes)]
    if SafetyCheck.durableBeforeSend.isOn { steps += commit }
    if keysChanged { steps.append(.admitKeys) }
    steps += notes.map(Step.note)
    steps += messages.map(Step.send)
    steps += queries.map(Step.read)
    steps += replies.map(Step.reply)
    steps += planning.map(Step.plan)
    steps += inquiries.map(Step.inquire)
    if retriesStore { steps.append(.tryStore) }
    if !SafetyCheck.durableBeforeSend.isOn { steps += commit }
    return steps
  }
}
