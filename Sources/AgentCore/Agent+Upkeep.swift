import Fleet
import NUMA

/// When a placement was last put right, so that a guest that will not stay is not moved without end.
struct UpkeepMark: Sendable, Hashable {
  var attempts = 0
  var notBefore: Instant
}

/// Upkeep: placements that may silently go back are watched, and put right where they did.
///
/// A guest that libnuma moved keeps its bind policy and cpuset.mems; plugging a vcpu makes libvirt write the cgroup
/// again and the kernel takes every page back. And what the kernel driver did while libvirt was down is repeated
/// through libvirt when it answers, so that its record is true again.
extension Agent {
  /// Waits before the 2nd, 3rd, … attempt; the first is at once.
  static let upkeepBackoffMilliseconds = [0, 5000, 30_000, 120_000, 600_000]

  mutating func keep(_ run: JobRun, _ observed: Guest?) {
    guard run.job.scope.touchesLive else { return }
    let incarnation = observed?.incarnation
    let earlier = journal.kept.first { $0.job.guest == run.job.guest && $0.incarnation == incarnation }
    journal.kept.removeAll { $0.job.guest == run.job.guest }
    upkeep[run.job.guest] = nil
    // A guest that was started in its place has no other to go back to.
    guard case .apply = run.job.action else { return }
    // What an earlier job placed and this one does not name is watched on.
    let desired = run.desired.filled(from: earlier?.job.desired ?? Pinning())
    let isDomain = observed?.kind.isDomain ?? false
    let libvirtIsAway = run.job.driver == .automatic || view.libvirtAnswers == false
    let standIn = isDomain && (run.driver == .kernel ? libvirtIsAway : earlier?.reconcile ?? false)
    let mayGoBack = !desired.memory.isEmpty && observed?.movability.class != .liveMemory
    guard standIn || mayGoBack else { return }
    var job = run.job
    job.action = .apply(desired: desired, expected: nil)
    journal.kept.append(KeptPlacement(job: job, incarnation: incarnation, reconcile: standIn))
  }

  /// Called after each reading of the host.
  mutating func keepUp(_ now: Instant, _ output: inout Output) {
    for placement in journal.kept {
      let id = placement.job.guest
      guard !(runs + waiting).contains(where: { $0.job.guest == id }) else { continue }
      let guest = view.guests.first { $0.id == id }
      // An agent that started while libvirt is down does not see domains, but they are there.
      if guest == nil, view.libvirtAnswers == false { continue }
      guard let guest, guest.incarnation == placement.incarnation else {
        forget(placement, "it was restarted or is gone", &output)
        continue
      }
      let reconciles = placement.reconcile && view.libvirtAnswers == true
      if !reconciles, !placement.reconcile, guest.isRepinned(against: placement.job.desired) {
        forget(placement, "somebody pinned it elsewhere", &output)
        continue
      }
      let astray = Verification(desired: placement.job.desired, scope: .live, checksRecords: false)
        .memoryDifferences(guest)
      guard reconciles || !astray.isEmpty else { continue }
      if let mark = upkeep[id], mark.notBefore > now { continue }
      let attempts = upkeep[id]?.attempts ?? 0
      let wait = Self.upkeepBackoffMilliseconds[min(attempts + 1, Self.upkeepBackoffMilliseconds.count - 1)]
      upkeep[id] = UpkeepMark(attempts: attempts + 1, notBefore: now.advanced(byMilliseconds: wait))
      output.notes.append(
        Note(
          .info, reconciles ? "reconciling with libvirt" : "pages went back",
          ["guest": id.text, "evidence": astray.joined(separator: "; ")]))
      waiting.append(upkeepRun(placement, reconciles: reconciles, now))
    }
    beginWaiting(now, &output)
  }

  private func upkeepRun(_ placement: KeptPlacement, reconciles: Bool, _ now: Instant) -> JobRun {
    var job = placement.job
    if !reconciles { job.scope = .live }
    return JobRun(
      job: job, desired: job.desired, driver: reconciles ? .libvirt : job.driver, before: nil, isUpkeep: true, now: now)
  }

  mutating func endUpkeep(_ run: JobRun, _ outcome: JobOutcome) {
    guard let index = journal.kept.firstIndex(where: { $0.job.isSame(as: run.job) }) else { return }
    if outcome == .verified {
      if run.driver == .libvirt, journal.kept[index].reconcile {
        journal.kept[index].reconcile = false
        journalChanged = true
      }
      // Going back once more later is a new event, so the back-off starts again slowly.
      let attempts = upkeep[run.job.guest]?.attempts ?? 1
      upkeep[run.job.guest]?.attempts = max(0, attempts - 1)
    }
  }

  private mutating func forget(_ placement: KeptPlacement, _ why: String, _ output: inout Output) {
    // By guest, of which there is one: coordinators of different stores give out the same job numbers.
    journal.kept.removeAll { $0.job.guest == placement.job.guest }
    upkeep[placement.job.guest] = nil
    journalChanged = true
    output.notes.append(Note(.info, "placement released", ["guest": placement.job.guest.text, "reason": why]))
  }
}

extension Guest {
  /// Whether somebody gave an online vcpu another affinity than was wanted.
  ///
  /// A vcpu that libvirt is just plugging in has its creator's affinity for a moment, so a domain's record must
  /// say so too.
  func isRepinned(against desired: Pinning) -> Bool {
    threads.contains { thread in
      guard case .vcpu(let id) = thread.role, let wanted = desired.cpuset(ofVCPU: id) else { return false }
      return thread.cpusAllowed != wanted && (!kind.isDomain || live.cpuset(ofVCPU: id) != wanted)
    }
  }
}
