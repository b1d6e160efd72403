public import Fleet
public import NUMA

/// What of a host outlives the coordinator beside its guests; written when something of it has changed.
public struct HostRecord: Sendable, Hashable {
  public var id: HostID
  /// Without counts that change by the minute.
  public var facts: HostFacts
  /// Under which hash the topology is stored; nil until the host has sent one.
  public var topology: UInt64?
  /// What the agent calls that topology; an agent of another version may hash otherwise than we do.
  public var topologyHash: UInt64
  public init(id: HostID, facts: HostFacts, topology: UInt64? = nil, topologyHash: UInt64) {
    self.id = id
    self.facts = facts
    self.topology = topology
    self.topologyHash = topologyHash
  }
}

/// A topology that like hosts share, without free amounts.
public struct TopologyRecord: Sendable, Hashable {
  /// Its `contentHash`.
  public var hash: UInt64
  public var topology: HostTopology
  public init(hash: UInt64, topology: HostTopology) {
    self.hash = hash
    self.topology = topology
  }
}

/// A guest as it was last seen on a host: enough to know a second copy of it, and the groups it belongs to.
public struct Sighting: Sendable, Hashable {
  public var host: HostID
  public var guest: GuestID
  public var name: String
  public var kind: GuestKind
  public var state: GuestState
  public init(host: HostID, guest: GuestID, name: String, kind: GuestKind, state: GuestState) {
    self.host = host
    self.guest = guest
    self.name = name
    self.kind = kind
    self.state = state
  }
}

extension HostFacts {
  /// Without counts that change by the minute, so that they are not written by the minute.
  var lasting: HostFacts {
    var copy = self
    copy.ksm?.pagesShared = 0
    copy.ksm?.saved = nil
    return copy
  }
}

extension Sighting {
  init(of guest: Guest, on host: HostID) {
    self.init(host: host, guest: guest.id, name: guest.name, kind: guest.kind, state: guest.state)
  }

  /// The guest as far as it is known until its host reports again.
  var remembered: Guest {
    Guest(
      id: guest, name: name, kind: kind, state: state,
      movability: Movability(.fixed, because: "its host has not reported since the coordinator started"))
  }
}

extension ArraySlice<Sighting> {
  /// The next host's part of sightings that ascend by host, whose hosts are asked for in that order.
  mutating func take(on host: HostID) -> ArraySlice<Sighting> {
    let rest = drop { $0.host < host }
    let own = rest.prefix { $0.host == host }
    self = rest[own.endIndex...]
    return own
  }
}

/// The topologies of all hosts, each once however many hosts have it.
struct TopologyShelf: Sendable, Hashable {
  /// Ascending by hash.
  private var records: [TopologyRecord]

  init(_ records: [TopologyRecord] = []) { self.records = records.sorted { $0.hash < $1.hash } }

  subscript(_ hash: UInt64) -> HostTopology? {
    let index = position(of: hash)
    return index < records.endIndex && records[index].hash == hash ? records[index].topology : nil
  }

  mutating func add(_ record: TopologyRecord) { records.insert(record, at: position(of: record.hash)) }

  mutating func remove(_ hash: UInt64) { records.removeAll { $0.hash == hash } }

  private func position(of hash: UInt64) -> Int { records.partitionIndex { $0.hash >= hash } }
}
