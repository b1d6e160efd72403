public import Fleet
import NUMA

extension HostRoom {
  /// Cells that have more to do than they can and guests whose work it may be, the worst first.
  var pressedCells: [PressedCell] {
    cells.indices.compactMap { pressed(at: $0) }.sorted { ($1.pressure, $0.cell) < ($0.pressure, $1.cell) }
  }

  private func pressed(at index: Int) -> PressedCell? {
    guard let strain = cells[index].strain else { return nil }
    let cell = view.topology.cells[index]
    let sharers = footprints.reduce(0) { $0 + $1.load[index] }
    let users = footprints.reduce(0) { $0 + $1.weight(at: index, cell) }
    // What only the host does is not ours to mend.
    let busy = sharers > 0 ? limits.busyPressure(of: strain) : 0
    let traffic = users > 0 ? limits.trafficPressure(of: strain) : 0
    guard max(busy, traffic) > 0 else { return nil }
    let kind: Relief.Strain = busy >= traffic ? .busy : .bandwidth
    return PressedCell(
      cell: cell.id, pressure: max(busy, traffic), strain: kind, amount: strain.amount(kind) ?? 0,
      words: words(kind, strain, at: index))
  }

  /// What makes a cell pressed, as it is or would be.
  func words(of strain: CellStrain, at index: Int) -> String {
    words(limits.busyPressure(of: strain) >= limits.trafficPressure(of: strain) ? .busy : .bandwidth, strain, at: index)
  }

  private func words(_ kind: Relief.Strain, _ strain: CellStrain, at index: Int) -> String {
    let cell = view.topology.cells[index]
    guard kind == .busy else {
      return "cell \(cell.id) has \(strain.traffic ?? 0) MiB/s of memory traffic"
    }
    let percent = strain.busyPercent ?? 0
    if strain.shared == cell.cpus.count { return "cell \(cell.id) is \(percent) % busy" }
    return "the \(strain.shared) shared pcpus of cell \(cell.id) are \(percent) % busy"
  }
}

extension CellStrain {
  /// Percent of its shared CPUs' time, or MiB a second; nil where it was not measured.
  func amount(_ kind: Relief.Strain) -> Int? {
    switch kind {
    case .busy: busyPercent
    case .bandwidth: traffic
    }
  }
}

extension Placer {
  /// Cells of a host that have more to do than they can by its newest load, the worst first.
  public func pressedCells(of host: HostID) -> [PressedCell] { room(of: host)?.pressedCells ?? [] }

  /// What a cell has to do by the newest load: percent of its shared CPUs' time, or MiB a second; nil where it is not
  /// known.
  public func strain(_ kind: Relief.Strain, ofCell cell: Int, on host: HostID) -> Int? {
    guard let room = room(of: host), let index = room.index(ofCell: cell) else { return nil }
    return room.cells[index].strain?.amount(kind)
  }
}
