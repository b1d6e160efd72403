import Fleet
import NUMA

/// The way back of a job that cannot be carried out, and the proof that it was gone.
extension JobRun {
  mutating func undo(from index: Int, because refusal: Refusal, now: Instant) -> Next {
    guard SafetyCheck.rollback.isOn else { return .end(.refused(refusal), observed: nil) }
    stepBegan = now
    var next = index
    while next >= 0 {
      if let effect = steps[next].undo, !(isUpkeep && effect.movesMemory) {
        phase = .undoing(next, because: refusal)
        return .run(effect, deadlineMilliseconds: steps[next].deadlineMilliseconds)
      }
      next -= 1
    }
    phase = .checkingUndo(because: refusal)
    return .run(look, deadlineMilliseconds: 30_000)
  }

  mutating func undone(_ index: Int, _ because: Refusal, _ outcome: CommandOutcome, now: Instant) -> Next {
    let detail =
      switch outcome {
      case .done(let detail, _): detail
      case .failed(let refusal): "failed: \(refusal.message)"
      default: "ended unexpectedly"
      }
    record("undo \(steps[index].name)", detail, now: now)
    return undo(from: index - 1, because: because, now: now)
  }

  /// After going back: refused when the guest is where it was, diverged when it is not.
  func checkedUndo(_ because: Refusal, _ guest: Guest?) -> Next {
    guard let guest = present(guest), let before else { return gone() }
    var old = before
    old.numatune = nil
    // Pages that have come nearer to where they belong stay there.
    old.memory.removeAll { isUpkeep || spread.contains($0.guestCell) }
    old.vcpus = old.vcpus.filter { desired.cpuset(ofVCPU: $0.vcpu) != nil }
    old = old.within(online)
    let left =
      Verification(desired: old, scope: .live, checksRecords: false).differences(in: guest) + recordsLeft(in: guest)
      + pinsLeft(in: guest)
    if left.isEmpty {
      return .end(
        .refused(Refusal(.rolledBack, because.message, remedy: "\(afterUndo(because, guest)); \(because.remedy)")),
        observed: guest)
    }
    return .end(
      .diverged(
        Refusal(
          .diverged, "\(because.message); and going back left this: \(left.joined(separator: "; "))",
          remedy: because.remedy)),
      observed: guest)
  }

  /// Vcpus that the job has pinned and that cannot go back, because no CPU of their old pin is online any more.
  private func pinsLeft(in guest: Guest) -> [String] {
    (before?.vcpus ?? []).compactMap { pin in
      guard pin.cpuset.intersection(online).isEmpty, let new = desired.cpuset(ofVCPU: pin.vcpu),
        guest.thread(ofVCPU: pin.vcpu)?.cpusAllowed == new
      else { return nil }
      return "vcpu \(pin.vcpu) stays on \(new), for cpus \(pin.cpuset) are offline"
    }
  }

  /// What is true of a guest that is where it was.
  private func afterUndo(_ because: Refusal, _ guest: Guest) -> String {
    // Libvirt's keepalive may end the connection before the deadline; the call lies in libvirtd's queue all the same.
    if because.code == .libvirtTimeout || because.code == .libvirtDown {
      return "the guest is as it was, but libvirt may yet do, late, what it was asked: look at it when libvirt answers"
    }
    if before?.numatune == nil, let nodeset = guest.live.numatune?.nodeset {
      // libvirt has no call that takes a nodeset away from a running guest.
      return "the guest is where it was, and libvirt's live nodeset, which it had not, stays \(nodeset)"
    }
    return isUpkeep ? "its vcpus are as they were" : "nothing was changed"
  }

  /// Whether the persistent definition is neither what it was nor what was wanted.
  func isDefinedByHalf(_ guest: Guest) -> Bool {
    guard let config = guest.config else { return false }
    if let configBefore, config == configBefore { return false }
    let wanted = Verification(desired: desired, scope: .config, checksRecords: false, checksConfig: true)
    return !wanted.differences(in: guest).isEmpty
  }

  /// What libvirt's records have kept of a job that was taken back; threads and memory do not show it.
  private func recordsLeft(in guest: Guest) -> [String] {
    var found: [String] = []
    func asked(_ tune: CPUTune) -> CPUTune { tune.restricted(to: desired.cputune, defaultShares: defaultShares) }
    if driver == .libvirt, let before, asked(guest.live.cputune) != asked(before.cputune) {
      found.append("libvirt's live cputune is not what it was")
    }
    guard let old = configBefore, let config = guest.config else { return found }
    let pinsAreBack =
      old.vcpus.allSatisfy { config.cpuset(ofVCPU: $0.vcpu) == $0.cpuset }
      && old.iothreads.allSatisfy { config.cpuset(ofIOThread: $0.iothread) == $0.cpuset }
      && (old.emulator == nil || old.emulator == config.emulator)
    let tuningIsBack =
      (old.numatune ?? NUMATune()) == (config.numatune ?? NUMATune())
      && asked(old.cputune) == asked(config.cputune)
    if !pinsAreBack || !tuningIsBack { found.append("libvirt's config is not what it was") }
    return found
  }
}
