/// One change of one guest, or of a setting of its host, for the host's agent: the full desired state, never a
/// difference.
public struct Job: Sendable, Hashable, Codable {
  public var id: JobID
  public var host: HostID
  /// What its generation is counted for: the guest, or the host's own name for one of its settings (`GuestID.ksm`).
  public var guest: GuestID
  /// The guest's name, for the agent's log only.
  public var guestName: String
  public var epoch: Epoch
  public var generation: Generation
  /// The run of the guest that this was decided for; nil for a guest that shall be started.
  public var incarnation: Incarnation?
  public var action: JobAction
  public var scope: Scope
  /// The driver that the policy chose; the report names the one that was used.
  public var driver: DriverChoice
  /// Whether pages may be moved by libnuma where libvirt refuses (`livePages`).
  public var livePages: Bool

  public init(
    id: JobID, host: HostID, guest: GuestID, guestName: String, epoch: Epoch, generation: Generation,
    incarnation: Incarnation?, action: JobAction, scope: Scope = .both, driver: DriverChoice = .automatic,
    livePages: Bool = false
  ) {
    self.id = id
    self.host = host
    self.guest = guest
    self.guestName = guestName
    self.epoch = epoch
    self.generation = generation
    self.incarnation = incarnation
    self.action = action
    self.scope = scope
    self.driver = driver
    self.livePages = livePages
  }
}

/// What a job does.
public enum JobAction: Sendable, Hashable, Codable {
  /// Brings the guest to `desired`; refused when its live pinning is no longer `expected` (nil: whatever it is).
  case apply(desired: Pinning, expected: Pinning?)
  /// Defines and starts the domain of this XML after the agent has merged shape and placement into it.
  case start(domainXML: String, shape: Shape, placement: Placement)
  /// Migrates the running guest to the placement's host, whose libvirt the job's host reaches at `uri`; refused when
  /// its live pinning is no longer `expected`. The job is of the host that the guest leaves.
  case migrate(uri: String, placement: Placement, expected: Pinning)
  /// Sets `merge_across_nodes` of the host's KSM, which runs afterwards as it ran before.
  case switchKSM(mergeAcrossNodes: Bool)
}

extension Job {
  /// The guest that it is about; nil when it is about a setting of the host.
  public var guestIfAny: GuestID? {
    if case .switchKSM = action { return nil }
    return guest
  }

  /// What it is about, for people.
  public var subject: String { guestIfAny == nil ? "\(guestName) of host \(host)" : "guest \(guestName)" }
}

extension Job {
  /// Where a migration takes the guest; nil for a job that is about its own host only.
  public var destination: HostID? {
    guard case .migrate(_, let placement, _) = action else { return nil }
    return placement.host
  }

  /// Every host that the job changes something on, its own first.
  public var hosts: [HostID] { [host] + (destination.map { [$0] } ?? []) }
}

extension JobRecord {
  /// Whether the guest has left its host and the one that it went to has not shown it yet. Nobody is asked to do
  /// anything for such a job any more; only observation ends it.
  public var isArriving: Bool {
    guard !state.isFinal, job.destination != nil, case .verified? = report?.outcome else { return false }
    return true
  }
}

/// virsh's `--live`, `--config` or both.
public enum Scope: String, Sendable, Hashable, Codable, CaseIterable {
  case live, config, both
  public var touchesLive: Bool { self != .config }
  public var touchesConfig: Bool { self != .live }
}

/// Who carries a job out.
public enum DriverChoice: String, Sendable, Hashable, Codable, CaseIterable {
  /// libvirt where it answers and knows the guest, the kernel otherwise.
  case automatic
  case libvirt, kernel
}

/// What became of a job, sent by the agent until the coordinator acknowledges it.
public struct JobReport: Sendable, Hashable, Codable {
  public var job: JobID
  public var guest: GuestID
  public var generation: Generation
  public var outcome: JobOutcome
  /// The driver that was used; nil when nothing was done.
  public var driver: DriverChoice?
  /// What was done, in order.
  public var steps: [StepRecord]
  /// Base pages that should have moved and did not.
  public var pagesLeft: Int
  /// The guest as read back afterwards.
  public var observed: Guest?

  public init(
    job: JobID, guest: GuestID, generation: Generation, outcome: JobOutcome, driver: DriverChoice? = nil,
    steps: [StepRecord] = [], pagesLeft: Int = 0, observed: Guest? = nil
  ) {
    self.job = job
    self.guest = guest
    self.generation = generation
    self.outcome = outcome
    self.driver = driver
    self.steps = steps
    self.pagesLeft = pagesLeft
    self.observed = observed
  }
}

/// How a job ended, or how far it is.
public enum JobOutcome: Sendable, Hashable, Codable {
  /// Under way; `detail` names the step and its progress.
  case running(detail: String)
  /// The kernel shows what was wanted.
  case verified
  /// Nothing was done, or everything was undone.
  case refused(Refusal)
  /// The guest is neither where it was nor where it should be; `observed` says where it is.
  case diverged(Refusal)

  /// Whether nothing more will come.
  public var isFinal: Bool {
    if case .running = self { return false }
    return true
  }
}

/// One step of a job as it was carried out.
public struct StepRecord: Sendable, Hashable, Codable {
  public var name: String
  public var milliseconds: Int
  /// Numbers or the error, for people.
  public var detail: String
  public init(name: String, milliseconds: Int, detail: String) {
    self.name = name
    self.milliseconds = milliseconds
    self.detail = detail
  }
}
