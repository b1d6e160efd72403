import PlacementTrials

/// A trial with a name, by which thresholds find it.
struct Workload {
  let name: String
  let trial: PlacementTrial

  /// Small enough that all take a minute.
  static let all = [
    Workload(name: "mix", hosts: 10_000, cells: 4, guestCells: [1, 2, 4], shapes: 24, decisions: 100_000),
    Workload(name: "shapes", hosts: 10_000, cells: 4, guestCells: [1, 2, 4], shapes: 200, decisions: 30_000),
    Workload(name: "wide", hosts: 1_000, cells: 16, guestCells: [8], shapes: 24, decisions: 20_000),
    Workload(name: "large", hosts: 100_000, cells: 4, guestCells: [1, 2, 4], shapes: 24, decisions: 30_000),
  ]

  private init(name: String, hosts: Int, cells: Int, guestCells: [Int], shapes: Int, decisions: Int) {
    self.name = name
    trial = PlacementTrial(
      hosts: hosts, cells: cells, fill: 70, guestCells: guestCells, shapes: shapes, decisions: decisions)
  }
}
