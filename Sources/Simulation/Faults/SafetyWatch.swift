import AgentCore
import CoordinatorCore
import Fleet
import NUMA
import Store

/// A rule of the fleet that was broken: the end of a trial.
public struct BrokenRule: Sendable, Hashable, CustomStringConvertible {
  /// A short name of the rule.
  public let rule: String
  public let text: String
  /// Milliseconds since the fleet began.
  public let time: Int

  public var description: String { "\(rule) at \(time / 1000).\(time % 1000) s: \(text)" }
}

/// Watches what really happens to guests and to what is durable, and believes no program about either.
///
/// - `atomic`: while no job of a guest is in hand it is exactly as it was before its last job or as that job wanted, or
///   the job has said that it diverged and something had gone wrong that it could not mend.
/// - `intent`: nothing changes a guest before its agent's journal names the job.
/// - `once`: the generations that begin on a guest rise; a job that has ended never begins again.
/// - `fence`: no job of an older term begins once its host has obeyed a newer one; what an agent obeys never falls.
/// - `incarnation`: a job for one run of a guest never touches the next.
/// - `exclusive`: no pcpu is dedicated to two guests, neither by what jobs have brought about nor by claims.
/// - `single`: a guest runs on one host at most.
/// - `claim`: a claim is released only when its job is in nobody's hand.
/// - `durable`: what was acknowledged is in the store for ever, with one end.
/// - `schema`: the store never has to refuse what a core wants to write.
struct SafetyWatch: Sendable {
  var violations: [BrokenRule] = []
  var checks = 0
  /// By host.
  var sites: [Site]
  /// By coordinator: jobs that an operator was told of, and how jobs ended.
  var acknowledged: [[JobID]] = [[], []]
  var endings: [[JobID: JobState]] = [[:], [:]]  // lookup only
  /// What a job's claim dedicates, by coordinator.
  var claims: [[JobID: Claim]] = [[:], [:]]  // lookup only
  /// The newest term of each coordinator.
  var epochs: [Epoch] = [0, 0]

  /// What is remembered of one host.
  struct Site: Sendable {
    /// The highest generation that has begun, by guest.
    var begun: [GuestID: Generation] = [:]  // lookup only
    var highestEpoch: Epoch = 0
    var works: [Work] = []
    /// Guests whose start was refused, so that it must not happen.
    var refusedStarts: [GuestID] = []
    /// What verified jobs have dedicated, ascending by guest.
    var holdings: [Holding] = []
  }

  /// A job in hand, and its guest as it was before.
  struct Work: Sendable {
    let job: Job
    let before: ModelGuest?
    /// Something went wrong that a job may not be able to mend.
    var isExcused = false
    /// Somebody else changed the guest meanwhile.
    var isDisturbed = false
  }

  struct Holding: Sendable {
    let guest: GuestID
    let cpus: CPUSet
    var desired: Pinning
    let scope: Scope
  }

  init(hosts: Int) { sites = Array(repeating: Site(), count: hosts) }

  mutating func broken(_ rule: String, _ text: String, _ time: Int) {
    violations.append(BrokenRule(rule: rule, text: text, time: time))
  }

  // MARK: What excuses a job

  /// Somebody else has changed the guest: nobody can say any more what a job has made of it.
  mutating func disturb(_ host: Int, _ guest: GuestID) {
    for index in sites[host].works.indices where sites[host].works[index].job.guest == guest {
      sites[host].works[index].isDisturbed = true
    }
    sites[host].holdings.removeAll { $0.guest == guest }
  }

  mutating func disturbAll(_ host: Int) {
    for index in sites[host].works.indices { sites[host].works[index].isDisturbed = true }
    sites[host].holdings = []
  }

  /// A call went wrong: the job may have to say that it diverged.
  mutating func excuse(_ host: Int, _ guest: GuestID?) {
    for index in sites[host].works.indices where guest == nil || sites[host].works[index].job.guest == guest {
      sites[host].works[index].isExcused = true
    }
  }

  mutating func excuseAll(_ host: Int) { excuse(host, nil) }

  /// What an agent does not remember it cannot keep; that no guest is lost by it is all that is asked.
  mutating func lostJournal(_ host: Int) {
    disturbAll(host)
    sites[host] = Site()
  }

  // MARK: Agents

  mutating func saved(_ journal: Journal, after old: Journal, on model: ModelHost, _ host: Int, _ time: Int) {
    checks += 1
    if journal.highestEpoch < sites[host].highestEpoch {
      broken("fence", "\(model.id) obeys term \(journal.highestEpoch) after \(sites[host].highestEpoch)", time)
    }
    if journal.highestEpoch == old.highestEpoch, let ruler = old.epochOwner, journal.epochOwner != ruler {
      broken("fence", "\(model.id) changes its coordinator within term \(journal.highestEpoch)", time)
    }
    for entry in journal.inHand where !old.inHand.contains(where: { $0.job.id == entry.job.id }) {
      begins(entry.job, on: model, host, time)
    }
    sites[host].highestEpoch = max(sites[host].highestEpoch, journal.highestEpoch)
    for entry in old.inHand where !journal.inHand.contains(where: { $0.job.id == entry.job.id }) {
      let report = journal.unacknowledged.last { $0.job == entry.job.id }
      ends(entry.job, report?.outcome, on: model, host, time)
    }
  }

  private mutating func begins(_ job: Job, on model: ModelHost, _ host: Int, _ time: Int) {
    if job.epoch < sites[host].highestEpoch {
      broken(
        "fence",
        "job \(job.id) of term \(job.epoch) begins on \(model.id), which obeys term \(sites[host].highestEpoch)", time)
    }
    if let known = sites[host].begun[job.guest], job.generation <= known {
      broken(
        "once", "job \(job.id) of generation \(job.generation) begins on \(model.id) after generation \(known)", time)
    }
    sites[host].refusedStarts.removeAll { $0 == job.guest }
    sites[host].begun[job.guest] = max(job.generation, sites[host].begun[job.guest] ?? 0)
    let before = model.index(of: job.guest).map { model.guests[$0] }
    sites[host].works.removeAll { $0.job.guest == job.guest }
    // A CPU that is offline when a guest starts is missing from its masks when it is back, too.
    let isWhole = model.libvirtAnswers(at: time + FleetUnderFaults.bootMilliseconds) && model.topology.offline.isEmpty
    sites[host].works.append(Work(job: job, before: before, isExcused: !isWhole))
  }

  /// An agent begins a command that changes its host.
  mutating func willAct(_ effect: Effect, _ durable: Journal, on model: ModelHost, _ host: Int, _ time: Int) {
    checks += 1
    guard let guest = model.guestID(of: effect) else { return }
    guard !durable.inHand.contains(where: { $0.job.guest == guest }) else { return }
    guard !durable.kept.contains(where: { $0.job.guest == guest }) else { return }
    broken("intent", "\(model.id): guest \(guest) is changed, and the journal does not say why", time)
  }

  /// A command changes its host now, it may be long after it was begun.
  mutating func acts(_ effect: Effect, _ durable: Journal, on model: ModelHost, _ host: Int, _ time: Int) {
    checks += 1
    guard let guest = model.guestID(of: effect) else { return }
    let entry = durable.inHand.last { $0.job.guest == guest }
    guard let wanted = entry?.job.incarnation, let run = model.index(of: guest).flatMap({ model.guests[$0].run }) else {
      return
    }
    if run != wanted, effect.touchesRunning {
      broken("incarnation", "\(model.id): \(effect.words) was meant for \(wanted) and meets \(run)", time)
    }
  }

  /// A command has changed its host.
  mutating func acted(_ effect: Effect, _ outcome: CommandOutcome, on model: ModelHost, _ host: Int, _ time: Int) {
    if case .start = effect, let guest = model.guestID(of: effect), sites[host].refusedStarts.contains(guest),
      model.index(of: guest).map({ model.guests[$0].isRunning }) ?? false
    {
      broken("atomic", "\(model.id): guest \(guest) starts, and that was told as refused", time)
    }
    acted(on: model, host, time)
  }

  // MARK: CPUs

  /// Something has changed on a host: CPUs that two guests hold at once are looked for.
  mutating func acted(on model: ModelHost, _ host: Int, _ time: Int) {
    checks += 1
    var taken = CPUSet()
    for holding in sites[host].holdings where !holding.cpus.isEmpty {
      let twice = taken.intersection(holding.cpus)
      if !twice.isEmpty { broken("exclusive", "\(model.id): cpus \(twice) are dedicated to two guests", time) }
      taken.formUnion(holding.cpus)
    }
  }
}

extension Effect {
  /// Whether it changes a running guest, not only its definition.
  var touchesRunning: Bool {
    switch self {
    case .libvirt(_, let effect): effect.scope.touchesLive
    case .kernel, .migrate: true
    case .observeHost, .observeGuest, .start, .settleMigration, .observeKSM, .setKSM: false
    }
  }
}
