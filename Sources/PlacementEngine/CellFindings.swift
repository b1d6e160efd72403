import Fleet
import NUMA

/// What is wrong with cells as a whole: too much promised on them, or too few hugepages.
extension HostExamination {
  func cellFindings() -> [Finding] { overcommittedCells() + pressedCells() + shortPools() }

  private func pressedCells() -> [Finding] {
    room.pressedCells.map { pressed in
      let there = guests.filter { guest in
        room.index(ofCell: pressed.cell).map { guest.footprint.weight(at: $0, host.topology.cells[$0]) > 0 } ?? false
      }
      let others = room.cells.filter { $0.id != pressed.cell }.compactMap { cell in
        cell.strain?.amount(pressed.strain).map { (amount: $0, cell: cell.id) }
      }
      let unit = pressed.strain == .busy ? "%" : "MiB/s"
      let least = others.min { $0 < $1 }.map { "; the least, cell \($0.cell), has \($0.amount) \(unit)" } ?? ""
      let limit = pressed.strain == .busy ? room.limits.busyPercent : room.limits.bandwidth
      return Finding(
        severity: .warning, kind: .pressedCell, host: host.id,
        evidence: "\(pressed.words) with \(there.count) guest\(there.count == 1 ? "" : "s"), pressed from \(limit) "
          + "\(unit) on\(least)",
        remedy: others.isEmpty
          ? "numafleet migrate guests of \(host.id) to other hosts" : "numafleet plan repair \(host.id)")
    }
  }

  private func overcommittedCells() -> [Finding] {
    let ratio = min(max(policy.overcommitPercent, 100), 6400)
    var found: [Finding] = []
    func add(_ evidence: String) {
      found.append(
        Finding(
          severity: .warning, kind: .overcommittedCell, host: host.id, evidence: evidence,
          remedy: "numafleet plan repair \(host.id), or move guests to other hosts"))
    }
    for (room, cell) in zip(room.cells, host.topology.cells) {
      let shared = room.shared.count
      // Without a shared CPU they run on somebody's own, which is told as such.
      if shared > 0, room.confined > shared * ratio * 10 {
        add(
          "\(Amounts.decimal(milli: room.confined)) floating vcpus are held to the \(shared) shared pcpus of cell "
            + "\(cell.id), \(room.confined / (shared * 10)) %; the policy allows \(ratio) %")
      }
    }
    let shared = room.cells.reduce(0) { $0 + $1.shared.count }
    let load = room.cells.reduce(0) { $0 + $1.load }
    if shared > 0, found.isEmpty, load > shared * ratio * 10 {
      add(
        "\(Amounts.decimal(milli: load)) floating vcpus share the \(shared) shared pcpus of all cells, "
          + "\(load / (shared * 10)) %; the policy allows \(ratio) %")
    }
    for (index, cell) in host.topology.cells.enumerated() {
      let base = cell.basePool
      let promised = guests.reduce(0) {
        $1.footprint.pageSize == .base || $1.footprint.pageSize == base ? $0 + $1.footprint.committed[index] : $0
      }
      let total = max(
        Amounts.bounded(cell.memoryTotal) - room.cells[index].pools.reduce(0) { $0 + $1.totalKiB }, 0)
      if promised > total {
        add(
          "guests were promised \(promised / 1024) MiB of cell \(cell.id), which has \(total / 1024) MiB"
            + (room.cells[index].pools.contains { $0.totalKiB > 0 } ? " beside its hugepages" : ""))
      }
    }
    return found
  }

  /// One guest cell that has yet to get hugepages.
  private struct PageNeed {
    let name: String
    let runs: Bool
    let size: PageSize
    let nodes: NodeSet
    let pages: Int
  }

  /// Guests that run need what they have not touched yet; those that are off, all of it when they are started.
  private func pageNeeds() -> [PageNeed] {
    var needs: [PageNeed] = []
    for guest in host.guests.sorted(by: { $0.id < $1.id }) where guest.pageSize.kib > 64 {
      let tune = guest.isRunning ? guest.live.numatune : (guest.config ?? guest.live).numatune
      let cells = guest.boundedCells
      let resident = guest.residentByGuestCell(cells, on: host.topology)
      // Pages that nobody has counted yet are not missing.
      if guest.isRunning, resident.allSatisfy({ $0.allSatisfy { $0 == 0 } }) { continue }
      for (index, cell) in cells.enumerated() {
        let held = guest.isRunning ? resident[index].reduce(0, +) : 0
        let pages = max(Amounts.bounded(cell.memory) - held, 0) / guest.pageSize.kib
        let nodes = tune?.memnodes.first { $0.guestCell == cell.id }?.nodeset ?? tune?.nodeset
        guard pages > 0 else { continue }
        needs.append(
          PageNeed(
            name: guest.name, runs: guest.isRunning, size: guest.pageSize,
            nodes: (nodes ?? host.topology.memoryNodes).intersection(host.topology.nodes), pages: pages))
      }
    }
    return needs
  }

  private func shortPools() -> [Finding] {
    let needs = pageNeeds()
    var asked: [(size: PageSize, nodes: NodeSet)] = []
    for need in needs where !asked.contains(where: { $0.size == need.size && $0.nodes == need.nodes }) {
      asked.append((need.size, need.nodes))
    }
    return asked.compactMap { size, nodes in
      let own = needs.filter { $0.size == size && $0.nodes.isSubset(of: nodes) }
      let needed = own.reduce(0) { $0 + $1.pages }
      let pools = host.topology.cells.filter { nodes.contains($0.id) }.compactMap { $0.pool(size) }
      let free = pools.reduce(0) { $0 + max($1.free, 0) }
      guard needed > free else { return nil }
      let names = own.map { "\($0.name)\($0.runs ? "" : " (off)") \($0.pages)" }
      let named = names.prefix(4).joined(separator: ", ") + (names.count > 4 ? " and \(names.count - 4) more" : "")
      let first = nodes.first ?? 0
      let total = host.topology.cell(first)?.pool(size)?.total ?? 0
      return Finding(
        severity: own.contains { $0.runs } ? .error : .warning, kind: .hugepagesShort, host: host.id,
        evidence: "cell \(nodes) has \(free) pages of \(size) free of \(pools.reduce(0) { $0 + $1.total }), and guests "
          + "still need \(needed): \(named)",
        remedy: "echo \(total + needed - free) >/sys/devices/system/node/node\(first)/hugepages/"
          + "hugepages-\(size.kib)kB/nr_hugepages on \(host.id), and at boot by hugepages= on the kernel's command line"
      )
    }
  }
}
