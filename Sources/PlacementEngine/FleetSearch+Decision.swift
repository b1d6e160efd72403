import Fleet
import NUMA

/// The answer of a search, in words where words were asked for.
extension FleetSearch {
  /// The placement found or why there is none, explained on demand.
  func decision(over rooms: [HostRoom], explain: Bool, venue: GroupVenue? = nil) -> Decision {
    guard let best else {
      let tally = Tally(demand, over: rooms, policy: policy, isRefused: true)
      let explanation = explain ? Explanation(chosen: [], refused: tally.refused, counts: tally.counts) : nil
      return Decision(placement: nil, refusal: refusal(tally, over: rooms), explanation: explanation)
    }
    let placement = best.table.placement(best.cells)
    guard explain else { return Decision(placement: placement, refusal: nil) }
    let tally = Tally(demand, over: rooms, policy: policy, isRefused: false)
    var counts = tally.counts
    if let venue { counts.append(venue.text) }
    if isSpent { counts.append("the search ended after \(steps) steps: the best found so far") }
    return Decision(
      placement: placement, refusal: nil,
      explanation: Explanation(chosen: notes(best, placement), refused: tally.refused, counts: counts))
  }

  private func refusal(_ tally: Tally, over rooms: [HostRoom]) -> Refusal {
    let who = demand.running == nil && demand.leaves == nil ? "shape" : "guest"
    let whereTo =
      demand.running == nil
      ? rooms.count == 1
        ? demand.leaves == nil ? "on the only host" : "on host \(rooms[0].view.id)" : "on any of \(rooms.count) hosts"
      : "on host \(rooms.first?.view.id ?? "")"
    let reasons = rooms.isEmpty ? "the fleet has no hosts" : tally.counts.joined(separator: "; ")
    let spent = isSpent ? "; the search ended after \(steps) steps" : ""
    let isApart = demand.running?.byPages == true && tally.isAboutPath
    let remedy =
      tally.isAboutPages
      ? "raise nr_hugepages of that size on one cell, or ask for other pages"
      : isApart
        ? "ask for cells that none of its other guest cells is on"
        : "free what is lacking, or ask for less; --explain names each cell"
    return Refusal(
      tally.isAboutPages ? .noPages : .noRoom, "\(who) \(demand.name) fits nowhere \(whereTo): \(reasons)\(spent)",
      remedy: remedy)
  }

  private func notes(_ best: Candidate, _ placement: Placement) -> [CellNote] {
    let host = placement.host
    var notes = zip(demand.cells, best.cells).enumerated().map { _, pair in
      let (cell, index) = pair
      let room = best.table.room.cells[index]
      return CellNote(
        host: host, cell: room.id, guestCell: cell.guestCell, text: gets(cell, at: index, best, placement))
    }
    let rivalTerms = runnerUp.map { $0.table.terms(of: $0.cells) } ?? []
    for (index, term) in placement.terms.enumerated() {
      var text = "\(term.name) \(term.value)"
      if let runnerUp, index < rivalTerms.count {
        let cells = runnerUp.cells.map { "\(runnerUp.table.room.cells[$0].id)" }.joined(separator: ",")
        let rival = runnerUp.table.room.view.id
        text += " against \(rivalTerms[index].value) of the runner-up, host \(rival) cell \(cells)"
      } else {
        text += ", no other place fits"
      }
      notes.append(CellNote(host: host, cell: nil, guestCell: nil, text: "\(text): \(term.detail)"))
    }
    return notes
  }

  private func gets(_ cell: DemandCell, at index: Int, _ best: Candidate, _ placement: Placement) -> String {
    let room = best.table.room.cells[index]
    var parts: [String] = []
    for (vcpus, kind) in [(cell.dedicated, "its own pcpus"), (cell.floating, "shared pcpus")] where !vcpus.isEmpty {
      let cpus = vcpus.reduce(into: CPUSet()) { $0.formUnion(placement.pinning.cpuset(ofVCPU: $1) ?? []) }
      let count = vcpus.count == 1 ? "1 vcpu" : "\(vcpus.count) vcpus"
      parts.append("\(count) on \(kind) \(cpus.isEmpty ? placement.pinning.emulator ?? [] : cpus)")
    }
    if cell.memory > 0 {
      if demand.running?.memoryMoves == false {
        parts.append("\(KiB(cell.memory)) stays, because \(demand.running?.memoryReason ?? "")")
      } else {
        let isBase = best.table.room.isBase(demand.pageSize, at: index)
        let free = isBase ? room.capacity : room.free(demand.pageSize) ?? 0
        parts.append("\(KiB(cell.memory)) of \(KiB(free)) \(isBase ? "left" : "free in \(demand.pageSize) pages")")
      }
    }
    return parts.joined(separator: ", ")
  }
}
