import Fleet
import NUMA

extension FitTable {
  /// How far a cell would be beyond what it can with guest cells there, in thousandths.
  ///
  /// A guest that runs takes what it uses along; what a new one will do nobody knows, so it finds the cell as it is.
  /// How long others wait for a CPU counts for newcomers to the host only.
  func pressure(of group: [Int], at index: Int) -> Int {
    let waiting = demand.running == nil ? room.waiting : 0
    guard let strain = strain(of: group, at: index) else { return waiting }
    return room.limits.pressure(of: strain) + waiting
  }

  /// What a cell would have to do with guest cells there.
  private func strain(of group: [Int], at index: Int) -> CellStrain? {
    guard let strain = room.cells[index].strain else { return nil }
    guard demand.use != HostStrain.Use() else { return strain }
    let floating = group.reduce(0) { $0 + demand.cells[$1].floating.count }
    let vcpus = group.reduce(0) { $0 + demand.cells[$1].online.count }
    return strain.adding(
      demand.use.share(floating, of: demand.floatingVCPUs, vcpus, of: demand.vcpus))
  }

  /// What makes a cell pressed with guest cells there; nil where nothing does.
  func pressureWords(of group: [Int], at index: Int) -> String? {
    var parts: [String] = []
    if let strain = strain(of: group, at: index), room.limits.pressure(of: strain) > 0 {
      parts.append(room.words(of: strain, at: index))
    }
    if demand.running == nil, room.waiting > 0, let waits = room.view.load?.cpuPressure {
      parts.append("tasks wait for a cpu \(waits) % of the time")
    }
    return parts.isEmpty ? nil : parts.joined(separator: ", ")
  }
}
