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
  var lastHeard: Instant
  /// Connected from a report of this term on: what is older may be planned on no more.
  var liveness = Liveness.unreachable
  /// Whether a report of this term was folded; before that the guests are only what the ledger remembers.
  var hasReported = false
  var facts: HostFacts?
  var topology: HostTopology?
  var topologyHash: UInt64 = 0
  /// Whether the ledger holds this topology, or never will.
  var isTopologyRecorded = true
  var cells: [CellState] = []
  var guests: [Guest] = []
  var libvirtAnswers: Bool?
  var softwareVersion = ""
  /// What the ledger holds of the host; nil until something was written.
  var recorded: HostRecord?

  static let endedBootsMax = 16

  init(id: HostID, boot: BootID, heard: Instant) {
    self.id = id
    self.boot = boot
    lastHeard = heard
  }

  /// A host of an earlier term, as the ledger remembers it.
  init(remembering record: HostRecord, topology: HostTopology?, guests: [Guest], now: Instant) {
    self.init(id: record.id, boot: "", heard: now)
    facts = record.facts
    self.topology = topology
    topologyHash = record.topologyHash
    self.guests = guests
    recorded = record
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
    }
    guard sequence > lastSequence else { return false }
    lastSequence = sequence
    return true
  }

  /// The view for planning and for operators; nil until the host has sent its topology.
  func view(claims: [Claim], isDraining: Bool, now: Instant) -> HostView? {
    guard let topology, let facts else { return nil }
    return HostView(
      id: id, liveness: liveness, facts: facts, topology: topology.with(cells), guests: guests,
      claims: SafetyCheck.claim.isOn ? claims.filter { $0.host == id } : [],
      ageMilliseconds: max(0, now.milliseconds - lastHeard.milliseconds),
      libvirtAnswers: libvirtAnswers, draining: isDraining)
  }
}
