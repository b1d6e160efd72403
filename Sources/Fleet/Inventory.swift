public import NUMA

/// The fleet as the coordinator knows it: the newest report of each host, and the claims in flight.
public struct Inventory: Sendable, Hashable, Codable {
  /// Ascending by id.
  public var hosts: [HostView]
  public init(hosts: [HostView] = []) {
    let isAscending = hosts.indices.dropFirst().allSatisfy { hosts[$0 - 1].id < hosts[$0].id }
    self.hosts = isAscending ? hosts : hosts.sorted { $0.id < $1.id }
  }

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
  /// Whether nothing new may be placed on it, by an operator's word or by the policy's.
  public var draining: Bool
  /// The term of another coordinator that its agent obeys; nil when it obeys this one. Nothing is decided for it then.
  public var foreignTerm: Epoch?
  /// As of the newest report; nil where the agent does not tell.
  public var load: HostLoad?
  /// What is wanted of its guests as they run now, ascending by guest.
  public var wishes: [Wish]

  public init(
    id: HostID, liveness: Liveness, facts: HostFacts, topology: HostTopology, guests: [Guest], claims: [Claim] = [],
    ageMilliseconds: Int = 0, libvirtAnswers: Bool? = nil, draining: Bool = false, foreignTerm: Epoch? = nil,
    load: HostLoad? = nil, wishes: [Wish] = []
  ) {
    self.id = id
    self.liveness = liveness
    self.facts = facts
    self.topology = topology
    self.guests = guests
    self.claims = claims
    self.ageMilliseconds = ageMilliseconds
    self.libvirtAnswers = libvirtAnswers
    self.draining = draining
    self.foreignTerm = foreignTerm
    self.load = load
    self.wishes = wishes
  }

  /// What is wanted of a guest, if anything is.
  public func wish(of guest: GuestID) -> Wish? {
    let index = wishes.partitionIndex { $0.guest >= guest }
    return index < wishes.endIndex && wishes[index].guest == guest ? wishes[index] : nil
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
  /// By which a guest that has not been seen yet is counted to its groups.
  public var guestName: String
  /// CPUs that only this guest may have.
  public var dedicated: CPUSet
  public var memory: [MemoryClaim]
  /// Vcpus that will share the CPUs of one cell.
  public var floating: [FloatingClaim]
  public init(
    job: JobID, host: HostID, guest: GuestID, guestName: String = "", dedicated: CPUSet, memory: [MemoryClaim],
    floating: [FloatingClaim] = []
  ) {
    self.job = job
    self.host = host
    self.guest = guest
    self.guestName = guestName
    self.dedicated = dedicated
    self.memory = memory
    self.floating = floating
  }
}

extension Claim {
  /// Reads what an earlier version wrote too, which claimed nothing for floating vcpus.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      job: try values.decode(JobID.self, forKey: .job), host: try values.decode(HostID.self, forKey: .host),
      guest: try values.decode(GuestID.self, forKey: .guest),
      guestName: try values.decodeIfPresent(String.self, forKey: .guestName) ?? "",
      dedicated: try values.decode(CPUSet.self, forKey: .dedicated),
      memory: try values.decode([MemoryClaim].self, forKey: .memory),
      floating: try values.decodeIfPresent([FloatingClaim].self, forKey: .floating) ?? [])
  }
}

/// Vcpus without CPUs of their own on one cell.
public struct FloatingClaim: Sendable, Hashable, Codable {
  public var cell: Int
  public var vcpus: Int
  public init(cell: Int, vcpus: Int) {
    self.cell = cell
    self.vcpus = vcpus
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
