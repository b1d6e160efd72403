import NUMA

/// When a cell has more to do than its CPUs and its memory controller can: `pressure` of `cluster-config/policy.yaml`.
public struct PressureRules: Sendable, Hashable, Codable {
  /// Percent of the time of a cell's shared CPUs from which on it is pressed, 1...99; 0 never judges by it.
  public var busyPercent: Int
  /// Memory traffic of a cell in MiB a second from which on it is pressed, 1...10,000,000; 0 never judges by it.
  public var bandwidth: Int
  /// Percent of the time in which tasks of a host wait for a CPU (`HostLoad.cpuPressure`) from which on it repels
  /// newcomers, 1...99; 0 never judges by it. It counts where no traffic is judged.
  public var waitingPercent: Int

  public static let bandwidthMax = 10_000_000
  /// Nothing is judged.
  public static let none = PressureRules(busyPercent: 0, bandwidth: 0, waitingPercent: 0)

  public init(busyPercent: Int = 90, bandwidth: Int = 0, waitingPercent: Int = 25) {
    self.busyPercent = busyPercent
    self.bandwidth = bandwidth
    self.waitingPercent = waitingPercent
  }
}

/// What the CPUs and the memory controller of one cell have to do: as measured, or as it would be with other guests.
public struct CellStrain: Sendable, Hashable {
  /// CPUs that guests share with each other and with the host: none that a guest has for itself, none that is isolated.
  public var shared: Int
  /// Thousandths of a CPU's time that are spent on them; nil where it was not measured.
  public var busy: Int?
  /// MiB a second to and from its memory; nil where it was not counted.
  public var traffic: Int?

  public init(shared: Int, busy: Int? = nil, traffic: Int? = nil) {
    self.shared = shared
    self.busy = busy
    self.traffic = traffic
  }

  /// Thousandths of the time of a shared CPU that are spent, 0...1000.
  var busyMilli: Int? { busy.map { shared > 0 ? min(max($0, 0) / shared, 1000) : 0 } }
  /// The same in percent, rounded.
  public var busyPercent: Int? { busyMilli.map { ($0 + 5) / 10 } }
}

extension PressureRules {
  /// How far a cell is beyond what it can carry, in thousandths, 0...1000: its CPUs or its traffic, whichever is worse.
  public func pressure(of strain: CellStrain) -> Int { max(busyPressure(of: strain), trafficPressure(of: strain)) }

  /// 1000 where no time is left.
  public func busyPressure(of strain: CellStrain) -> Int {
    guard (1...99).contains(busyPercent), let busy = strain.busyMilli else { return 0 }
    return max(busy - busyPercent * 10, 0) * 1000 / (1000 - busyPercent * 10)
  }

  /// 1000 at a quarter beyond the limit: a controller that is full serves no more, so little beyond is much.
  public func trafficPressure(of strain: CellStrain) -> Int {
    guard bandwidth > 0, let traffic = strain.traffic else { return 0 }
    let beyond = max(min(traffic, 2 * Self.bandwidthMax) - bandwidth, 0)
    return min(beyond * 4000 / bandwidth, 1000)
  }

  /// How long tasks of a host wait for a CPU beyond what is allowed, in thousandths, 0...1000. The kernel tells it of
  /// the whole host, so it tells hosts apart and no cells.
  public func waiting(_ load: HostLoad?) -> Int {
    guard (1...99).contains(waitingPercent), let waits = load?.cpuPressure, !judgesTraffic(of: load) else { return 0 }
    return max(min(waits, 100) - waitingPercent, 0) * 1000 / (100 - waitingPercent)
  }

  private func judgesTraffic(of load: HostLoad?) -> Bool {
    bandwidth > 0 && load?.cells.contains { $0.bandwidth != nil } ?? false
  }
}

extension Policy {
  /// When a cell of that host is pressed: by the host's own bandwidth where it has one, for hardware differs.
  public func pressure(on host: HostID) -> PressureRules {
    var rules = pressure
    if let own = self.rules(of: host).bandwidth { rules.bandwidth = own }
    return rules
  }
}

/// A cell with guests that has more to do than it can.
public struct PressedCell: Sendable, Hashable {
  public var cell: Int
  /// Thousandths, 1...1000.
  public var pressure: Int
  /// By what it was judged, and the percent or MiB a second that were seen.
  public var strain: Relief.Strain
  public var amount: Int
  /// What was seen, such as `cell 1 is 97 % busy`.
  public var words: String

  public init(cell: Int, pressure: Int, strain: Relief.Strain, amount: Int, words: String) {
    self.cell = cell
    self.pressure = pressure
    self.strain = strain
    self.amount = amount
    self.words = words
  }
}
