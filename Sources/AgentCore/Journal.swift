public import Fleet
import NUMA

/// All that an agent must not forget over a restart; one small document, written whole before what depends on it.
///
/// A missing or damaged journal is never fatal: the kernel and libvirt are believed over it.
public struct Journal: Sendable, Hashable, Codable {
  /// The newest coordinator's term obeyed.
  public var highestEpoch: Epoch
  /// The run of the coordinator obeyed in that term; nil in a journal that did not remember it, which then takes the
  /// first that comes.
  public var epochOwner: BootID?
  /// The newest generation seen of each guest, ascending by guest.
  public var generations: [GuestMark]
  /// Jobs begun and not ended, with what to go back to.
  public var inHand: [JobInHand]
  /// Final reports that no coordinator has acknowledged yet.
  public var unacknowledged: [JobReport]
  /// Placements that this agent watches over.
  public var kept: [KeptPlacement]

  public init(
    highestEpoch: Epoch = 0, epochOwner: BootID? = nil, generations: [GuestMark] = [], inHand: [JobInHand] = [],
    unacknowledged: [JobReport] = [], kept: [KeptPlacement] = []
  ) {
    self.highestEpoch = highestEpoch
    self.epochOwner = epochOwner
    self.generations = generations
    self.inHand = inHand
    self.unacknowledged = unacknowledged
    self.kept = kept
  }

  /// Whether a coordinator of that term and run may be obeyed: of a newer term any, of the newest its owner.
  func admits(_ epoch: Epoch, of boot: BootID) -> Bool {
    if epoch != highestEpoch { return epoch > highestEpoch }
    guard let epochOwner, !epochOwner.text.isEmpty else { return true }
    return boot == epochOwner
  }

  /// Whether that very coordinator is obeyed.
  func obeys(_ epoch: Epoch, of boot: BootID) -> Bool { highestEpoch == epoch && epochOwner == boot }

  /// Remembers whom the host obeys from now on.
  mutating func obey(_ epoch: Epoch, of boot: BootID) {
    highestEpoch = epoch
    epochOwner = boot
  }

  /// Whom the host obeys, for people.
  var ruler: String {
    let owner = epochOwner.map { $0.text.isEmpty ? "" : " of coordinator \($0)" } ?? ""
    return "term \(highestEpoch)\(owner)"
  }

  /// The newest generation seen of a guest.
  func generation(of guest: GuestID) -> Generation { generations.first { $0.guest == guest }?.generation ?? 0 }

  /// What a coordinator is told after its welcome; `present` are the guests on the host, ascending.
  func head(of present: [GuestID]) -> JournalHead {
    let limit = JournalHead.entriesMax
    let wanted = Set(present + inHand.map(\.job.guest) + unacknowledged.map(\.guest))  // lookup only
    return JournalHead(
      generations: generations.filter { wanted.contains($0.guest) }.prefix(limit)
        .map { JournalHead.Mark(guest: $0.guest, generation: $0.generation) },
      inHand: inHand.prefix(limit).map(\.job.id), unacknowledged: unacknowledged.prefix(limit).map(\.job))
  }

  mutating func mark(_ guest: GuestID, _ generation: Generation) {
    let newest = generations.reduce(0) { max($0, $1.order ?? 0) }
    put(GuestMark(guest: guest, generation: generation, order: newest + 1))
  }

  private mutating func put(_ mark: GuestMark) {
    generations.removeAll { $0.guest == mark.guest }
    generations.append(mark)
    generations.sort { $0.guest < $1.guest }
  }

  /// A guest's mark as it is in another journal.
  mutating func restore(_ guest: GuestID, as other: Journal) {
    generations.removeAll { $0.guest == guest }
    if let mark = other.generations.first(where: { $0.guest == guest }) { put(mark) }
  }

  /// Marks kept of guests that are no longer on the host: a late copy of a start must still be known for one.
  static let absentMarksMax = 4096

  /// Drops the oldest marks beyond that, except of guests that are needed; whether there were any.
  mutating func prune(except isNeeded: (GuestID) -> Bool) -> Bool {
    let absent = generations.filter { !isNeeded($0.guest) }
    guard absent.count > Self.absentMarksMax else { return false }
    let oldest = absent.sorted { ($0.order ?? 0) < ($1.order ?? 0) }.prefix(absent.count - Self.absentMarksMax)
    let gone = Set(oldest.map(\.guest))  // lookup only
    generations.removeAll { gone.contains($0.guest) }
    return true
  }
}

/// The newest generation of one guest.
public struct GuestMark: Sendable, Hashable, Codable {
  public var guest: GuestID
  public var generation: Generation
  /// Rises with every mark; nil in journals that did not count, whose marks are the oldest.
  public var order: UInt64?
  public init(guest: GuestID, generation: Generation, order: UInt64? = nil) {
    self.guest = guest
    self.generation = generation
    self.order = order
  }
}

/// A job that was begun, and the placement before it.
public struct JobInHand: Sendable, Hashable, Codable {
  public var job: Job
  /// Live pinning and the cells of memory before the first step.
  public var before: Pinning
  /// The persistent definition's pinning before the first step; nil without one, or from an earlier release.
  public var config: Pinning?
  /// KSM's settings before the first step of a job that switches them.
  public var ksm: KSMState?
  public init(job: Job, before: Pinning, config: Pinning? = nil, ksm: KSMState? = nil) {
    self.job = job
    self.before = before
    self.config = config
    self.ksm = ksm
  }
}

/// A verified placement whose memory may silently go back: libnuma moved it under a bind policy that stayed.
public struct KeptPlacement: Sendable, Hashable, Codable {
  public var job: Job
  /// The run of the guest it holds for.
  public var incarnation: Incarnation?
  /// Done by the kernel driver while libvirt was down; repeated through libvirt when it answers.
  public var reconcile: Bool
  public init(job: Job, incarnation: Incarnation?, reconcile: Bool) {
    self.job = job
    self.incarnation = incarnation
    self.reconcile = reconcile
  }
}
