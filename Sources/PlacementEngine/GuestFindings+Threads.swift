import Fleet
import NUMA

/// Threads of a guest in the way of vcpus, or where the kernel will not serve them as their pins say.
extension HostExamination {
  func emulatorOnDedicated(_ examined: ExaminedGuest) -> Finding? {
    let guest = examined.guest
    // A guest that floats is told as such, with all its threads.
    guard !dedicated.isEmpty, !guest.hasOnlyWorkers, examined.floating.isEmpty else { return nil }
    var masks: [(name: String, cpus: CPUSet)] = []
    if let emulator = guest.emulatorMask { masks.append(("its emulator", emulator)) }
    for thread in guest.threads {
      if case .iothread(let id) = thread.role { masks.append(("iothread \(id)", thread.cpusAllowed)) }
    }
    let own = examined.footprint.dedicated ?? []
    var told: [String] = []
    for (name, cpus) in masks {
      let common = cpus.intersection(dedicated)
      guard !common.isEmpty else { continue }
      let mine = common.intersection(own)
      let theirs = guests.filter { $0.guest.id != guest.id }
        .filter { !common.isDisjoint(with: $0.footprint.dedicated ?? []) }.map(\.guest.name)
      let whose = (mine.isEmpty ? [] : ["its own vcpus"]) + (theirs.isEmpty ? [] : ["vcpus of " + several(theirs)])
      told.append("\(name) may run on pcpus \(common), which belong to \(whose.joined(separator: " and to "))")
    }
    guard !told.isEmpty else { return nil }
    // Where every CPU is somebody's own there is nowhere better to go.
    let elsewhere = room.cells.contains { cell in
      !cell.undedicated.isEmpty && examined.reach.contains { $0.cells.contains(cell.id) }
    }
    return finding(
      elsewhere ? .warning : .info, .emulatorOnDedicated, examined, told.joined(separator: "; "),
      remedy: elsewhere ? nil : "keep pcpus for emulators: reserve.pcpus_per_cell in policy.yaml")
  }

  func sharedSiblings(_ examined: ExaminedGuest) -> Finding? {
    guard policy.smt == .isolate else { return nil }
    let own = examined.footprint.dedicated ?? []
    var cpus = CPUSet()
    var rivals: [String] = []
    for other in guests where other.guest.id != examined.guest.id {
      guard let theirs = other.footprint.dedicated else { continue }
      let siblings = theirs.members.reduce(into: CPUSet()) {
        $0.formUnion(host.topology.pcpu($1)?.siblings ?? [])
      }
      // The very same CPU is an overlap, which is worse and told as such.
      let common = examined.confined.union(own).intersection(siblings).subtracting(theirs)
      guard !common.isEmpty else { continue }
      cpus.formUnion(common)
      rivals.append(other.guest.name)
    }
    guard !rivals.isEmpty else { return nil }
    return finding(
      .warning, .sharedSiblings, examined,
      "its vcpus run on pcpus \(cpus), hardware threads of cores on which \(several(rivals)) has its own; the policy's "
        + "smt is isolate")
  }

  /// Records only: no thread can run outside. A pin that has nothing inside fails when it is next applied.
  func outsideParent(_ examined: ExaminedGuest) -> Finding? {
    let guest = examined.guest
    let topology = host.topology
    guard case .domain = guest.kind, topology.allowed != topology.cpus else { return nil }
    var told: [String] = []
    var fails = false
    func check(_ name: String, _ pin: CPUSet?) {
      guard let online = pin?.intersection(topology.cpus) else { return }
      let outside = online.subtracting(topology.allowed)
      guard !outside.isEmpty else { return }
      if outside == online { fails = true }
      told.append("\(name) is pinned to \(online)")
    }
    for (record, suffix) in [(guest.live, ""), (guest.config ?? guest.live, " of the next start")] {
      // What both records say is told once.
      let isSecond = !suffix.isEmpty
      for vcpu in 0..<guest.vcpuCount {
        let pin = record.cpuset(ofVCPU: vcpu)
        if !isSecond || pin != guest.live.cpuset(ofVCPU: vcpu) { check("vcpu \(vcpu)\(suffix)", pin) }
      }
      if !isSecond || record.emulator != guest.live.emulator { check("the emulator\(suffix)", record.emulator) }
      for pin in record.iothreads where !isSecond || pin.cpuset != guest.live.cpuset(ofIOThread: pin.iothread) {
        check("iothread \(pin.iothread)\(suffix)", pin.cpuset)
      }
    }
    guard let first = told.first else { return nil }
    let cgroup = host.facts.guestsParent?.cgroup ?? "the cgroup of all guests"
    return finding(
      fails ? .error : .warning, .outsideParent, examined,
      first + (told.count > 1 ? " and \(told.count - 1) more threads likewise" : "")
        + ", and \(cgroup) may use \(topology.allowed) only")
  }

  func pinnedAcrossIsolated(_ examined: ExaminedGuest) -> Finding? {
    let isolated = host.topology.isolated
    guard !isolated.isEmpty else { return nil }
    func piles(_ mask: CPUSet?) -> CPUSet? {
      guard let online = mask?.intersection(host.topology.cpus), online.count > 1, online.isSubset(of: isolated) else {
        return nil
      }
      return online
    }
    var vcpus: [Int] = []
    var cpus = CPUSet()
    var others: [String] = []
    for vcpu in examined.footprint.vcpus where vcpu.online {
      guard let mask = piles(vcpu.mask) else { continue }
      vcpus.append(vcpu.vcpu)
      cpus.formUnion(mask)
    }
    if !examined.guest.hasOnlyWorkers, let mask = piles(examined.guest.emulatorMask) {
      others.append("its emulator")
      cpus.formUnion(mask)
    }
    for thread in examined.guest.threads {
      guard case .iothread(let id) = thread.role, let mask = piles(thread.cpusAllowed) else { continue }
      others.append("iothread \(id)")
      cpus.formUnion(mask)
    }
    guard !cpus.isEmpty else { return nil }
    let names = (vcpus.isEmpty ? [] : ["vcpus \(CPUSet(vcpus))"]) + others
    return finding(
      vcpus.count > 1 ? .error : .warning, .pinnedAcrossIsolated, examined,
      "\(names.joined(separator: ", ")) may run on isolated pcpus \(cpus) as a set: nothing balances there, so "
        + "they pile up on one")
  }

  /// Names, not too many.
  private func several(_ names: [String]) -> String {
    names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
  }
}
