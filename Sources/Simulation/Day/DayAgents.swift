import CoordinatorCore
import Fleet
import NUMA
import PlacementEngine

/// A fleet with its coordinator: what the one decides happens to the other, and is reported back.
struct DayAgents: Sendable {
  private(set) var fleet: DayFleet
  private(set) var coordinator: DayCoordinator
  /// Jobs under way, by guest number.
  private var jobs: [Int: (job: Job, since: Int)] = [:]  // lookup only
  /// What is to happen later because of what has happened.
  private(set) var later: [(milliseconds: Int, kind: DayEvent.Kind)] = []
  private let settings: DaySettings
  private let hash: UInt64
  /// Who is being started: its number is in the job, its kind is not.
  private var newcomer: DayEve.Arrival?

  /// From the question to the plan.
  private static let planningMilliseconds = 50

  init(_ eve: DayEve) {
    fleet = eve.fleet
    settings = eve.settings
    hash = eve.fleet.views[0].topology.contentHash
    coordinator = DayCoordinator(eve.settings, at: Self.instant(0))
    for host in fleet.views.indices {
      handle(coordinator.hello(of: host, hash, at: Self.instant(0)), at: 0)
    }
  }

  private static func instant(_ milliseconds: Int) -> Instant {
    Instant(milliseconds: milliseconds + 1_000_000, wallMilliseconds: milliseconds + 1_700_000_000_000)
  }

  /// When the coordinator wants to be woken; nil while nothing is due.
  var deadline: Int? { coordinator.deadline.map { $0 - 1_000_000 } }

  mutating func takeLater() -> [(milliseconds: Int, kind: DayEvent.Kind)] {
    defer { later = [] }
    return later
  }

  // MARK: What happens

  mutating func tick(at now: Int) { handle(coordinator.step(.tick, at: Self.instant(now)), at: now) }

  mutating func switchAutomation(_ mode: AutomationMode, at now: Int) {
    ask(.automate(Automate(mode: mode)), at: now)
  }

  mutating func planned(_ plan: Plan, _ token: Coordinator.Token, at now: Int) {
    handle(coordinator.step(.planned(plan, token: token), at: Self.instant(now)), at: now)
  }

  /// Somebody asks for a new guest; whether it was started.
  mutating func arrive(_ number: Int, _ arrival: DayEve.Arrival, at now: Int) -> Bool {
    newcomer = arrival
    let kind = DayShape.all[arrival.shape]
    let id = DayGuest.id(number)
    ask(
      .start(StartGuest(guest: id, guestName: id.text, shape: kind.shape, domainXML: id.text, dryRun: false)), at: now)
    return fleet.guest(number) != nil
  }

  /// A guest ends by itself.
  mutating func depart(_ number: Int, at now: Int) {
    guard let guest = fleet.guest(number), fleet.dismiss(number, at: now) else { return }
    if let job = jobs.removeValue(forKey: number)?.job {
      let refusal = Refusal(.guestGone, "guest \(job.guestName) has ended", remedy: "none")
      handle(coordinator.report(.refused(refusal), of: job, at: Self.instant(now)), at: now)
    }
    report(guest.host, at: now)
  }

  /// Somebody pins a guest by hand; whether that could be.
  mutating func repin(_ number: Int, at now: Int) -> Bool {
    guard fleet.repin(number, at: now), let guest = fleet.guest(number) else { return false }
    report(guest.host, at: now)
    return true
  }

  /// What a job was to do is done, unless its guest has ended meanwhile.
  mutating func end(_ id: JobID, of number: Int, at now: Int) {
    guard let (job, since) = jobs[number], job.id == id, let guest = fleet.guest(number), let target = guest.target,
      let observed = fleet.observed(number), let pinning = job.pinning(of: observed)
    else { return }
    jobs[number] = nil
    fleet.finish(number, pinning, at: now)
    let seen = guest.host == target ? fleet.observed(number) : nil
    handle(
      coordinator.report(.verified, of: job, took: now - since, observed: seen, at: Self.instant(now)), at: now)
    report(guest.host, at: now)
    if guest.host != target { report(target, at: now) }
  }

  // MARK: What the coordinator wants

  private mutating func ask(_ request: OperatorRequest, at now: Int) {
    handle(coordinator.step(.asked(request, actor: "olga", token: 1), at: Self.instant(now)), at: now)
  }

  private mutating func report(_ host: Int, look: UInt64? = nil, at now: Int) {
    handle(
      coordinator.report(fleet.views[host], hash, withTopology: false, look: look, at: Self.instant(now)), at: now)
  }

  private mutating func handle(_ tasks: [DayCoordinator.Task], at now: Int) {
    for task in tasks {
      switch task {
      case .job(let job): begin(job, at: now)
      case .report(let host, let look):
        let view = fleet.views[DayHost.number(of: host)]
        handle(coordinator.report(view, hash, withTopology: true, look: look, at: Self.instant(now)), at: now)
      case .plan(let task):
        later.append((now + Self.planningMilliseconds, .planned(Placer.plan(task.input), task.token)))
      case .inquire(let inquiry):
        handle(
          coordinator.step(.answered(inquiry.answer(), token: inquiry.token), at: Self.instant(now)), at: now)
      }
    }
  }

  private mutating func begin(_ job: Job, at now: Int) {
    let number = DayGuest.number(of: job.guest)
    if case .start(_, _, let placement) = job.action {
      guard let newcomer else { return }
      self.newcomer = nil
      fleet.take(number, newcomer.shape, isFixed: newcomer.isFixed, placement, at: now)
      let observed = fleet.observed(number)
      handle(coordinator.report(.verified, of: job, observed: observed, at: Self.instant(now)), at: now)
      return report(DayHost.number(of: placement.host), at: now)
    }
    if let refusal = refusal(of: job, number) {
      return handle(coordinator.report(.refused(refusal), of: job, at: Self.instant(now)), at: now)
    }
    // Sent again until it is answered, as over a network.
    guard jobs[number]?.job.id != job.id, let observed = fleet.observed(number),
      let pinning = job.pinning(of: observed)
    else { return }
    jobs[number] = (job, now)
    let copy = fleet.begin(number, to: DayHost.number(of: job.destination ?? job.host), pinning, at: now)
    let took = max(1000, copy.count / max(settings.copyPerSecond.count, 1) * 1000)
    later.append((now + took, .jobEnd(number, job.id)))
    handle(coordinator.report(.running(detail: "copies"), of: job, at: Self.instant(now)), at: now)
  }

  /// What an agent has against a job: its guest is not as the plan saw it.
  private func refusal(of job: Job, _ number: Int) -> Refusal? {
    guard let guest = fleet.guest(number), DayHost.id(guest.host) == job.host, let observed = fleet.observed(number)
    else { return Refusal(.guestGone, "guest \(job.guestName) is not here", remedy: "plan again") }
    if let expected = job.expected, observed.live != expected {
      return Refusal(.stalePlan, "guest \(job.guestName) was pinned meanwhile", remedy: "plan again")
    }
    return nil
  }
}

extension Job {
  /// Where it takes its guest, as that is now; nil for jobs of a host.
  fileprivate func pinning(of guest: Guest) -> Pinning? {
    switch action {
    case .apply(let desired, _): desired.filled(from: guest.live).filled(from: guest.home)
    case .migrate(_, let placement, _), .start(_, _, let placement): placement.pinning
    case .switchKSM: nil
    }
  }

  fileprivate var expected: Pinning? {
    switch action {
    case .apply(_, let expected): expected
    case .migrate(_, _, let expected): expected
    case .start, .switchKSM: nil
    }
  }
}
