public import Fleet
public import NUMA

/// A day of one fleet: how large, how full, under which policy.
public struct DaySettings: Sendable, Hashable {
  /// 1...10000.
  public var hosts: Int
  public var seed: UInt64
  /// CPUs that guests have at the beginning, in percent of all, 1...95.
  public var fillPercent: Int
  /// Whether guests of the beginning were put on any host with room, as a manager does that knows no cells; else this
  /// engine placed them.
  public var isFilledByChance: Bool
  /// 1...168.
  public var hours: Int
  public var policy: Policy
  /// What one move copies in a second, 1...100000.
  public var copyPerSecond: KiB
  /// Of a thousand guests, those that somebody pins by hand during a day, 0...1000.
  public var handPerMille: Int

  /// All defaults, but that pages of running guests may be moved, whoever has placed them, that free CPUs are brought
  /// together, and that there is always room for some of the widest guests.
  public static let policy = Policy(
    livePages: ["*"],
    automation: AutomationRules(
      wideCPUs: DayShape.wideCPUs,
      keepRoom: [KeptRoom(shape: DayShape.all[6].shape, count: 4), KeptRoom(shape: DayShape.all[5].shape, count: 12)],
      concurrentMigrations: 4, manage: .all), drift: .mend)

  /// `migrate_pages` of a guest's 158 MiB took 1.5 s in the emulated machine, and a link of 1 Gbit/s carries as much.
  public static let measuredCopy = KiB(mib: 105)

  public init(
    hosts: Int = 1000, seed: UInt64 = 1, fillPercent: Int = 85, hours: Int = 24,
    policy: Policy = Self.policy, copyPerSecond: KiB = Self.measuredCopy,
    handPerMille: Int = 10, isFilledByChance: Bool = true
  ) {
    self.hosts = hosts
    self.seed = seed
    self.fillPercent = fillPercent
    self.hours = hours
    self.policy = policy
    self.copyPerSecond = copyPerSecond
    self.handPerMille = handPerMille
    self.isFilledByChance = isFilledByChance
  }

  var milliseconds: Int { hours * 3_600_000 }
}

/// The machine that the fleet is made of: two cells of 44 CPUs and 180 GiB, as in the recorded fleets of 280 hosts.
enum DayHost {
  static let cells = 2
  static let cpusPerCell = 44
  static let memoryPerCell = KiB(gib: 180)
  static var cpus: Int { cells * cpusPerCell }

  /// Ascending with the number.
  static func id(_ host: Int) -> HostID { HostID("h" + padded(host, 5)) }

  static func number(of host: HostID) -> Int { Int(host.text.dropFirst()) ?? -1 }

  static func view(_ host: Int) -> HostView {
    let base = Array(0..<cpusPerCell)
    let cells = (0..<cells).map { cell in
      Cell(
        id: cell, memoryTotal: memoryPerCell, memoryFree: memoryPerCell,
        pages: [PagePool(size: .base, total: memoryPerCell.count / 4, free: memoryPerCell.count / 4)],
        cpus: CPUSet(base.map { cell * cpusPerCell + $0 }))
    }
    let pcpus = (0..<cpus).map { cpu in
      PCPU(
        id: cpu, cell: cpu / cpusPerCell, socket: cpu / cpusPerCell, die: 0, core: cpu % cpusPerCell / 2,
        siblings: [cpu & ~1, cpu | 1])
    }
    let topology = HostTopology(
      cells: cells, pcpus: pcpus, distances: DistanceMatrix(ids: [0, 1], rows: [[10, 21], [21, 10]]))
    let facts = HostFacts(
      kernelVersion: "6.8.0", libvirtVersion: "10.0.0", qemuVersion: "8.2.2", libvirtURI: "qemu:///system",
      cgroupVersion: 2, migrationURI: "qemu+tls://\(id(host))/system")
    return HostView(id: id(host), liveness: .connected, facts: facts, topology: topology, guests: [])
  }
}

/// A kind of guest: every vcpu has a CPU for itself, memory is spread evenly over its cells.
public struct DayShape: Sendable, Hashable {
  /// `64c2`: 64 vcpus on two cells.
  public let name: String
  public let vcpus: Int
  public let cells: Int
  /// How many of 1,978 guests of the recorded fleet of 280 hosts (first fit, after 60 days) are of it.
  let share: Int

  private init(_ vcpus: Int, cells: Int, share: Int) {
    name = "\(vcpus)c\(cells)"
    self.vcpus = vcpus
    self.cells = cells
    self.share = share
  }

  public static let all = [
    DayShape(2, cells: 1, share: 521), DayShape(4, cells: 1, share: 506), DayShape(8, cells: 1, share: 421),
    DayShape(16, cells: 1, share: 322), DayShape(32, cells: 2, share: 155), DayShape(64, cells: 2, share: 44),
    DayShape(88, cells: 2, share: 9),
  ]

  /// Whether it needs as many CPUs of a cell as the default policy of a day brings together.
  public var isWide: Bool { vcpus / cells >= Self.wideCPUs }

  static let wideCPUs = 16

  /// 2 GiB a vcpu, as in the recorded fleet.
  var memory: KiB { KiB(gib: 2 * vcpus) }

  var shape: Shape {
    Shape(
      name: name,
      guestCells: (0..<cells).map { _ in ShapeCell(vcpus: vcpus / cells, memory: KiB(gib: 2 * vcpus / cells)) },
      cpuClass: .dedicated)
  }

  static func drawn(_ random: inout SeededRandom) -> Int {
    var rest = random.below(all.reduce(0) { $0 + $1.share })
    return all.firstIndex { shape in
      rest -= shape.share
      return rest < 0
    } ?? 0
  }
}

/// A number with leading zeros, so that texts ascend as numbers do.
func padded(_ number: Int, _ width: Int) -> String {
  let digits = "\(number)"
  return String(repeating: "0", count: max(width - digits.count, 0)) + digits
}
