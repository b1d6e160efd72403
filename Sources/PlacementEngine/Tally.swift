import Fleet
import NUMA

/// Why hosts and cells could not take a demand: each with its first failed constraint, counted, with the nearest miss.
struct Tally {
  /// Cells and hosts that could not, in order of host and cell; the first `notesMax` of them.
  private(set) var refused: [CellNote] = []
  /// By constraint, then those of `cellsTogether` by what the cells lack.
  private var entries: [Entry?] = Array(repeating: nil, count: 2 * Constraint.allCases.count)

  /// More lines than anybody reads; the counts below are complete whatever this is.
  static let notesMax = 1000

  private struct Entry {
    var hosts = 0
    var cells = 0
    var lastHost: HostID?
    var nearest: Shortfall
    /// Where the nearest miss is.
    var host: HostID
    var cell: Int?
  }

  /// Looks at every host, whether or not another took the demand; when none did, every host gets a reason.
  init(_ demand: Demand, over rooms: [HostRoom], policy: Policy, isRefused: Bool) {
    for room in rooms {
      if let shortfall = demand.shortfall(of: room) {
        add(shortfall, host: room.view.id)
        continue
      }
      let table = FitTable(
        demand, on: room, policy: policy, measure: nil, deviceCells: demand.deviceCells(on: room.view.topology))
      var isTold = false
      var lacks: [Shortfall] = []
      for (index, cell) in room.cells.enumerated() {
        let found = demand.cells.indices.lazy.compactMap { guestCell in
          table.shortfall(of: [guestCell], at: index).map { (guestCell, $0) }
        }.first
        guard let (guestCell, shortfall) = found else { continue }
        isTold = isTold || shortfall.constraint != .notAsked
        // Cells that were not asked for are no news to him who asked.
        if shortfall.constraint == .notAsked { continue }
        add(shortfall, host: room.view.id, cell: cell.id, guestCell: demand.cells[guestCell].guestCell)
        lacks.append(shortfall)
      }
      if demand.cells.count > 1, !demand.sharing {
        let matched = table.matched()
        if matched < demand.cells.count {
          var shortfall = Shortfall(.cellsTogether, need: demand.cells.count, has: matched)
          shortfall.detail = isTold ? "" : " of \(room.cells.count)"
          // Where all guest cells are alike and all cells lack the same, that is what the host lacks.
          if demand.isOfLikeCells, let first = lacks.first, lacks.allSatisfy({ $0.constraint == first.constraint }) {
            shortfall.lacking = first.constraint
            shortfall.what = first.wanted
          }
          add(shortfall, host: room.view.id)
          isTold = true
        }
      }
      if isRefused, !isTold {
        add(Shortfall(demand.running?.byPages == true ? .apart : .together), host: room.view.id)
      }
    }
  }

  private mutating func add(_ shortfall: Shortfall, host: HostID, cell: Int? = nil, guestCell: Int? = nil) {
    if refused.count < Self.notesMax {
      refused.append(CellNote(host: host, cell: cell, guestCell: guestCell, text: shortfall.text))
    }
    let index = shortfall.lacking.map { Constraint.allCases.count + $0.rawValue } ?? shortfall.constraint.rawValue
    var entry = entries[index] ?? Entry(nearest: shortfall, host: host, cell: cell)
    if entry.lastHost != host { entry.hosts += 1 }
    entry.lastHost = host
    if cell != nil { entry.cells += 1 }
    if shortfall.has - shortfall.need > entry.nearest.has - entry.nearest.need {
      (entry.nearest, entry.host, entry.cell) = (shortfall, host, cell)
    }
    entries[index] = entry
  }

  /// One line for each constraint, in the order of checking.
  var counts: [String] {
    entries.compactMap { $0 }.map { entry in
      let hosts = entry.hosts == 1 ? "1 host" : "\(entry.hosts) hosts"
      let cells = entry.cells == 1 ? "1 cell" : "\(entry.cells) cells"
      let who = entry.cells == 0 ? hosts : "\(cells) on \(hosts)"
      let place = entry.cell.map { "host \(entry.host) cell \($0)" } ?? "host \(entry.host)"
      let nearest = entry.nearest.hasAmount ? " (nearest: \(place) has \(entry.nearest.amount))" : ""
      let plural = entry.cells == 0 ? entry.hosts != 1 : entry.cells != 1
      return "\(who) \(entry.nearest.lack(plural: plural))\(nearest)"
    }
  }

  /// Whether cells have room and only the way there is barred.
  var isAboutPath: Bool { entries[Constraint.apart.rawValue] != nil }

  /// Whether free pages of the wanted size are what lacked most often.
  var isAboutPages: Bool {
    let pages = entries[Constraint.pages.rawValue]?.cells ?? 0
    let others = [Constraint.dedicated, .wholeCores, .shared, .lone, .capacity, .freeNow].reduce(0) {
      $0 + (entries[$1.rawValue]?.cells ?? 0)
    }
    return pages > others
  }
}
