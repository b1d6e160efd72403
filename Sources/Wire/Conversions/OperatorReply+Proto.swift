import Fleet
import SwiftProtobuf

extension ProtoOperatorReply {
  init(_ payload: OperatorReply) {
    switch payload {
    case .hosts(let hosts): reply = .hosts(.with { $0.hosts = hosts.map { ProtoHostView($0) } })
    case .host(let host): reply = .host(ProtoHostView(host))
    case .guests(let guests): reply = .guests(.with { $0.guests = guests.map { ProtoPlacedGuest($0) } })
    case .guest(let guest): reply = .guest(ProtoPlacedGuest(guest))
    case .findings(let findings): reply = .findings(.with { $0.findings = findings.map { ProtoFinding($0) } })
    case .decision(let decision): reply = .decision(ProtoDecision(decision))
    case .decisions(let decisions):
      reply = .decisions(.with { $0.decisions = decisions.map { ProtoDecision($0) } })
    case .capacity(let capacity): reply = .capacity(ProtoCapacity(capacity))
    case .plans(let plans): reply = .plans(.with { $0.plans = plans.map { ProtoPlan($0) } })
    case .plan(let plan): reply = .plan(ProtoPlan(plan))
    case .jobs(let jobs): reply = .jobs(.with { $0.jobs = jobs.map { ProtoJobRecord($0) } })
    case .events(let events): reply = .events(.with { $0.events = events.map { ProtoFleetEvent($0) } })
    case .keys(let keys): reply = .keys(.with { $0.keys = keys.map { ProtoAuthorizedKey($0) } })
    case .policy(let policy): reply = .policy(ProtoPolicy(policy))
    case .automation(let status): reply = .automation(ProtoAutomationStatus(status))
    case .status(let status): reply = .status(ProtoCoordinatorStatus(status))
    case .accepted(let accepted): reply = .accepted(ProtoAccepted(accepted))
    case .refused(let refusal): reply = .refused(ProtoRefusal(refusal))
    }
  }
}

extension OperatorReply {
  init(_ proto: ProtoOperatorReply) throws(WireError.Kind) {
    switch proto.reply {
    case .hosts(let list):
      self = .hosts(try list.hosts.map { host throws(WireError.Kind) in try HostView(host) })
    case .host(let host): self = .host(try HostView(host))
    case .guests(let list):
      self = .guests(try list.guests.map { guest throws(WireError.Kind) in try PlacedGuest(guest) })
    case .guest(let guest): self = .guest(try PlacedGuest(guest))
    case .findings(let list):
      self = .findings(try list.findings.map { finding throws(WireError.Kind) in try Finding(finding) })
    case .decision(let decision): self = .decision(try Decision(decision))
    case .decisions(let list):
      self = .decisions(try list.decisions.map { decision throws(WireError.Kind) in try Decision(decision) })
    case .capacity(let capacity): self = .capacity(try Capacity(capacity))
    case .plans(let list): self = .plans(try list.plans.map { plan throws(WireError.Kind) in try Plan(plan) })
    case .plan(let plan): self = .plan(try Plan(plan))
    case .jobs(let list): self = .jobs(try list.jobs.map { job throws(WireError.Kind) in try JobRecord(job) })
    case .events(let list):
      self = .events(try list.events.map { event throws(WireError.Kind) in try FleetEvent(event) })
    case .keys(let list): self = .keys(try list.keys.map { key throws(WireError.Kind) in try AuthorizedKey(key) })
    case .policy(let policy): self = .policy(try Policy(policy))
    case .automation(let status): self = .automation(try AutomationStatus(status))
    case .status(let status): self = .status(try CoordinatorStatus(status))
    case .accepted(let accepted): self = .accepted(try Accepted(accepted))
    case .refused(let refusal): self = .refused(try Refusal(refusal))
    case nil: throw .unknownPayload(expected: "a coordinator's reply")
    }
  }
}

extension ProtoPlacedGuest {
  init(_ placed: PlacedGuest) {
    host = placed.host.text
    guest = ProtoGuest(placed.guest)
    if let wish = placed.wish { self.wish = ProtoWish(wish) }
  }
}

extension PlacedGuest {
  init(_ proto: ProtoPlacedGuest) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasGuest, "placed_guest.guest")
    self.init(
      host: try FieldCheck.id(proto.host, "placed_guest.host"), guest: try Guest(proto.guest),
      wish: proto.hasWish ? try Wish(proto.wish) : nil)
  }
}

extension ProtoFinding {
  init(_ finding: Finding) {
    severity = finding.severity.proto
    kind = finding.kind.proto
    host = finding.host.text
    if let guest = finding.guest { self.guest = guest.text }
    if let name = finding.guestName { guestName = name }
    evidence = finding.evidence
    remedy = finding.remedy
  }
}

extension Finding {
  init(_ proto: ProtoFinding) throws(WireError.Kind) {
    self.init(
      severity: try Severity(proto.severity, "finding.severity"), kind: try Kind(proto.kind, "finding.kind"),
      host: try FieldCheck.id(proto.host, "finding.host"),
      guest: proto.hasGuest ? try FieldCheck.id(proto.guest, "finding.guest") : nil,
      guestName: proto.hasGuestName ? proto.guestName : nil, evidence: proto.evidence, remedy: proto.remedy)
  }
}

extension ProtoFleetEvent {
  init(_ event: FleetEvent) {
    sequence = event.sequence
    wallMilliseconds = Int64(event.wallMilliseconds)
    kind = event.kind.proto
    if let host = event.host { self.host = host.text }
    if let guest = event.guest { self.guest = guest.text }
    if let job = event.job { self.job = job.number }
    actor = event.actor
    text = event.text
  }
}

extension FleetEvent {
  init(_ proto: ProtoFleetEvent) throws(WireError.Kind) {
    self.init(
      sequence: try FieldCheck.counter(proto.sequence, "event.sequence"),
      wallMilliseconds: try FieldCheck.count(proto.wallMilliseconds, "event.wall_milliseconds"),
      kind: try Kind(proto.kind, "event.kind"), host: proto.hasHost ? try FieldCheck.id(proto.host, "event.host") : nil,
      guest: proto.hasGuest ? try FieldCheck.id(proto.guest, "event.guest") : nil,
      job: proto.hasJob ? JobID(try FieldCheck.counter(proto.job, "event.job")) : nil, actor: proto.actor,
      text: proto.text)
  }
}

extension ProtoCoordinatorStatus {
  init(_ status: CoordinatorStatus) {
    softwareVersion = status.softwareVersion
    epoch = status.epoch.number
    hosts = Int64(status.hosts)
    hostsUnreachable = Int64(status.hostsUnreachable)
    guests = Int64(status.guests)
    jobsInFlight = Int64(status.jobsInFlight)
    lastEvent = status.lastEvent
    if let outage = status.storeOutage { storeOutage = ProtoStoreOutage(outage) }
  }
}

extension CoordinatorStatus {
  init(_ proto: ProtoCoordinatorStatus) throws(WireError.Kind) {
    self.init(
      softwareVersion: proto.softwareVersion, epoch: Epoch(try FieldCheck.counter(proto.epoch, "status.epoch")),
      hosts: try FieldCheck.count(proto.hosts, "status.hosts"),
      hostsUnreachable: try FieldCheck.count(proto.hostsUnreachable, "status.hosts_unreachable"),
      guests: try FieldCheck.count(proto.guests, "status.guests"),
      jobsInFlight: try FieldCheck.count(proto.jobsInFlight, "status.jobs_in_flight"),
      lastEvent: try FieldCheck.counter(proto.lastEvent, "status.last_event"),
      storeOutage: proto.hasStoreOutage ? try StoreOutage(proto.storeOutage) : nil)
  }
}

extension ProtoStoreOutage {
  init(_ outage: StoreOutage) {
    refusal = ProtoRefusal(outage.refusal)
    since = Int64(outage.since)
    eventsNotLogged = outage.eventsNotLogged
  }
}

extension StoreOutage {
  init(_ proto: ProtoStoreOutage) throws(WireError.Kind) {
    self.init(
      refusal: try Refusal(proto.refusal), since: try FieldCheck.count(proto.since, "store_outage.since"),
      eventsNotLogged: try FieldCheck.counter(proto.eventsNotLogged, "store_outage.events_not_logged"))
  }
}

extension ProtoAccepted {
  init(_ accepted: Accepted) {
    if let plan = accepted.plan { self.plan = plan.number }
    jobs = accepted.jobs.map(\.number)
    text = accepted.text
  }
}

extension Accepted {
  init(_ proto: ProtoAccepted) throws(WireError.Kind) {
    self.init(
      plan: proto.hasPlan ? PlanID(try FieldCheck.counter(proto.plan, "accepted.plan")) : nil,
      jobs: try proto.jobs.map { job throws(WireError.Kind) in JobID(try FieldCheck.counter(job, "accepted.jobs")) },
      text: proto.text)
  }
}
