import PlacementEngine

/// What `numafleet bench placement` prints; the names are those of its JSON.
public struct PlacementFigures: Encodable, Sendable {
  public var hosts, cells, fill, shapes, decisions: Int
  public var p50_ns, p99_ns, min_ns, max_ns: UInt64
  /// Of plain C, once it was measured.
  public var c_index_ns, c_scan_ns: UInt64?
  public var ratio_to_c_index: Double?
  public var bytes_per_cell, allocations_per_decision: Double
  /// Times that the mix was drawn anew, and calls of the allocator for each.
  public var lessons: Int
  public var allocations_per_lesson: Double
  /// Costs that were worked out for hosts, searches of a host's cells among them, and their steps.
  public var costs_per_decision, searches_per_decision, steps_per_decision: Double
  /// Where the machine counts them.
  public var instructions_per_decision: Double?
  public var capacity_ns, capacity_unlike_ns: UInt64

  init(
    hosts: Int, cells: Int, fill: Int, shapes: Int, decisions: Int, times measure: TrialMeasure, bytes_per_cell: Double,
    capacity_ns: UInt64, capacity_unlike_ns: UInt64
  ) {
    func each(_ count: Int) -> Double { Double(count) / Double(measure.times.count) }
    (self.hosts, self.cells, self.fill, self.shapes, self.decisions) = (hosts, cells, fill, shapes, decisions)
    (p50_ns, p99_ns) = (measure.times.percent(50), measure.times.percent(99))
    (min_ns, max_ns) = (measure.times.percent(0), measure.times.percent(100))
    self.bytes_per_cell = bytes_per_cell
    allocations_per_decision = each(measure.allocations)
    lessons = measure.effort.lessons
    allocations_per_lesson = Double(measure.allocationsInLessons) / Double(max(lessons, 1))
    costs_per_decision = each(measure.effort.costs)
    searches_per_decision = each(measure.effort.searches)
    steps_per_decision = each(measure.effort.steps)
    instructions_per_decision = measure.instructions.map(each)
    (self.capacity_ns, self.capacity_unlike_ns) = (capacity_ns, capacity_unlike_ns)
  }

  mutating func compare(index: UInt64, scan: UInt64) {
    (c_index_ns, c_scan_ns) = (index, scan)
    ratio_to_c_index = Double(p50_ns) / Double(max(index, 1))
  }

  /// The figures that are the same in every run of the same build, by their names; nil where the machine cannot tell.
  public static var judged: [(name: String, value: (PlacementFigures) -> Double?)] {
    [
      ("allocations_per_decision", { $0.allocations_per_decision }), ("bytes_per_cell", { $0.bytes_per_cell }),
      ("costs_per_decision", { $0.costs_per_decision }), ("searches_per_decision", { $0.searches_per_decision }),
      ("steps_per_decision", { $0.steps_per_decision }),
      ("instructions_per_decision", { $0.instructions_per_decision }),
    ]
  }

  /// For a terminal.
  public var text: String {
    var lines = [
      "fleet:         \(hosts) hosts of \(cells) cells, \(fill) % full, \(shapes) shapes",
      "remove, decide, update: \(min_ns) ns (least), \(p50_ns) ns (p50), \(p99_ns) ns (p99), \(max_ns) ns (most)",
    ]
    if let c_index_ns, let c_scan_ns, let ratio_to_c_index {
      lines.append("C by an index: \(c_index_ns) ns (p50); by a scan: \(c_scan_ns) ns (p50)")
      lines.append("ratio:         \(Int((ratio_to_c_index * 100).rounded())) % of the index's time")
    }
    lines += [
      "memory:        \(Int(bytes_per_cell.rounded())) bytes for each cell",
      "allocations:   \(Self.rounded(allocations_per_decision)) a decision; "
        + "\(Self.rounded(allocations_per_lesson)) each time the mix is drawn anew (\(lessons) times)",
      "work:          \(Self.rounded(costs_per_decision)) costs, \(Self.rounded(searches_per_decision)) searches of "
        + "\(Self.rounded(steps_per_decision)) steps in all, a decision",
      "capacity:      \(capacity_ns) ns (p50); of guests with unlike cells \(capacity_unlike_ns) ns",
    ]
    return lines.joined(separator: "\n")
  }

  /// To thousandths.
  public static func rounded(_ figure: Double) -> Double { (figure * 1000).rounded() / 1000 }
}
