import Fleet
import Foundation
import NUMA
import Testing
import Wire

/// Bytes as version 1 writes them, kept as hex: every later version must read them as these values.
///
/// A file is never changed once its version is released. `RERECORD=1 swift test --filter Golden` writes the ones that
/// are missing.
@Suite struct GoldenTests {
  @Test(arguments: GoldenMessages.toCoordinator.keys.sorted()) func agentsMessagesOfVersionOneAreRead(name: String)
    throws
  {
    let value = try #require(GoldenMessages.toCoordinator[name])
    #expect(try EnvelopeCodec.decodeToCoordinator(golden(name, EnvelopeCodec.encode(value))) == value)
  }

  @Test(arguments: GoldenMessages.toAgent.keys.sorted()) func messagesToAgentsOfVersionOneAreRead(name: String) throws {
    let value = try #require(GoldenMessages.toAgent[name])
    #expect(try EnvelopeCodec.decodeToAgent(golden(name, EnvelopeCodec.encode(value))) == value)
  }

  @Test(arguments: GoldenMessages.requests.keys.sorted()) func requestsOfVersionOneAreRead(name: String) throws {
    let value = try #require(GoldenMessages.requests[name])
    #expect(try EnvelopeCodec.decodeOperatorRequest(golden(name, EnvelopeCodec.encode(value))) == value)
  }

  @Test(arguments: GoldenMessages.replies.keys.sorted()) func repliesOfVersionOneAreRead(name: String) throws {
    let value = try #require(GoldenMessages.replies[name])
    #expect(try EnvelopeCodec.decodeOperatorReply(golden(name, EnvelopeCodec.encode(value))) == value)
  }

  @Test(.disabled(if: isRecording, "files are being written")) func everyFileIsRead() throws {
    let names =
      GoldenMessages.toCoordinator.keys.map { $0 } + GoldenMessages.toAgent.keys + GoldenMessages.requests.keys
      + GoldenMessages.replies.keys
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path())
    #expect(files.sorted() == names.map { "\($0).hex" }.sorted())
  }

  private static let isRecording = ProcessInfo.processInfo.environment["RERECORD"] == "1"
  private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden/v1")

  /// The bytes of the file; what would be written today is written only where no file is yet.
  private func golden(_ name: String, _ today: [UInt8]) throws -> [UInt8] {
    let file = Self.folder.appending(path: "\(name).hex")
    if Self.isRecording, !FileManager.default.fileExists(atPath: file.path()) {
      let digits = today.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }
      let lines = stride(from: 0, to: digits.count, by: 32).map {
        digits[$0..<min($0 + 32, digits.count)].joined(separator: " ")
      }
      try (lines.joined(separator: "\n") + "\n").write(to: file, atomically: true, encoding: .utf8)
    }
    let text = try String(contentsOf: file, encoding: .utf8)
    return try text.split(whereSeparator: \.isWhitespace).map { try #require(UInt8($0, radix: 16)) }
  }
}
