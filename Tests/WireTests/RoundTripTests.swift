import Fleet
import NUMA
import Testing
import Wire

@Suite struct RoundTripTests {
  @Test(arguments: 1...40) func agentsMessagesDecodeToWhatWasEncoded(seed: UInt64) throws {
    var sampler = Sampler(seed: seed)
    for _ in 0..<8 {
      let up = sampler.envelope(sampler.toCoordinator())
      #expect(try EnvelopeCodec.decodeToCoordinator(EnvelopeCodec.encode(up)) == up)
      let down = sampler.envelope(sampler.toAgent())
      #expect(try EnvelopeCodec.decodeToAgent(EnvelopeCodec.encode(down)) == down)
    }
  }

  @Test(arguments: 1...40) func operatorsMessagesDecodeToWhatWasEncoded(seed: UInt64) throws {
    var sampler = Sampler(seed: seed)
    for request in sampler.operatorRequests() {
      let envelope = sampler.envelope(request)
      #expect(try EnvelopeCodec.decodeOperatorRequest(EnvelopeCodec.encode(envelope)) == envelope)
    }
    for reply in sampler.operatorReplies() {
      let envelope = sampler.envelope(reply)
      #expect(try EnvelopeCodec.decodeOperatorReply(EnvelopeCodec.encode(envelope)) == envelope)
    }
  }

  @Test func everyWordOfEveryListTravels() throws {
    for code in Refusal.Code.allCases {
      let sent = plain(ToAgent.refused(Refusal(code, "m", remedy: "r")))
      #expect(try EnvelopeCodec.decodeToAgent(EnvelopeCodec.encode(sent)) == sent)
    }
    for kind in FleetEvent.Kind.allCases {
      let event = FleetEvent(sequence: 1, wallMilliseconds: 2, kind: kind, actor: "a", text: "t")
      let sent = plain(OperatorReply.events([event]))
      #expect(try EnvelopeCodec.decodeOperatorReply(EnvelopeCodec.encode(sent)) == sent)
    }
    for kind in Finding.Kind.allCases {
      for severity in Finding.Severity.allCases {
        let finding = Finding(severity: severity, kind: kind, host: "h", evidence: "e", remedy: "r")
        let sent = plain(OperatorReply.findings([finding]))
        #expect(try EnvelopeCodec.decodeOperatorReply(EnvelopeCodec.encode(sent)) == sent)
      }
    }
  }

  /// A field that the sampler leaves at its default would travel unseen; this names it.
  @Test func samplerVariesEveryStoredProperty() {
    var sampler = Sampler(seed: 7)
    var seen = PropertyValues()
    for _ in 0..<300 {
      seen.visit(sampler.envelope(sampler.toCoordinator()))
      seen.visit(sampler.envelope(sampler.toAgent()))
    }
    for _ in 0..<30 {
      for request in sampler.operatorRequests() { seen.visit(request) }
      for reply in sampler.operatorReplies() { seen.visit(reply) }
    }
    #expect(seen.constant == [])
    #expect(seen.values.count > 200)
  }
}

/// An envelope of this build's version.
func plain<Payload>(_ payload: Payload, messageID: UInt64 = 42) -> Envelope<Payload> {
  Envelope(messageID: messageID, epoch: 3, boot: "4c5f3c1e", sequence: 9, payload: payload)
}

/// The values that each stored property of each type was seen with.
struct PropertyValues {
  private(set) var values: [String: Set<String>] = [:]

  /// Properties that never had two values.
  var constant: [String] { values.filter { $0.value.count < 2 }.map(\.key).sorted() }

  mutating func visit(_ value: Any) {
    let mirror = Mirror(reflecting: value)
    for child in mirror.children {
      if mirror.displayStyle == .struct, let label = child.label {
        values["\(mirror.subjectType).\(label)", default: []].insert("\(child.value)")
      }
      visit(child.value)
    }
  }
}
