public import NUMA

/// Where one shape or guest goes: the answer of the placement engine.
public struct Placement: Sendable, Hashable, Codable {
  public var host: HostID
  /// One host cell for each guest cell, ascending by guest cell.
  public var cells: [GuestCellPlacement]
  /// The whole pinning that puts the guest there.
  public var pinning: Pinning
  /// CPUs that the guest gets for itself.
  public var dedicated: CPUSet
  /// Lower is better; the sum of `terms`.
  public var score: Int
  public var terms: [ScoreTerm]

  public init(
    host: HostID, cells: [GuestCellPlacement], pinning: Pinning, dedicated: CPUSet, score: Int, terms: [ScoreTerm]
  ) {
    self.host = host
    self.cells = cells
    self.pinning = pinning
    self.dedicated = dedicated
    self.score = score
    self.terms = terms
  }
}

/// One weighted term of a score.
public struct ScoreTerm: Sendable, Hashable, Codable {
  /// `contention`, `locality` or `fragmentation`.
  public var name: String
  /// Weighted; lower is better.
  public var value: Int
  /// The numbers behind it.
  public var detail: String
  public init(name: String, value: Int, detail: String) {
    self.name = name
    self.value = value
    self.detail = detail
  }
}

/// A placement or a refusal, with what was considered when asked for.
public struct Decision: Sendable, Hashable, Codable {
  /// Nil when nothing fits; `refusal` says why.
  public var placement: Placement?
  public var refusal: Refusal?
  public var explanation: Explanation?
  public init(placement: Placement?, refusal: Refusal?, explanation: Explanation? = nil) {
    self.placement = placement
    self.refusal = refusal
    self.explanation = explanation
  }
}

/// Each cell chosen and each refused, with numbers.
public struct Explanation: Sendable, Hashable, Codable {
  /// Why the chosen cells won: each score term against the runner-up.
  public var chosen: [CellNote]
  /// Cells that could not take the guest cell, each with the first constraint that failed.
  public var refused: [CellNote]
  /// Hosts and cells by first failed constraint: `3 cells lack 2 GiB of 1 GiB pages`.
  public var counts: [String]
  /// What may be done to the guest, when it runs.
  public var movability: Movability?
  public init(chosen: [CellNote], refused: [CellNote], counts: [String], movability: Movability? = nil) {
    self.chosen = chosen
    self.refused = refused
    self.counts = counts
    self.movability = movability
  }
}

/// One line about one cell of one host, or about the host when `cell` is nil.
public struct CellNote: Sendable, Hashable, Codable {
  public var host: HostID
  public var cell: Int?
  public var guestCell: Int?
  public var text: String
  public init(host: HostID, cell: Int?, guestCell: Int?, text: String) {
    self.host = host
    self.cell = cell
    self.guestCell = guestCell
    self.text = text
  }
}
