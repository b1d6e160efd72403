import Fleet
import NUMA

/// Settings and processes of the host that undo placements or keep them from being made.
extension HostExamination {
  func hostFindings() -> [Finding] {
    let facts = host.facts
    var found: [Finding] = []
    func add(_ severity: Finding.Severity, _ kind: Finding.Kind, _ evidence: String, _ remedy: String) {
      found.append(Finding(severity: severity, kind: kind, host: host.id, evidence: evidence, remedy: remedy))
    }
    if host.libvirtAnswers == false {
      add(
        .error, .libvirtDown, "libvirt at \(facts.libvirtURI ?? "its socket") does not answer",
        "systemctl start libvirtd (or virtqemud.socket) on \(host.id); until then jobs use the kernel driver")
    }
    for name in facts.foreignBalancers where name != "irqbalance" && name != "ksmtuned" {
      add(
        .error, .foreignBalancer, "\(name) runs and moves the threads and pages of guests on its own",
        "systemctl disable --now \(name) on \(host.id)")
    }
    if let parent = restrictedParent() { found.append(parent) }
    if let interrupts = interruptsOnDedicated() { found.append(interrupts) }
    for (trap, version) in KnownTrap.traps(of: facts, with: bait) {
      add(
        trap.severity, .knownTrap, "\(trap.subject.rawValue) is \(version): \(trap.harm)",
        "\(trap.remedy), on \(host.id)")
    }
    if let balancing = numaBalancing() { found.append(balancing) }
    if let merging = ksmAcrossNodes() { found.append(merging) }
    return found
  }

  private var pinned: Int { guests.count { $0.isPinned } }

  private func counted(_ count: Int, _ what: String) -> String { "\(count) \(what)\(count == 1 ? "" : "s")" }

  private func numaBalancing() -> Finding? {
    guard host.topology.cells.count > 1, let balancing = host.facts.numaBalancing, balancing != 0 else { return nil }
    let passed = guests.count { !$0.guest.vfio.isEmpty }
    guard pinned > 0 || passed > 0 else { return nil }
    var beside: [String] = []
    if pinned > 0 { beside.append(counted(pinned, "pinned guest")) }
    if passed > 0 { beside.append(counted(passed, "guest") + " with VFIO devices, whose pages it cannot move") }
    return Finding(
      severity: .warning, kind: .numaBalancing, host: host.id,
      evidence: "kernel.numa_balancing is \(balancing) beside \(beside.joined(separator: " and "))",
      remedy: "sysctl kernel.numa_balancing=0 on \(host.id)")
  }

  private func ksmAcrossNodes() -> Finding? {
    guard host.topology.cells.count > 1, pinned > 0, let ksm = host.facts.ksm, ksm.run == 1, ksm.mergeAcrossNodes else {
      return nil
    }
    return Finding(
      severity: .error, kind: .ksmAcrossNodes, host: host.id,
      evidence: "KSM merges pages of different cells (run 1, merge_across_nodes 1, \(ksm.pagesShared) pages shared) "
        + "beside " + counted(pinned, "pinned guest"),
      remedy: "numafleet host ksm \(host.id) --merge within-nodes")
  }

  private func restrictedParent() -> Finding? {
    guard let parent = host.facts.guestsParent else { return nil }
    let topology = host.topology
    let lost = topology.cpus.subtracting(topology.allowed)
    var parts: [String] = []
    var properties: [String] = []
    var cut = NodeSet()
    if let cpus = parent.cpus, !lost.isEmpty {
      parts.append("cpuset.cpus of \(parent.cgroup) is \(cpus), so guests may not have pcpus \(lost)")
      properties.append("AllowedCPUs=\(topology.cpus)")
      cut = NodeSet(
        topology.cells.filter { !$0.cpus.isEmpty && $0.cpus.isDisjoint(with: topology.allowed) }.map(\.id))
      if !cut.isEmpty { parts.append("cells \(cut) have none left") }
    }
    if let mems = parent.mems, !topology.memoryNodes.isSubset(of: mems) {
      let without = topology.memoryNodes.subtracting(mems)
      cut.formUnion(without)
      parts.append("cpuset.mems of \(parent.cgroup) is \(mems), so guests may have no memory of cells \(without)")
      properties.append("AllowedMemoryNodes=\(topology.memoryNodes)")
    }
    guard !parts.isEmpty else { return nil }
    let slice = parent.cgroup.split(separator: "/").last.map(String.init) ?? parent.cgroup
    return Finding(
      severity: cut.isEmpty ? .info : .warning, kind: .parentRestricted, host: host.id,
      evidence: parts.joined(separator: "; "),
      // All of them by name: kernel 6.1 refuses to take a set away (ENOSPC) from a cgroup in which guests run.
      remedy: "systemctl set-property \(slice) \(properties.joined(separator: " ")) on \(host.id), unless it is meant: "
        + "placements keep within it")
  }

  private func interruptsOnDedicated() -> Finding? {
    guard host.facts.foreignBalancers.contains("irqbalance") else { return nil }
    let topology = host.topology
    let banned = host.facts.irqbalanceBanned
    // Told nothing, it keeps off isolated and tickless CPUs; told something, it keeps off that only.
    let spared = banned ?? topology.isolated.union(topology.nohzFull)
    let isolated = topology.isolated.intersection(topology.cpus).subtracting(spared)
    let own = dedicated.subtracting(spared)
    guard !isolated.isEmpty || !own.isEmpty else { return nil }
    var parts: [String] = []
    if !own.isEmpty { parts.append("pcpus \(own), which vcpus have for themselves") }
    if !isolated.isEmpty { parts.append("isolated pcpus \(isolated)") }
    let wanted = spared.union(isolated).union(own)
    return Finding(
      severity: .warning, kind: .interruptsOnDedicated, host: host.id,
      evidence: "irqbalance may send interrupts to \(parts.joined(separator: " and to ")); "
        + (banned.map { "it was told to leave \($0) alone" } ?? "it was told of no cpus to leave alone"),
      remedy: "set IRQBALANCE_BANNED_CPULIST=\(wanted) in /etc/default/irqbalance and run systemctl restart irqbalance "
        + "on \(host.id)")
  }

  private var bait: KnownTrap.Bait {
    let strict = guests.filter { $0.guest.live.numatune?.isStrict == true }
    return KnownTrap.Bait(
      guests: guests.count, pinned: pinned, strict: strict.count,
      strictOfSeveralCells: strict.count { $0.cells.count > 1 })
  }
}

extension NUMATune {
  /// Whether memory of the whole guest or of a guest cell comes from its nodeset or not at all.
  var isStrict: Bool { mode == .strict || memnodes.contains { $0.mode == .strict } }
}
