/// How many more guests of one shape fit on the fleet as it is.
public struct Capacity: Sendable, Hashable, Codable {
  public var fits: Int
  /// False where only a bound from below is known: more may fit.
  public var isExact: Bool
  /// Hosts with room, ascending by id; empty unless they were asked for.
  public var hosts: [HostCapacity]
  /// Why hosts have no room: counts by first failed constraint; empty unless hosts were asked for or nothing fits.
  public var counts: [String]
  public init(fits: Int, isExact: Bool, hosts: [HostCapacity] = [], counts: [String] = []) {
    self.fits = fits
    self.isExact = isExact
    self.hosts = hosts
    self.counts = counts
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
