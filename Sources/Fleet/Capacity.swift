public import NUMA

/// How many more guests of one shape fit on the fleet as it is.
public struct Capacity: Sendable, Hashable, Codable {
  public var fits: Int
  /// False where only a bound from below is known: more may fit.
  public var isExact: Bool
  /// Hosts with room, ascending by id; empty unless they were asked for.
  public var hosts: [HostCapacity]
  /// Why hosts have no room: counts by first failed constraint; empty unless hosts were asked for or nothing fits.
  public var counts: [String]
  /// What a plan would change; nil unless it was asked for.
  public var after: CapacityAfter?
  public init(
    fits: Int, isExact: Bool, hosts: [HostCapacity] = [], counts: [String] = [], after: CapacityAfter? = nil
  ) {
    self.fits = fits
    self.isExact = isExact
    self.hosts = hosts
    self.counts = counts
    self.after = after
  }
}

/// How many guests of the shape fit once a plan is carried out.
public struct CapacityAfter: Sendable, Hashable, Codable {
  /// Of the plan, for example `drain rack1-host7`.
  public var purpose: String
  public var fits: Int
  public var isExact: Bool
  public var moves: Int
  /// Those of them that go to other hosts.
  public var migrations: Int
  /// Memory to copy.
  public var copy: KiB
  /// Guests that should move for it and cannot.
  public var unmoved: Int
  public init(purpose: String, fits: Int, isExact: Bool, moves: Int, migrations: Int, copy: KiB, unmoved: Int) {
    self.purpose = purpose
    self.fits = fits
    self.isExact = isExact
    self.moves = moves
    self.migrations = migrations
    self.copy = copy
    self.unmoved = unmoved
  }
}

/// How many more guests fit on one host by itself.
public struct HostCapacity: Sendable, Hashable, Codable {
  public var host: HostID
  public var fits: Int
  public init(host: HostID, fits: Int) {
    self.host = host
    self.fits = fits
  }
}
