import Fleet
import NUMA
import PlacementEngine

/// A guest that has left one host and was not seen on the other yet.
struct Arrival: Sendable, Hashable {
  var job: JobID
  var host: HostID
  /// Until when what is not as wanted may become so: the persistent definition is written after the guest runs, and
  /// its memory is read less often than its threads.
  var until: Instant
  /// The look that was asked for then, and whose report tells the end; nil before.
  var look: UInt64?

  /// An agent reports more often, and libvirt hands a guest over in less.
  static let milliseconds = 30_000

  init(job: JobID, host: HostID, _ now: Instant) {
    self.job = job
    self.host = host
    until = now.advanced(byMilliseconds: Self.milliseconds)
  }

  /// What a job of an earlier term still waits for; nil for all that are not under way to another host.
  init?(_ record: JobRecord, _ now: Instant) {
    guard record.isArriving, let host = record.job.destination else { return nil }
    self.init(job: record.job.id, host: host, now)
  }
}

extension Guest {
  /// Whether its pages were read since it appeared.
  fileprivate var tellsAnyMemory: Bool { !residency.isEmpty || regions.contains { !$0.residency.isEmpty } }
}

/// Guests between two hosts, which libvirt shows on both for a while.
struct Travels: Sendable {
  fileprivate var records: [JobRecord]

  /// Whether a host shows a guest that is still, or already, another host's.
  func hide(_ guest: GuestID, on host: HostID) -> Bool {
    records.contains { record in
      record.job.guest == guest && host == (record.isArriving ? record.job.host : record.job.destination)
    }
  }
}

/// Migrations: the job is of the host that the guest leaves, the claim is on the one that it goes to. That host says
/// only that the guest is gone; where it is and how it is pinned is seen in the other's own reports.
///
///     sent ──► running ──► arriving (the guest has left) ──► verified | diverged (what the other host shows)
///                 └──► refused | diverged (it is where it was; the claim ends when the other host shows nothing)
extension Coordinator {
  var travels: Travels {
    let under = jobs.indices.filter { !jobs[$0].state.isFinal && jobs[$0].job.destination != nil }
    return Travels(records: under.map { jobs[$0] })
  }

  func migrationURI(of move: Move) -> String {
    index(of: move.placement.host).flatMap { hosts[$0].facts?.migrationURI } ?? ""
  }

  /// Why a guest may not go to another host now; nil when it may.
  func refusal(toMigrate guest: Guest, by move: Move, _ now: Instant) -> Refusal? {
    let target = move.placement.host
    guard let source = index(of: move.host), let destination = index(of: target) else { return unknown(target) }
    if let refusal = guest.refusalToLeave ?? hosts[destination].refusal { return refusal }
    guard hosts[destination].capabilities.contains(.looks) else {
      return Refusal(
        .unsupported, "the agent of host \(target) does not tell when it read the host, so nobody could tell arrivals",
        remedy: "ask again in a moment if it has just connected; else upgrade numafleet-agent there")
    }
    for host in [hosts[source], hosts[destination]] where host.libvirtAnswers != true {
      return Refusal(
        .libvirtDown, "libvirt does not answer on host \(host.id)", remedy: "start libvirtd there, and ask again")
    }
    if hosts[destination].guests.contains(where: { $0.id == guest.id }) {
      return Refusal(
        .duplicate, "guest \(guest.name) is on host \(target) already", remedy: "undefine it on one of them")
    }
    return preflight(target, guest, now)?.refusal(ofArrival: move.placement, of: guest)
  }

  /// A guest was seen to have left its host: from now on only the other one can tell of it.
  mutating func depart(_ index: Int, to destination: HostID, _ now: Instant, _ output: inout Output) {
    let job = jobs[index].job
    jobs[index].state = .running
    output.writes.append(.job(jobs[index]))
    deliveries.removeAll { $0.job == job.id }
    send(.jobAcknowledged(job.id), to: job.host, &output)
    if let source = self.index(of: job.host), hosts[source].guests.contains(where: { $0.id == job.guest }) {
      see(hosts[source].guests.filter { $0.id != job.guest }, on: source, &output)
      refresh(source, now)
      log(
        .guestVanished, host: job.host, guest: job.guest, job: job.id, actor: job.host.text,
        "guest \(job.guestName) has left for host \(destination)", now, &output)
    }
    arrivals.append(Arrival(job: job.id, host: destination, now))
    guard let target = self.index(of: destination) else {
      let refusal = Refusal(
        .hostUnreachable, "guest \(job.guestName) has left for host \(destination), which was forgotten meanwhile",
        remedy: "start that host's agent again, or look at the machine")
      return conclude(index, .diverged(refusal), nil, on: destination, now, &output)
    }
    send(.sendReport(withTopology: false), to: destination, &output)
    welcomeArrivals(on: target, now, &output)
  }

  /// A report of a host was folded: guests that were on their way to it have arrived as wanted, or have not.
  mutating func welcomeArrivals(on index: Int, _ now: Instant, _ output: inout Output) {
    let host = hosts[index].id
    // Without libvirt's answer its domains are only remembered.
    guard storeRefusal == nil, hosts[index].hasReported, hosts[index].libvirtAnswers == true else { return }
    for arrival in arrivals where arrival.host == host {
      guard let place = place(of: arrival.job) else { continue }
      let guest = hosts[index].guests.first { $0.id == jobs[place].job.guest && $0.isThere }
      let isLate = now >= arrival.until && hosts[index].hasLooked(for: arrival.look)
      if let outcome = outcome(of: jobs[place].job, guest, isLate: isLate) {
        conclude(place, outcome, guest, on: host, now, &output)
      } else if now >= arrival.until, let waiting = arrivals.firstIndex(where: { $0.job == arrival.job }) {
        arrivals[waiting].look = askToLook(index, again: arrival.look, &output)
      }
    }
  }

  /// How a migration has ended by what its destination shows; nil while that may change by itself.
  private func outcome(of job: Job, _ guest: Guest?, isLate: Bool) -> JobOutcome? {
    guard case .migrate(_, let placement, _) = job.action else { return nil }
    guard let guest else {
      guard isLate else { return nil }
      return .diverged(
        Refusal(
          .guestGone,
          "guest \(job.guestName) has left host \(job.host), and host \(placement.host) does not show it: "
            + "it has ended meanwhile", remedy: "look at numafleet guest list, and start it where it shall be"))
    }
    // Where its memory is was not read yet, or libvirt has not handed it over.
    guard isLate || (guest.state == .running && guest.tellsAnyMemory) else { return nil }
    let differences = Verification(desired: placement.pinning, scope: job.scope, checksRecords: true)
      .differences(in: guest)
    if differences.isEmpty { return .verified }
    guard isLate else { return nil }
    let more = differences.count > 1 ? " and \(differences.count - 1) more" : ""
    return .diverged(
      Refusal(
        .diverged, "guest \(job.guestName) runs on host \(placement.host), but \(differences[0])\(more)",
        remedy: "use numafleet place"))
  }

  private mutating func conclude(
    _ index: Int, _ outcome: JobOutcome, _ guest: Guest?, on host: HostID, _ now: Instant, _ output: inout Output
  ) {
    let job = jobs[index].job
    var report =
      jobs[index].report ?? JobReport(job: job.id, guest: job.guest, generation: job.generation, outcome: outcome)
    report.outcome = outcome
    report.observed = guest
    jobs[index].report = report
    end(index, report, seenOn: host, now, &output)
  }
}
