import Fleet
import NUMA
import PlacementEngine

/// Findings as events, and the findings that operators ask for.
extension Coordinator {
  /// Judges a host by its newest report. Findings are worked out only where something that they rest on has changed
  /// since the report before; otherwise those stand.
  mutating func watchFindings(
    _ index: Int, changed: Bool, _ now: Instant, _ output: inout Output
  ) {
    // What could not be written would be lost: it is told when the store takes writes again.
    guard storeRefusal == nil, hosts[index].hasReported, hosts[index].liveness == .connected else { return }
    let id = hosts[index].id
    var found = hosts[index].findings.newest
    if changed || !hosts[index].isExamined {
      guard let view = view(of: hosts[index], now) else { return }
      found = findings(in: view, policy: policy)
      hosts[index].isExamined = true
    }
    let isKnown = hosts[index].isRemembered
    var watch = hosts[index].findings
    let changes = watch.judge(found, isKnown: isKnown, underWay: { activeJob(of: $0) != nil }, now: now)
    hosts[index].findings = watch
    for change in changes {
      switch change {
      case .appeared(let finding):
        log(
          .findingAppeared, host: id, guest: finding.guest, actor: id.text,
          "\(finding.severity.rawValue) \(finding.kind.rawValue)"
            + (finding.guestName.map { " of guest \($0)" } ?? "") + ": \(finding.evidence)", now, &output)
      case .ended(let key):
        let name = key.guest.flatMap { guest in hosts[index].guests.first { $0.id == guest }?.name }
        log(
          .findingEnded, host: id, guest: key.guest, actor: id.text,
          key.kind.rawValue + (name.map { " of guest \($0)" } ?? key.guest.map { " of guest \($0)" } ?? "")
            + " is no more", now, &output)
      }
    }
  }

  /// The findings of all hosts, of one host, or of one guest with those of its host's settings, which act on it too.
  func examine(_ subject: String?, _ now: Instant) -> Result<[Finding], Refusal> {
    guard let subject else {
      let views = hosts.filter(\.hasReported).compactMap { view(of: $0, now) }
      return .success(views.flatMap { findings(in: $0, policy: policy) })
    }
    if index(of: HostID(subject)) != nil {
      return viewToExamine(HostID(subject), now).map { findings(in: $0, policy: policy) }
    }
    switch find(subject) {
    case .success(let placed):
      return viewToExamine(placed.host, now).map { view in
        findings(in: view, policy: policy).filter { $0.guest == nil || $0.guest == placed.guest.id }
      }
    case .failure(let refusal) where refusal.code == .unknownGuest:
      var unknown = unknown(HostID(subject))
      unknown.message = "no host or guest is called \(subject)"
      return .failure(unknown)
    case .failure(let refusal): return .failure(refusal)
    }
  }

  /// No findings of a host that nothing is known of would say that all is well there.
  private func viewToExamine(_ id: HostID, _ now: Instant) -> Result<HostView, Refusal> {
    if let index = index(of: id), hosts[index].topology != nil, !hosts[index].hasReported {
      return .failure(
        Refusal(
          .hostUnreachable, "host \(id) has not reported since the coordinator started", remedy: "look at its agent"))
    }
    return host(id, now)
  }
}

extension HostReport {
  /// Whether anything that findings rest on differs from what is known of a host; free memory counts in steps, and load
  /// only with it or where it makes other cells pressed.
  func differs(from entry: HostEntry) -> Bool {
    facts != entry.facts || topologyHash != entry.topologyHash || libvirtAnswers != entry.libvirtAnswers
      || cells.map(\.stepped) != entry.cells.map(\.stepped) || guests.ascending != entry.guests
  }
}

extension CellState {
  /// Free memory in steps of 64 MiB, which is what agents report by; base pages say the same again.
  fileprivate var stepped: CellState {
    var copy = self
    copy.memoryFree = KiB(memoryFree.mib / 64)
    copy.pages = pages.filter { $0.size != .base }
    return copy
  }
}
