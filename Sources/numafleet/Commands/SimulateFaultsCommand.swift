import ArgumentParser
import Dispatch
import Fleet
import Glibc
import Simulation
import Store
import Synchronization

/// `numafleet simulate faults`.
struct SimulateFaultsCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "faults", abstract: "Runs whole fleets under faults, and looks for guests that come to harm.",
    discussion: """
      Each seed is one fleet: the real machines of coordinator and agents, the real
      store, real messages over a network that loses, doubles and delays them, and
      modelled hosts whose libvirt hangs and lies and whose guests come and go.
      Programs are killed between any two steps. After every event rules are checked
      that no fault may break; an hour after the last fault all must have come to
      rest. The same seed always does the same.

      A seed that fails is made as short as it can be and told step by step.

      JSON keys: seeds, violations, converged, events, faults (how often, by kind),
      simulated_host_hours, wall_seconds, digest.

      Exit status: 0 when no rule was broken and every fleet converged, 2 otherwise.

      Examples:
        numafleet simulate faults --seeds 1..200
        numafleet simulate faults --seeds 8841..8841 --transcript
      """)

  @OptionGroup var fleet: FaultOptions

  @Flag(help: "Tells all that happened, step by step.")
  var transcript = false

  @Flag(help: "Does not try to make a failing seed's story shorter.")
  var noShrink = false

  @Option(help: "Switches a safety check off, in builds that can: \(SafetyCheck.names).", transform: SafetyCheck.named)
  var without: SafetyCheck?

  var output: OutputOptions { fleet.format }

  func perform(_ console: Console) throws(CommandFailure) {
    if let without { try SafetyCheck.switchOff(without) }
    let begun = monotonicMilliseconds()
    var sum = FaultSum()
    try fleet.run(progress: console) { trial in
      sum.add(trial)
      // Said at once: a run of a thousand seeds takes long, and the first failure can be looked at meanwhile.
      if !trial.converged { console.note("seed \(trial.seed) fails: \(trial.verdict)") }
      return true
    } recording: {
      transcript
    } told: { lines in
      for line in lines { console.out(line + "\n") }
    }
    let figures = sum.figures(wallSeconds: Double(monotonicMilliseconds() - begun) / 1000)
    console.show(table: figures.text, json: figures)
    guard let failing = sum.firstFailing else { return }
    try tell(failing, console)
    throw CommandFailure(
      code: "violations", "seed \(failing.seed): \(failing.verdict)",
      remedy: "replay it with: \(fleet.replay(failing.seed))", exit: .diverged)
  }

  private func tell(_ failing: FaultTrial, _ console: Console) throws(CommandFailure) {
    guard !noShrink, !transcript else { return }
    console.note("looking for a shorter story of seed \(failing.seed)")
    do throws(StoreError) {
      let short = try FaultTrial.shrunk(failing, fleet.settings)
      console.note("\(short.schedule.entries.count) of \(failing.schedule.entries.count) acts are needed:")
      for line in short.transcript.suffix(120) { console.note("  " + line) }
      console.note("  " + short.verdict)
    } catch { throw CommandFailure(error.refusal) }
  }
}

/// `numafleet simulate mutants`.
struct SimulateMutantsCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "mutants", abstract: "Switches each safety check off, and sees whether the simulator notices.",
    discussion: """
      A check whose absence breaks no rule within the seeds is badly watched: the
      simulator would prove nothing. Only builds with -Xswiftc -DMUTANTS, and debug
      builds, can do it.

      JSON keys, one object for each check: check, seed (at which it was missed),
      rule, seeds_tried.

      Exit status: 0 when every missing check was noticed, 2 otherwise.
      """)

  @OptionGroup var fleet: FaultOptions

  var output: OutputOptions { fleet.format }

  func perform(_ console: Console) throws(CommandFailure) {
    var found: [MutantFigures] = []
    for check in SafetyCheck.allCases {
      try SafetyCheck.switchOff(check)
      var figures = MutantFigures(check: check.rawValue, seeds_tried: 0)
      try fleet.run(progress: nil) { trial in
        figures.seeds_tried += 1
        guard let rule = trial.violations.first, figures.seed == nil else { return trial.violations.isEmpty }
        figures.seed = trial.seed
        figures.rule = rule.description
        return false
      } recording: {
        false
      } told: { _ in
      }
      console.note(figures.text)
      found.append(figures)
    }
    console.show(table: "\(found.count { $0.seed != nil }) of \(found.count) missing checks were noticed", json: found)
    if let missed = found.first(where: { $0.seed == nil }) {
      throw CommandFailure(
        code: "violations", "without \(missed.check) no rule was broken in \(missed.seeds_tried) seeds",
        remedy: "strengthen what Sources/Simulation/Faults watches", exit: .diverged)
    }
  }
}

private struct MutantFigures: Encodable {
  var check: String
  var seed: UInt64?
  var rule: String?
  var seeds_tried: Int

  var text: String {
    guard let seed, let rule else { return "without \(check): nothing noticed in \(seeds_tried) seeds" }
    return "without \(check): noticed at seed \(seed), \(rule)"
  }
}

extension SafetyCheck {
  static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

  static func named(_ text: String) throws -> SafetyCheck {
    guard let check = SafetyCheck(rawValue: text) else { throw ValidationError("\(text) is none of \(names)") }
    return check
  }

  /// Switches it off, in builds that can.
  static func switchOff(_ check: SafetyCheck) throws(CommandFailure) {
    #if MUTANTS
      disabled = check
    #else
      throw CommandFailure(
        code: "unsupported", "this build cannot switch \(check.rawValue) off",
        remedy: "build it with: swift build -c release -Xswiftc -DMUTANTS --scratch-path .build-mutants", exit: .usage)
    #endif
  }
}

/// A range of seeds, `1..200`.
struct SeedRange: ExpressibleByArgument, Sendable {
  let seeds: ClosedRange<UInt64>

  init?(argument: String) {
    let ends = argument.split(separator: ".", omittingEmptySubsequences: true).map { UInt64($0) }
    guard ends.count == 2 || ends.count == 1, let first = ends.first ?? nil, let last = ends.last ?? nil,
      first <= last, last - first < 10_000_000
    else { return nil }
    seeds = first...last
  }
}

/// What both take.
struct FaultOptions: ParsableArguments {
  @Option(help: "The seeds, as FIRST..LAST.")
  var seeds: SeedRange

  @Option(help: "Hosts of each fleet, 1...64.")
  var hosts = 16

  @Option(help: "Simulated hours in which things go wrong.")
  var hours = 6.0

  @Option(help: "Fleets at once; as many as there are CPUs unless told otherwise.")
  var threads: Int?

  @OptionGroup var output: TrialOutput

  var format: OutputOptions { output.format }

  var settings: FaultTrial.Settings { FaultTrial.Settings(hosts: hosts, hours: hours) }

  func validate() throws {
    guard (1...64).contains(hosts) else { throw ValidationError("--hosts is \(hosts); allowed: 1 to 64") }
    guard hours > 0, hours <= 1000 else { throw ValidationError("--hours is \(hours); allowed: above 0, to 1000") }
  }

  func replay(_ seed: UInt64) -> String {
    "numafleet simulate faults --seeds \(seed)..\(seed) --hosts \(hosts) --hours \(hours) --transcript"
  }

  /// Runs the seeds, several at once, and hands the trials over in order; ends early when `take` says so.
  func run(
    progress: Console?, take: (FaultTrial) -> Bool, recording: () -> Bool, told: ([String]) -> Void
  ) throws(CommandFailure) {
    let all = Array(seeds.seeds)
    let width = threads ?? max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    let isRecording = recording()
    var next = 0
    var said = monotonicMilliseconds()
    while next < all.count {
      let batch = Array(all[next..<min(next + width * 16, all.count)])
      next += batch.count
      let results = Mutex([Result<FaultTrial, StoreError>?](repeating: nil, count: batch.count))
      let settings = settings
      let counter = Atomic(0)
      DispatchQueue.concurrentPerform(iterations: width) { _ in
        while true {
          let index = counter.wrappingAdd(1, ordering: .relaxed).oldValue
          guard index < batch.count else { return }
          let result = Result { () throws(StoreError) in
            try FaultTrial(seed: batch[index], settings, recording: isRecording)
          }
          results.withLock { $0[index] = result }
        }
      }
      for result in results.withLock({ $0 }) {
        switch result {
        case .success(let trial):
          told(trial.transcript)
          guard take(trial) else { return }
        case .failure(let error): throw CommandFailure(error.refusal)
        case nil: continue
        }
      }
      if let progress, monotonicMilliseconds() - said > 5000 {
        progress.note("\(next) of \(all.count) seeds")
        said = monotonicMilliseconds()
      }
    }
  }
}

/// Trials added up.
private struct FaultSum {
  private var trials = 0
  private var converged = 0
  private var violations = 0
  private var events = 0
  private var faults = FaultCounts()
  private var hostMilliseconds = 0
  private var digest: UInt64 = 0
  private(set) var firstFailing: FaultTrial?
  private var hosts = 0

  mutating func add(_ trial: FaultTrial) {
    trials += 1
    converged += trial.converged ? 1 : 0
    violations += trial.violations.count
    events += trial.events
    faults.add(trial.faults)
    hostMilliseconds += trial.milliseconds * trial.hosts
    digest = (digest ^ trial.digest) &* 0x0000_0100_0000_01B3
    if !trial.converged, firstFailing == nil { firstFailing = trial }
  }

  func figures(wallSeconds: Double) -> FaultFigures {
    FaultFigures(
      seeds: trials, violations: violations, converged: converged, events: events,
      faults: faults.counts.map { FaultFigures.Count(kind: $0.word, count: $0.count) },
      simulated_host_hours: Double(hostMilliseconds) / 3_600_000, wall_seconds: wallSeconds,
      digest: String(digest, radix: 16))
  }
}

private struct FaultFigures: Encodable {
  struct Count: Encodable {
    var kind: String
    var count: Int
  }

  var seeds, violations, converged, events: Int
  var faults: [Count]
  var simulated_host_hours, wall_seconds: Double
  var digest: String

  enum CodingKeys: String, CodingKey {
    case seeds, violations, converged, events, faults, simulated_host_hours, wall_seconds, digest
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(seeds, forKey: .seeds)
    try container.encode(violations, forKey: .violations)
    try container.encode(converged, forKey: .converged)
    try container.encode(events, forKey: .events)
    try container.encode(Dictionary(uniqueKeysWithValues: faults.map { ($0.kind, $0.count) }), forKey: .faults)
    try container.encode(simulated_host_hours, forKey: .simulated_host_hours)
    try container.encode(wall_seconds, forKey: .wall_seconds)
    try container.encode(digest, forKey: .digest)
  }

  var text: String {
    let kinds = faults.map { "\($0.kind) \($0.count)" }.joined(separator: ", ")
    let rate = Int(simulated_host_hours / max(wall_seconds, 0.001))
    return """
      seeds:      \(seeds), \(converged) converged
      violations: \(violations)
      events:     \(events)
      faults:     \(kinds)
      simulated:  \(Int(simulated_host_hours)) host-hours in \(Int(wall_seconds.rounded())) s, \(rate) a second
      digest:     \(digest)
      """
  }
}
