public import NUMA

/// The fleet as the coordinator knows it: the newest report of each host, and the claims in flight.
public struct Inventory: Sendable, Hashable, Codable {
  /// Ascending by id.
  public var hosts: [HostView]
  public init(hosts: [HostView] = []) { self.hosts = hosts.sorted { $0.id < $1.id } }

  /// The host of that id.
  public func host(_ id: HostID) -> HostView? { hosts.first { $0.id == id } }
}

/// One host as the coordinator knows it.
public struct HostView: Sendable, Hashable, Codable {
  public var id: HostID
  public var liveness: Liveness
  public var facts: HostFacts
  /// With the free amounts of the newest report.
  public var topology: HostTopology
  public var guests: [Guest]
  /// Reservations that jobs in flight hold.
  public var claims: [Claim]
  /// Milliseconds since the last message of the host, when this view was made.
  public var ageMilliseconds: Int
  public var libvirtAnswers: Bool?

  public init(
    id: HostID, liveness: Liveness, facts: HostFacts, topology: HostTopology, guests: [Guest], claims: [Claim] = [],
    ageMilliseconds: Int = 0, libvirtAnswers: Bool? = nil
  ) {
    self.id = id
    self.liveness = liveness
    self.facts = facts
    self.topology = topology
    self.guests = guests
    self.claims = claims
    self.ageMilliseconds = ageMilliseconds
    self.libvirtAnswers = libvirtAnswers
  }
}

/// Whether the coordinator hears from a host.
public enum Liveness: String, Sendable, Hashable, Codable, CaseIterable {
  case connected
  /// Three heartbeats were missed; claims are kept, nothing new is placed there.
  case unreachable
}

/// A cell-level reservation, taken before a job is sent and released when its effect is observed.
public struct Claim: Sendable, Hashable, Codable {
  public var job: JobID
  public var host: HostID
  public var guest: GuestID
  /// CPUs that only this guest may have.
  public var dedicated: CPUSet
  public var memory: [MemoryClaim]
  public init(job: JobID, host: HostID, guest: GuestID, dedicated: CPUSet, memory: [MemoryClaim]) {
    self.job = job
    self.host = host
    self.guest = guest
    self.dedicated = dedicated
    self.memory = memory
  }
}

/// Memory of one page size on one cell.
public struct MemoryClaim: Sendable, Hashable, Codable {
  public var cell: Int
  public var pageSize: PageSize
  public var amount: KiB
  public init(cell: Int, pageSize: PageSize, amount: KiB) {
    self.cell = cell
    self.pageSize = pageSize
    self.amount = amount
  }
}
