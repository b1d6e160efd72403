import PlacementTrials

/// The figures of workloads, a line each.
enum Table {
  private static let columns: [(title: String, value: @Sendable (PlacementFigures) -> Double?)] = [
    ("p50_ns", { Double($0.p50_ns) }), ("p99_ns", { Double($0.p99_ns) }), ("min_ns", { Double($0.min_ns) }),
    ("max_ns", { Double($0.max_ns) }), ("capacity_ns", { Double($0.capacity_ns) }),
    ("unlike_ns", { Double($0.capacity_unlike_ns) }), ("bytes/cell", { $0.bytes_per_cell }),
    ("allocations", { $0.allocations_per_decision }), ("costs", { $0.costs_per_decision }),
    ("searches", { $0.searches_per_decision }), ("steps", { $0.steps_per_decision }),
    ("instructions", { $0.instructions_per_decision }),
  ]
  private static let nameWidth = 8

  static var heading: String {
    columns.reduce(padded("", to: nameWidth)) { $0 + "  " + $1.title }
  }

  static func row(_ name: String, _ figures: PlacementFigures) -> String {
    columns.reduce(padded(name, to: nameWidth)) { line, column in
      let value = column.value(figures).map { $0 >= 100 ? "\(Int($0.rounded()))" : "\(PlacementFigures.rounded($0))" }
      return line + "  " + String(repeating: " ", count: max(column.title.count - (value ?? "-").count, 0))
        + (value ?? "-")
    }
  }

  private static func padded(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: max(width - text.count, 0))
  }
}
