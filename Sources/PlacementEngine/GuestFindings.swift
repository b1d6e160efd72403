import Fleet
import NUMA

extension HostExamination {
  /// Below these nothing is told: strays of a page or two are no finding.
  static let remotePercentMin = 1
  static let remoteKiBMin = 1024

  /// Everything wrong with one guest, in the order of kinds below.
  func findings(of examined: ExaminedGuest) -> [Finding] {
    let several = host.topology.cells.count > 1
    let wide = several ? widerThanCell(examined) : nil
    var found: [Finding?] = []
    // What spans cells because it must is told once.
    if several {
      found += [remoteMemory(examined), wide ?? acrossCells(examined), wide == nil ? floating(examined) : nil]
    }
    found += [overlap(examined), drifted(examined), kernelDiffers(examined), configDiffers(examined)]
    found += [emulatorOnDedicated(examined), sharedSiblings(examined), outsideParent(examined)]
    found += [pinnedAcrossIsolated(examined), strictNearFull(examined), deviceElsewhere(examined)]
    return found.compactMap { $0 }
  }

  /// A finding of a guest; placing it anew mends it unless another remedy is given or it cannot be moved.
  func finding(
    _ severity: Finding.Severity, _ kind: Finding.Kind, _ examined: ExaminedGuest, _ evidence: String,
    remedy own: String? = nil
  ) -> Finding {
    let guest = examined.guest
    var remedy = own ?? "numafleet place \(address(of: guest))"
    if own != nil {
      // It says all there is to say.
    } else if guest.movability.class == .fixed || guest.movability.class == .migrateOnly {
      remedy = "migrate or restart it: it is \(guest.movability.class.rawValue), because \(guest.movability.reason)"
    } else if severity == .info, kind == .floating || kind == .vcpusAcrossCells {
      remedy = "give it guest cells (<cpu><numa>) with its next start"
    }
    return Finding(
      severity: severity, kind: kind, host: host.id, guest: guest.id, guestName: guest.name, evidence: evidence,
      remedy: remedy)
  }

  /// The guest as a command takes it; its owner chose the name, so only a harmless one is put into a shell line.
  func address(of guest: Guest) -> String {
    let harmless =
      !guest.name.isEmpty && guest.name.utf8.first != 45
      && guest.name.utf8.allSatisfy {
        (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || [45, 46, 95].contains($0)
      }
    return harmless ? "\(host.id)/\(guest.name)" : guest.id.text
  }

  private func remoteMemory(_ examined: ExaminedGuest) -> Finding? {
    var remote = 0
    var total = 0
    var away = NodeSet()
    var running = NodeSet()
    for (index, cell) in examined.cells.enumerated() {
      let reach = examined.reach.filter { cell.vcpus.contains($0.vcpu) || examined.cells.count == 1 }
      let resident = examined.footprint.resident[index]
      total += resident.reduce(0, +)
      // A floating vcpu has no home to be remote from; that is a finding of its own.
      guard !reach.isEmpty, !reach.contains(where: { $0.cells.count > 1 }) else { continue }
      let open = reach.reduce(into: NodeSet()) { $0.formUnion($1.cells) }
      running.formUnion(open)
      for (column, id) in host.topology.cells.map(\.id).enumerated() where !open.contains(id) && resident[column] > 0 {
        remote += resident[column]
        away.insert(id)
      }
    }
    guard remote >= Self.remoteKiBMin, total > 0 else { return nil }
    let percent = Amounts.share(of: 100, part: remote, total: total)
    guard percent >= Self.remotePercentMin else { return nil }
    let severity: Finding.Severity = percent >= 50 ? .error : percent >= 5 ? .warning : .info
    return finding(
      severity, .remoteMemory, examined,
      "\(remote / 1024) MiB (\(percent) %) of its \(total / 1024) MiB are on cell \(away), "
        + "its vcpus run on cell \(running)"
    )
  }

  private func acrossCells(_ examined: ExaminedGuest) -> Finding? {
    for cell in examined.cells {
      let reach = examined.reach.filter { cell.vcpus.contains($0.vcpu) || examined.cells.count == 1 }
      guard !reach.contains(where: { $0.cells.count > 1 }) else { continue }
      let open = reach.reduce(into: NodeSet()) { $0.formUnion($1.cells) }
      guard open.count > 1 else { continue }
      let places = open.members.map { id in
        "vcpus \(CPUSet(reach.filter { $0.cells.contains(id) }.map(\.vcpu))) on cell \(id)"
      }
      let what = examined.guest.guestCells.isEmpty ? "it has no guest cells" : "all are of guest cell \(cell.id)"
      return finding(
        fitsOneCell(examined, cell) ? .warning : .info, .vcpusAcrossCells, examined,
        "\(places.joined(separator: ", ")), and \(what)")
    }
    return nil
  }

  private func floating(_ examined: ExaminedGuest) -> Finding? {
    let vcpus = examined.floating
    guard !vcpus.isEmpty else { return nil }
    let open = examined.reach.reduce(into: NodeSet()) { if $1.cells.count > 1 { $0.formUnion($1.cells) } }
    let fits = examined.cells.allSatisfy { fitsOneCell(examined, $0) }
    return finding(
      fits ? .warning : .info, .floating, examined,
      "\(vcpus.count) of \(examined.reach.count) vcpus may run on cells \(open)")
  }

  /// Whether one cell could hold a guest cell if nothing else were there.
  func fitsOneCell(_ examined: ExaminedGuest, _ guestCell: GuestCell) -> Bool {
    let vcpus = examined.reach.count { guestCell.vcpus.contains($0.vcpu) || examined.cells.count == 1 }
    let percent = examined.footprint.isDedicated ? 100 : min(max(policy.overcommitPercent, 100), 6400)
    return host.topology.cells.contains {
      Amounts.bounded($0.memoryTotal) >= Amounts.bounded(guestCell.memory) && $0.cpus.count * percent >= vcpus * 100
    }
  }

  private func overlap(_ examined: ExaminedGuest) -> Finding? {
    var rivals: [String] = []
    var cpus = CPUSet()
    let own = examined.footprint.dedicated ?? []
    for other in guests where other.guest.id != examined.guest.id {
      // Who has a CPU for himself is in the right against one that only strays onto it.
      let theirs = other.footprint.dedicated ?? []
      let common = examined.confined.intersection(theirs)
        .union(examined.narrow.subtracting(own).intersection(other.narrow.subtracting(theirs)))
      guard !common.isEmpty else { continue }
      cpus.formUnion(common)
      rivals.append(other.guest.name)
    }
    guard !rivals.isEmpty else { return nil }
    let named = rivals.prefix(4).joined(separator: ", ") + (rivals.count > 4 ? " and \(rivals.count - 4) more" : "")
    return finding(
      .error, .overlappingPins, examined, "its vcpus are pinned to pcpus \(cpus), and so are those of \(named)")
  }
}

// MARK: - Records that differ

extension HostExamination {
  /// Tells of a hand that was at the guest since it was placed or adopted.
  private func drifted(_ examined: ExaminedGuest) -> Finding? {
    let guest = examined.guest
    guard let wish = host.wish(of: guest.id) else { return nil }
    let drift = wish.drift(of: guest, on: host.topology)
    guard let first = drift.first else { return nil }
    let more = drift.count > 1 ? " and \(drift.count - 1) more threads" : ""
    let name = address(of: guest)
    return finding(
      .warning, .drifted, examined,
      "\(first.role.name) runs on \(first.seen), wanted was \(first.wanted)\(wish.origin.words)\(more)",
      remedy: "numafleet adopt \(name), or numafleet place \(name)")
  }

  private func kernelDiffers(_ examined: ExaminedGuest) -> Finding? {
    let guest = examined.guest
    guard case .domain = guest.kind else { return nil }
    var differences: [String] = []
    for thread in guest.threads {
      let recorded: CPUSet? =
        switch thread.role {
        case .vcpu(let vcpu): guest.live.cpuset(ofVCPU: vcpu) ?? guest.defaultCPUSet
        case .iothread(let id): guest.live.cpuset(ofIOThread: id) ?? guest.defaultCPUSet
        case .emulator: guest.live.emulator ?? guest.defaultCPUSet
        case .worker: nil
        }
      // CPUs that are offline or not the guests' own cannot show in the kernel's mask, whatever libvirt wrote down.
      let possible = host.topology.allowed.intersection(host.topology.cpus)
      guard let wanted = recorded?.intersection(possible), !wanted.isEmpty else { continue }
      let seen = thread.cpusAllowed.intersection(possible)
      if seen != wanted { differences.append("\(thread.role.name) runs on \(seen), libvirt recorded \(wanted)") }
    }
    guard let first = differences.first else { return nil }
    let more = differences.count > 1 ? " and \(differences.count - 1) more threads" : ""
    return finding(.warning, .kernelDiffers, examined, first + more)
  }

  private func configDiffers(_ examined: ExaminedGuest) -> Finding? {
    let guest = examined.guest
    guard policy.scope.touchesConfig, let config = guest.config else { return nil }
    var differences: [String] = []
    let vcpus = (0..<guest.vcpuCount).filter { guest.live.cpuset(ofVCPU: $0) != config.cpuset(ofVCPU: $0) }
    if !vcpus.isEmpty { differences.append("the pins of vcpus \(CPUSet(vcpus))") }
    if guest.live.emulator != config.emulator { differences.append("the emulator's pin") }
    if guest.live.iothreads != config.iothreads { differences.append("the iothreads' pins") }
    // What libnuma moved stays on libvirt's old record until the next start, so only a movable nodeset can differ.
    if guest.movability.class == .liveMemory, guest.live.numatune != config.numatune {
      differences.append("numatune")
    }
    guard !differences.isEmpty else { return nil }
    return finding(
      .warning, .configDiffers, examined,
      "\(differences.joined(separator: ", ")) of the next start are not those of the running guest")
  }
}

extension Wish.Origin {
  /// Since when it was wanted, as the end of a clause.
  fileprivate var words: String {
    switch self {
    case .placed(let job): " by job \(job)"
    case .adopted(let actor): " as \(actor) adopted it"
    }
  }
}

extension ThreadRole {
  /// The role in words.
  var name: String {
    switch self {
    case .vcpu(let vcpu): "vcpu \(vcpu)"
    case .iothread(let id): "iothread \(id)"
    case .emulator: "the emulator"
    case .worker: "a thread"
    }
  }
}
