import Foundation
import Testing

extension EndToEndTests {
  /// `numafleet simulate faults` as a process of its own: a safety check is on or off for a whole process.
  @Suite struct SimulatedFaults {
    private func simulate(_ arguments: String...) async throws -> Child.End {
      let folder = FileManager.default.temporaryDirectory
      return try await Child(Programs.path("numafleet"), ["simulate", "faults"] + arguments, in: folder).end()
    }

    /// Swift seeds hashing anew in each process, so a loop over a hashed collection would show here.
    @Test func twoProcessesHaveTheSameDigest() async throws {
      var digests: [String] = []
      for _ in 0..<2 {
        let end = try await simulate("--seeds", "1..4", "--hosts", "4", "--hours", "0.5", "--json")
        #expect(end.status == 0, "\(end)")
        let figures = try #require(try JSONSerialization.jsonObject(with: Data(end.out.utf8)) as? [String: Any])
        #expect(figures["seeds"] as? Int == 4 && figures["converged"] as? Int == 4)
        #expect(figures["violations"] as? Int == 0 && (figures["faults"] as? [String: Int])?["lost"] != nil)
        digests.append(try #require(figures["digest"] as? String))
      }
      #expect(digests[0] == digests[1])
    }

    @Test func aMissingCheckIsToldShortlyAndCanBeReplayed() async throws {
      let end = try await simulate(
        "--seeds", "1..1", "--hosts", "4", "--hours", "0.5", "--without", "intent-before-act")
      #expect(end.status == 2, "\(end)")
      #expect(end.err.contains("acts are needed:"), "\(end)")
      let replay = "replay it with: numafleet simulate faults --seeds 1..1 --hosts 4 --hours 0.5"
      #expect(end.err.contains(replay), "\(end)")
    }
  }
}
