import Fleet
import NUMA

/// What a host's KSM merges: a job of the host's own, fenced like those of its guests by term and generation.
extension Coordinator {
  mutating func switchKSM(_ wish: SwitchKSM, _ question: Question, _ now: Instant, _ output: inout Output) {
    if let refusal = refusal(of: wish) { return refuse(question, refusal, now, &output) }
    let merging = wish.mergeAcrossNodes ? "across nodes" : "within nodes only"
    guard !wish.dryRun else {
      return reply(.accepted(Accepted(text: dryRun(of: wish, merging))), to: question, &output)
    }
    // Nothing is claimed: nobody knows on which cells the pages will be that everybody has back.
    let job = create(
      JobDraft(
        host: wish.host, guest: .ksm(of: wish.host), guestName: "KSM", incarnation: nil,
        action: .switchKSM(mergeAcrossNodes: wish.mergeAcrossNodes), scope: .live, driver: .kernel, livePages: false,
        plan: nil),
      claiming: { _ in nil }, actor: question.actor, now, &output)
    reply(
      .accepted(Accepted(jobs: [job], text: "job \(job) has the KSM of host \(wish.host) merge \(merging)")),
      to: question, &output)
  }

  private func refusal(of wish: SwitchKSM) -> Refusal? {
    guard let index = index(of: wish.host) else { return unknown(wish.host) }
    let host = hosts[index]
    if let refusal = host.refusal { return refusal }
    guard host.topology != nil, let facts = host.facts else { return withoutTopology(host.id) }
    guard host.capabilities.contains(.ksm) else {
      return Refusal(
        .unsupported, "the agent of host \(host.id) is of an older version and cannot switch KSM",
        remedy: "upgrade it")
    }
    return refusalWhileBusy(.ksm(of: host.id), called: "the KSM of host \(host.id)")
      ?? KSMSwitch(host: host.id, mergeAcrossNodes: wish.mergeAcrossNodes).refusal(
        facts.ksm, cells: host.cells, guests: host.guests)
  }

  private func dryRun(of wish: SwitchKSM, _ merging: String) -> String {
    let host = hosts.first { $0.id == wish.host }
    if host?.facts?.ksm?.mergeAcrossNodes == wish.mergeAcrossNodes {
      return "the KSM of host \(wish.host) merges \(merging) already"
    }
    let free = host?.cells.reduce(KiB(0)) { KiB($0.count + $1.memoryFree.count) } ?? KiB(0)
    let saved = host?.facts?.ksm?.saved ?? KiB(0)
    return "nothing forbids it: unmerging takes \(saved) of the \(free) that are free; nothing was changed (--dry-run)"
  }
}
