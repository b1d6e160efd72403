/// What one cell has left, or what one guest cell needs, in whole numbers.
public struct CellSpace: Sendable, Hashable {
  /// CPUs for guests' own use.
  public var cpus: Int
  /// KiB of memory.
  public var memory: Int

  public init(cpus: Int, memory: Int) {
    self.cpus = cpus
    self.memory = memory
  }

  func holds(_ need: CellSpace) -> Bool { cpus >= need.cpus && memory >= need.memory }

  static func - (a: CellSpace, b: CellSpace) -> CellSpace {
    CellSpace(cpus: a.cpus - b.cpus, memory: a.memory - b.memory)
  }

  static func + (a: CellSpace, b: CellSpace) -> CellSpace {
    CellSpace(cpus: a.cpus + b.cpus, memory: a.memory + b.memory)
  }
}

/// A guest as the index sees it: what each of its cells needs of a cell of its own.
public struct SlotDemand: Sendable, Hashable {
  /// 1 to 8, in order of guest cells.
  public let cells: [CellSpace]
  /// Over all cells.
  public let total: CellSpace
  /// The most that a cell needs of each, by which the mix judges hosts for guests of unequal cells.
  let widest: CellSpace

  /// Nil for less than one cell or more than `cellsMaximum`, and for cells that need nothing or less.
  public init?(cells: [CellSpace]) {
    guard (1...Self.cellsMaximum).contains(cells.count),
      cells.allSatisfy({ $0.cpus >= 0 && $0.memory >= 0 && $0.cpus + $0.memory > 0 })
    else { return nil }
    self.cells = cells
    total = cells.reduce(CellSpace(cpus: 0, memory: 0)) { $0 + $1 }
    widest = CellSpace(cpus: cells.map(\.cpus).max() ?? 0, memory: cells.map(\.memory).max() ?? 0)
  }

  /// Guest cells of the widest guest.
  public static let cellsMaximum = 8
}

/// Host cells by guest cell, four bits each, so that a choice fits into one word.
public struct CellChoice: Sendable, Hashable {
  var bits: UInt32 = 0

  /// The host cell of a guest cell, 0 to 15.
  public subscript(guestCell: Int) -> Int {
    get { Int(bits >> UInt32(guestCell * 4) & 15) }
    set { bits = bits & ~(15 << UInt32(guestCell * 4)) | UInt32(newValue) << UInt32(guestCell * 4) }
  }

  /// Cells of the widest host.
  public static let hostCellsMaximum = 16
}
