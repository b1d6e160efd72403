import AgentCore
import CoordinatorCore
import Fleet
import NUMA
import Store

/// How jobs end, and what coordinators make durable.
extension SafetyWatch {
  mutating func ends(_ job: Job, _ outcome: JobOutcome?, on model: ModelHost, _ host: Int, _ time: Int) {
    guard let index = sites[host].works.lastIndex(where: { $0.job.id == job.id }) else { return }
    let work = sites[host].works.remove(at: index)
    guard let outcome else {
      return broken("atomic", "\(model.id): job \(job.id) is out of the journal without an end", time)
    }
    let guest = model.index(of: job.guest).map { model.guests[$0] }
    if case .diverged(let refusal) = outcome {
      sites[host].holdings.removeAll { $0.guest == job.guest }
      if !work.isExcused, !work.isDisturbed, model.topology.offline.isEmpty {
        broken("atomic", "\(model.id): job \(job.id) diverged and nothing had gone wrong: \(refusal.message)", time)
      }
      return
    }
    if case .start = job.action, case .refused(let refusal) = outcome, refusal.code != .duplicate {
      sites[host].refusedStarts.append(job.guest)
      if !work.isDisturbed, guest?.isRunning ?? false {
        broken("atomic", "\(model.id): job \(job.id) is refused (\(refusal.message)), and its guest runs", time)
      }
    }
    guard !work.isDisturbed, let guest, guest.isRunning else { return }
    if job.destination != nil, case .verified = outcome {
      return broken(
        "atomic", "\(model.id): job \(job.id) is verified to have sent its guest away, and it is here", time)
    }
    if case .verified = outcome {
      let differences = guest.differences(from: job.desired, scope: job.scope, host: model)
      if let first = differences.first {
        broken("atomic", "\(model.id): job \(job.id) is verified, and \(first)", time)
      }
      hold(job, host)
      acted(on: model, host, time)
    } else if let before = work.before {
      let differences = guest.differences(from: before, defaults: model.topology.cpus)
      if let first = differences.first {
        broken("atomic", "\(model.id): job \(job.id) is refused (\(outcome)), and \(first)", time)
      }
    }
  }

  private mutating func hold(_ job: Job, _ host: Int) {
    guard job.scope.touchesLive else { return }
    // Two coordinators number their jobs alike.
    let own = [0, 1].filter { claims[$0][job.id]?.guest == job.guest }
    let claim = (own.first { epochs[$0] == job.epoch } ?? own.first).flatMap { claims[$0][job.id] }
    let cpus = claim?.dedicated ?? CPUSet()
    sites[host].holdings.removeAll { $0.guest == job.guest }
    sites[host].holdings.append(Holding(guest: job.guest, cpus: cpus, desired: job.desired, scope: job.scope))
    sites[host].holdings.sort { $0.guest < $1.guest }
  }

  // MARK: Migrations

  /// A guest was handed over: from now on it has on its new host what its job has claimed there.
  mutating func arrived(
    _ guest: GuestID, _ durable: Journal, from source: Int, on model: ModelHost, _ target: Int, _ time: Int
  ) {
    checks += 1
    sites[source].holdings.removeAll { $0.guest == guest }
    // A call that was carried out after its job was given up is nobody's any more.
    guard let job = durable.inHand.last(where: { $0.job.guest == guest })?.job, job.destination == model.id,
      ![0, 1].contains(where: { endings[$0][job.id] != nil && claims[$0][job.id]?.guest == guest })
    else { return }
    hold(job, target)
    // Where CPUs are offline the kernel narrows what libvirt asks for, and nothing widens it when they are back: its
    // coordinator tells that it did not arrive as wanted.
    if !model.topology.offline.isEmpty, let own = sites[target].holdings.firstIndex(where: { $0.guest == guest }) {
      sites[target].holdings[own].desired = Pinning()
    }
    acted(on: model, target, time)
  }

  /// A guest has begun to run somewhere.
  mutating func alone(_ guest: GuestID, among hosts: [ModelHost], _ time: Int) {
    checks += 1
    let places = hosts.filter { host in host.guests.contains { $0.id == guest && $0.isRunning } }
    if places.count > 1 { broken("single", "guest \(guest) runs on \(places.map(\.id))", time) }
  }

  // MARK: Coordinators

  mutating func acknowledged(_ accepted: Accepted, _ coordinator: Int) {
    acknowledged[coordinator] += accepted.jobs
  }

  /// A second coordinator begins with what the first one's store held.
  mutating func copied(_ from: Int, to: Int) {
    acknowledged[to] = []
    endings[to] = endings[from]
    claims[to] = claims[from]
  }

  mutating func committed(
    _ writes: [Write], _ coordinator: Int, _ agents: [SimulatedAgent], _ hosts: [ModelHost], _ time: Int
  ) {
    checks += 1
    for write in writes {
      switch write {
      case .claim(let claim): claims[coordinator][claim.job] = claim
      case .job(let record) where record.state.isFinal:
        if let before = endings[coordinator][record.job.id], before != record.state {
          broken("durable", "job \(record.job.id) ended \(before.rawValue) and then \(record.state.rawValue)", time)
        }
        endings[coordinator][record.job.id] = record.state
      case .releaseClaim(let job):
        // Jobs of a second coordinator have numbers of their own.
        guard coordinator == 0, hosts.count == agents.count, agents[0].links.count == 1 else { continue }
        for (host, agent) in agents.enumerated() where agent.durable.inHand.contains(where: { $0.job.id == job }) {
          broken("claim", "the claim of job \(job) is released while \(hosts[host].id) has it in hand", time)
        }
      default: continue
      }
    }
  }

  /// A coordinator has begun a term: what was acknowledged before must be there.
  mutating func restored(_ restored: Restored, _ coordinator: Int, _ ledger: Ledger, _ time: Int) {
    epochs[coordinator] = restored.epoch
    for job in acknowledged[coordinator] {
      checks += 1
      guard !restored.jobs.contains(where: { $0.job.id == job }) else { continue }
      if (try? ledger.job(job)) == nil { broken("durable", "job \(job) was acknowledged and is lost", time) }
    }
  }
}

extension Job {
  /// The pinning that the guest shall have.
  var desired: Pinning {
    switch action {
    case .apply(let desired, _): desired
    case .start(_, _, let placement), .migrate(_, let placement, _): placement.pinning
    case .switchKSM: Pinning()
    }
  }
}

extension ModelGuest {
  /// Of a thousand KiB that may lie elsewhere: what a job may leave behind, and what a page table's rounding adds.
  static let elsewherePerMille = 15

  /// In what the guest is not as a job wanted it.
  func differences(from desired: Pinning, scope: Scope, host: ModelHost) -> [String] {
    var found: [String] = []
    if scope.touchesLive {
      for pin in desired.vcpus where online.contains(pin.vcpu) && masks[pin.vcpu] != pin.cpuset {
        found.append("vcpu \(pin.vcpu) of \(name) runs on \(masks[pin.vcpu]), not on \(pin.cpuset)")
      }
      if let emulator = desired.emulator, emulatorMask != emulator {
        found.append("the emulator of \(name) runs on \(emulatorMask), not on \(emulator)")
      }
      for target in desired.memory where isElsewhere(target) {
        found.append("guest cell \(target.guestCell) of \(name) lies on \(resident[target.guestCell])")
      }
    }
    return found
  }

  private func isElsewhere(_ target: GuestCellPlacement) -> Bool {
    let all = resident[target.guestCell].reduce(0, +)
    return (all - resident[target.guestCell][target.cell]) * 1000 > all * Self.elsewherePerMille
  }

  /// In what the guest is not as it was.
  func differences(from before: ModelGuest, defaults: CPUSet) -> [String] {
    guard run == before.run else { return [] }
    var found: [String] = []
    // Where somebody had pinned a thread behind libvirt, going back to what libvirt has written down is right too.
    func isBack(_ now: CPUSet, _ mask: CPUSet, _ record: CPUSet?) -> Bool {
      now == mask || now == (record ?? defaults).intersection(defaults)
    }
    for vcpu in online.members where before.online.contains(vcpu) {
      guard !isBack(masks[vcpu], before.masks[vcpu], before.live.cpuset(ofVCPU: vcpu)) else { continue }
      found.append("vcpu \(vcpu) of \(name) runs on \(masks[vcpu]), before on \(before.masks[vcpu])")
    }
    if !isBack(emulatorMask, before.emulatorMask, before.live.emulator) {
      found.append("the emulator of \(name) runs on \(emulatorMask), before on \(before.emulatorMask)")
    }
    for cell in cells.indices {
      guard let home = before.home(of: cell) else { continue }
      if isElsewhere(GuestCellPlacement(guestCell: cell, cell: home)) {
        found.append("guest cell \(cell) of \(name) lies on \(resident[cell]), before on \(before.resident[cell])")
      }
    }
    for vcpu in 0..<vcpus {
      // libvirt has no call that takes a pin away, so one that was not there may stay, as wide as it goes.
      guard let then = before.config.cpuset(ofVCPU: vcpu) else { continue }
      let now = config.cpuset(ofVCPU: vcpu) ?? defaults
      if now != then { found.append("the config of \(name) pins vcpu \(vcpu) to \(now), before to \(then)") }
    }
    return found
  }

  /// The cell that had all of a guest cell; nil when it was spread.
  private func home(of guestCell: Int) -> Int? {
    let all = resident[guestCell].reduce(0, +)
    return resident[guestCell].firstIndex { $0 == all && all > 0 }
  }
}
