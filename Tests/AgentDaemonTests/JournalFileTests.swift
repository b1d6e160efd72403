import AgentCore
import Fleet
import Foundation
import Logging
import Testing

@testable import numafleet_agent

/// The journal's file over crashes, flipped bits and full disks.
@Suite struct JournalFileTests {
  let folder: URL
  let file: JournalFile
  let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
  let older = Journal(highestEpoch: 3, epochOwner: "first", generations: [GuestMark(guest: "db", generation: 6)])
  let newer = Journal(highestEpoch: 4, epochOwner: "second", generations: [GuestMark(guest: "db", generation: 7)])

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "journal-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    file = JournalFile(path: folder.appending(path: "agent.journal").path())
  }

  private func bytes(_ ending: String = "") throws -> [UInt8] {
    try Array(Data(contentsOf: URL(filePath: file.path + ending)))
  }

  private func write(_ bytes: [UInt8], _ ending: String = "") throws {
    try Data(bytes).write(to: URL(filePath: file.path + ending))
  }

  private func saveBoth() throws {
    try file.save(older)
    try file.save(newer)
  }

  @Test func whatWasSavedIsLoaded() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    #expect(file.load(log: log) == Journal())
    try file.save(older)
    #expect(file.load(log: log) == older)
    try file.save(newer)
    #expect(file.load(log: log) == newer)
    #expect(try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int == 0o600)
  }

  @Test func everyTruncationFallsBackToTheFileBefore() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try saveBoth()
    let whole = try bytes()
    for length in 0..<whole.count {
      try write(Array(whole[..<length]))
      #expect(file.load(log: log) == older, "cut to \(length) bytes")
    }
  }

  /// A flip in the name of the checksum leaves the rest as it was; anywhere else the file before is used.
  @Test func noFlippedBitIsTakenForAnotherTerm() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try saveBoth()
    let whole = try bytes()
    var kept = 0
    for index in whole.indices {
      for bit in 0..<8 {
        var flipped = whole
        flipped[index] ^= 1 << bit
        try write(flipped)
        let loaded = file.load(log: log)
        #expect(loaded == older || loaded == newer, "bit \(bit) of byte \(index)")
        if loaded == newer { kept += 1 }
      }
    }
    #expect(kept < 100)
  }

  @Test func aCrashBetweenTheRenamesLeavesTheFileBefore() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try saveBoth()
    try FileManager.default.removeItem(atPath: file.path)
    #expect(file.load(log: log) == older)
    // The next write must not lose it again.
    try file.save(newer)
    #expect(file.load(log: log) == newer)
  }

  @Test func aDamagedFileDoesNotReplaceTheGoodOne() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try saveBoth()
    try write(Array("nonsense".utf8))
    #expect(file.load(log: log) == older)
    #expect(try bytes(".damaged") == Array("nonsense".utf8))
    try file.save(newer)
    try write([])
    #expect(file.load(log: log) == older)
  }

  @Test func withBothDamagedItStartsEmpty() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try saveBoth()
    try write([1, 2, 3])
    try write([], ".old")
    #expect(file.load(log: log) == Journal())
  }

  @Test func aFileOfAnAgentWithoutChecksumsIsRead() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try write(Array(#"{"generations":[],"highestEpoch":9,"inHand":[],"kept":[],"unacknowledged":[]}"#.utf8))
    #expect(file.load(log: log) == Journal(highestEpoch: 9))
  }

  @Test func aFileThatCannotBeWrittenIsSaidSo() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    try FileManager.default.createDirectory(atPath: file.path + ".new", withIntermediateDirectories: false)
    #expect(throws: (any Error).self) { try file.save(older) }
  }
}
