import Fleet
import SwiftProtobuf

extension ProtoOperatorRequest {
  init(_ payload: OperatorRequest) {
    switch payload {
    case .hosts: request = .hosts(ProtoNoArguments())
    case .host(let host): request = .host(.with { $0.host = host.text })
    case .guests(let host): request = .guests(ProtoHostFilter(host))
    case .guest(let guest): request = .guest(.with { $0.guest = guest })
    case .findings(let subject): request = .findings(ProtoHostFilter(subject.map { HostID($0) }))
    case .placeGuest(let place): request = .placeGuest(ProtoPlaceGuest(place))
    case .placeShape(let shape, let explain):
      request = .placeShape(
        .with {
          $0.shape = ProtoShape(shape)
          $0.explain = explain
        })
    case .drain(let host, let isDraining):
      request = .drain(
        .with {
          $0.host = host.text
          $0.draining = isDraining
        })
    case .forgetHost(let wish): request = .forgetHost(ProtoForgetHost(wish))
    case .placeShapes(let place):
      request = .placeShapes(
        .with {
          $0.shapes = place.shapes.map { ProtoShape($0) }
          $0.allOrNothing = place.allOrNothing
          $0.explain = place.explain
        })
    case .capacity(let shape, let byHost, let after):
      request = .capacity(
        .with {
          $0.shape = ProtoShape(shape)
          $0.byHost = byHost
          if let after { $0.after = ProtoPlanRequest(after) }
        })
    case .start(let start): request = .start(ProtoStartGuest(start))
    case .change(let change): request = .change(ProtoManualChange(change))
    case .makePlan(let plan): request = .makePlan(ProtoPlanRequest(plan))
    case .plans: request = .plans(ProtoNoArguments())
    case .plan(let plan): request = .plan(.with { $0.plan = plan.number })
    case .applyPlan(let plan, let last):
      request = .applyPlan(
        .with {
          $0.plan = plan.number
          if let last { $0.throughWave = Int64(last) }
        })
    case .jobs(let active): request = .jobs(.with { $0.active = active })
    case .job(let job): request = .job(.with { $0.job = job.number })
    case .events(let after, let follow):
      request = .events(
        .with {
          $0.after = after
          $0.follow = follow
        })
    case .keys: request = .keys(ProtoNoArguments())
    case .authorizeKey(let key): request = .authorizeKey(ProtoAuthorizedKey(key))
    case .revokeKey(let key): request = .revokeKey(.with { $0.publicKey = key })
    case .policy: request = .policy(ProtoNoArguments())
    case .automate(let wish): request = .automate(ProtoAutomate(wish))
    case .automation: request = .automation(ProtoNoArguments())
    case .status: request = .status(ProtoNoArguments())
    case .adopt(let adopt): request = .adopt(ProtoAdopt(adopt))
    case .switchKSM(let wish): request = .switchKsm(ProtoSwitchKSM(wish))
    case .cancel(let wish): request = .cancel(ProtoCancel(wish))
    }
  }
}

extension OperatorRequest {
  init(_ proto: ProtoOperatorRequest) throws(WireError.Kind) {
    switch proto.request {
    case .hosts: self = .hosts
    case .host(let query): self = .host(try FieldCheck.id(query.host, "host"))
    case .guests(let filter): self = .guests(host: try filter.checked("guests.host"))
    case .guest(let query): self = .guest(query.guest)
    case .findings(let filter): self = .findings(of: try filter.checked("findings.host")?.text)
    case .placeGuest(let place): self = .placeGuest(try PlaceGuest(place))
    case .placeShape(let place):
      try FieldCheck.present(place.hasShape, "place_shape.shape")
      self = .placeShape(try Shape(place.shape), explain: place.explain)
    case .drain(let drain): self = .drain(try FieldCheck.id(drain.host, "drain.host"), drain.draining)
    case .forgetHost(let wish):
      self = .forgetHost(
        ForgetHost(host: try FieldCheck.id(wish.host, "forget_host.host"), evenWithGuests: wish.evenWithGuests))
    case .placeShapes(let place):
      self = .placeShapes(
        PlaceShapes(
          shapes: try place.shapes.map { shape throws(WireError.Kind) in try Shape(shape) },
          allOrNothing: place.allOrNothing, explain: place.explain))
    case .capacity(let query):
      try FieldCheck.present(query.hasShape, "capacity.shape")
      self = .capacity(
        try Shape(query.shape), byHost: query.byHost, after: query.hasAfter ? try PlanRequest(query.after) : nil)
    case .start(let start): self = .start(try StartGuest(start))
    case .change(let change): self = .change(try ManualChange(change))
    case .makePlan(let plan): self = .makePlan(try PlanRequest(plan))
    case .plans: self = .plans
    case .plan(let query): self = .plan(PlanID(try FieldCheck.counter(query.plan, "plan")))
    case .applyPlan(let query):
      self = .applyPlan(
        PlanID(try FieldCheck.counter(query.plan, "plan")),
        throughWave: query.hasThroughWave ? try FieldCheck.count(query.throughWave, "apply_plan.through_wave") : nil)
    case .jobs(let query): self = .jobs(active: query.active)
    case .job(let query): self = .job(JobID(try FieldCheck.counter(query.job, "job")))
    case .events(let query):
      self = .events(after: try FieldCheck.counter(query.after, "events.after"), follow: query.follow)
    case .keys: self = .keys
    case .authorizeKey(let key): self = .authorizeKey(try AuthorizedKey(key))
    case .revokeKey(let query): self = .revokeKey(publicKey: query.publicKey)
    case .policy: self = .policy
    case .automate(let wish): self = .automate(try Automate(wish))
    case .automation: self = .automation
    case .status: self = .status
    case .adopt(let adopt): self = .adopt(try Adopt(adopt))
    case .switchKsm(let wish): self = .switchKSM(try SwitchKSM(wish))
    case .cancel(let wish): self = .cancel(try Cancel(wish))
    case nil: throw .unknownPayload(expected: "an operator's request")
    }
  }
}

extension ProtoSwitchKSM {
  init(_ wish: SwitchKSM) {
    host = wish.host.text
    mergeAcrossNodes = wish.mergeAcrossNodes
    dryRun = wish.dryRun
  }
}

extension SwitchKSM {
  init(_ proto: ProtoSwitchKSM) throws(WireError.Kind) {
    self.init(
      host: try FieldCheck.id(proto.host, "switch_ksm.host"), mergeAcrossNodes: proto.mergeAcrossNodes,
      dryRun: proto.dryRun)
  }
}

extension ProtoForgetHost {
  init(_ wish: ForgetHost) {
    host = wish.host.text
    evenWithGuests = wish.evenWithGuests
  }
}

extension ProtoCancel {
  init(_ wish: Cancel) {
    switch wish {
    case .job(let job): self.job = job.number
    case .plan(let plan): self.plan = plan.number
    }
  }
}

extension Cancel {
  init(_ proto: ProtoCancel) throws(WireError.Kind) {
    switch proto.what {
    case .job(let number): self = .job(JobID(try FieldCheck.counter(number, "cancel.job")))
    case .plan(let number): self = .plan(PlanID(try FieldCheck.counter(number, "cancel.plan")))
    case nil: throw .unknownPayload(expected: "a job or a plan to cancel")
    }
  }
}

extension ProtoHostFilter {
  init(_ host: HostID?) {
    self.init()
    if let host { self.host = host.text }
  }

  func checked(_ field: StaticString) throws(WireError.Kind) -> HostID? {
    hasHost ? try FieldCheck.id(host, field) : nil
  }
}

extension ProtoPlaceGuest {
  init(_ place: PlaceGuest) {
    guest = place.guest
    if let cells = place.cells { self.cells = ProtoCellList(cells) }
    if let scope = place.scope { self.scope = scope.proto }
    if let driver = place.driver { self.driver = driver.proto }
    if let to = place.to { self.to = to.text }
    dryRun = place.dryRun
    explain = place.explain
  }
}

extension PlaceGuest {
  init(_ proto: ProtoPlaceGuest) throws(WireError.Kind) {
    self.init(
      guest: proto.guest, cells: proto.hasCells ? try proto.cells.checked("place_guest.cells") : nil,
      scope: proto.hasScope ? try Scope(proto.scope, "place_guest.scope") : nil,
      driver: proto.hasDriver ? try DriverChoice(proto.driver, "place_guest.driver") : nil,
      to: proto.hasTo ? try FieldCheck.id(proto.to, "place_guest.to") : nil, dryRun: proto.dryRun,
      explain: proto.explain)
  }
}

extension ProtoStartGuest {
  init(_ start: StartGuest) {
    guest = start.guest.text
    guestName = start.guestName
    shape = ProtoShape(start.shape)
    domainXml = start.domainXML
    dryRun = start.dryRun
  }
}

extension StartGuest {
  init(_ proto: ProtoStartGuest) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasShape, "start.shape")
    self.init(
      guest: try FieldCheck.id(proto.guest, "start.guest"), guestName: proto.guestName,
      shape: try Shape(proto.shape), domainXML: proto.domainXml, dryRun: proto.dryRun)
  }
}

extension ProtoManualChange {
  init(_ change: ManualChange) {
    guest = change.guest
    desired = ProtoPinning(change.desired)
    if let scope = change.scope { self.scope = scope.proto }
    if let driver = change.driver { self.driver = driver.proto }
    dryRun = change.dryRun
  }
}

extension ManualChange {
  init(_ proto: ProtoManualChange) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasDesired, "change.desired")
    self.init(
      guest: proto.guest, desired: try Pinning(proto.desired),
      scope: proto.hasScope ? try Scope(proto.scope, "change.scope") : nil,
      driver: proto.hasDriver ? try DriverChoice(proto.driver, "change.driver") : nil, dryRun: proto.dryRun)
  }
}

extension ProtoAuthorizedKey {
  init(_ key: AuthorizedKey) {
    publicKey = key.publicKey
    owner = key.owner
    role = key.role.proto
    since = Int64(key.since)
    revoked = key.revoked
  }
}

extension AuthorizedKey {
  init(_ proto: ProtoAuthorizedKey) throws(WireError.Kind) {
    self.init(
      publicKey: proto.publicKey, owner: proto.owner, role: try Role(proto.role, "key.role"),
      since: try FieldCheck.count(proto.since, "key.since"), revoked: proto.revoked)
  }
}
