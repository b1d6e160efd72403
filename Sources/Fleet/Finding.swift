/// Something wrong with a placement, with the numbers that show it and what mends it.
public struct Finding: Sendable, Hashable, Codable {
  public var severity: Severity
  public var kind: Kind
  public var host: HostID
  public var guest: GuestID?
  public var guestName: String?
  /// What was seen, in numbers.
  public var evidence: String
  /// The command that mends it.
  public var remedy: String

  public init(
    severity: Severity, kind: Kind, host: HostID, guest: GuestID? = nil, guestName: String? = nil, evidence: String,
    remedy: String
  ) {
    self.severity = severity
    self.kind = kind
    self.host = host
    self.guest = guest
    self.guestName = guestName
    self.evidence = evidence
    self.remedy = remedy
  }

  public enum Severity: String, Sendable, Hashable, Codable, CaseIterable {
    case info, warning, error
  }

  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    case remoteMemory, vcpusAcrossCells, overlappingPins, floating, configDiffers, foreignBalancer, numaBalancing
    case ksmAcrossNodes, libvirtDown, kernelDiffers
  }
}
