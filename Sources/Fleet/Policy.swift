public import NUMA

/// What the operator decided once for the whole fleet: `cluster-config/policy.yaml`, validated.
public struct Policy: Sendable, Hashable, Codable {
  /// Kept free on every cell for the host itself and for emulators.
  public var reserve: Reserve
  /// Floating vcpus per shared pcpu, in percent; 400 allows four vcpus on each. 100...6400.
  public var overcommitPercent: Int
  /// What an unspecified shape wants of hardware threads.
  public var smt: SMTPolicy
  /// Weights of the score's terms, 0...1000 each.
  public var weights: Weights
  /// Guests whose pages libnuma may move although libvirt would refuse: names or ids; `*` is every guest.
  public var livePages: [String]
  /// Driver by host; hosts not listed use `driver`.
  public var driver: DriverChoice
  public var driverByHost: [HostDriver]
  /// Whether jobs write the persistent config too.
  public var scope: Scope
  /// Whether several guest cells may share one host cell when they fit nowhere else.
  public var foldGuestCells: Bool
  /// When a cell has more to do than it can.
  public var pressure: PressureRules
  /// What is said of hosts, ascending by host.
  public var hosts: [HostRules] { didSet { hosts.sort { $0.host < $1.host } } }
  /// Guests that belong together or must not.
  public var groups: [GuestGroup]
  /// What automation may do once it is switched on.
  public var automation: AutomationRules
  /// What is done about guests that somebody pinned elsewhere than was wanted.
  public var drift: DriftRule
  /// Exceptions by guest; the first that names it holds.
  public var driftByGuest: [GuestDrift]

  public init(
    reserve: Reserve = Reserve(), overcommitPercent: Int = 400, smt: SMTPolicy = .prefer,
    weights: Weights = Weights(), pressure: PressureRules = PressureRules(), livePages: [String] = [],
    driver: DriverChoice = .automatic,
    driverByHost: [HostDriver] = [], scope: Scope = .both, foldGuestCells: Bool = false, hosts: [HostRules] = [],
    groups: [GuestGroup] = [], automation: AutomationRules = AutomationRules(), drift: DriftRule = .tell,
    driftByGuest: [GuestDrift] = []
  ) {
    self.reserve = reserve
    self.overcommitPercent = overcommitPercent
    self.smt = smt
    self.weights = weights
    self.pressure = pressure
    self.livePages = livePages
    self.driver = driver
    self.driverByHost = driverByHost
    self.scope = scope
    self.foldGuestCells = foldGuestCells
    self.hosts = hosts.sorted { $0.host < $1.host }
    self.groups = groups
    self.automation = automation
    self.drift = drift
    self.driftByGuest = driftByGuest
  }

  /// Whether libnuma may move the pages of this guest.
  public func allowsLivePages(of guest: Guest) -> Bool {
    livePages.contains("*") || livePages.contains(guest.name) || livePages.contains(guest.id.text)
  }

  /// The driver for jobs on a host.
  public func driver(on host: HostID) -> DriverChoice { driverByHost.first { $0.host == host }?.driver ?? driver }
}

/// What guests never get.
public struct Reserve: Sendable, Hashable, Codable {
  /// The first CPUs of each cell, 0 or more.
  public var pcpusPerCell: Int
  /// Base-page memory of each cell.
  public var memoryPerCell: KiB
  public init(pcpusPerCell: Int = 0, memoryPerCell: KiB = KiB(mib: 256)) {
    self.pcpusPerCell = pcpusPerCell
    self.memoryPerCell = memoryPerCell
  }
}

/// How much each term of a score counts.
public struct Weights: Sendable, Hashable, Codable {
  /// Load of the cell's CPUs after placing.
  public var contention: Int
  /// Distance between the guest's cells and to its devices.
  public var locality: Int
  /// What stays fittable afterwards.
  public var fragmentation: Int
  public init(contention: Int = 100, locality: Int = 100, fragmentation: Int = 50) {
    self.contention = contention
    self.locality = locality
    self.fragmentation = fragmentation
  }
}

/// The driver of one host.
public struct HostDriver: Sendable, Hashable, Codable {
  public var host: HostID
  public var driver: DriverChoice
  public init(host: HostID, driver: DriverChoice) {
    self.host = host
    self.driver = driver
  }
}
