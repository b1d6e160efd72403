import Foundation
import Testing

extension EndToEndTests {
  /// A daemon is killed at each named point of a job, as by a power cut; a real process ends where it was or where it
  /// should be.
  @Suite struct NamedPoints {
    @Test(arguments: NamedPoint.all) func aJobSurvivesADeathAt(_ point: NamedPoint) async throws {
      let complaints = try await NamedPointRuns.shared.complaints(about: point)
      #expect(complaints.isEmpty, "\(complaints.joined(separator: "\n"))")
    }

    @Test func everyPointOfTheDaemonsIsAmongThem() throws {
      var found: Set<String> = []
      for folder in ["Sources/Daemon", "Sources/numafleet-agent", "Sources/numafleet-coordinator"] {
        let url = Programs.root.appending(path: folder)
        for file in try FileManager.default.contentsOfDirectory(at: url, includingPropertiesForKeys: nil) {
          let text = try String(contentsOf: file, encoding: .utf8)
          found.formUnion(text.matches(of: #/FailPoint\.reach\("([a-z-]+)"/#).map { String($0.1) })
        }
      }
      #expect(found == Set(NamedPoint.all.map(\.name)))
    }
  }
}
