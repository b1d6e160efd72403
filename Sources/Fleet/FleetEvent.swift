/// One thing that happened, numbered, for the audit and for `numafleet events`.
public struct FleetEvent: Sendable, Hashable, Codable {
  /// Ascending without gaps, by the coordinator's store.
  public var sequence: UInt64
  public var wallMilliseconds: Int
  public var kind: Kind
  public var host: HostID?
  public var guest: GuestID?
  public var job: JobID?
  /// The operator or host that caused it.
  public var actor: String
  public var text: String

  public init(
    sequence: UInt64, wallMilliseconds: Int, kind: Kind, host: HostID? = nil, guest: GuestID? = nil,
    job: JobID? = nil, actor: String, text: String
  ) {
    self.sequence = sequence
    self.wallMilliseconds = wallMilliseconds
    self.kind = kind
    self.host = host
    self.guest = guest
    self.job = job
    self.actor = actor
    self.text = text
  }

  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    case coordinatorStarted, hostConnected, hostUnreachable, topologyChanged
    case guestAppeared, guestVanished, guestChanged
    case commandAccepted, commandRefused, planCommitted, planEnded
    case jobSent, jobVerified, jobRefused, jobDiverged, jobCancelled
    case keyAuthorized, keyRevoked, policyReloaded, messageRefused, hostDraining, hostResumed, hostForgotten
    case storeRecovered, eventsForgotten
    case findingAppeared, findingEnded
    case automationChanged, automationWouldMove, moveMeasured
    case guestAdopted
  }
}
