import Fleet
import NUMA

/// `auto status`.
struct AutomationText {
  let status: AutomationStatus

  var text: String {
    let state = status.state
    let since = state.since > 0 ? ", since \(Moment(wallMilliseconds: state.since)) by \(state.actor)" : ""
    let until = state.pausedUntil.map { ", paused until \(Moment(wallMilliseconds: $0))" } ?? ""
    let quiet = status.isQuiet ? "; quiet hours: nothing begins" : ""
    let plans = state.plans.map { "\($0)" }.joined(separator: ", ")
    var parts = [
      fields([
        ("automation", state.mode.rawValue + until + since + quiet),
        ("plans under way", plans.isEmpty ? "none" : plans), ("hosts due", "\(status.hostsDue)"),
        ("moves in 24 hours", "\(status.movesLastDay)"), ("copied in a minute", "\(status.copiedLastMinute)"),
      ])
    ]
    if !status.rooms.isEmpty {
      var table = Table("ROOM FOR", ">WANTED", ">FIT NOW")
      for room in status.rooms { table.add(room.name, "\(room.wanted)", "\(room.fits)") }
      parts.append(table.text(empty: ""))
    }
    if !status.moves.isEmpty {
      var table = Table("WHEN", "GUEST", "HOST", "FROM", "TO", ">COPIED", ">ELSEWHERE AFTER", "RELIEF", "BY")
      for move in status.moves {
        table.add(
          "\(Moment(wallMilliseconds: move.wallMilliseconds))", move.guestName,
          (move.fromHost.map { "\($0) -> " } ?? "") + move.host.text,
          "\(NodeSet(move.from))", "\(NodeSet(move.to))", "\(move.copy)", move.elsewhere.map { "\($0)" } ?? "-",
          move.relief?.words ?? "-", move.actor)
      }
      parts.append(table.text(empty: ""))
    }
    if !status.held.isEmpty {
      var table = Table("STAYS", "HOST", "WHY")
      for guest in status.held { table.add(guest.guestName, guest.host.text, guest.reason) }
      parts.append(table.text(empty: ""))
    }
    return parts.joined(separator: "\n\n")
  }
}
