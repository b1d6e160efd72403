import AgentCore
import Fleet
import NUMA

/// An output as the lines of a transcript, in the order in which it is carried out.
extension Agent.Output {
  var lines: [String] {
    (journal.map { ["journal \($0.line)"] } ?? []) + messages.map(\.line) + commands.map(\.line)
      + calledOff.map { "call off the migration of \($0)" } + notes.map(\.line)
  }
}

extension Journal {
  var line: String {
    let kept = kept.map { "\($0.job.guest)\($0.reconcile ? " to reconcile" : "")" }
    let parts = [
      generations.isEmpty
        ? nil : "generations " + generations.map { "\($0.guest):\($0.generation)" }.joined(separator: " "),
      inHand.isEmpty
        ? nil
        : "in hand "
          + inHand.map { "\($0.job.id) before \($0.ksm.map { "run \($0.run)" } ?? $0.before.line)" }.joined(
            separator: " "),
      unacknowledged.isEmpty ? nil : "unacknowledged " + unacknowledged.map { "\($0.job)" }.joined(separator: " "),
      kept.isEmpty ? nil : "kept " + kept.joined(separator: ", "),
    ]
    return (["epoch \(highestEpoch)\(owner(epochOwner))"] + parts.compactMap { $0 }).joined(separator: ", ")
  }
}

/// The coordinator's run where it is not the one that scripts speak for unless they say so.
private func owner(_ boot: BootID?) -> String { boot.flatMap { $0 == "coordinator" ? nil : " of \($0)" } ?? "" }

extension Agent.Message {
  var line: String {
    let answer = envelope.answering.map { " (answers \($0))" } ?? ""
    let to = "to \(link) #\(envelope.sequence): "
    switch envelope.payload {
    case .hello(let hello):
      let topology = hello.topologyHash == 0 ? "no topology yet" : "topology read"
      return to + "hello, \(topology), obeys epoch \(hello.highestEpoch)\(owner(hello.epochOwner))"
    case .report(let report): return to + report.line
    case .heartbeat(let last): return to + "heartbeat, last report #\(last)"
    case .jobReport(let report): return to + report.line + answer
    case .refused(let refusal, let job):
      return to + "not understood, job \(job.map { "\($0)" } ?? "none"), \(refusal.code.rawValue)\(answer)"
    }
  }
}

extension HostReport {
  var line: String {
    let libvirt = libvirtAnswers.map { $0 ? "libvirt answers" : "libvirt is down" } ?? "no libvirt"
    return "report \(topology == nil ? "without" : "with") topology, \(libvirt)\(journal?.line ?? "")"
      + (looked > 0 ? ", looked \(looked)" : "")
      + guests.map { ", \($0.line)" }.joined()
  }
}

extension JournalHead {
  /// Nothing when it says nothing.
  var line: String {
    (generations.isEmpty
      ? "" : ", generations " + generations.map { "\($0.guest):\($0.generation)" }.joined(separator: " "))
      + (inHand.isEmpty ? "" : ", in hand \(inHand)")
      + (unacknowledged.isEmpty ? "" : ", unacknowledged \(unacknowledged)")
  }
}

extension JobReport {
  var line: String {
    switch outcome {
    case .running(let detail): return "job \(job) running, \(detail)"
    case .verified, .refused, .diverged:
      let end =
        switch outcome {
        case .refused(let refusal): "refused \(refusal.code.rawValue): \(refusal.description)"
        case .diverged(let refusal): "diverged: \(refusal.description)"
        default: "verified"
        }
      return "job \(job) \(end); by \(driver?.rawValue ?? "nobody"), \(steps.count) steps"
        + (pagesLeft > 0 ? ", \(pagesLeft) pages left" : "") + (observed.map { ", seen \($0.line)" } ?? "")
    }
  }
}

extension Command {
  var line: String { "command \(id): \(effect.line) within \(deadlineMilliseconds) ms" }
}

extension Effect {
  var line: String {
    switch self {
    case .observeHost(let residency, let topology):
      "read host\(residency ? ", residency" : "")\(topology ? ", topology" : "")"
    case .observeGuest(let guest, let run): "read \(guest) run \(run?.description ?? "-")"
    case .libvirt(let domain, let effect): "\(domain) \(effect.line)"
    case .kernel(let run, let effect): "\(run) \(effect.line)"
    case .start(_, let shape, let placement): "start \(shape.name) at \(placement.pinning.line)"
    case .migrate(let domain, let uri, let pinning, let converge):
      "migrate \(domain) to \(uri) at \(pinning.line), called off after \(converge) ms"
    case .settleMigration(let domain, let patience): "settle migration of \(domain), called off after \(patience) ms"
    case .observeKSM: "read KSM"
    case .setKSM(.run(let run)): "KSM run \(run)"
    case .setKSM(.mergeAcrossNodes(let across)): "KSM merge_across_nodes \(across ? 1 : 0)"
    }
  }
}

extension LibvirtEffect {
  var line: String {
    switch self {
    case .pinVCPU(let vcpu, let cpus, let scope): "vcpupin \(vcpu) \(cpus) \(scope.rawValue)"
    case .pinEmulator(let cpus, let scope): "emulatorpin \(cpus) \(scope.rawValue)"
    case .pinIOThread(let id, let cpus, let scope): "iothreadpin \(id) \(cpus) \(scope.rawValue)"
    case .setNumatune(let mode, let nodeset, let scope):
      "numatune \(mode?.rawValue ?? "-") \(nodeset) \(scope.rawValue)"
    case .setScheduler(let tune, let scope): "schedinfo \(Pinning(cputune: tune).line) \(scope.rawValue)"
    case .defineNumatune(let tune): "define \(Pinning(numatune: tune).line)"
    }
  }
}

extension KernelEffect {
  var line: String {
    switch self {
    case .setAffinity(let threads, let widens):
      "affinity " + threads.map { "\($0.tid)=\($0.cpuset)" }.joined(separator: " ")
        + (widens ? " widening cgroups" : "")
    case .migratePages(let from, let cell): "migrate pages \(from) to \(cell)"
    case .movePages(let start, let size, let pageSize, let cell):
      "move pages of \(String(start, radix: 16)) (\(size)\(pageSize == .base ? "" : " of \(pageSize)")) to \(cell)"
    case .setCPUTune(let tune): "cputune \(Pinning(cputune: tune).line)"
    }
  }
}
