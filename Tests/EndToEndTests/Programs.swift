import Foundation

/// Where this package's sources and its built programs are.
enum Programs {
  /// The package's root, from where this file was compiled.
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The folder of the built programs: `NUMAFLEET_BIN`, or the one that holds the test bundle.
  static let folder: URL = {
    if let set = ProcessInfo.processInfo.environment["NUMAFLEET_BIN"] { return URL(filePath: set) }
    let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
    return URL(filePath: bundle).deletingLastPathComponent()
  }()

  /// The path of one built program.
  static func path(_ name: String) -> String { folder.appending(path: name).path }

  /// Whether a test that cannot run here is a failure.
  static let isCI = ProcessInfo.processInfo.environment["CI"] == "true"
}
