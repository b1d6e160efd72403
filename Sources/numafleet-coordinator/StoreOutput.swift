import ArgumentParser
import ClusterConfig
import Daemon
import Fleet
import FoundationEssentials
import Store

/// How a command about a store shows its result.
struct StoreOutput: ParsableArguments {
  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

  @Option(name: [.customShort("o"), .long], help: "How to print the result: text or json.")
  var output = Format.text

  func show(_ value: some Encodable, _ text: String) throws {
    switch output {
    case .text: print(text)
    case .json:
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
  }

  /// The store that a configuration names.
  static func store(of config: String) throws -> String {
    try CoordinatorConfiguration(parsing: TextFile.read(config), file: config).store
  }
}

extension LedgerReport {
  /// What it holds on one line, then one finding a line.
  var text: String {
    let holds =
      "\(path): epoch \(epoch), \(lastEvent) events, \(plans) plans, \(jobs) jobs (\(jobsInFlight) in flight), "
      + "\(claims) claims, \(guests) guests, \(keys) keys"
    if findings.isEmpty { return "\(holds); nothing is wrong" }
    return ([holds] + findings.map { "\($0.code.rawValue): \($0.text); \($0.remedy)" }).joined(separator: "\n")
  }
}

extension Restoration {
  var text: String {
    let kept = replaced.map { "; the old store is kept as \($0)" } ?? ""
    return "\(report.text)\nthe backup's epoch was \(backupEpoch), the old store's "
      + "\(replacedEpoch.map { "\($0)" } ?? "is not known"); the next term is \(report.epoch.next)\(kept)"
  }
}
