/// What guests the fleet gets: every shape that was asked for, placed or refused, and how often.
///
/// The weights of shapes follow from it: their share of all requests, their vcpus, their memory and whether they have
/// several cells, each to some power. The powers were searched at random for little loss at once in packings without
/// departures, where memory runs out, and in churn, where CPUs do; fitted to either alone they lose two to three times
/// as much in the other. Before the first request the mix holds a little of what clouds sell.
struct ShapeMix: Sendable {
  private(set) var shapes: [SlotDemand] = []
  private var counts: [Int] = []
  private var numbers = CellLists()
  private var requests = 0
  private var nextLesson = 0

  /// Shapes beyond so many are counted no more; the mix knows enough by then.
  static let shapesMaximum = 256
  /// Requests for each shape of `common` that are taken for granted.
  private static let presumed = 31
  /// A lesson is due when the requests have grown by one in so many.
  private static let lessonEvery = 17
  /// In 64ths.
  private enum Exponent {
    static let share = 77
    static let vcpus = 86
    static let gibPerVCPU = -14
  }
  private static let severalCells = 0.87

  init() {
    for demand in Self.common {
      _ = numbers.number(of: demand.cells)
      shapes.append(demand)
      counts.append(Self.presumed)
    }
    requests = shapes.count * Self.presumed
  }

  /// 1 to 32 vcpus with 2 or 4 GiB each, from 8 on over two cells as well.
  private static let common: [SlotDemand] = [1, 2, 4, 8, 16, 32].flatMap { vcpus in
    [2, 4].flatMap { gib in
      (1...(vcpus < 8 ? 1 : 2)).compactMap { cells in
        let cell = CellSpace(cpus: vcpus / cells, memory: vcpus / cells * gib << 20)
        return SlotDemand(cells: Array(repeating: cell, count: cells))
      }
    }
  }

  /// Counts a request, and tells whether the mix has grown so much that its weights should be drawn anew.
  mutating func count(_ demand: SlotDemand) -> Bool {
    let number = numbers.number(of: demand.cells)
    if number < shapes.count {
      counts[number] += 1
    } else if number < Self.shapesMaximum {
      shapes.append(demand)
      counts.append(1)
    }
    requests += 1
    guard requests >= nextLesson else { return false }
    nextLesson = requests + requests / Self.lessonEvery
    return true
  }

  /// Counts guests that a fleet hosts more, or fewer when negative. The measure follows from what it hosts, whatever
  /// the order in which that came about.
  mutating func host(_ demand: SlotDemand, _ more: Int) {
    let number = numbers.number(of: demand.cells)
    if number == shapes.count {
      shapes.append(demand)
      counts.append(0)
    }
    counts[number] += more
  }

  /// Counts to four binary digits, by which a hosted mix is judged: a guest more or less seldom changes it.
  var roughCounts: [Int] {
    counts.map { count in
      let spare = max(Int.bitWidth - count.leadingZeroBitCount - 4, 0)
      return (count >> spare) << spare
    }
  }

  /// The measure of a fleet that hosts about these.
  func measure(hosting rough: [Int], contentionPrice: Int) -> AvailableSpace {
    measure(rough, of: max(rough.reduce(0, +), 1), contentionPrice, areCPUsScarce: true)
  }

  /// The measure that these requests ask for, where this is free.
  func measure(onto cells: some Sequence<CellSpace>) -> AvailableSpace {
    measure(counts, of: requests, 0, areCPUsScarce: areCPUsScarce(cells))
  }

  /// Whether requests like these use up the CPUs of cells before their memory.
  private func areCPUsScarce(_ cells: some Sequence<CellSpace>) -> Bool {
    var free = (cpus: 0.0, memory: 0.0)
    for cell in cells {
      free.cpus += Double(max(cell.cpus, 0))
      free.memory += Double(max(cell.memory, 0))
    }
    var asked = (cpus: 0.0, memory: 0.0)
    for (shape, count) in zip(shapes, counts) {
      asked.cpus += Double(shape.total.cpus * count)
      asked.memory += Double(shape.total.memory * count)
    }
    return asked.cpus * free.memory >= asked.memory * free.cpus
  }

  private func measure(
    _ counts: [Int], of requests: Int, _ contentionPrice: Int, areCPUsScarce: Bool
  ) -> AvailableSpace {
    let weights = shapes.indices.map { index -> Double in
      if counts[index] == 0 { return 0 }
      let demand = shapes[index]
      let vcpus = Double(demand.vcpus)
      let gib = max(Double(demand.total.memory) / 1_048_576, 1.0 / 64)
      return power(Double(counts[index]) / Double(requests), Exponent.share) * power(vcpus, Exponent.vcpus)
        * power(gib / vcpus, Exponent.gibPerVCPU) * (demand.cells.count > 1 ? Self.severalCells : 1)
    }
    // The heaviest shapes say enough of the rest.
    let heaviest = shapes.indices.filter { weights[$0] > 0 }
      .sorted { (-weights[$0], shapes[$0].fingerprint) < (-weights[$1], shapes[$1].fingerprint) }
      .prefix(AvailableSpace.entriesMaximum)
    let sum = heaviest.reduce(0) { $0 + weights[$1] }
    return AvailableSpace(
      heaviest.map { index in
        AvailableSpace.Entry(
          cell: shapes[index].widest, cells: shapes[index].cells.count,
          weight: max(Int(Double(AvailableSpace.unit) * weights[index] / sum), 1))
      }, contentionPrice: contentionPrice, areCPUsScarce: areCPUsScarce)
  }
}
