import Fleet
import NUMA

// What hosts have and guests need, in the amounts of the index. Where an amount cannot say what a guest needs, such as
// whole cores or pages of an unusual size, it says less: then the index only bounds, and `FitTable` decides.

extension Policy {
  /// Thousandths of floating vcpus that each shared pcpu may carry.
  var crowding: Int { min(max(overcommitPercent, 100), 6400) * 10 }

  /// The weights within 0 and 1000.
  var boundedWeights: Weights {
    Weights(
      contention: min(max(weights.contention, 0), 1000), locality: min(max(weights.locality, 0), 1000),
      fragmentation: min(max(weights.fragmentation, 0), 1000))
  }
}

extension CellRoom {
  /// What is left, as amounts.
  func space(crowding: Int) -> CellSpace {
    var space = CellSpace(cpus: dedicable.count, memory: hasMemory ? min(capacity, freeNow) : 0)
    // A CPU that may become a guest's own could carry others, even where isolation keeps them off.
    space.floating = dedicable.count * crowding - confined
    space.hugePages = free(.huge2M) ?? 0
    space.giantPages = free(.huge1G) ?? 0
    space.load = load
    // Where own CPUs may come from isolated ones, what sharers lose by them cannot be told from amounts.
    space.shared = isolated.isEmpty ? shared.count : 1 << 20
    return space
  }
}

extension HostRoom {
  /// What is left on each cell for a new guest, as amounts; nothing where nothing new may be placed.
  func openSpaces(_ policy: Policy) -> [CellSpace] {
    if isDraining || view.libvirtAnswers == false || isWide {
      let cells = view.topology.cells.prefix(CellChoice.hostCellsMaximum)
      return cells.map { _ in CellSpace(cpus: 0, memory: 0) }
    }
    return spaces(policy)
  }

  /// Whether it has more cells than the index knows, so that it must be looked at by itself.
  var isWide: Bool { view.topology.cells.count > CellChoice.hostCellsMaximum }

  /// What is left on each cell, as amounts.
  func spaces(_ policy: Policy) -> [CellSpace] {
    if unfit != nil { return view.topology.cells.map { _ in CellSpace(cpus: 0, memory: 0) } }
    return cells.map { $0.space(crowding: policy.crowding) }
  }
}

extension CellSpace {
  /// What so many vcpus, those with CPUs of their own and those that share, and KiB of a page size need.
  init(own: Int, sharing: Int, memory: Int, pageSize: PageSize, crowding: Int) {
    // Other small pages are ordinary memory on some machines and a pool on others, so they bound nothing.
    self.init(cpus: own, memory: pageSize == .base ? memory : 0)
    if pageSize == .huge2M { hugePages = memory }
    if pageSize == .huge1G { giantPages = memory }
    floating = own * crowding + sharing * 1000
    shared = own
    load = sharing * 1000
  }
}

extension Demand {
  /// What each guest cell needs at least, as amounts.
  func needs(_ policy: Policy) -> [CellSpace] {
    cells.enumerated().map { index, cell in
      var need = CellSpace(
        own: cell.dedicated.count, sharing: cell.online.count - cell.dedicated.count, memory: cell.memory,
        pageSize: pageSize, crowding: policy.crowding)
      if index == 0 {
        need.cpus += emulatorPCPUs
        need.floating += emulatorPCPUs * policy.crowding
      }
      return need
    }
  }
}

extension Footprint {
  /// The guest as the mix counts it; nil when it needs nothing.
  func demand(_ policy: Policy) -> SlotDemand? {
    let own = vcpus.count { $0.online && $0.owns(of: dedicated) }
    let sharing = vcpus.count { $0.online } - own
    let count = max(memory.count, 1)
    // How vcpus are spread over guest cells is not in a footprint; nearly all guests spread them evenly.
    func share(_ vcpus: Int, _ index: Int) -> Int { vcpus / count + (index < vcpus % count ? 1 : 0) }
    return SlotDemand(
      cells: memory.prefix(SlotDemand.cellsMaximum).enumerated().map { index, memory in
        CellSpace(
          own: share(own, index), sharing: share(sharing, index), memory: Self.rough(memory), pageSize: pageSize,
          crowding: policy.crowding)
      })
  }

  /// Rounded up to four binary digits, which leaves what clouds sell as it is: a guest whose balloon breathes is not a
  /// new shape each time.
  private static func rough(_ memory: Int) -> Int {
    let spare = max(Int.bitWidth - memory.leadingZeroBitCount - 4, 0)
    let step = 1 << spare
    return (memory + step - 1) / step * step
  }
}
