public import NUMA

/// What an agent tells of its host: always the full state, so that a lost or repeated report does no harm.
public struct HostReport: Sendable, Hashable, Codable {
  public var facts: HostFacts
  /// Hash of `topology`; the coordinator asks for the topology when it does not hold this one.
  public var topologyHash: UInt64
  /// Present when the coordinator was not known to hold it.
  public var topology: HostTopology?
  /// Free memory and pages by cell now; changes all the time, so it is not part of the topology's hash.
  public var cells: [CellState]
  public var guests: [Guest]
  /// Whether libvirt answers; nil when the agent runs without it.
  public var libvirtAnswers: Bool?
  /// Present in the first report after a welcome, and when a report was asked for.
  public var journal: JournalHead?
  /// Nil from agents that do not tell.
  public var load: HostLoad?
  /// The newest look of the coordinator's term that had come when this reading of the host began; 0 for none.
  public var looked: UInt64

  public init(
    facts: HostFacts, topologyHash: UInt64, topology: HostTopology?, cells: [CellState], guests: [Guest],
    libvirtAnswers: Bool?, journal: JournalHead? = nil, load: HostLoad? = nil, looked: UInt64 = 0
  ) {
    self.facts = facts
    self.topologyHash = topologyHash
    self.topology = topology
    self.cells = cells
    self.guests = guests
    self.libvirtAnswers = libvirtAnswers
    self.journal = journal
    self.load = load
    self.looked = looked
  }
}

/// What an agent's journal knows and a coordinator restored from an older backup may not.
public struct JournalHead: Sendable, Hashable, Codable {
  /// The newest generations of guests that are on the host or in hand, ascending by guest; at most `entriesMax`.
  public var generations: [Mark]
  /// Jobs begun and not ended; at most `entriesMax`.
  public var inHand: [JobID]
  /// Jobs whose end no coordinator has acknowledged; at most `entriesMax`.
  public var unacknowledged: [JobID]

  /// Entries of each list.
  public static let entriesMax = 4096

  public init(generations: [Mark] = [], inHand: [JobID] = [], unacknowledged: [JobID] = []) {
    self.generations = generations
    self.inHand = inHand
    self.unacknowledged = unacknowledged
  }

  /// The newest generation of one guest.
  public struct Mark: Sendable, Hashable, Codable {
    public var guest: GuestID
    public var generation: Generation
    public init(guest: GuestID, generation: Generation) {
      self.guest = guest
      self.generation = generation
    }
  }
}

/// What is free on one cell now.
public struct CellState: Sendable, Hashable, Codable {
  public var cell: Int
  public var memoryFree: KiB
  public var pages: [PagePool]
  public init(cell: Int, memoryFree: KiB, pages: [PagePool]) {
    self.cell = cell
    self.memoryFree = memoryFree
    self.pages = pages
  }
}

extension HostTopology {
  /// The topology without what changes by the minute, for hashing and comparing.
  public var withoutFreeAmounts: HostTopology {
    var copy = self
    for index in copy.cells.indices {
      copy.cells[index].memoryFree = 0
      for pool in copy.cells[index].pages.indices { copy.cells[index].pages[pool].free = 0 }
    }
    return copy
  }

  /// The topology without CPUs that are no longer online.
  public func limited(to online: CPUSet) -> HostTopology {
    let gone = cpus.subtracting(online)
    guard !gone.isEmpty else { return self }
    var copy = self
    copy.pcpus.removeAll { gone.contains($0.id) }
    for index in copy.cells.indices { copy.cells[index].cpus = copy.cells[index].cpus.subtracting(gone) }
    copy.offline.formUnion(gone)
    return copy
  }

  /// The topology with the free amounts of a later report.
  public func with(_ states: [CellState]) -> HostTopology {
    var copy = self
    for state in states {
      guard let index = copy.cells.firstIndex(where: { $0.id == state.cell }) else { continue }
      copy.cells[index].memoryFree = state.memoryFree
      copy.cells[index].pages = state.pages
    }
    return copy
  }
}
