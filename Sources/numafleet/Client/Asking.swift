import Fleet

/// A subcommand that asks a coordinator.
protocol AskingCommand: FleetCommand {
  var connection: ConnectionOptions { get }
}

extension AskingCommand {
  /// Asks one question and shows the answer.
  func show(_ request: OperatorRequest, _ console: Console) throws(CommandFailure) {
    let reply = try CoordinatorClient(connection, console).ask(request)
    try console.show(reply)
  }

  /// Asks for a change, then waits for its jobs unless told not to; throws unless all of them are verified.
  func submit(
    _ request: OperatorRequest, _ console: Console, _ waiting: WaitOptions, explain: Bool = false
  ) throws(CommandFailure) {
    let client = try CoordinatorClient(connection, console)
    let reply = try client.ask(request)
    guard case .accepted(let accepted) = reply else {
      guard explain, case .plan(let plan) = reply else { return try console.show(reply) }
      return console.show(table: PlanText(plan: plan, explained: true).text, json: plan)
    }
    if explain, let plan = accepted.plan, case .plan(let made) = try client.ask(.plan(plan)) {
      console.explain(made)
    }
    guard waiting.wait, accepted.plan != nil || !accepted.jobs.isEmpty else { return try console.show(reply) }
    console.note(accepted.text)
    let verdict = try JobWatch(client: client, console: console, options: waiting).end(of: accepted)
    try console.show(verdict)
  }
}

extension Console {
  /// Shows an answer; a decision without a placement is a failure that brings its explanation along.
  func show(_ reply: OperatorReply) throws(CommandFailure) {
    if case .decision(let decision) = reply { try check(decision) }
    show(table: ReplyText(reply: reply).text, json: ReplyDocument(reply: reply))
  }

  /// Throws the refusal of a decision, after its explanation has been shown.
  func check(_ decision: Decision) throws(CommandFailure) {
    guard decision.placement == nil, let refusal = decision.refusal else { return }
    if format == .table, let explanation = decision.explanation {
      show(table: ExplanationText(explanation: explanation).text, json: "")
    }
    var failure = CommandFailure(refusal)
    failure.explanation = decision.explanation
    throw failure
  }

  /// Shows jobs that have ended, and throws the worst end that is not "verified".
  func show(_ verdict: JobVerdict) throws(CommandFailure) {
    let (records, failure) = (verdict.records, verdict.failure)
    if format == .table || failure == nil {
      let reply = OperatorReply.jobs(records)
      show(
        table: records.count == 1 ? JobText(record: records[0]).text : ReplyText(reply: reply).text,
        json: ReplyDocument(reply: reply))
    }
    if let failure { throw failure }
  }

  /// Prints why each guest of a committed plan goes where it goes; with JSON the plan has it all.
  func explain(_ plan: Plan) {
    guard format == .table else { return }
    show(table: PlanText(plan: plan, explained: true).text + "\n", json: "")
  }
}
