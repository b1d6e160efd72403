import Fleet
import PlacementEngine

/// Where in the messages of a host something was said: later in the same boot is later, and so is any later boot.
struct Reading: Sendable, Hashable {
  var boot: BootID
  var sequence: UInt64

  func isAfter(_ other: Reading) -> Bool { boot != other.boot || sequence > other.sequence }
}

/// The claim of a job that is over and whose effect, or its absence, nobody has read back yet.
struct UnobservedClaim: Sendable, Hashable {
  var job: JobID
  var host: HostID
  var guest: GuestID
  /// When the job's end was told; nil in an earlier term, after which every report is.
  var ended: Reading?
  /// Until when a start that nobody answered in time may yet happen; nil for all else.
  var mayStartUntil: Instant?
  /// The look whose report ends it; nil until one was asked for.
  var look: UInt64?

  /// libvirt itself gives a domain's start up sooner.
  static let startMilliseconds = 60_000
}

/// Claims end with what is observed, never with what is said: a job that failed may have done half of its work.
extension Coordinator {
  /// Claims that an earlier term left behind with jobs that are over.
  static func unobserved(_ restored: Restored, now: Instant) -> [UnobservedClaim] {
    restored.claims.compactMap { claim in
      let record = restored.jobs.first { $0.job.id == claim.job }
      guard record?.state.isFinal != false else { return nil }
      return UnobservedClaim(
        job: claim.job, host: claim.host, guest: claim.guest,
        mayStartUntil: record?.mayStartYet == true
          ? now.advanced(byMilliseconds: UnobservedClaim.startMilliseconds) : nil)
    }
  }

  /// A job is over: its claim ends at once when the guest was read back, else with a reading begun after this.
  mutating func endClaim(of record: JobRecord, toldAt reading: Reading?, _ now: Instant, _ output: inout Output) {
    let job = record.job
    guard let claim = claims.first(where: { $0.job == job.id }) else { return }
    if reading != nil, claim.host != job.host, record.mayArriveYet {
      // What the guest's old host says proves nothing of the other, which may be half way with it.
      unobserved.append(
        UnobservedClaim(
          job: job.id, host: claim.host, guest: job.guest, ended: nil,
          mayStartUntil: now.advanced(byMilliseconds: Arrival.milliseconds)))
      send(.sendReport(withTopology: false), to: claim.host, &output)
      return
    }
    // An operator who gives a host up answers for what runs there.
    guard let reading, record.report?.observed == nil else {
      return release(job.id, on: claim.host, now, &output)
    }
    var open = UnobservedClaim(
      job: job.id, host: job.host, guest: job.guest, ended: reading,
      mayStartUntil: record.mayStartYet ? now.advanced(byMilliseconds: UnobservedClaim.startMilliseconds) : nil)
    // Asked at once: a host on which nothing changes may report half a minute later.
    if open.mayStartUntil == nil, let index = index(of: job.host), !hosts[index].hasLooked(for: nil) {
      open.look = askToLook(index, again: nil, &output)
    }
    unobserved.append(open)
  }

  /// A report of a host was folded: what waited for it is over.
  mutating func releaseObserved(on index: Int, at reading: Reading, _ now: Instant, _ output: inout Output) {
    guard storeRefusal == nil else { return }
    let host = hosts[index].id
    let isBlind = hosts[index].libvirtAnswers == false
    if isBlind {
      // A start that lies in a libvirtd's queue happens after that one has woken up.
      for claim in unobserved.indices where unobserved[claim].host == host && unobserved[claim].mayStartUntil != nil {
        unobserved[claim].mayStartUntil = now.advanced(byMilliseconds: UnobservedClaim.startMilliseconds)
        unobserved[claim].look = nil
      }
    }
    // Without libvirt's answer its domains are only remembered.
    let told = unobserved.indices.filter { place in
      let claim = unobserved[place]
      return claim.host == host && claim.ended.map(reading.isAfter) ?? true && (!isBlind || claim.guest.isProcess)
    }
    var over: [UnobservedClaim] = []
    for place in told {
      let claim = unobserved[place]
      let isThere = hosts[index].guests.contains { $0.id == claim.guest && $0.isThere }
      if let until = claim.mayStartUntil, isThere || now < until {
        if isThere { over.append(claim) }
      } else if hosts[index].hasLooked(for: claim.look) {
        over.append(claim)
      } else {
        unobserved[place].look = askToLook(index, again: claim.look, &output)
      }
    }
    for claim in over { release(claim.job, on: host, now, &output) }
  }

  mutating func release(_ job: JobID, on host: HostID, _ now: Instant, _ output: inout Output) {
    claims.removeAll { $0.job == job }
    unobserved.removeAll { $0.job == job }
    output.writes.append(.releaseClaim(job))
    if let index = index(of: host) { refresh(index, now) }
  }

  /// Why nothing new may be decided for a guest for now; nil when it may.
  func refusalWhileBusy(_ guest: GuestID, called name: String) -> Refusal? {
    if let active = activeJob(of: guest) {
      return Refusal(.busy, "job \(active.job.id) for \(name) has not ended", remedy: "wait for it")
    }
    guard let claim = claims.first(where: { $0.guest == guest }) else { return nil }
    return Refusal(
      .busy, "job \(claim.job) for \(name) has ended, but host \(claim.host) has not reported what came of it",
      remedy: "wait for its report")
  }
}

extension JobRecord {
  /// Whether a migration that has failed may have left something on the other host: not when nothing was tried, and the
  /// guest was seen where it was.
  var mayArriveYet: Bool {
    guard let report, report.driver == nil, report.observed != nil, case .refused = report.outcome else { return true }
    return false
  }

  /// Whether it was to start a guest, nobody answered in time, and so the guest may start yet.
  var mayStartYet: Bool {
    if state.isFinal, job.destination != nil { return true }
    guard case .start = job.action, case .diverged? = report?.outcome else { return false }
    return report?.observed == nil
  }
}
