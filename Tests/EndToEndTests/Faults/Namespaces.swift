import Foundation
import Testing

/// Networks of their own for a coordinator and its agents: each agent has one wire to the coordinator and nothing else.
final class Namespaces {
  let names: [String]
  private let tag = "nf\(UInt16.random(in: 0...UInt16.max))"

  /// Which messages on an agent's wire are lost.
  enum Direction: String, CaseIterable, Sendable {
    case both, toAgent, fromAgent

    /// The chains of the agent's side.
    fileprivate var chains: [String] {
      switch self {
      case .both: ["INPUT", "OUTPUT"]
      case .toAgent: ["INPUT"]
      case .fromAgent: ["OUTPUT"]
      }
    }
  }

  /// Makes a network for the coordinator and one for each agent.
  init(agents names: [String]) throws {
    self.names = names
    try Self.run("ip", "netns", "add", coordinator)
    for (index, name) in names.enumerated() {
      let (near, far, net) = ("\(tag)c\(index)", "\(tag)a\(index)", "10.214.\(index)")
      try Self.run("ip", "netns", "add", agent(name))
      try Self.run("ip", "link", "add", near, "netns", coordinator, "type", "veth", "peer", far, "netns", agent(name))
      try Self.run("ip", "-n", coordinator, "address", "add", "\(net).1/30", "dev", near)
      try Self.run("ip", "-n", agent(name), "address", "add", "\(net).2/30", "dev", far)
      try Self.run("ip", "-n", coordinator, "link", "set", near, "up")
      try Self.run("ip", "-n", agent(name), "link", "set", far, "up")
    }
  }

  deinit { for name in [coordinator] + names.map(agent) { try? Self.run("ip", "netns", "delete", name) } }

  /// What makes a program run in the coordinator's network, or in an agent's.
  var coordinatorLaunch: Launch { launch(in: coordinator) }
  func launch(of name: String) -> Launch { launch(in: agent(name)) }

  /// Where an agent finds the coordinator.
  func coordinatorAddress(for name: String) -> String { "10.214.\(names.firstIndex(of: name) ?? 0).1" }

  /// Loses all packets on an agent's wire, or that part of them.
  func lose(_ direction: Direction, of name: String, part: Double? = nil) throws {
    for chain in direction.chains {
      let some = part.map { ["-m", "statistic", "--mode", "random", "--probability", "\($0)"] } ?? []
      try Self.run(["ip", "netns", "exec", agent(name), "iptables", "-A", chain] + some + ["-j", "DROP"])
    }
  }

  /// How many packets an agent's wire has lost by now.
  func lost(of name: String) throws -> Int {
    let list = try Self.run(["ip", "netns", "exec", agent(name), "iptables", "-nvxL"])
    return list.split(separator: "\n").filter { $0.contains(" DROP ") }.reduce(0) { sum, line in
      sum + (line.split(separator: " ").first.flatMap { Int($0) } ?? 0)
    }
  }

  /// Loses nothing any more.
  func heal(_ name: String) throws { try Self.run("ip", "netns", "exec", agent(name), "iptables", "-F") }

  private var coordinator: String { "\(tag)c" }
  private func agent(_ name: String) -> String { "\(tag)a-\(name)" }
  /// Only the network is another one: `ip netns exec` would hide the cgroups as well.
  private func launch(in name: String) -> Launch { Launch(launcher: [path("nsenter"), "--net=/run/netns/\(name)"]) }

  private static func run(_ words: String...) throws { try run(words) }

  /// What a command has printed.
  @discardableResult private static func run(_ words: [String]) throws -> String {
    let process = Process()
    let (output, errors) = (Pipe(), Pipe())
    process.executableURL = URL(filePath: path(words[0]))
    process.arguments = Array(words[1...])
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let printed = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    let told = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
      throw Failure(description: "\(words.joined(separator: " ")): \(told)")
    }
    return printed
  }

  struct Failure: Error, CustomStringConvertible { var description: String }

  /// Why networks cannot be had here; nil when they can. Asked once, before the tests.
  static let missing: Comment? = {
    do {
      let trial = try Namespaces(agents: ["trial"])
      try trial.lose(.toAgent, of: "trial", part: 0.05)
      return nil
    } catch { return Comment(rawValue: "no network namespaces: \(error)") }
  }()

  /// In CI always, so that there the tests fail where there are none.
  static var areWanted: Bool { Programs.isCI || missing == nil }
}

/// Where a program of the system is.
func path(_ program: String) -> String {
  let folders = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
  return folders.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 } ?? program
}
