/// Why something was not done: a code for programs, one sentence for people, and what to do about it.
///
/// A refusal is a value, not a thrown error, inside the cores. The text is written once, here or where the refusal
/// is made, and shown unchanged by the command, the logs and the JSON.
public struct Refusal: Error, Sendable, Hashable, Codable, CustomStringConvertible {
  public var code: Code
  /// What is wrong, without a final period.
  public var message: String
  /// What the reader can do.
  public var remedy: String

  public init(_ code: Code, _ message: String, remedy: String) {
    self.code = code
    self.message = message
    self.remedy = remedy
  }

  public var description: String { remedy.isEmpty ? message : "\(message); \(remedy)" }

  /// Stable codes, part of the JSON and the wire.
  public enum Code: String, Sendable, Hashable, Codable, CaseIterable {
    case unknownHost, unknownGuest, ambiguousGuest, unknownCell, unknownPlan, unknownJob, unknownKey
    case malformed, cpuOutsideHost, cpuOutsideParent, cpuOffline, emptyCPUSet
    case notRunning, guestGone, incarnationChanged, stalePlan, staleGeneration, staleEpoch, busy
    case notMovable, livePagesOff, modeUnchangeable, noPages, noRoom, overlap
    case libvirtDown, libvirtTimeout, libvirtRefused, kernelRefused, notPersistent, unsupported
    case hostUnreachable, protocolVersion, notPermitted, storeUnavailable, duplicate, diverged, rolledBack
    case cancelled
  }
}
