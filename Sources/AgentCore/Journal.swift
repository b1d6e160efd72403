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

  /// Remembers whom the host obeys from now on; whether that is news.
  mutating func obey(_ epoch: Epoch, of boot: BootID) -> Bool {
    let isNews = highestEpoch != epoch || epochOwner != boot
    highestEpoch = epoch
    epochOwner = boot
    return isNews
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
    let wanted = Set(present + inHand.map(\.job.guest))  // lookup only
    return JournalHead(
      generations: generations.filter { wanted.contains($0.guest) }.prefix(limit)
        .map { JournalHead.Mark(guest: $0.guest, generation: $0.generation) },
      inHand: inHand.prefix(limit).map(\.job.id), unacknowledged: unacknowledged.prefix(limit).map(\.job))
  }

  mutating func mark(_ guest: GuestID, _ generation: Generation) {
    generations.removeAll { $0.guest == guest }
    generations.append(GuestMark(guest: guest, generation: generation))
    generations.sort { $0.guest < $1.guest }
  }
}

/// The newest generation of one guest.
public struct GuestMark: Sendable, Hashable, Codable {
  public var guest: GuestID
  public var generation: Generation
  public init(guest: GuestID, generation: Generation) {
    self.guest = guest
    self.generation = generation
  }
}

/// A job that was begun, and the placement before it.
public struct JobInHand: Sendable, Hashable, Codable {
  public var job: Job
  /// Live pinning and the cells of memory before the first step.
  public var before: Pinning
  public init(job: Job, before: Pinning) {
    self.job = job
    self.before = before
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
