import Fleet

extension ProtoToCoordinator {
  init(_ payload: ToCoordinator) {
    switch payload {
    case .hello(let hello):
      var proto = ProtoHello()
      proto.softwareVersion = hello.softwareVersion
      proto.topologyHash = hello.topologyHash
      proto.highestEpoch = hello.highestEpoch.number
      if let owner = hello.epochOwner { proto.epochOwner = owner.text }
      proto.capabilities = hello.capabilities.rawValue
      message = .hello(proto)
    case .report(let report): message = .report(ProtoHostReport(report))
    case .heartbeat(let lastReport):
      var proto = ProtoHeartbeat()
      proto.lastReport = lastReport
      message = .heartbeat(proto)
    case .jobReport(let report): message = .jobReport(ProtoJobReport(report))
    case .refused(let refusal, let job):
      var proto = ProtoMessageRefused()
      proto.refusal = ProtoRefusal(refusal)
      if let job { proto.job = job.number }
      message = .refused(proto)
    }
  }
}

extension ToCoordinator {
  init(_ proto: ProtoToCoordinator) throws(WireError.Kind) {
    switch proto.message {
    case .hello(let hello):
      self = .hello(
        Hello(
          softwareVersion: hello.softwareVersion, topologyHash: hello.topologyHash,
          highestEpoch: Epoch(try FieldCheck.counter(hello.highestEpoch, "hello.highest_epoch")),
          epochOwner: hello.hasEpochOwner ? BootID(hello.epochOwner) : nil,
          capabilities: AgentCapabilities(rawValue: hello.capabilities)))
    case .report(let report): self = .report(try HostReport(report))
    case .heartbeat(let heartbeat):
      self = .heartbeat(lastReport: try FieldCheck.counter(heartbeat.lastReport, "heartbeat.last_report"))
    case .jobReport(let report): self = .jobReport(try JobReport(report))
    case .refused(let refused):
      try FieldCheck.present(refused.hasRefusal, "refused.refusal")
      self = .refused(
        try Refusal(refused.refusal),
        job: refused.hasJob ? JobID(try FieldCheck.counter(refused.job, "refused.job")) : nil)
    case nil: throw .unknownPayload(expected: "an agent's message")
    }
  }
}

extension ProtoToAgent {
  init(_ payload: ToAgent) {
    switch payload {
    case .welcome(let welcome):
      var proto = ProtoWelcome()
      proto.host = welcome.host.text
      proto.epoch = welcome.epoch.number
      proto.wantsTopology = welcome.wantsTopology
      proto.heartbeatMilliseconds = Int64(welcome.heartbeatMilliseconds)
      proto.answersHeartbeats = welcome.answersHeartbeats
      message = .welcome(proto)
    case .job(let job): message = .job(ProtoJob(job))
    case .jobAcknowledged(let job):
      var proto = ProtoJobAcknowledged()
      proto.job = job.number
      message = .jobAcknowledged(proto)
    case .sendReport(let withTopology):
      var proto = ProtoSendReport()
      proto.withTopology = withTopology
      message = .sendReport(proto)
    case .refused(let refusal): message = .refused(ProtoRefusal(refusal))
    case .alive: message = .alive(ProtoAlive())
    case .look(let number):
      var proto = ProtoLook()
      proto.number = number
      message = .look(proto)
    case .cancel(let job):
      var proto = ProtoCancelJob()
      proto.job = ProtoJob(job)
      message = .cancel(proto)
    }
  }
}

extension ToAgent {
  init(_ proto: ProtoToAgent) throws(WireError.Kind) {
    switch proto.message {
    case .welcome(let welcome):
      self = .welcome(
        Welcome(
          host: try FieldCheck.id(welcome.host, "welcome.host"),
          epoch: Epoch(try FieldCheck.counter(welcome.epoch, "welcome.epoch")), wantsTopology: welcome.wantsTopology,
          heartbeatMilliseconds: try FieldCheck.number(
            welcome.heartbeatMilliseconds, in: 1...3_600_000, "welcome.heartbeat_milliseconds"),
          answersHeartbeats: welcome.answersHeartbeats))
    case .job(let job): self = .job(try Job(job))
    case .jobAcknowledged(let acknowledged):
      self = .jobAcknowledged(JobID(try FieldCheck.counter(acknowledged.job, "job_acknowledged.job")))
    case .sendReport(let send): self = .sendReport(withTopology: send.withTopology)
    case .refused(let refusal): self = .refused(try Refusal(refusal))
    case .alive: self = .alive
    case .look(let look): self = .look(try FieldCheck.counter(look.number, "look.number"))
    case .cancel(let cancel):
      try FieldCheck.present(cancel.hasJob, "cancel.job")
      self = .cancel(try Job(cancel.job))
    case nil: throw .unknownPayload(expected: "a coordinator's message to an agent")
    }
  }
}
