import Fleet
public import Store

/// One fleet, one seed: what happened to it, and whether it held.
public struct FaultTrial: Sendable {
  public struct Settings: Sendable, Hashable {
    /// 1...64.
    public var hosts: Int
    /// Simulated hours in which things go wrong; a quiet time follows.
    public var hours: Double
    public init(hosts: Int = 16, hours: Double = 6) {
      self.hosts = hosts
      self.hours = hours
    }
  }

  public let seed: UInt64
  public let violations: [BrokenRule]
  /// What had not come to rest in the quiet time; empty also when a rule was broken before.
  public let unrest: [String]
  public let events: Int
  public let checks: Int
  public let faults: FaultCounts
  /// Simulated milliseconds.
  public let milliseconds: Int
  public let digest: UInt64
  /// What happened, line by line, where that was asked for.
  public let transcript: [String]
  /// What was done to the fleet.
  public let schedule: Schedule

  public let hosts: Int

  /// What is wrong, in one sentence.
  public var verdict: String {
    violations.first?.description ?? unrest.first.map { "it has not come to rest: \($0)" } ?? "all is well"
  }

  public var converged: Bool { violations.isEmpty && unrest.isEmpty }

  /// Longer than any limit, back-off and poll of the programs.
  static let quietMilliseconds = 3_600_000

  /// Runs the seed's own schedule, or a part of it.
  public init(
    seed: UInt64, _ settings: Settings = Settings(), schedule given: Schedule? = nil, recording: Bool = false
  ) throws(StoreError) {
    var fleet = try FleetUnderFaults(seed: seed, hosts: settings.hosts, recording: recording)
    let schedule =
      given ?? Schedule(seed: seed, hosts: settings.hosts, hours: settings.hours, climate: fleet.climate)
    for entry in schedule.entries { fleet.schedule(.act(entry.act), after: entry.time) }
    fleet.run(until: schedule.quietFrom)
    if fleet.watch.violations.isEmpty {
      fleet.calmDown()
      fleet.run(until: schedule.quietFrom + Self.quietMilliseconds)
    }
    self.seed = seed
    hosts = settings.hosts
    self.schedule = schedule
    violations = fleet.watch.violations
    unrest = fleet.watch.violations.isEmpty ? fleet.unrest() : []
    events = fleet.events
    checks = fleet.watch.checks
    faults = fleet.faults
    milliseconds = fleet.time
    digest = fleet.digest.value
    transcript = fleet.transcript ?? []
  }
}

extension FleetUnderFaults {
  /// Ends whatever is going wrong, as an operator would who has found the cause.
  mutating func calmDown() {
    quietFrom = time
    say { _ in "from now on nothing goes wrong" }
    for host in agents.indices {
      agents[host].journalFullUntil = 0
      agents[host].stepsToLive = nil
      hosts[host].libvirtFaults = []
      hosts[host].kernelFaults = []
      hosts[host].libvirtDownUntil = 0
      if hosts[host].libvirtHungUntil > now.milliseconds {
        hosts[host].libvirtHungUntil = now.milliseconds
        schedule(.libvirtWakes(host: host), after: 0)
      }
      for link in agents[host].links.indices {
        agents[host].links[link].blockedToAgentUntil = 0
        agents[host].links[link].blockedToCoordinatorUntil = 0
        agents[host].links[link].cloggedUntil = 0
      }
    }
    for index in coordinators.indices {
      fillStore(index, false)
      coordinators[index].stepsToLive = nil
    }
    endRival()
    // Until then automation has mended what it can; what it has begun must come to its end.
    schedule(.act(.automate(pick: Self.off)), after: FaultTrial.quietMilliseconds / 2)
  }
}

extension FaultTrial {
  /// Finds a short schedule that fails too, by leaving out ever smaller parts (Zeller and Hildebrandt, 2002).
  ///
  /// `budget` is in runs. The rule that breaks may be another one: a shorter story is worth it.
  public static func shrunk(_ failing: FaultTrial, _ settings: Settings, budget: Int = 200) throws(StoreError)
    -> FaultTrial
  {
    var best = failing.schedule
    var runs = 0
    var parts = 2
    while parts <= max(2, best.entries.count), runs < budget {
      let size = max(1, (best.entries.count + parts - 1) / parts)
      var found = false
      var start = 0
      while start < best.entries.count, runs < budget {
        var trial = best
        trial.entries.removeSubrange(start..<min(start + size, best.entries.count))
        runs += 1
        let run = try FaultTrial(seed: failing.seed, settings, schedule: trial)
        if run.converged {
          start += size
        } else {
          best = trial
          found = true
        }
      }
      if size == 1, !found { break }
      parts = found ? max(2, parts - 1) : min(parts * 2, max(2, best.entries.count))
    }
    return try FaultTrial(seed: failing.seed, settings, schedule: best, recording: true)
  }
}
