import Foundation
import Testing

/// A scenario and all that the machine put out: lines of events, `----`, the recorded output, a blank line, and so
/// on. The first block is a comment that says what the file proves; more comments may stand among the events.
struct Transcript {
  struct Entry {
    var events: [String]
    var recorded: String
  }

  let name: String
  let comments: [String]
  let entries: [Entry]

  init(_ name: String) throws {
    self.name = name
    let text = try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
    let blocks = text.split(separator: "\n\n").map { $0.split(separator: "\n").map(String.init) }
    comments = blocks.first ?? []
    entries = blocks.dropFirst().map { lines in
      let cut = lines.firstIndex(of: "----") ?? lines.count
      return Entry(
        events: Array(lines.prefix(cut)), recorded: lines.dropFirst(cut + 1).joined(separator: "\n"))
    }
  }

  /// Compares what each entry's events put out with the record; `RERECORD=1 swift test` writes the record anew,
  /// whose diff wants reading.
  func check(_ outputs: [String]) throws {
    if ProcessInfo.processInfo.environment["RERECORD"] == "1" {
      let blocks = zip(entries, outputs).map { entry, output in
        (entry.events + ["----"] + (output.isEmpty ? [] : [output])).joined(separator: "\n")
      }
      let text = (([comments.joined(separator: "\n")] + blocks).joined(separator: "\n\n")) + "\n"
      try Data(text.utf8).write(to: Self.folder.appending(path: name))
      return
    }
    for (entry, output) in zip(entries, outputs) {
      #expect(output == entry.recorded, "\(name), after: \(entry.events.joined(separator: " / "))")
    }
  }

  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Transcripts")

  /// Every transcript, by name.
  static let all: [String] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(".txt") }.sorted()
  }()
}
