/// A running fleet that is to be defragmented: what is free, who is where, and what may be done about it.
///
/// Free CPUs that are in no whole block of `wideCPUs` on a cell are fragments. A plan moves guests so that as many
/// whole blocks as possible come together, with at most `migrations` moves between hosts; moves between cells of a host
/// are free where they are allowed.
public struct RebalanceProblem: Sendable {
  public struct Guest: Sendable {
    /// What each of its cells takes.
    public let need: CellSpace
    public let host: Int
    /// Of the host, in order of guest cells, no two the same.
    public let cells: [Int]
    public let freedom: Freedom

    public init(need: CellSpace, host: Int, cells: [Int], freedom: Freedom = .anywhere) {
      self.need = need
      self.host = host
      self.cells = cells
      self.freedom = freedom
    }
  }

  /// What may be done to a guest.
  public enum Freedom: Sendable, Hashable {
    case fixed, withinHost, anywhere
  }

  /// What is free on each cell of each host: 1 to 8 cells.
  public var free: [[CellSpace]]
  public var guests: [Guest]
  /// Moves between hosts at most.
  public var migrations: Int
  /// Whether guests may be moved between cells of their host.
  public var repins: Bool
  /// CPUs of one cell that a wide guest needs; at least 1.
  public var wideCPUs: Int

  public init(
    free: [[CellSpace]], guests: [Guest], migrations: Int, repins: Bool = true, wideCPUs: Int = 16
  ) {
    self.free = free
    self.guests = guests
    self.migrations = max(migrations, 0)
    self.repins = repins
    self.wideCPUs = max(wideCPUs, 1)
  }
}

/// Moves in an order in which each finds room while what it moves still has its old place.
public struct RebalancePlan: Sendable, Equatable {
  public struct Move: Sendable, Hashable {
    /// Index of the guest in the problem.
    public let guest: Int
    public let fromHost: Int
    public let fromCells: [Int]
    public let toHost: Int
    public let toCells: [Int]

    public init(guest: Int, fromHost: Int, fromCells: [Int], toHost: Int, toCells: [Int]) {
      self.guest = guest
      self.fromHost = fromHost
      self.fromCells = fromCells
      self.toHost = toHost
      self.toCells = toCells
    }

    public var isCrossHost: Bool { fromHost != toHost }
  }

  public let moves: [Move]
  /// Whole blocks of `wideCPUs` free before and after.
  public let wideSlotsBefore: Int
  public let wideSlotsAfter: Int
  /// Whole blocks that no plan can exceed, as far as the search knows; for measuring, not a promise.
  public let wideSlotsBound: Double
  public let freeCPUs: Int

  public var crossHostMoves: Int { moves.reduce(0) { $0 + ($1.isCrossHost ? 1 : 0) } }
  public var sameHostMoves: Int { moves.count - crossHostMoves }
}
