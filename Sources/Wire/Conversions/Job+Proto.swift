import Fleet
import NUMA

extension ProtoJob {
  init(_ job: Job) {
    id = job.id.number
    host = job.host.text
    guest = job.guest.text
    guestName = job.guestName
    epoch = job.epoch.number
    generation = job.generation.number
    if let incarnation = job.incarnation { self.incarnation = ProtoIncarnation(incarnation) }
    switch job.action {
    case .apply(let desired, let expected):
      var proto = ProtoApplyAction()
      proto.desired = ProtoPinning(desired)
      if let expected { proto.expected = ProtoPinning(expected) }
      apply = proto
    case .start(let domainXML, let shape, let placement):
      var proto = ProtoStartAction()
      proto.domainXml = domainXML
      proto.shape = ProtoShape(shape)
      proto.placement = ProtoPlacement(placement)
      start = proto
    case .migrate(let uri, let placement, let expected):
      var proto = ProtoMigrateAction()
      proto.uri = uri
      proto.placement = ProtoPlacement(placement)
      proto.expected = ProtoPinning(expected)
      migrate = proto
    case .switchKSM(let mergeAcrossNodes):
      var proto = ProtoSwitchKSMAction()
      proto.mergeAcrossNodes = mergeAcrossNodes
      switchKsm = proto
    }
    scope = job.scope.proto
    driver = job.driver.proto
    livePages = job.livePages
  }
}

extension Job {
  init(_ proto: ProtoJob) throws(WireError.Kind) {
    self.init(
      id: JobID(try FieldCheck.counter(proto.id, "job.id")), host: try FieldCheck.id(proto.host, "job.host"),
      guest: try FieldCheck.id(proto.guest, "job.guest"), guestName: proto.guestName,
      epoch: Epoch(try FieldCheck.counter(proto.epoch, "job.epoch")),
      generation: Generation(try FieldCheck.counter(proto.generation, "job.generation")),
      incarnation: proto.hasIncarnation ? try Incarnation(proto.incarnation) : nil,
      action: try JobAction(proto.action), scope: try Scope(proto.scope, "job.scope"),
      driver: try DriverChoice(proto.driver, "job.driver"), livePages: proto.livePages)
  }
}

extension JobAction {
  init(_ proto: ProtoJob.OneOf_Action?) throws(WireError.Kind) {
    switch proto {
    case .apply(let apply):
      try FieldCheck.present(apply.hasDesired, "job.apply.desired")
      self = .apply(
        desired: try Pinning(apply.desired), expected: apply.hasExpected ? try Pinning(apply.expected) : nil)
    case .start(let start):
      try FieldCheck.present(start.hasShape, "job.start.shape")
      try FieldCheck.present(start.hasPlacement, "job.start.placement")
      self = .start(
        domainXML: start.domainXml, shape: try Shape(start.shape), placement: try Placement(start.placement))
    case .migrate(let migrate):
      try FieldCheck.present(migrate.hasPlacement, "job.migrate.placement")
      try FieldCheck.present(migrate.hasExpected, "job.migrate.expected")
      self = .migrate(
        uri: migrate.uri, placement: try Placement(migrate.placement), expected: try Pinning(migrate.expected))
    case .switchKsm(let ksm): self = .switchKSM(mergeAcrossNodes: ksm.mergeAcrossNodes)
    case nil: throw .unknownValue(field: "job.action")
    }
  }
}

extension ProtoJobReport {
  init(_ report: JobReport) {
    job = report.job.number
    guest = report.guest.text
    generation = report.generation.number
    outcome = ProtoJobOutcome(report.outcome)
    if let driver = report.driver { self.driver = driver.proto }
    steps = report.steps.map { step in
      var proto = ProtoStepRecord()
      proto.name = step.name
      proto.milliseconds = Int64(step.milliseconds)
      proto.detail = step.detail
      return proto
    }
    pagesLeft = Int64(report.pagesLeft)
    if let observed = report.observed { self.observed = ProtoGuest(observed) }
  }
}

extension JobReport {
  init(_ proto: ProtoJobReport) throws(WireError.Kind) {
    self.init(
      job: JobID(try FieldCheck.counter(proto.job, "job_report.job")),
      guest: try FieldCheck.id(proto.guest, "job_report.guest"),
      generation: Generation(try FieldCheck.counter(proto.generation, "job_report.generation")),
      outcome: try JobOutcome(proto.outcome.outcome),
      driver: proto.hasDriver ? try DriverChoice(proto.driver, "job_report.driver") : nil,
      steps: try proto.steps.map { step throws(WireError.Kind) in
        StepRecord(
          name: step.name, milliseconds: try FieldCheck.count(step.milliseconds, "job_report.steps.milliseconds"),
          detail: step.detail)
      },
      pagesLeft: try FieldCheck.count(proto.pagesLeft, "job_report.pages_left"),
      observed: proto.hasObserved ? try Guest(proto.observed) : nil)
  }
}

extension ProtoJobOutcome {
  init(_ jobOutcome: JobOutcome) {
    switch jobOutcome {
    case .running(let detail):
      var proto = ProtoRunningOutcome()
      proto.detail = detail
      outcome = .running(proto)
    case .verified: outcome = .verified(ProtoVerifiedOutcome())
    case .refused(let refusal): outcome = .refused(ProtoRefusal(refusal))
    case .diverged(let refusal): outcome = .diverged(ProtoRefusal(refusal))
    }
  }
}

extension JobOutcome {
  init(_ proto: ProtoJobOutcome.OneOf_Outcome?) throws(WireError.Kind) {
    switch proto {
    case .running(let running): self = .running(detail: running.detail)
    case .verified: self = .verified
    case .refused(let refusal): self = .refused(try Refusal(refusal))
    case .diverged(let refusal): self = .diverged(try Refusal(refusal))
    case nil: throw .unknownValue(field: "job_report.outcome")
    }
  }
}
