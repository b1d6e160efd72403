/// What is done about a guest that somebody pinned elsewhere than was wanted: `drift` of `cluster-config/policy.yaml`.
public enum DriftRule: String, Sendable, Hashable, Codable, CaseIterable {
  /// Automation and `plan repair` bring it back to what was wanted.
  case mend
  /// Automation takes what it finds as the new wish.
  case adopt
  /// It is told, and left until an operator places or adopts it.
  case tell
}

/// The rule of guests that are named, by name or id; `*` stands for any characters.
public struct GuestDrift: Sendable, Hashable, Codable {
  public var guest: String
  public var drift: DriftRule
  public init(guest: String, drift: DriftRule) {
    self.guest = guest
    self.drift = drift
  }
}

/// Whose placement automation may change: `automation.manage` of the policy.
public enum ManagedGuests: String, Sendable, Hashable, Codable, CaseIterable {
  /// Guests that a job of ours placed, and those that nothing confines; what a hand pinned stays.
  case ours
  case all
}

extension Policy {
  /// What is done about the guest when it has drifted: the first rule that names it, or the fleet's.
  public func drift(of guest: Guest) -> DriftRule {
    driftByGuest.first { matchesPattern(guest.name, $0.guest) || matchesPattern(guest.id.text, $0.guest) }?.drift
      ?? drift
  }
}

/// `numafleet adopt`: takes what one guest, or each of a host, shows as what is wanted of it.
public struct Adopt: Sendable, Hashable, Codable {
  public var subject: Subject
  public var dryRun: Bool

  public enum Subject: Sendable, Hashable, Codable {
    /// By id, name or `HOST/NAME`.
    case guest(String)
    case guests(of: HostID)
  }

  public init(_ subject: Subject, dryRun: Bool) {
    self.subject = subject
    self.dryRun = dryRun
  }
}
