import Fleet

/// The part of an envelope that every version understands, read before anything else is decoded.
struct EnvelopeHeader {
  private(set) var protocolLowest: UInt64 = 0
  private(set) var protocolHighest: UInt64 = 0
  /// Nil until it has been read, so that the refusal of broken bytes names the message whenever it can.
  private(set) var messageID: UInt64?
  /// The job that the message carries; nil where it carries none, or none that can be.
  private(set) var job: UInt64?

  /// Reads the envelope's own fields and steps over its payload.
  mutating func read(_ bytes: [UInt8]) throws(WireError.Kind) {
    var reader = WireReader(0..<bytes.count)
    while let field = try reader.next(in: bytes) {
      guard case .varint(let value) = field.content else { continue }
      switch field.number {
      case 1: protocolLowest = value
      case 2: protocolHighest = value
      case 3: messageID = value
      case 8: job = value < FieldCheck.counterMax ? value : nil
      default: continue
      }
    }
  }

  /// Refuses a sender whose versions this build shares none with.
  func checkVersion() throws(WireError.Kind) {
    guard protocolLowest <= protocolHighest, protocolHighest <= UInt64(UInt32.max) else {
      throw .malformed(field: "protocol_lowest", reason: "\(protocolLowest) to \(protocolHighest) is no range")
    }
    let theirs = Int(protocolLowest)...Int(protocolHighest)
    let ours = ProtocolVersion.lowest...ProtocolVersion.highest
    guard theirs.overlaps(ours) else { throw .protocolVersion(theirs: theirs, ours: ours) }
  }
}
