import Fleet
import PlacementEngine

/// Jobs of an earlier term were decided on a fleet that may be another by now: their host may have been ruled by
/// somebody else meanwhile, or repinned by hand.
extension Coordinator {
  /// A host's first word in this term tells which jobs it has begun; those that it has not, and that no longer hold,
  /// end here instead of being sent again. An agent of the previous release does not tell (`head` is nil): its jobs
  /// that no longer hold end too, for sent again they would do harm, but as ones of unknown outcome.
  mutating func revalidate(
    _ head: JournalHead?, on host: HostID, at reading: Reading, _ now: Instant, _ output: inout Output
  ) {
    guard storeRefusal == nil, let place = self.index(of: host) else { return }
    hosts[place].isJudged = true
    let doubtful = jobs.filter {
      $0.job.host == host && !$0.state.isFinal && $0.job.epoch != epoch && !$0.isArriving
        && head?.hasBegun($0.job) != true
    }
    guard !doubtful.isEmpty else { return }
    let inventory = inventory(now)
    for record in doubtful {
      guard let conflict = conflict(of: record, in: inventory),
        let index = self.place(of: record.job.id)
      else { continue }
      let before =
        head == nil ? "it was known whether job \(record.job.id) was begun" : "job \(record.job.id) was begun"
      let refusal = Refusal(
        .overlap, "the host changed before \(before): \(conflict)",
        remedy: head == nil ? "look at the guest, and ask again" : "ask again; nothing was changed")
      let report = JobReport(
        job: record.job.id, guest: record.job.guest, generation: record.job.generation,
        outcome: head == nil ? .diverged(refusal) : .refused(refusal))
      jobs[index].report = report
      end(index, report, at: reading, now, &output)
    }
  }

  /// The rule that a job would break now, by the same judge that passed it when it was decided.
  private func conflict(of record: JobRecord, in fleet: Inventory) -> Violation? {
    var inventory = fleet
    for host in record.job.hosts {
      guard let index = inventory.hosts.firstIndex(where: { $0.id == host }) else { continue }
      inventory.hosts[index].claims.removeAll { $0.job == record.job.id }
    }
    switch record.job.action {
    case .start(_, let shape, let placement):
      return violations(of: placement, shape: shape, as: record.job.guest, in: inventory, policy: policy).first
    case .apply, .migrate:
      let plan = plans.first { $0.id == record.plan }
      guard let move = plan?.moves.first(where: { $0.guest == record.job.guest }) else { return nil }
      let part = Plan(parent: 0, purpose: "", waves: [Wave(moves: [move])])
      return violations(of: part, in: inventory, policy: policy).first
    case .switchKSM: return nil
    }
  }
}

extension JournalHead {
  /// Whether the agent has this very job: another coordinator may have given its number to a job for another guest.
  fileprivate func hasBegun(_ job: Job) -> Bool {
    (inHand + unacknowledged).contains(job.id)
      && generations.contains { $0.guest == job.guest && $0.generation >= job.generation }
  }
}
