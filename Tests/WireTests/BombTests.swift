import Fleet
import NUMA
import Testing

@testable import Wire

/// Small messages that would become large values, deep stacks or long work.
@Suite struct BombTests {
  @Test func moreBytesThanAllowedAreRefusedUnread() throws {
    let bytes = [UInt8](repeating: 0, count: WireLimits.message.bytes + 1)
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
    #expect(error.kind == .oversized(bytes: bytes.count, limit: 1 << 20))
    #expect(error.messageID == nil)
  }

  @Test func aMillionEmptyGuestsAreRefused() throws {
    let guests = RawMessage.build { report in
      for _ in 0..<1_000_000 { report.nested(5, []) }
    }
    let bytes = RawMessage.envelope(16, RawMessage.build { $0.nested(2, guests) })
    let wide = WireLimits(bytes: 1 << 24, elements: 1 << 24)
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes, limits: wide) }
    #expect(error.kind == .tooMany(field: "hostReport.guests", limit: 4096))
    #expect(error.messageID == 42)
  }

  @Test func manyEntriesSpreadOverManyListsAreRefused() throws {
    let guest = RawMessage.build { guest in
      for _ in 0..<70 { guest.nested(17, []) }
    }
    let guests = RawMessage.build { report in
      for _ in 0..<4_000 { report.nested(5, guest) }
    }
    let bytes = RawMessage.envelope(16, RawMessage.build { $0.nested(2, guests) })
    #expect(bytes.count <= WireLimits.message.bytes)
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
    #expect(error.kind == .tooMany(field: "message", limit: WireLimits.message.elements))
  }

  @Test func manyWideSetsAreRefused() throws {
    let thread = RawMessage.build { $0.text(5, "0-8191") }
    let guest = RawMessage.build { guest in
      for _ in 0..<20_000 { guest.nested(17, thread) }
    }
    let bytes = RawMessage.envelope(16, RawMessage.build { $0.nested(2, RawMessage.build { $0.nested(5, guest) }) })
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
    #expect(error.kind == .tooMany(field: "message", limit: WireLimits.message.elements))
  }

  @Test func aListThatRepeatsItselfIsRefused() throws {
    let text = String(repeating: "0-8191,", count: 8_000) + "0"
    let cell = RawMessage.build { $0.text(5, text) }
    let report = RawMessage.build {
      $0.nested(1, [])
      $0.nested(3, RawMessage.build { $0.nested(1, cell) })
    }
    let bytes = RawMessage.envelope(16, RawMessage.build { $0.nested(2, report) })
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
    #expect(error.refusal.message.hasPrefix("cell.cpus is malformed: the list does not ascend"))
  }

  @Test func deepNestingIsNoDeepStack() {
    var nested: [UInt8] = []
    for _ in 0..<2_000 { nested = RawMessage.build { $0.nested(2, nested) } }
    for payload: UInt64 in 16...19 {
      #expect(throws: WireError.self) {
        try EnvelopeCodec.decodeToCoordinator(RawMessage.envelope(payload, nested))
      }
    }
    let groups = [UInt8](repeating: 0x0b, count: 10_000)
    #expect(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(RawMessage.envelope(16, groups)) }
    #expect(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(groups) }
  }

  @Test func aRepeatedPartIsRefused() throws {
    // protobuf would merge the parts; our encoder never writes two.
    let hello = RawMessage.build {
      $0.nested(1, [])
      $0.nested(1, [])
    }
    let error = try #require(throws: WireError.self) {
      try EnvelopeCodec.decodeToCoordinator(RawMessage.envelope(16, hello))
    }
    #expect(error.kind == .tooMany(field: "toCoordinator.hello", limit: 1))
  }

  @Test func longTextsAreRefused() throws {
    let hello = Hello(softwareVersion: String(repeating: "x", count: 65_537), topologyHash: 0, highestEpoch: 0)
    let bytes = EnvelopeCodec.encode(plain(ToCoordinator.hello(hello)))
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
    #expect(error.refusal.message.hasPrefix("hello.software_version is malformed"))
  }

  @Test func aDomainXMLMayBeLongerThanOtherTexts() throws {
    let xml = "<domain>" + String(repeating: " ", count: 200_000) + "</domain>"
    let start = StartGuest(guest: "g", shape: Shape(guestCells: []), domainXML: xml, dryRun: true)
    let sent = plain(OperatorRequest.start(start))
    #expect(try EnvelopeCodec.decodeOperatorRequest(EnvelopeCodec.encode(sent)) == sent)
  }

  @Test func unpackedNumbersAreCountedToo() throws {
    let cells = RawMessage.build { list in
      for _ in 0..<2_000 { list.number(1, 1) }
    }
    let place = RawMessage.build { $0.nested(2, cells) }
    let bytes = RawMessage.envelope(18, RawMessage.build { $0.nested(6, place) })
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeOperatorRequest(bytes) }
    #expect(error.kind == .tooMany(field: "cellList.cells", limit: 1024))
  }
}
