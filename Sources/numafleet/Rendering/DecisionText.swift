import Fleet
import NUMA

/// A placement or a refusal, and why.
struct DecisionText {
  let decision: Decision

  var text: String {
    var parts: [String] = []
    if let placement = decision.placement { parts.append(PlacementText(placement: placement).text) }
    if let refusal = decision.refusal { parts.append("nothing fits: \(printable(refusal.description))") }
    if let explanation = decision.explanation { parts.append(ExplanationText(explanation: explanation).text) }
    return parts.joined(separator: "\n\n")
  }
}

/// Where something goes, and what that scored.
struct PlacementText {
  let placement: Placement

  var text: String {
    var rows: [(String, String)] = [("host", placement.host.text)]
    rows += placement.cells.map { ("guest cell \($0.guestCell)", "node \($0.cell)") }
    rows += PinningWords(placement.pinning).grouped.map { ($0.name, $0.value) }
    if !placement.dedicated.isEmpty { rows.append(("dedicated cpus", "\(placement.dedicated)")) }
    rows.append(("score", "\(placement.score), lower is better"))
    rows += placement.terms.map { ("  \($0.name)", "\($0.value): \($0.detail)") }
    return fields(rows)
  }
}

/// Each cell chosen and each refused.
struct ExplanationText {
  let explanation: Explanation

  var text: String {
    var parts: [String] = []
    if let movability = explanation.movability {
      parts.append("movability: \(movability.class.rawValue), \(printable(movability.reason))")
    }
    if !explanation.chosen.isEmpty { parts.append("chosen:\n" + notes(explanation.chosen)) }
    if !explanation.refused.isEmpty { parts.append("refused:\n" + notes(explanation.refused)) }
    if !explanation.counts.isEmpty {
      parts.append("in numbers:\n" + explanation.counts.map { "  " + printable($0) }.joined(separator: "\n"))
    }
    return parts.joined(separator: "\n")
  }

  private func notes(_ notes: [CellNote]) -> String {
    notes.map { note in
      let place = note.cell.map { "\(note.host) node \($0)" } ?? note.host.text
      let guestCell = note.guestCell.map { " for guest cell \($0)" } ?? ""
      return printable("  \(place)\(guestCell): \(note.text)")
    }.joined(separator: "\n")
  }
}
