import Fleet
import PlacementEngine

/// The text of a policy as it was in force from one moment on.
///
/// The text, not what was read from it: an operator looks up what stood there and why, and a later version reads it
/// with its own defaults.
public struct PolicyRevision: Sendable, Hashable {
  /// 1 for the first, ascending without gaps.
  public var number: UInt64
  /// When it came into force.
  public var wallMilliseconds: Int
  /// `policy.yaml`, whole.
  public var text: String
  public init(number: UInt64, wallMilliseconds: Int, text: String) {
    self.number = number
    self.wallMilliseconds = wallMilliseconds
    self.text = text
  }
}

/// Which policy is in force: each that ever was is kept, so that a plan of last month can be understood, and so that a
/// coordinator can go on where its file has been broken since.
extension Coordinator {
  mutating func reload(_ policy: Policy, text: String?, _ now: Instant, _ output: inout Output) {
    self.policy = policy
    policyText = text
    placer = Placer(inventory: inventory(now), policy: policy)
    for index in hosts.indices { hosts[index].isExamined = false }
    reviewAll("the policy was read again", now)
    if !keepPolicy(now, &output) {
      log(.policyReloaded, actor: "coordinator", "policy reloaded", now, &output)
    }
  }

  /// Writes the policy down if it is not the last one that was; whether it did. While the store takes no writes nothing
  /// is decided by it either, and it is written when the store is back.
  @discardableResult
  mutating func keepPolicy(_ now: Instant, _ output: inout Output) -> Bool {
    guard storeRefusal == nil, let text = policyText, text != keptPolicy?.text else { return false }
    let revision = PolicyRevision(
      number: (keptPolicy?.number ?? 0) + 1, wallMilliseconds: now.wallMilliseconds, text: text)
    keptPolicy = revision
    output.writes.append(.policy(revision))
    log(.policyReloaded, actor: "coordinator", "revision \(revision.number) of the policy is in force", now, &output)
    return true
  }
}
