import Foundation
import Testing

/// A script of `Scenarios/` that runs inside one emulated machine and prints one line a check.
enum Scenario: String, CaseIterable {
  case placing, strict, crash, kernel, refusals, foreign, auto, migration, drift

  /// The names of its checks, in the order in which it makes them.
  var checks: [String] {
    let path = "Tests/EndToEndTests/Scenarios/\(rawValue)"
    let script = (try? String(contentsOf: Programs.root.appending(path: path), encoding: .utf8)) ?? ""
    return script.split(separator: "\n").compactMap { line in
      line.hasPrefix("check ") ? line.split(separator: " ").dropFirst().first.map(String.init) : nil
    }
  }
}

/// What one machine had to say.
struct MachineOutcome: Sendable {
  var output: String
  var complaints: String

  /// The line of one check, without its name; nil when it was never reached.
  func line(of check: String) -> (passed: Bool, text: String)? {
    let lines = output.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if line.hasPrefix("ok \(check) ") { return (true, String(line)) }
      if line.hasPrefix("not ok \(check) ") {
        let details = lines[(index + 1)...].prefix { $0.hasPrefix("# ") }
        return (false, ([line] + details).joined(separator: "\n"))
      }
    }
    return nil
  }
}

/// Boots one machine for each scenario, once, however many tests look at it.
actor Machines {
  static let shared = Machines()
  private var runs: [Scenario: Task<MachineOutcome, any Error>] = [:]

  func outcome(of scenario: Scenario) async throws -> MachineOutcome {
    let run = runs[scenario] ?? Task { try await Self.boot(scenario) }
    runs[scenario] = run
    return try await run.value
  }

  /// Boots until libvirtd and the guests are up: QEMU inside QEMU hangs now and then, before there is anything to test.
  private static func boot(_ scenario: Scenario, attempts: Int = 3) async throws -> MachineOutcome {
    let folder = try Folder()
    defer { withExtendedLifetime(folder) {} }
    let machine = try start(scenario.rawValue, [], in: folder)
    let spoke = await eventually(within: 300) { machine.printed.contains("\n") || machine.hasEnded }
    let isUp = spoke && !machine.printed.hasPrefix("not ok guests ")
    if !isUp, attempts > 1 {
      machine.signal(SIGTERM)
      let end = await machine.end()
      print("the machine of scenario \(scenario.rawValue) is started again: \(end.out) \(end.err.suffix(1000))")
      return try await boot(scenario, attempts: attempts - 1)
    }
    let end = await machine.end()
    return MachineOutcome(output: end.out, complaints: "status \(end.status)\n\(end.err)")
  }

  /// Starts a machine that runs one script of `Scenarios/`; `sharing` is a folder that it sees as /out.
  static func start(
    _ script: String, _ arguments: [String], sharing: String? = nil, in folder: Folder
  ) throws -> Child {
    try run(
      ["env", "NUMAFLEET_BIN=\(Programs.folder.path)", "Tests/EndToEndTests/Scenarios/\(script)"] + arguments,
      sharing: sharing, in: folder)
  }

  /// Starts a machine of 4 cells with 2 pcpus each that runs one command.
  static func run(
    _ command: [String], sharing: String? = nil, limitSeconds: Int = 900, in folder: Folder
  ) throws -> Child {
    try Child(
      program,
      ["-n", "4", "-c", "2", "-t", "\(limitSeconds)"] + (sharing.map { ["-o", $0] } ?? []) + ["--"] + command,
      in: folder.url)
  }

  /// What `Tests/numa-machine` ends with when the machine did, not the command in it: the time limit, or no machine.
  static let failed: Set<Int32> = [124, 125]

  private static let program = Programs.root.appending(path: "Tests/numa-machine").path

  /// Why no machine can be had here; nil when one can.
  ///
  /// Asked once, before the tests: a test's cases that end themselves would be counted as passed.
  static let missing: Comment? = {
    let process = Process()
    let errors = Pipe()
    process.executableURL = URL(filePath: program)
    process.arguments = ["--check"]
    process.standardError = errors
    do { try process.run() } catch { return "Tests/numa-machine: \(error.localizedDescription)" }
    let told = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return process.terminationStatus == 0 ? nil : Comment(rawValue: String(told.split(separator: "\n").last ?? ""))
  }()

  /// Whether the tests that need one run; in CI always, so that there they fail where there is none.
  static var areWanted: Bool { Programs.isCI || missing == nil }
}

/// Passes when the check did.
func expectPassed(_ check: String, in scenario: Scenario) async throws {
  let outcome = try await Machines.shared.outcome(of: scenario)
  guard let line = outcome.line(of: check) else {
    let printed = outcome.output.suffix(2000)
    Issue.record("the scenario ended before this check: \(outcome.complaints.suffix(2000))\n\(printed)")
    return
  }
  print(line.text.prefix { $0 != "\n" })
  #expect(line.passed, "\(line.text)")
}
