public import Fleet

/// Why bytes are not a message, with the answer to send to their sender.
public struct WireError: Error, Sendable, Hashable, CustomStringConvertible {
  public var kind: Kind
  /// The id of the refused message, when that much could be read; the refusal's envelope names it in `answering`.
  public var messageID: UInt64?
  /// The job that the refused message carries, as its envelope names it.
  public var job: JobID?

  public init(_ kind: Kind, messageID: UInt64? = nil, job: JobID? = nil) {
    self.kind = kind
    self.messageID = messageID
    self.job = job
  }

  /// What is wrong.
  public enum Kind: Error, Sendable, Hashable {
    /// The bytes end inside a field.
    case truncated
    /// The field's bytes or value break its rules.
    case malformed(field: String, reason: String)
    case oversized(bytes: Int, limit: Int)
    /// More entries than the field or the whole message may have.
    case tooMany(field: String, limit: Int)
    /// A part without which the message means nothing.
    case missing(field: String)
    /// A value of a list of words that this version does not know.
    case unknownValue(field: String)
    /// No payload, or none that may come from this kind of sender, or one of a later version.
    case unknownPayload(expected: String)
    case protocolVersion(theirs: ClosedRange<Int>, ours: ClosedRange<Int>)
  }

  /// The answer to the sender.
  public var refusal: Refusal {
    switch kind {
    case .truncated:
      Refusal(.malformed, "the message ends too early", remedy: "send it again; report this if it happens twice")
    case .malformed(let field, let reason):
      Refusal(.malformed, "\(field) is malformed: \(reason)", remedy: "correct \(field)")
    case .oversized(let bytes, let limit):
      Refusal(
        .malformed, "the message has \(bytes) bytes and at most \(limit) are allowed",
        remedy: "raise the limit in the receiver's configuration or send less at once")
    case .tooMany(let field, let limit):
      Refusal(.malformed, "\(field) has more than \(limit) entries", remedy: "send less at once")
    case .missing(let field):
      Refusal(.malformed, "\(field) is missing", remedy: "send \(field)")
    case .unknownValue(let field):
      Refusal(
        .unsupported, "\(field) has a value that this version does not know",
        remedy: "upgrade the older of the two ends")
    case .unknownPayload(let expected):
      Refusal(
        .unsupported, "the envelope carries nothing that this version knows as \(expected)",
        remedy: "upgrade the older of the two ends, and check that the sender dials the right endpoint")
    case .protocolVersion(let theirs, let ours):
      Refusal(
        .protocolVersion, "the sender speaks protocol \(Self.text(theirs)) and this end \(Self.text(ours))",
        remedy: "upgrade the older of the two ends")
    }
  }

  public var description: String { refusal.description }

  private static func text(_ versions: ClosedRange<Int>) -> String {
    versions.count == 1 ? "\(versions.lowerBound)" : "\(versions.lowerBound) to \(versions.upperBound)"
  }
}
