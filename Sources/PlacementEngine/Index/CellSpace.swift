/// What one cell has left, or what one guest cell needs, in whole numbers.
///
/// Amounts are additive: what a guest takes of one does not depend on what else is there. What is not additive, such as
/// hardware threads that must come as whole cores, is left to `FitTable`, for which this is a bound.
public struct CellSpace: Sendable, Hashable {
  /// CPUs for guests' own use.
  public var cpus: Int
  /// KiB of ordinary memory.
  public var memory: Int
  /// Thousandths of vcpus that may yet be held to the cell without CPUs of their own; a CPU that becomes a guest's own
  /// takes as many as it could carry.
  var floating = 0
  /// KiB of free pages of 2 MiB and of 1 GiB.
  var hugePages = 0
  var giantPages = 0
  /// Thousandths of vcpus that float on the cell, or that a guest brings, and the CPUs that they share, or that it
  /// takes from those who do: they crowd, but are not used up.
  var load = 0
  var shared = 0

  public init(cpus: Int, memory: Int) {
    self.cpus = cpus
    self.memory = memory
  }

  func holds(_ need: CellSpace) -> Bool {
    cpus >= need.cpus && memory >= need.memory && floating >= need.floating && hugePages >= need.hugePages
      && giantPages >= need.giantPages
  }

  /// Thousandths of a vcpu by which a guest cell will find each CPU loaded, or those who share will find theirs more
  /// so.
  func contention(for need: CellSpace) -> Int {
    if need.load > 0 { return (load + need.load) / max(shared - need.shared, 1) }
    if need.shared == 0 || load == 0 { return 0 }
    return load / max(shared - need.shared, 1) - load / max(shared, 1)
  }

  /// What is left of a cell when a guest cell has taken what it needs.
  package static func - (space: CellSpace, need: CellSpace) -> CellSpace {
    var left = CellSpace(cpus: space.cpus - need.cpus, memory: space.memory - need.memory)
    left.floating = space.floating - need.floating
    left.hugePages = space.hugePages - need.hugePages
    left.giantPages = space.giantPages - need.giantPages
    left.load = space.load + need.load
    left.shared = space.shared - need.shared
    return left
  }

  /// What a cell has when a guest cell has given back what it needed.
  package static func + (space: CellSpace, need: CellSpace) -> CellSpace {
    var more = CellSpace(cpus: space.cpus + need.cpus, memory: space.memory + need.memory)
    more.floating = space.floating + need.floating
    more.hugePages = space.hugePages + need.hugePages
    more.giantPages = space.giantPages + need.giantPages
    more.load = space.load - need.load
    more.shared = space.shared + need.shared
    return more
  }
}

/// A guest as the index sees it: what each of its cells needs of a cell of its own.
public struct SlotDemand: Sendable, Hashable {
  /// 1 to 8, in order of guest cells.
  public let cells: [CellSpace]
  /// Whether they have CPUs of their own or not; at least 1.
  let vcpus: Int
  /// The same for the same cells; different for most others.
  let fingerprint: Int

  /// Nil for less than one cell or more than `cellsMaximum`, and for cells that need nothing or less.
  public init?(cells: [CellSpace]) {
    guard (1...Self.cellsMaximum).contains(cells.count),
      cells.allSatisfy({
        CellSpace(cpus: 0, memory: 0).isWithin($0)
          && $0.cpus + $0.memory + $0.floating + $0.hugePages + $0.giantPages > 0
      })
    else { return nil }
    self.cells = cells
    vcpus = max(cells.reduce(0) { $0 + $1.cpus } + cells.reduce(0) { $0 + $1.load } / 1000, 1)
    fingerprint = CellLists.hash(cells)
  }

  /// CPUs of its own and memory of all kinds over all cells.
  public var total: CellSpace {
    CellSpace(
      cpus: cells.reduce(0) { $0 + $1.cpus },
      memory: cells.reduce(0) { $0 + $1.memory + $1.hugePages + $1.giantPages })
  }

  /// The most that a cell needs of each, by which the mix judges hosts for guests of unequal cells.
  var widest: CellSpace { cells.dropFirst().reduce(cells[0]) { $0.widened(to: $1) } }

  /// Guest cells of the widest guest.
  public static let cellsMaximum = 8
}

extension CellSpace {
  fileprivate func isWithin(_ other: CellSpace) -> Bool { other.holds(self) && other.load >= 0 && other.shared >= 0 }

  func widened(to other: CellSpace) -> CellSpace {
    var widest = CellSpace(cpus: max(cpus, other.cpus), memory: max(memory, other.memory))
    widest.floating = max(floating, other.floating)
    widest.hugePages = max(hugePages, other.hugePages)
    widest.giantPages = max(giantPages, other.giantPages)
    widest.load = max(load, other.load)
    widest.shared = max(shared, other.shared)
    return widest
  }

  /// For tables of spaces.
  @inline(__always) func mixed(into seed: UInt64) -> UInt64 {
    var hash = (seed ^ UInt64(truncatingIfNeeded: cpus)) &* 0xff51_afd7_ed55_8ccd
    hash = (hash ^ hash >> 29 ^ UInt64(truncatingIfNeeded: memory)) &* 0xc4ce_b9fe_1a85_ec53
    // Fleets whose guests all have CPUs of their own and ordinary memory have nothing here.
    if floating | hugePages | giantPages | load | shared != 0 {
      let pages = UInt64(truncatingIfNeeded: hugePages &* 31 &+ giantPages)
      let others = UInt64(truncatingIfNeeded: (floating &* 31 &+ load) &* 31 &+ shared)
      hash = (hash ^ hash >> 29 ^ pages) &* 0xff51_afd7_ed55_8ccd
      hash = (hash ^ hash >> 29 ^ others) &* 0xc4ce_b9fe_1a85_ec53
    }
    return hash
  }
}

/// Host cells by guest cell, four bits each, so that a choice fits into one word.
public struct CellChoice: Sendable, Hashable {
  var bits: UInt32 = 0

  /// The host cell of a guest cell, 0 to 15.
  public subscript(guestCell: Int) -> Int {
    @inline(__always) get { Int(bits &>> UInt32(truncatingIfNeeded: guestCell &* 4) & 15) }
    @inline(__always) set {
      let shift = UInt32(truncatingIfNeeded: guestCell &* 4)
      bits = bits & ~(15 &<< shift) | UInt32(truncatingIfNeeded: newValue) &<< shift
    }
  }

  /// Cells of the widest host.
  public static let hostCellsMaximum = 16
}
