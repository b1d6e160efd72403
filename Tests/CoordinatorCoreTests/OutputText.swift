import CoordinatorCore
import Fleet
import NUMA

/// An output as the lines of a transcript, in the order in which it is carried out.
extension Coordinator.Output {
  var lines: [String] {
    writes.map { "write \($0.line)" } + messages.map(\.line) + replies.map { "reply \($0.token) \($0.payload.line)" }
      + queries.map { "query \($0.token): events after \($0.after) up to \($0.upTo)" }
      + planning.map(\.line)
      + inquiries.map { "inquiry for \($0.token): \($0.question.line)" } + (keysChanged ? ["keys changed"] : [])
      + (retriesStore ? ["try the store"] : [])
      + notes.map(\.line)
  }
}

extension Coordinator.Inquiry.Matter {
  var line: String {
    switch self {
    case .placeShapes(let wish): "place \(wish.shapes.count) shapes\(wish.allOrNothing ? " or none" : "")"
    case .capacity(let shape, let byHost, let after):
      "capacity for \(shape.vcpus) vcpus\(byHost ? " by host" : "")\(after.map { " after \($0)" } ?? "")"
    }
  }
}

extension Write {
  var line: String {
    switch self {
    case .event(let event): event.line
    case .plan(let plan): plan.line
    case .job(let record): record.line
    case .claim(let claim): claim.line
    case .releaseClaim(let job): "release of claim \(job)"
    case .generation(let guest, let generation): "generation \(generation) of \(guest)"
    case .key(let key): key.line
    case .policy(let revision): "policy \(revision.number): \(revision.text)"
    case .automation(let state):
      "automation \(state.mode.rawValue)\(state.pausedUntil.map { " paused until \($0)" } ?? "") by \(state.actor), "
        + "plans \(state.plans)"
    case .moved(let move):
      "move of \(move.guestName) by job \(move.job) of \(move.actor): "
        + "\(move.fromHost.map { "\($0)\(move.from) to \(move.host)" } ?? "\(move.from) to ")\(move.to), \(move.copy)"
        + (move.elsewhere.map { ", elsewhere \($0)" } ?? "")
        + (move.relief.map { ", \($0.words)" } ?? "")
    case .draining(let host, let isDraining): "\(isDraining ? "draining" : "resuming") of \(host)"
    case .topology(let record): "topology of \(record.topology.cells.count) cells"
    case .host(let record): "host \(record.id), \(record.topology == nil ? "no topology" : "topology")"
    case .wish(let wish): "wish \(wish.line)"
    case .forgottenWish(let guest, let host): "end of the wish for \(guest) on \(host)"
    case .sighting(let seen): "guest \(seen.name) (\(seen.guest), \(seen.state.rawValue)) on \(seen.host)"
    case .vanished(let guest, let host): "leave of \(guest) from \(host)"
    case .forgottenHost(let host): "forgetting of \(host)"
    case .command(let record): record.line
    case .forgottenEvents(let last): "forgetting of events up to \(last)"
    }
  }
}

extension Coordinator.Message {
  var line: String {
    let answer = answering.map { " (answers \($0))" } ?? ""
    switch payload {
    case .welcome(let welcome):
      return "to \(host): welcome \(welcome.host), epoch \(welcome.epoch), "
        + "\(welcome.wantsTopology ? "wants topology" : "knows topology"), "
        + "heartbeat \(welcome.heartbeatMilliseconds) ms\(welcome.answersHeartbeats ? ", answered" : "")\(answer)"
    case .alive: return "to \(host): alive\(answer)"
    case .cancel(let job): return "to \(host): cancel job \(job.id) for \(job.guest), epoch \(job.epoch)\(answer)"
    case .look(let number): return "to \(host): look \(number)\(answer)"
    case .job(let job): return "to \(host): \(job.line)\(answer)"
    case .jobAcknowledged(let id): return "to \(host): job \(id) acknowledged\(answer)"
    case .sendReport(let withTopology): return "to \(host): send report\(withTopology ? " with topology" : "")\(answer)"
    case .refused(let refusal): return "to \(host): \(refusal.line)\(answer)"
    }
  }
}

extension OperatorReply {
  var line: String {
    switch self {
    case .hosts(let hosts): "hosts " + hosts.map(\.line).joined(separator: " | ")
    case .host(let host): "host \(host.line)"
    case .guests(let guests): "guests " + guests.map { "\($0.host)/\($0.guest.name)" }.joined(separator: " ")
    case .guest(let placed): "guest \(placed.line)"
    case .findings(let findings):
      "findings " + findings.map { "\($0.host)/\($0.guestName ?? "-") \($0.kind.rawValue)" }.joined(separator: ", ")
    case .decision(let decision):
      decision.placement.map { "decision \($0.line)" } ?? "decision \(decision.refusal?.line ?? "nothing")"
    case .decisions(let decisions):
      "decisions " + decisions.map { $0.placement?.line ?? $0.refusal?.line ?? "nothing" }.joined(separator: " | ")
    case .capacity(let capacity):
      "capacity \(capacity.fits)\(capacity.isExact ? "" : " at least")"
        + capacity.hosts.map { ", \($0.host) \($0.fits)" }.joined()
    case .plans(let plans): "plans " + plans.map { "\($0.id) \($0.state.rawValue)" }.joined(separator: ", ")
    case .plan(let plan): plan.line
    case .jobs(let jobs): "jobs " + jobs.map { "\($0.job.id) \($0.state.rawValue)" }.joined(separator: ", ")
    case .events(let events): "events " + events.map { "\($0.sequence) \($0.kind.rawValue)" }.joined(separator: ", ")
    case .keys(let keys): "keys " + keys.map(\.line).joined(separator: ", ")
    case .policy: "policy"
    case .automation(let status):
      "automation \(status.state.mode.rawValue)\(status.state.pausedUntil == nil ? "" : " paused"), plans "
        + "\(status.state.plans), \(status.hostsDue) hosts due, \(status.movesLastDay) moves, "
        + "\(status.copiedLastMinute) copied"
        + status.rooms.map { ", room for \($0.fits) of \($0.wanted) \($0.name)" }.joined() + "; stay: "
        + status.held.map { "\($0.guestName): \($0.reason)" }.joined(separator: "; ")
    case .status(let status):
      "status epoch \(status.epoch), \(status.hosts) hosts, \(status.hostsUnreachable) unreachable, "
        + "\(status.guests) guests, \(status.jobsInFlight) jobs in flight, last event \(status.lastEvent)"
        + (status.storeOutage.map {
          ", store takes no writes since \($0.since), \($0.eventsNotLogged) events not logged: \($0.refusal.message)"
        } ?? "")
    case .accepted(let accepted):
      "accepted" + (accepted.plan.map { ", plan \($0)" } ?? "")
        + (accepted.jobs.isEmpty ? "" : ", jobs \(accepted.jobs)") + ": \(accepted.text)"
    case .refused(let refusal): refusal.line
    }
  }
}

extension Coordinator.PlanningTask {
  var line: String {
    let who = token.isAutomation ? "automation" : "\(token)"
    let leaving = input.leaving.isEmpty ? "" : ", leaving \(input.leaving.map(\.text).joined(separator: ", "))"
    return "plan for \(who): \(input.request.line), parent \(input.parent)" + leaving
  }
}
