import Fleet
import Foundation
import NUMA

/// Files of Tests/Fixtures, and small values that several tests need.
enum Fixture {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

  static func text(_ path: String) throws -> String {
    try String(contentsOf: folder.appendingPathComponent(path), encoding: .utf8)
  }

  static func capabilities(_ host: String) throws -> String { try text("hosts/\(host)/capabilities.xml") }

  static func domain(_ name: String) throws -> String { try text("domains/\(name).xml") }

  static let domains = [
    "rich", "twocell-live", "twocell-config", "db-live", "db-config", "strict-live", "strict-config", "web-a-live",
    "web-a-config",
  ]

  /// A placement of consecutive guest cells on the given host cells, with these pins.
  static func placement(cells: [Int], pins: [VCPUPin] = [], emulator: CPUSet? = nil, tune: NUMATune? = nil) -> Placement
  {
    Placement(
      host: "h1", cells: cells.enumerated().map { GuestCellPlacement(guestCell: $0, cell: $1) },
      pinning: Pinning(vcpus: pins, emulator: emulator, numatune: tune), dedicated: [], score: 0, terms: [])
  }
}

/// Numbers that are the same in every run.
struct Sequence64: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }
  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}
