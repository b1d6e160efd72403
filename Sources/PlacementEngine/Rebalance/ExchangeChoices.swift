/// What each host may exchange: alternatives, each of which is some guest of several cells that comes or goes, or none,
/// and a free choice of exchanges for each of its parts.
///
/// A part is a cell, or a whole host whose guests may be moved between its cells. Parts that are alike share one list
/// of the catalog.
struct ExchangeChoices {
  struct Alternative {
    /// Guests of several cells that leave and come, and where from and to; nil where parts tell all.
    var leaving: (kind: Int, cells: [Int])?
    var coming: (kind: Int, cells: [Int])?
    /// Number of that exchange.
    var exchange: Int
    /// Whole blocks more than there are, before the parts' own.
    var gain: Int
    /// A list for each part.
    var lists: [Int]
    /// Whether its only part is the whole host.
    var isWhole = false
  }

  /// By host; the first of each is to leave all as it is.
  private(set) var alternatives: [[Alternative]]
  private(set) var catalog: ExchangeCatalog
  private(set) var table: ExchangeTable
  private(set) var lists: [[CellExchanges.Choice]] = []

  /// Guests of hosts that are not `free` stay on their cells unless they leave the host.
  init(_ fleet: FleetLayout, free: [Bool], catalog: ExchangeCatalog) {
    self.catalog = catalog
    table = catalog.table
    alternatives = Array(repeating: [], count: fleet.cpus.count)
    for host in fleet.cpus.indices {
      if free[host], fleet.cpus[host].count == 2 {
        let (list, wideSlots) = self.catalog.list(of: HostExchanges.Signature(fleet, host: host))
        let gain = wideSlots - fleet.wideSlots(of: host)
        alternatives[host] = [Alternative(exchange: 0, gain: gain, lists: [list], isWhole: true)]
      }
      // Lists of cells look deeper than lists of hosts, so they are worth having where guests may be moved, too.
      listCells(of: host, fleet)
    }
    table = self.catalog.table
    lists = self.catalog.lists
  }

  // MARK: - Cells

  private mutating func listCells(of host: Int, _ fleet: FleetLayout) {
    let counts = singles(on: host, fleet, catalog.cellOrder)
    for (leaving, coming) in spans(on: host, fleet) {
      var (cpus, memory) = (fleet.cpus[host], fleet.memory[host])
      var units: [UInt16] = []
      for (span, sign) in [(leaving, 1), (coming, -1)] {
        guard let span else { continue }
        units.append(UInt16(sign > 0 ? span.kind : span.kind + fleet.kinds.count))
        for cell in span.cells {
          cpus[cell] += sign * fleet.kinds[span.kind].cpus
          memory[cell] += sign * fleet.kinds[span.kind].memory
        }
      }
      guard cpus.allSatisfy({ $0 >= 0 }), memory.allSatisfy({ $0 >= 0 }) else { continue }
      let lists = cpus.indices.map { cell in
        catalog.list(of: CellExchanges.Signature(cpus: cpus[cell], memory: memory[cell], counts: counts[cell]))
      }
      let gain = cpus.reduce(0) { $0 + $1 / fleet.wide } - fleet.wideSlots(of: host)
      alternatives[host].append(
        Alternative(
          leaving: leaving, coming: coming, exchange: catalog.number(of: units), gain: gain, lists: lists))
    }
  }

  /// Guests of one cell that may leave, by cell and index in `order`; more than a few of a kind are as good as a few.
  private func singles(on host: Int, _ fleet: FleetLayout, _ order: [Int]) -> [[UInt8]] {
    var counts = Array(repeating: Array(repeating: UInt8(0), count: order.count), count: fleet.cpus[host].count)
    for guest in fleet.guests[host] where fleet.freedom[guest] == .anywhere && fleet.cells[guest].count == 1 {
      guard let index = order.firstIndex(of: fleet.kind[guest]) else { continue }
      if counts[fleet.cells[guest][0]][index] < 4 { counts[fleet.cells[guest][0]][index] += 1 }
    }
    return counts
  }

  typealias Span = (kind: Int, cells: [Int])

  /// Guests of several cells that may leave, come, or make place for each other; at first none.
  private func spans(on host: Int, _ fleet: FleetLayout) -> [(Span?, Span?)] {
    var leaving: [Span] = []
    for guest in fleet.guests[host] where fleet.freedom[guest] == .anywhere && fleet.cells[guest].count > 1 {
      let span = (fleet.kind[guest], fleet.cells[guest])
      if !leaving.contains(where: { $0 == span }) { leaving.append(span) }
    }
    var coming: [Span] = []
    for (number, kind) in fleet.kinds.enumerated() where kind.cells > 1 && kind.cells <= fleet.cpus[host].count {
      for cells in Self.subsets(of: fleet.cpus[host].count, size: kind.cells) { coming.append((number, cells)) }
    }
    var pairs: [(Span?, Span?)] = [(nil, nil)]
    for span in leaving { pairs.append((span, nil)) }
    for span in coming { pairs.append((nil, span)) }
    for one in leaving { for other in coming where one.kind != other.kind { pairs.append((one, other)) } }
    return pairs
  }

  /// Sets of cells, the lowest first, at most `subsetsMaximum`.
  static func subsets(of count: Int, size: Int) -> [[Int]] {
    var subsets: [[Int]] = []
    var chosen = Array(0..<size)
    while subsets.count < subsetsMaximum {
      subsets.append(chosen)
      guard let last = chosen.indices.last(where: { chosen[$0] < count - size + $0 }) else { break }
      chosen[last] += 1
      for index in chosen.indices where index > last { chosen[index] = chosen[index - 1] + 1 }
    }
    return subsets
  }

  private static let subsetsMaximum = 28

  /// Hosts that may exchange the same and gain the same by it, each class in order of its first host.
  var classes: [[Int]] {
    var classes: [[Int]] = []
    var known: [[Int]: Int] = [:]  // lookup only
    for (host, alternatives) in alternatives.enumerated() {
      let key = alternatives.flatMap { [$0.exchange, $0.gain, $0.isWhole ? 1 : 0, $0.lists.count] + $0.lists }
      if let number = known[key] {
        classes[number].append(host)
      } else {
        known[key] = classes.count
        classes.append([host])
      }
    }
    return classes
  }

  func column(_ host: Int, _ number: Int, _ picks: [Int32]) -> ExchangePrices.Column {
    let alternative = alternatives[host][number]
    var gain = alternative.gain
    for (list, pick) in zip(alternative.lists, picks) where pick != 0 {
      gain += Int(lists[list].first { $0.exchange == pick }?.gain ?? 0)
    }
    return ExchangePrices.Column(
      host: host, alternative: number, picks: picks, gain: gain,
      vector: table.vector(of: picks.map(Int.init) + [alternative.exchange]))
  }
}
