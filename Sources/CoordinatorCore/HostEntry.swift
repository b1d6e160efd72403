import Fleet
import NUMA

/// One host as its reports have built it up.
struct HostEntry: Sendable, Hashable {
  var id: HostID
  var boot: BootID
  /// Boots that ended, so that a late message of one is recognised; the newest last.
  var endedBoots: [BootID] = []
  var lastSequence: UInt64 = 0
  var lastReport: UInt64?
  /// The newest look that its reports come after.
  var looked: UInt64 = 0
  var lastHeard: Instant
  /// Connected from a report of this term on: what is older may be planned on no more.
  var liveness = Liveness.unreachable
  /// Whether a report of this term was folded; before that the guests are only what the ledger remembers.
  var hasReported = false
  /// Whether what its agent has begun was compared with the jobs of earlier terms, which until then are not sent again.
  var isJudged = false
  var facts: HostFacts?
  var topology: HostTopology?
  var topologyHash: UInt64 = 0
  /// Whether the ledger holds this topology, or never will.
  var isTopologyRecorded = true
  var cells: [CellState] = []
  var guests: [Guest] = []
  /// What is wanted of its guests, ascending by guest; of a run that is over too, until something else is wanted.
  var wishes: [Wish] = []
  var libvirtAnswers: Bool?
  var load: HostLoad?
  var findings = FindingWatch()
  var pressure = PressureWatch()
  /// Whether `findings` hold for what is known now; not after another policy.
  var isExamined = false
  /// Whether an earlier term knew the host.
  var isRemembered = false
  var softwareVersion = ""
  /// What the ledger holds of the host; nil until something was written.
  var recorded: HostRecord?
  var capabilities: AgentCapabilities = []
  /// When a welcome last went out that no hello had asked for.
  var welcomedUnasked: Instant?
  /// The other coordinator that the agent says it obeys; nil when it obeys this one, or none yet.
  var foreign: ForeignRule?

  /// When automation looks at it.
  var review: Review

  static let endedBootsMax = 16

  init(id: HostID, boot: BootID, heard: Instant) {
    self.id = id
    self.boot = boot
    lastHeard = heard
    review = Review(due: heard, why: "it is new")
  }

  /// A host of an earlier term, as the ledger remembers it.
  init(remembering record: HostRecord, topology: HostTopology?, guests: [Guest], wishes: [Wish], now: Instant) {
    self.init(id: record.id, boot: "", heard: now)
    facts = record.facts
    self.topology = topology
    topologyHash = record.topologyHash
    self.guests = guests
    self.wishes = wishes
    recorded = record
    isRemembered = true
  }

  /// Whether a message is newer than all before it; marks it as seen. A new boot starts its own count.
  mutating func admits(_ boot: BootID, sequence: UInt64) -> Bool {
    if boot != self.boot {
      guard !endedBoots.contains(boot) else { return false }
      endedBoots.append(self.boot)
      endedBoots.removeFirst(max(0, endedBoots.count - Self.endedBootsMax))
      self.boot = boot
      lastSequence = 0
      lastReport = nil
      looked = 0
      capabilities = []
    }
    guard sequence > lastSequence else { return false }
    lastSequence = sequence
    return true
  }

  /// Why nothing may be decided for the host now; nil when its agent answers and obeys this coordinator.
  var refusal: Refusal? {
    if let foreign { return foreign.refusal(of: id) }
    guard liveness == .connected else {
      return Refusal(
        .hostUnreachable, "host \(id) does not answer", remedy: "look at its agent; nothing was changed")
    }
    return nil
  }

  /// What is wanted of a guest as it runs now, if anything is.
  func wish(of guest: Guest) -> Wish? {
    let index = wishes.partitionIndex { $0.guest >= guest.id }
    guard index < wishes.endIndex, wishes[index].holds(for: guest) else { return nil }
    return wishes[index]
  }

  private var wishesInForce: [Wish] { wishes.isEmpty ? [] : guests.compactMap { wish(of: $0) } }

  /// The view for planning and for operators; nil until the host has sent its topology.
  func view(claims: [Claim], isDraining: Bool, now: Instant) -> HostView? {
    guard let topology, let facts else { return nil }
    // What nobody here rules is, to plans, as good as out of reach; its guests and claims stay all the same.
    return HostView(
      id: id, liveness: foreign == nil ? liveness : .unreachable, facts: facts, topology: topology.with(cells),
      guests: guests,
      claims: SafetyCheck.claim.isOn ? claims.filter { $0.host == id } : [],
      ageMilliseconds: max(0, now.milliseconds - lastHeard.milliseconds),
      libvirtAnswers: libvirtAnswers, draining: isDraining,
      foreignTerm: foreign?.epoch, load: load, wishes: wishesInForce)
  }
}

/// What one agent says of another coordinator. It counts for its own host only: a stolen key must not depose the fleet.
struct ForeignRule: Sendable, Hashable {
  var epoch: Epoch
  /// The run of that coordinator; nil from agents that do not remember it.
  var owner: BootID?

  /// What a hello tells; nil when its sender may obey the coordinator of that term and run.
  init?(_ hello: Hello, ownEpoch: Epoch, ownBoot: BootID) {
    let isOther = hello.epochOwner.map { !$0.text.isEmpty && $0 != ownBoot } ?? false
    guard hello.highestEpoch > ownEpoch || (hello.highestEpoch == ownEpoch && isOther) else { return nil }
    epoch = hello.highestEpoch
    owner = hello.epochOwner
  }

  func refusal(of host: HostID) -> Refusal {
    Refusal(
      .staleEpoch, "host \(host) obeys another coordinator (term \(epoch))",
      remedy: "stop that one, or restore this one with a higher term (numafleet-coordinator raise-epoch)")
  }
}
