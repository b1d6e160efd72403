import Fleet
import NUMA

extension HostView {
  /// The load as it will be when a guest has gone from one place to another, by what is known of it.
  func shiftedLoad(of guest: GuestID, from before: Footprint, to after: Footprint) -> HostLoad? {
    guard var load else { return nil }
    let all = guests.compactMap { $0.id == guest ? before : Footprint(of: $0, on: topology) }
    guard let strain = HostStrain(of: self, all, without: guest) else { return load }
    let floating = after.load.reduce(0, +)
    let vcpus = topology.cells.enumerated().reduce(0) { $0 + after.weight(at: $1.offset, $1.element) }
    for (index, cell) in topology.cells.enumerated() {
      guard let place = load.cells.firstIndex(where: { $0.cell == cell.id }) else { continue }
      let coming = strain.use.share(
        after.load[index], of: floating, after.weight(at: index, cell), of: vcpus)
      let going = strain.uses[index]
      let capacity = max(cell.cpus.count * 10, 1)
      if let busy = load.cells[place].busy {
        let thousandths = busy * capacity + coming.busy - going.busy
        load.cells[place].busy = min(max((thousandths + capacity / 2) / capacity, 0), 100)
      }
      if let traffic = load.cells[place].bandwidth {
        load.cells[place].bandwidth = max(traffic + coming.traffic - going.traffic, 0)
      }
    }
    return load
  }
}
