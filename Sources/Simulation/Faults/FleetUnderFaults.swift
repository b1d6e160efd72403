import AgentCore
import CoordinatorCore
import Fleet
import HeapModule
import NUMA
import Store

/// A whole fleet in one thread: the real cores of agents and coordinators, the real store in memory, real bytes between
/// them, modelled hosts, and a clock that jumps from one occurrence to the next.
///
/// Everything follows from the seed and the schedule, so a run can be had again. What programs may rely on is what they
/// may rely on outside: a transaction is stored or not, a journal is replaced whole, and nothing else.
struct FleetUnderFaults {
  let climate: Climate
  let policy: Policy
  var now: Instant
  var queue = Heap<Scheduled>()
  var ordered = 0
  var dice: SeededRandom
  var hosts: [ModelHost]
  var agents: [SimulatedAgent]
  /// The first is the fleet's; a second one runs by mistake, on a copy of its store.
  var coordinators: [SimulatedCoordinator]
  var operators = SimulatedOperators()
  var watch: SafetyWatch
  var digest = TraceDigest()
  var events = 0
  /// Occurrences at the newest moment: a program that asks to be woken at once for ever would stop the clock.
  private var atOnce = 0
  private var lastTime = 0
  var faults = FaultCounts()
  /// Guests between two hosts.
  var flights: [Flight] = []
  /// Lines for people; nil while nobody reads them.
  var transcript: [String]?
  /// After this nothing goes wrong any more.
  var quietFrom = Int.max
  /// Hosts as they were built, for CPUs that come back.
  let wholeTopologies: [HostTopology]

  /// More room than these fleets can have, so that automation never ends to make some.
  static let keepingRoom = AutomationRules(
    keepRoom: [
      KeptRoom(
        shape: Shape(
          name: "wide", guestCells: [ShapeCell(vcpus: 8, memory: KiB(mib: 1024))], cpuClass: .dedicated), count: 32)
    ], concurrentMigrations: 2, manage: .all)

  static let atOnceMax = 10_000
  static let bootMilliseconds = 1_000_000
  static let wallMilliseconds = 1_700_000_000_000

  init(seed: UInt64, hosts count: Int, recording: Bool) throws(StoreError) {
    let climate = Climate(seed: seed)
    var random = SeededRandom(seed: seed, stream: 3)
    now = Instant(milliseconds: Self.bootMilliseconds, wallMilliseconds: Self.wallMilliseconds)
    policy = Policy(
      reserve: Reserve(pcpusPerCell: 0, memoryPerCell: KiB(mib: 64)), livePages: climate.livePages ? ["*"] : [],
      automation: climate.keepsRoom ? Self.keepingRoom : AutomationRules(manage: .all),
      drift: DriftRule.allCases[Int(seed % 3)])
    hosts = (0..<count).map { ModelHost(id: HostID($0 < 10 ? "h0\($0)" : "h\($0)"), random: &random) }
    wholeTopologies = hosts.map(\.topology)
    let links = climate.hasRival ? 2 : 1
    agents = (0..<count).map { host in
      SimulatedAgent(
        links: (0..<links).map { link in
          SimulatedLink(dice: SeededRandom(seed: seed, stream: UInt64(1000 + host * 2 + link)))
        }, isPreviousVersion: random.chance(perMille: climate.previousVersionPerMille))
    }
    self.climate = climate
    self.dice = random
    coordinators = [SimulatedCoordinator(ledger: try Ledger.inMemory(), hosts: count)]
    watch = SafetyWatch(hosts: count)
    if recording { transcript = [] }
    schedule(.coordinatorStarts(0), after: 0)
    for host in 0..<count { schedule(.agentStarts(host: host), after: self.dice.below(5000)) }
  }

  var time: Int { now.milliseconds - Self.bootMilliseconds }

  // MARK: The clock

  mutating func schedule(_ occurrence: Occurrence, after milliseconds: Int) {
    ordered += 1
    queue.insert(
      Scheduled(time: now.milliseconds + max(0, milliseconds), order: ordered, occurrence: occurrence))
  }

  /// Lets everything happen that is due by then, or until a rule is broken.
  mutating func run(until end: Int) {
    while let next = queue.min, next.time <= end + Self.bootMilliseconds, watch.violations.isEmpty {
      _ = queue.popMin()
      now.wallMilliseconds += next.time - now.milliseconds
      now.milliseconds = max(now.milliseconds, next.time)
      events += 1
      atOnce = next.time == lastTime ? atOnce + 1 : 0
      lastTime = next.time
      if atOnce > Self.atOnceMax { watch.broken("spin", "time stands still: \(next.occurrence)", time) }
      digest.fold(UInt64(truncatingIfNeeded: next.time), tag: next.occurrence.tag)
      happens(next.occurrence)
    }
    let left = end + Self.bootMilliseconds - now.milliseconds
    if left > 0, watch.violations.isEmpty { now = now.advanced(byMilliseconds: left) }
  }

  private mutating func happens(_ occurrence: Occurrence) {
    switch occurrence {
    case .act(let act): perform(act)
    case .agentStarts(let host): startAgent(host)
    case .agentTick(let host, let run): agentTick(host, run: run)
    case .coordinatorStarts(let index): startCoordinator(index)
    case .coordinatorTick(let index, let run): coordinatorTick(index, run: run)
    case .dial(let host, let coordinator): dial(host, coordinator)
    case .linkLost(let host, let coordinator, let connection): lose(host, coordinator, connection)
    case .toAgent(let host, let coordinator, let connection, let bytes):
      arrive(bytes, host: host, from: coordinator, connection: connection)
    case .toCoordinator(let host, let coordinator, let connection, let bytes):
      arrive(bytes, coordinator: coordinator, from: host, connection: connection)
    case .acts(let host, let run, let command): acts(command, host: host, run: run)
    case .ends(let host, let run, let command, let outcome): ends(command, outcome, host: host, run: run)
    case .libvirtWakes(let host): libvirtWakes(host)
    case .online(let host, let cpu): hosts[host].setOnline(cpu, true, like: wholeTopologies[host])
    case .memoryBack(let host, let cell, let kib): hosts[host].taken[cell] -= kib
    case .workedOut(let coordinator, let run, let event):
      guard coordinators[coordinator].run == run else { return }
      step(coordinator, event)
    case .asked(let question): ask(question)
    case .answered(let question, let bytes): takeAnswer(bytes, of: question)
    case .rivalEnds: endRival()
    case .storeFreed: fillStore(0, false)
    }
  }

  // MARK: People

  mutating func say(_ text: (FleetUnderFaults) -> String) {
    guard transcript != nil else { return }
    let time = time
    let (seconds, rest) = (time / 1000, time % 1000)
    let thousandths = rest < 10 ? "00\(rest)" : rest < 100 ? "0\(rest)" : "\(rest)"
    let line = "\(seconds).\(thousandths) s  \(text(self))"
    transcript?.append(line)
  }
}

extension Occurrence {
  /// Tells kinds apart in the digest of a run.
  var tag: UInt64 {
    switch self {
    case .act: 1
    case .agentStarts(let host): 2 | UInt64(host) << 8
    case .agentTick(let host, _): 3 | UInt64(host) << 8
    case .coordinatorStarts: 4
    case .coordinatorTick: 5
    case .dial(let host, _): 6 | UInt64(host) << 8
    case .linkLost(let host, _, _): 7 | UInt64(host) << 8
    case .toAgent(let host, _, _, _): 8 | UInt64(host) << 8
    case .toCoordinator(let host, _, _, _): 9 | UInt64(host) << 8
    case .acts(let host, _, let command): 10 | UInt64(host) << 8 | command.id.number << 24
    case .ends(let host, _, let command, _): 11 | UInt64(host) << 8 | command.number << 24
    case .libvirtWakes: 12
    case .online: 13
    case .memoryBack: 14
    case .workedOut: 15
    case .asked(let question): 16 | UInt64(question) << 8
    case .answered(let question, _): 17 | UInt64(question) << 8
    case .rivalEnds: 18
    case .storeFreed: 19
    }
  }
}

/// A number that tells two runs apart that differ in anything.
struct TraceDigest: Sendable, Hashable {
  private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

  mutating func fold(_ word: UInt64, tag: UInt64) {
    value = (value ^ word) &* 0x0000_0100_0000_01B3
    value = (value ^ value >> 29 ^ tag) &* 0x9E37_79B9_7F4A_7C15
  }

  mutating func fold(_ bytes: [UInt8]) {
    var word: UInt64 = UInt64(bytes.count)
    for (index, byte) in bytes.enumerated() {
      word = word << 8 | UInt64(byte)
      if index & 7 == 7 {
        fold(word, tag: 0)
        word = 0
      }
    }
    fold(word, tag: 1)
  }
}

/// How often each kind of fault and act was had.
public struct FaultCounts: Sendable, Hashable {
  /// Ascending by word.
  public private(set) var counts: [(word: String, count: Int)] = []

  public init() {}

  public mutating func add(_ word: String, _ more: Int = 1) {
    let index = counts.firstIndex { $0.word >= word } ?? counts.endIndex
    if index < counts.endIndex, counts[index].word == word {
      counts[index].count += more
    } else {
      counts.insert((word, more), at: index)
    }
  }

  public mutating func add(_ other: FaultCounts) { for (word, count) in other.counts { add(word, count) } }

  public var total: Int { counts.reduce(0) { $0 + $1.count } }

  public static func == (a: Self, b: Self) -> Bool {
    a.counts.elementsEqual(b.counts) { $0.word == $1.word && $0.count == $1.count }
  }
  public func hash(into hasher: inout Hasher) { for (word, count) in counts { hasher.combine("\(word) \(count)") } }
}
