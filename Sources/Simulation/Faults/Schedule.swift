/// What happens to one fleet, act by act, made beforehand from its seed: so a failing run can be tried again with fewer
/// acts, until only those are left that it needs.
public struct Schedule: Sendable, Hashable {
  public struct Entry: Sendable, Hashable {
    /// Milliseconds since the fleet began.
    public var time: Int
    public var act: Act
  }

  public var entries: [Entry]
  /// When faults stop and the fleet has to come to rest.
  public let quietFrom: Int

  /// Acts a host and hour, most of them in bursts: what meets nothing else in flight tells little.
  static let actsPerHostHour = 2
  static let burstMilliseconds = 25_000

  init(seed: UInt64, hosts: Int, hours: Double, climate: Climate) {
    var random = SeededRandom(seed: seed, stream: 2)
    let end = Int(hours * 3_600_000)
    quietFrom = end
    let count = max(12, Int(hours * Double(hosts * Self.actsPerHostHour)))
    var entries: [Entry] = []
    // A fleet that nothing runs on has nothing to lose.
    for _ in 0..<(hosts * 2) {
      entries.append(Entry(time: random.within(1000...20_000), act: .start(pick: Self.pick(&random))))
    }
    while entries.count < count + hosts * 2 {
      let begin = random.within(20_000...max(20_001, end - Self.burstMilliseconds))
      let focus = Self.pick(&random)
      for _ in 0..<random.within(3...20) {
        let pick = random.chance(perMille: 600) ? focus : Self.pick(&random)
        let time = min(end - 1, begin + random.below(Self.burstMilliseconds))
        entries.append(Entry(time: time, act: Self.act(random.pick(climate.kinds), pick, &random)))
      }
    }
    // By time, and by place in the list where two are at once.
    self.entries = entries.enumerated().sorted { ($0.element.time, $0.offset) < ($1.element.time, $1.offset) }
      .map(\.element)
  }

  private static func pick(_ random: inout SeededRandom) -> Int { random.below(1 << 20) }

  /// A second, some, or longer than any limit of the programs.
  private static func duration(_ random: inout SeededRandom) -> Int {
    random.pick([random.within(50...2000), random.within(2000...30_000), random.within(60_000...400_000)])
  }

  private static func act(_ kind: Climate.Kind, _ pick: Int, _ random: inout SeededRandom) -> Act {
    switch kind {
    case .start: .start(pick: Self.pick(&random))
    case .place: .place(pick: pick)
    case .change: .change(pick: pick)
    case .repair: .repair(pick: pick)
    case .drain: .drain(pick: pick)
    case .migrate: .migrate(pick: pick)
    case .evacuate: .evacuate(pick: pick)
    case .forget: .forget(pick: pick)
    case .automate: .automate(pick: Self.pick(&random))
    case .cancel: .cancel(pick: pick)
    case .repin: .repin(pick: pick)
    case .stop: .stop(pick: pick)
    case .restart: .restart(pick: pick)
    case .launch: .launch(pick: pick)
    case .arrive: .arrive(pick: pick)
    case .leave: .leave(pick: pick)
    case .hotplug: .hotplug(pick: pick)
    default: fault(kind, pick, &random)
    }
  }

  private static func fault(_ kind: Climate.Kind, _ pick: Int, _ random: inout SeededRandom) -> Act {
    let milliseconds = duration(&random)
    let after = random.below(8)
    switch kind {
    case .offline: return .offline(pick: pick, milliseconds: milliseconds)
    case .takeMemory: return .takeMemory(pick: pick, milliseconds: milliseconds)
    case .reboot: return .reboot(pick: pick, milliseconds: milliseconds)
    case .libvirtHang: return .libvirtHang(pick: pick, milliseconds: milliseconds)
    case .libvirtDown: return .libvirtDown(pick: pick, milliseconds: milliseconds)
    case .libvirtFault: return .libvirtFault(pick: pick, random.pick(CallFault.allCases))
    case .kernelFault: return .kernelFault(pick: pick, random.pick(CallFault.allCases))
    case .crashAgent: return .crashAgent(pick: pick, after: after, milliseconds: milliseconds)
    case .stopAgent: return .stopAgent(pick: pick, milliseconds: milliseconds)
    case .crashCoordinator: return .crashCoordinator(after: after, milliseconds: min(milliseconds, 60_000))
    case .stopCoordinator: return .stopCoordinator(milliseconds: milliseconds)
    case .rival: return .rival(milliseconds: milliseconds)
    case .journalFull: return .journalFull(pick: pick, milliseconds: milliseconds)
    case .journalLost: return .journalLost(pick: pick)
    case .storeFull: return .storeFull(milliseconds: milliseconds)
    case .wallJump: return .wallJump(milliseconds: random.pick([-3_600_000, -1000, 1000, 3_600_000]))
    case .partition: return .partition(pick: pick, random.pick(Act.Side.allCases), milliseconds: milliseconds)
    default: return .clog(pick: pick, milliseconds: milliseconds)
    }
  }
}
