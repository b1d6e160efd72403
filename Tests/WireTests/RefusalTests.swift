import Fleet
import NUMA
import Testing

@testable import Wire

@Suite struct RefusalTests {
  @Test func theJobOfAMessageIsKnownHoweverLittleOfItIsUnderstood() throws {
    let sent = Envelope(messageID: 7, job: 12, epoch: 3, boot: "b", sequence: 1, payload: ToAgent.alive)
    #expect(
      throws: WireError(.unknownPayload(expected: "an agent's message"), messageID: 7, job: 12)
    ) { try EnvelopeCodec.decodeToCoordinator(EnvelopeCodec.encode(sent)) }
  }

  /// Coordinators before drift was known mended it, managed all guests, and judged no load.
  @Test func anEarlierPolicyMendsManagesAllAndJudgesNoLoad() throws {
    var proto = ProtoPolicy(Policy(drift: .tell))
    (proto.drift, proto.automation.manage) = (.unspecified, .unspecified)
    proto.clearPressure()
    let policy = try Policy(proto)
    #expect(policy.drift == .mend && policy.automation.manage == .all && policy.pressure == .none)
  }

  @Test func anotherProtocolVersionIsRefusedBeforeItsPayloadIsRead() throws {
    for (lowest, highest) in [(2, 3), (0, 0), (7, 7)] {
      let bytes = RawMessage.build {
        $0.number(1, UInt64(lowest))
        $0.number(2, UInt64(highest))
        $0.number(3, 42)
        // A payload that this version could not read.
        $0.nested(16, [0xff, 0xff])
      }
      let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
      #expect(error.kind == .protocolVersion(theirs: lowest...highest, ours: 1...1))
      #expect(error.messageID == 42)
      #expect(error.refusal.code == .protocolVersion)
    }
  }

  @Test func aRangeThatOverlapsOursIsUnderstood() throws {
    var sent = plain(ToCoordinator.heartbeat(lastReport: 5))
    sent.protocolHighest = 4
    #expect(try EnvelopeCodec.decodeToCoordinator(EnvelopeCodec.encode(sent)) == sent)
  }

  @Test func aBackwardsVersionRangeIsMalformed() throws {
    let bytes = RawMessage.build {
      $0.number(1, 3)
      $0.number(2, 1)
    }
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToAgent(bytes) }
    #expect(error.refusal.code == .malformed)
  }

  @Test func anUnknownPayloadIsRefusedByItsMessageID() throws {
    let later = [
      RawMessage.envelope(25, [8, 1]), RawMessage.envelope(16, RawMessage.build { $0.nested(9, []) }),
      RawMessage.envelope(16, []),
    ]
    for bytes in later {
      let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
      #expect(error.kind == .unknownPayload(expected: "an agent's message"))
      #expect(error.messageID == 42)
      #expect(error.refusal.code == .unsupported)
    }
  }

  @Test func onePayloadsListenerRefusesTheOthers() throws {
    let agent = EnvelopeCodec.encode(plain(ToCoordinator.heartbeat(lastReport: 1)))
    let order = EnvelopeCodec.encode(plain(ToAgent.sendReport(withTopology: true)))
    let request = EnvelopeCodec.encode(plain(OperatorRequest.hosts))
    let reply = EnvelopeCodec.encode(plain(OperatorReply.hosts([])))
    func expectUnknown(_ decode: () throws -> Void) {
      let error = #expect(throws: WireError.self) { try decode() }
      guard case .unknownPayload? = error?.kind else {
        Issue.record("\(String(describing: error))")
        return
      }
      #expect(error?.messageID == 42)
    }
    for other in [order, request, reply] { expectUnknown { _ = try EnvelopeCodec.decodeToCoordinator(other) } }
    for other in [agent, request, reply] { expectUnknown { _ = try EnvelopeCodec.decodeToAgent(other) } }
    for other in [agent, order, reply] { expectUnknown { _ = try EnvelopeCodec.decodeOperatorRequest(other) } }
    for other in [agent, order, request] { expectUnknown { _ = try EnvelopeCodec.decodeOperatorReply(other) } }
  }

  @Test func fieldsOfALaterVersionAreSkipped() throws {
    let bytes = RawMessage.build {
      $0.raw(EnvelopeCodec.encode(plain(ToCoordinator.heartbeat(lastReport: 5))))
      $0.text(30, "a field of tomorrow")
      $0.nested(900, [UInt8](repeating: 0xff, count: 100_000))
    }
    #expect(try EnvelopeCodec.decodeToCoordinator(bytes) == plain(.heartbeat(lastReport: 5)))
  }

  @Test func wordsOfALaterVersionAreRefused() throws {
    for word: UInt64 in [0, 4_000] {
      let bytes = RawMessage.envelope(17, RawMessage.build { $0.nested(5, RawMessage.build { $0.number(1, word) }) })
      let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToAgent(bytes) }
      #expect(error.kind == .unknownValue(field: "refusal.code"))
      #expect(error.messageID == 42)
    }
  }

  @Test func aTextThatIsNotUTF8IsMalformed() throws {
    let hello = RawMessage.build { $0.nested(1, [0xc3, 0x28]) }
    let bytes = RawMessage.envelope(16, RawMessage.build { $0.nested(1, hello) })
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
    #expect(error.kind == .malformed(field: "a text", reason: "it is not UTF-8"))
  }

  @Test func everyErrorHasARefusalThatSaysWhatToDo() {
    let kinds: [WireError.Kind] = [
      .truncated, .malformed(field: "f", reason: "r"), .oversized(bytes: 2, limit: 1), .tooMany(field: "f", limit: 1),
      .missing(field: "f"), .unknownValue(field: "f"), .unknownPayload(expected: "e"),
      .protocolVersion(theirs: 2...3, ours: 1...1),
    ]
    for kind in kinds {
      let refusal = WireError(kind).refusal
      #expect(!refusal.message.isEmpty && !refusal.remedy.isEmpty)
    }
  }
}
