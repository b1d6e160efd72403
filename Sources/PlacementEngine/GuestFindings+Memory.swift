import Fleet
import NUMA

/// What a guest's size, its mode and its devices ask of the cells it is on.
extension HostExamination {
  func widerThanCell(_ examined: ExaminedGuest) -> Finding? {
    for cell in examined.cells where !fitsOneCell(examined, cell) {
      let vcpus = examined.reach.count { cell.vcpus.contains($0.vcpu) || examined.cells.count == 1 }
      let pcpus = host.topology.cells.map(\.cpus.count).max() ?? 0
      let memory = host.topology.cells.map { Amounts.bounded($0.memoryTotal) }.max() ?? 0
      let percent = examined.footprint.isDedicated ? 100 : min(max(policy.overcommitPercent, 100), 6400)
      let hasCells = examined.cells.count > 1
      let subject = hasCells ? "guest cell \(cell.id) has" : "it has"
      // No more guest cells than vcpus, whatever its memory would want.
      let byMemory = memory == 0 ? 1 : (Amounts.bounded(cell.memory) + memory - 1) / memory
      let byCPUs = pcpus == 0 ? 1 : (vcpus * 100 + pcpus * percent - 1) / (pcpus * percent)
      return finding(
        .warning, .widerThanCell, examined,
        "\(subject) \(vcpus) vcpus and \(Amounts.bounded(cell.memory) / 1024) MiB, and the largest cell has "
          + "\(pcpus) pcpus"
          + (percent == 100 ? "" : " (room for \(pcpus * percent / 100) vcpus at \(percent) %)")
          + " and \(memory / 1024) MiB" + (hasCells ? "" : "; it has no guest cells"),
        remedy: "give it \(max(examined.cells.count + 1, byMemory, byCPUs)) guest cells or more (<cpu><numa>) with its "
          + "next start")
    }
    return nil
  }

  /// Memory that a strict guest cell may have of some cells only, and has not touched yet.
  private struct StrictNeed {
    let nodes: NodeSet
    let untouched: Int
  }

  private func strictNeeds(of examined: ExaminedGuest) -> [StrictNeed] {
    guard let tune = examined.guest.live.numatune, examined.guest.pageSize.kib <= 64 else { return [] }
    return examined.cells.enumerated().compactMap { index, cell in
      let memnode = tune.memnodes.first { $0.guestCell == cell.id }
      guard (memnode?.mode ?? tune.mode) == .strict, let nodes = memnode?.nodeset ?? tune.nodeset,
        !nodes.isEmpty
      else { return nil }
      let resident = examined.footprint.resident[index].reduce(0, +)
      return StrictNeed(nodes: nodes, untouched: max(examined.footprint.memory[index] - resident, 0))
    }
  }

  /// Free memory alone says little: the kernel fills it with files. Agents that do not tell how much are spared.
  func strictNearFull(_ examined: ExaminedGuest) -> Finding? {
    let own = strictNeeds(of: examined)
    guard !own.isEmpty, let load = host.load else { return nil }
    let all = guests.flatMap { strictNeeds(of: $0) }
    var worst: (severity: Finding.Severity, evidence: String)?
    for need in own {
      let cells = host.topology.cells.filter { need.nodes.contains($0.id) }
      let total = cells.reduce(0) { $0 + Amounts.bounded($1.memoryTotal) }
      // As when pages are moved: half of what files hold can be had.
      let left = cells.reduce(0) {
        $0 + Amounts.bounded($1.memoryFree) + Amounts.bounded(load.cell($1.id)?.fileCache ?? 0) / 2
      }
      let untouched = all.reduce(0) { $0 + ($1.nodes.isSubset(of: need.nodes) ? $1.untouched : 0) }
      let isLow = left < max(Self.lowKiB, total / Self.lowPart)
      guard total > 0, isLow || untouched > left else { continue }
      let severity: Finding.Severity = isLow && need.untouched > 0 ? .error : .warning
      if let worst, worst.severity >= severity { continue }
      worst = (
        severity,
        "cell \(need.nodes) has \(left / 1024) MiB left of \(total / 1024) MiB; strict guests there have yet to touch "
          + "\(untouched / 1024) MiB, it \(need.untouched / 1024) MiB, and are killed rather than given other cells'"
      )
    }
    return worst.map { finding($0.severity, .strictNearFull, examined, $0.evidence) }
  }

  /// Less than this, or than a 64th of the cells, is little: the kernel's own watermarks lie a little below.
  private static let lowKiB = 64 * 1024
  private static let lowPart = 64

  func deviceElsewhere(_ examined: ExaminedGuest) -> Finding? {
    let guest = examined.guest
    let devices = host.topology.devices.filter { guest.vfio.contains($0.address) }
    guard !devices.isEmpty, host.topology.cells.count > 1 else { return nil }
    let running = examined.reach.reduce(into: NodeSet()) { $0.formUnion($1.cells) }
    var holding = NodeSet()
    for (index, cell) in host.topology.cells.enumerated()
    where examined.footprint.resident(onCellAt: index) >= Self.remoteKiBMin { holding.insert(cell.id) }
    let strayed = devices.filter { device in
      device.cell.map { host.topology.cell($0) != nil && !running.contains($0) && !holding.contains($0) } ?? false
    }
    guard let first = strayed.first, let cell = first.cell else { return nil }
    let distance = running.members.map { host.topology.distance(from: $0, to: cell) }.min() ?? 20
    return finding(
      .warning, .deviceElsewhere, examined,
      "device \(first.address) (\(first.vendor):\(first.device)) is on cell \(cell), its vcpus run on cell "
        + "\(running), its memory is on cell \(holding.isEmpty ? running : holding), distance \(distance)"
        + (strayed.count > 1 ? "; \(strayed.count - 1) more likewise" : ""),
      remedy: "numafleet numatune \(address(of: guest)) --nodeset \(cell) --config and restart it, or pass through a "
        + "device of cell \(running)")
  }
}
