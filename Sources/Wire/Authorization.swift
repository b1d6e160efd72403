public import Fleet

/// The dispatch table: which role each message needs. What is not permitted here is refused.
///
/// The switches name every case, so that a new message without a row does not compile. A role comes from the key
/// that opened the connection, never from a message.
public enum Authorization {
  /// The role that an agent's message needs.
  public static func requiredRole(for message: ToCoordinator) -> Role {
    switch message {
    case .hello, .report, .heartbeat, .jobReport, .refused: .agent
    }
  }

  /// The least role that an operator's request needs. A dry run changes nothing, so it is a read.
  public static func requiredRole(for request: OperatorRequest) -> Role {
    switch request {
    case .hosts, .host, .guests, .guest, .findings, .plans, .plan, .jobs, .job, .events: .viewer
    case .keys, .policy, .status, .automation, .placeShape, .placeShapes, .capacity: .viewer
    case .placeGuest(let place): place.dryRun ? .viewer : .operator
    case .start(let start): start.dryRun ? .viewer : .operator
    case .change(let change): change.dryRun ? .viewer : .operator
    case .adopt(let adopt): adopt.dryRun ? .viewer : .operator
    case .switchKSM(let wish): wish.dryRun ? .viewer : .operator
    case .makePlan, .applyPlan, .drain, .forgetHost, .automate, .cancel: .operator
    case .authorizeKey, .revokeKey: .admin
    }
  }

  /// Whether a sender of that role may send this message to the agents' listener.
  public static func permits(_ role: Role, _ message: ToCoordinator) -> Bool { role == requiredRole(for: message) }

  /// Whether a sender of that role may make this request.
  public static func permits(_ role: Role, _ request: OperatorRequest) -> Bool {
    guard let has = rank(role), let needs = rank(requiredRole(for: request)) else { return false }
    return has >= needs
  }

  /// The refusal of this message from a sender of that role; nil when it is permitted.
  public static func refusal(_ role: Role, _ message: ToCoordinator) -> Refusal? {
    permits(role, message) ? nil : refusal(has: role, needs: requiredRole(for: message))
  }

  /// The refusal of this request from a sender of that role; nil when it is permitted.
  public static func refusal(_ role: Role, _ request: OperatorRequest) -> Refusal? {
    permits(role, request) ? nil : refusal(has: role, needs: requiredRole(for: request))
  }

  private static func refusal(has role: Role, needs needed: Role) -> Refusal {
    Refusal(
      .notPermitted, "this needs the role \(needed.rawValue) and the key has the role \(role.rawValue)",
      remedy: "ask an admin to run `numafleet key authorize` with --role \(needed.rawValue)")
  }

  /// Operators include the roles before theirs; an agent is no operator at all.
  private static func rank(_ role: Role) -> Int? {
    switch role {
    case .agent: nil
    case .viewer: 1
    case .operator: 2
    case .admin: 3
    }
  }
}
