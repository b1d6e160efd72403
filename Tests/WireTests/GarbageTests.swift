import Fleet
import NUMA
import Testing
import Wire

/// No bytes may trap: each decoder gives a value or an error. A trap fails the whole run.
@Suite struct GarbageTests {
  @Test func truncatedMessagesAreErrorsAtEachByte() throws {
    var sampler = Sampler(seed: 11)
    for message in [ToCoordinator.report(sampler.report()), .jobReport(sampler.jobReport()), .heartbeat(lastReport: 7)]
    {
      let bytes = EnvelopeCodec.encode(plain(message))
      for count in 0..<min(bytes.count, 1_500) {
        let error = #expect(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(Array(bytes[..<count])) }
        // The header's eight bytes come first: versions, then the id.
        if count > 8 { #expect(error?.messageID == 42) }
      }
    }
  }

  @Test(arguments: 1...8) func randomBytesNeverTrap(seed: UInt64) {
    var sampler = Sampler(seed: seed)
    for _ in 0..<600 {
      let bytes = (0..<sampler.int(0...200)).map { _ in UInt8(truncatingIfNeeded: sampler.bits()) }
      decodeAll(bytes)
      for payload: UInt64 in 16...19 { decodeAll(RawMessage.envelope(payload, bytes)) }
    }
  }

  @Test(arguments: 1...8) func flippedBitsNeverTrap(seed: UInt64) {
    var sampler = Sampler(seed: seed)
    for _ in 0..<2 {
      for original in samples(&sampler) where !original.isEmpty {
        for _ in 0..<10 {
          var bytes = original
          for _ in 0..<sampler.int(1...4) {
            bytes[sampler.int(0...(bytes.count - 1))] ^= 1 << UInt8(sampler.int(0...7))
          }
          decodeAll(bytes)
        }
      }
    }
  }

  @Test(arguments: 1...4) func splicedMessagesNeverTrap(seed: UInt64) {
    var sampler = Sampler(seed: seed)
    let originals = samples(&sampler) + samples(&sampler)
    for _ in 0..<400 {
      let (a, b) = (sampler.pick(originals), sampler.pick(originals))
      decodeAll(Array(a.prefix(sampler.int(0...a.count)) + b.suffix(sampler.int(0...b.count))))
    }
  }

  private func samples(_ sampler: inout Sampler) -> [[UInt8]] {
    var all = [
      EnvelopeCodec.encode(plain(sampler.toCoordinator())), EnvelopeCodec.encode(plain(sampler.toAgent())),
    ]
    for request in sampler.operatorRequests() { all.append(EnvelopeCodec.encode(plain(request))) }
    for reply in sampler.operatorReplies() { all.append(EnvelopeCodec.encode(plain(reply))) }
    return all
  }

  /// What is accepted must be encodable again, to the same value.
  private func decodeAll(_ bytes: [UInt8]) {
    if let value = try? EnvelopeCodec.decodeToCoordinator(bytes) {
      #expect((try? EnvelopeCodec.decodeToCoordinator(EnvelopeCodec.encode(value))) == value)
    }
    if let value = try? EnvelopeCodec.decodeToAgent(bytes) {
      #expect((try? EnvelopeCodec.decodeToAgent(EnvelopeCodec.encode(value))) == value)
    }
    if let value = try? EnvelopeCodec.decodeOperatorRequest(bytes) {
      #expect((try? EnvelopeCodec.decodeOperatorRequest(EnvelopeCodec.encode(value))) == value)
    }
    if let value = try? EnvelopeCodec.decodeOperatorReply(bytes) {
      #expect((try? EnvelopeCodec.decodeOperatorReply(EnvelopeCodec.encode(value))) == value)
    }
  }
}
