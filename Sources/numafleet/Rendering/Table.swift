/// Rows of cells under headings, each column as wide as its widest cell.
struct Table {
  enum Alignment { case left, right }

  var headings: [String]
  var alignments: [Alignment]
  var rows: [[String]] = []

  /// Columns that are numbers are given with a leading `>`, which aligns them to the right.
  init(_ headings: String...) {
    self.headings = headings.map { $0.first == ">" ? String($0.dropFirst()) : $0 }
    alignments = headings.map { $0.first == ">" ? .right : .left }
  }

  /// Adds a row; every cell is escaped here, so that no caller can forget it.
  mutating func add(_ cells: String...) { rows.append(cells.map { printable($0.isEmpty ? "-" : $0) }) }

  /// The lines without trailing blanks, or `empty` when there is no row.
  func text(empty: String) -> String {
    if rows.isEmpty { return empty }
    let lines = [headings] + rows
    let widths = headings.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { line in
      let padded = line.enumerated().map { column, cell in
        let blanks = String(repeating: " ", count: widths[column] - cell.count)
        return alignments[column] == .right ? blanks + cell : cell + blanks
      }
      return padded.joined(separator: "  ").trimmingTrailingBlanks()
    }.joined(separator: "\n")
  }
}

extension String {
  func trimmingTrailingBlanks() -> String {
    var text = self[...]
    while text.last == " " { text.removeLast() }
    return String(text)
  }

  /// Every line moved to the right.
  func indented(_ blanks: Int = 2) -> String {
    let margin = String(repeating: " ", count: blanks)
    return split(separator: "\n", omittingEmptySubsequences: false).map { $0.isEmpty ? "" : margin + $0 }
      .joined(separator: "\n")
  }
}
