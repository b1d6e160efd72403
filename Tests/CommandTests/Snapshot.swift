import Foundation
import Testing

/// Compares a text with `Snapshots/NAME`; `RERECORD=1 swift test` writes the files anew, whose diff wants reading.
func expectSnapshot(_ text: String, _ name: String, sourceLocation: SourceLocation = #_sourceLocation) {
  let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Snapshots/\(name)")
  let text = text + "\n"
  if ProcessInfo.processInfo.environment["RERECORD"] == "1" {
    do { try Data(text.utf8).write(to: file) } catch { Issue.record("\(error)", sourceLocation: sourceLocation) }
    return
  }
  let expected = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
  #expect(text == expected, "\(name) differs; RERECORD=1 swift test writes it anew", sourceLocation: sourceLocation)
}
