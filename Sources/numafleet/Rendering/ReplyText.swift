import Fleet
import NUMA

/// Any answer as text.
struct ReplyText {
  let reply: OperatorReply

  var text: String {
    switch reply {
    case .hosts(let hosts): HostTable(hosts: hosts).text
    case .host(let host): HostText(host: host).text
    case .guests(let guests): GuestTable(guests: guests).text
    case .guest(let guest): GuestText(guest).text
    case .findings(let findings): FindingTable(findings: findings).text
    case .decision(let decision): DecisionText(decision: decision).text
    case .decisions(let decisions):
      BatchText(names: decisions.indices.map { "guest \($0 + 1)" }, decisions: decisions).text
    case .capacity(let capacity): CapacityText(capacity: capacity).text
    case .plans(let plans): PlanTable(plans: plans).text
    case .plan(let plan): PlanText(plan: plan).text
    case .jobs(let jobs): JobTable(jobs: jobs).text
    case .events(let events): events.map { EventLine(event: $0).text }.joined(separator: "\n")
    case .keys(let keys): KeyTable(keys: keys).text
    case .policy(let policy): PolicyText(policy: policy).text
    case .automation(let status): AutomationText(status: status).text
    case .status(let status): StatusText(status: status).text
    case .accepted(let accepted): AcceptedText(accepted: accepted).text
    case .refused(let refusal): printable(refusal.description)
    }
  }
}

/// A command that was accepted and not waited for.
struct AcceptedText {
  let accepted: Accepted

  var text: String {
    var lines = [printable(accepted.text)]
    if let plan = accepted.plan { lines.append("plan \(plan): numafleet plan show \(plan)") }
    lines += accepted.jobs.map { "job \($0): numafleet job show \($0) --wait" }
    return lines.joined(separator: "\n")
  }
}

/// Any answer as a JSON document: lists under their noun, single values as they are.
struct ReplyDocument: Encodable {
  let reply: OperatorReply

  func encode(to encoder: any Encoder) throws {
    switch reply {
    case .hosts(let hosts): try ["hosts": hosts].encode(to: encoder)
    case .host(let host): try host.encode(to: encoder)
    case .guests(let guests): try ["guests": guests].encode(to: encoder)
    case .guest(let guest): try GuestDocument(guest).encode(to: encoder)
    case .findings(let findings): try ["findings": findings].encode(to: encoder)
    case .decision(let decision): try decision.encode(to: encoder)
    case .decisions(let decisions): try ["decisions": decisions].encode(to: encoder)
    case .capacity(let capacity): try capacity.encode(to: encoder)
    case .plans(let plans): try ["plans": plans].encode(to: encoder)
    case .plan(let plan): try plan.encode(to: encoder)
    case .jobs(let jobs): try ["jobs": jobs].encode(to: encoder)
    case .events(let events): try ["events": events].encode(to: encoder)
    case .keys(let keys): try ["keys": keys].encode(to: encoder)
    case .policy(let policy): try policy.encode(to: encoder)
    case .automation(let status): try status.encode(to: encoder)
    case .status(let status): try status.encode(to: encoder)
    case .accepted(let accepted): try accepted.encode(to: encoder)
    case .refused(let refusal): try ["error": refusal].encode(to: encoder)
    }
  }
}

/// `topology -o json`: the host without its guests.
struct TopologyDocument: Encodable {
  let host: HostID
  let liveness: Liveness
  let ageMilliseconds: Int
  let libvirtAnswers: Bool?
  let facts: HostFacts
  let topology: HostTopology

  init(_ view: HostView) {
    host = view.id
    liveness = view.liveness
    ageMilliseconds = view.ageMilliseconds
    libvirtAnswers = view.libvirtAnswers
    facts = view.facts
    topology = view.topology
  }
}
