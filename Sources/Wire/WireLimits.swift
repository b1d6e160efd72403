/// What one message may cost its receiver; what exceeds it is refused before memory is spent on it.
public struct WireLimits: Sendable, Hashable {
  /// Bytes of the encoded message; the transport's limit on a frame is the same number.
  public var bytes: Int
  /// Parts of the decoded message. Two bytes on the wire may become a part of some hundred bytes in memory,
  /// so the limit on bytes alone would bound nothing useful. Every nested message and list entry is one part; a
  /// set of ids is one more for each 512 ids up to its largest.
  public var elements: Int

  public init(bytes: Int, elements: Int) {
    self.bytes = bytes
    self.elements = elements
  }

  /// For a peer that is not trusted: 1 MiB. A report of 200 guests with 16 vcpus each has 230 KiB, and one of 500
  /// guests with 32 vcpus each just fits.
  public static let message = WireLimits(bytes: 1 << 20, elements: 1 << 18)
  /// For an operator who lists a whole fleet, from the coordinator whose key the operator has pinned: 64 MiB.
  public static let reply = WireLimits(bytes: 64 << 20, elements: 1 << 24)
}
