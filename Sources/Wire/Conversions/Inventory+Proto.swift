import Fleet
import NUMA

extension ProtoHostView {
  init(_ view: HostView) {
    id = view.id.text
    liveness = view.liveness.proto
    facts = ProtoHostFacts(view.facts)
    topology = ProtoHostTopology(view.topology)
    guests = view.guests.map { ProtoGuest($0) }
    claims = view.claims.map { ProtoClaim($0) }
    ageMilliseconds = Int64(view.ageMilliseconds)
    if let answers = view.libvirtAnswers { libvirtAnswers = answers }
    draining = view.draining
    if let term = view.foreignTerm { foreignTerm = term.number }
    if let load = view.load { self.load = ProtoHostLoad(load) }
    wishes = view.wishes.map { ProtoWish($0) }
  }
}

extension HostView {
  init(_ proto: ProtoHostView) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasFacts, "host.facts")
    try FieldCheck.present(proto.hasTopology, "host.topology")
    self.init(
      id: try FieldCheck.id(proto.id, "host.id"), liveness: try Liveness(proto.liveness, "host.liveness"),
      facts: try HostFacts(proto.facts), topology: try HostTopology(proto.topology),
      guests: try proto.guests.map { guest throws(WireError.Kind) in try Guest(guest) },
      claims: try proto.claims.map { claim throws(WireError.Kind) in try Claim(claim) },
      ageMilliseconds: try FieldCheck.count(proto.ageMilliseconds, "host.age_milliseconds"),
      libvirtAnswers: proto.hasLibvirtAnswers ? proto.libvirtAnswers : nil, draining: proto.draining,
      foreignTerm: proto.hasForeignTerm ? Epoch(try FieldCheck.counter(proto.foreignTerm, "host.foreign_term")) : nil,
      load: proto.hasLoad ? try HostLoad(proto.load) : nil,
      wishes: try proto.wishes.map { wish throws(WireError.Kind) in try Wish(wish) })
  }
}

extension ProtoClaim {
  init(_ claim: Claim) {
    job = claim.job.number
    host = claim.host.text
    guest = claim.guest.text
    guestName = claim.guestName
    dedicated = claim.dedicated.description
    memory = claim.memory.map { memory in
      var proto = ProtoMemoryClaim()
      proto.cell = Int64(memory.cell)
      proto.pageSizeKib = Int64(memory.pageSize.kib)
      proto.amountKib = Int64(memory.amount.count)
      return proto
    }
    floating = claim.floating.map { floating in
      var proto = ProtoFloatingClaim()
      proto.cell = Int64(floating.cell)
      proto.vcpus = Int64(floating.vcpus)
      return proto
    }
  }
}

extension Claim {
  init(_ proto: ProtoClaim) throws(WireError.Kind) {
    self.init(
      job: JobID(try FieldCheck.counter(proto.job, "claim.job")), host: try FieldCheck.id(proto.host, "claim.host"),
      guest: try FieldCheck.id(proto.guest, "claim.guest"), guestName: proto.guestName,
      dedicated: try IDList.set(proto.dedicated, "claim.dedicated"),
      memory: try proto.memory.map { memory throws(WireError.Kind) in
        MemoryClaim(
          cell: try FieldCheck.cell(memory.cell, "claim.memory.cell"),
          pageSize: try FieldCheck.pageSize(memory.pageSizeKib, "claim.memory.page_size_kib"),
          amount: try FieldCheck.memory(memory.amountKib, "claim.memory.amount_kib"))
      },
      floating: try proto.floating.map { floating throws(WireError.Kind) in
        FloatingClaim(
          cell: try FieldCheck.cell(floating.cell, "claim.floating.cell"),
          vcpus: try FieldCheck.vcpu(floating.vcpus, "claim.floating.vcpus"))
      })
  }
}

extension ProtoJobRecord {
  init(_ record: JobRecord) {
    job = ProtoJob(record.job)
    if let plan = record.plan { self.plan = plan.number }
    state = record.state.proto
    if let report = record.report { self.report = ProtoJobReport(report) }
    created = Int64(record.created)
    if let ended = record.ended { self.ended = Int64(ended) }
    isCancelled = record.isCancelled ?? false
  }
}

extension JobRecord {
  init(_ proto: ProtoJobRecord) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasJob, "job_record.job")
    self.init(
      job: try Job(proto.job),
      plan: proto.hasPlan ? PlanID(try FieldCheck.counter(proto.plan, "job_record.plan")) : nil,
      state: try JobState(proto.state, "job_record.state"),
      report: proto.hasReport ? try JobReport(proto.report) : nil,
      created: try FieldCheck.count(proto.created, "job_record.created"),
      ended: proto.hasEnded ? try FieldCheck.count(proto.ended, "job_record.ended") : nil,
      isCancelled: proto.isCancelled ? true : nil)
  }
}
