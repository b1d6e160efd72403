import CBenchCounters
import CPlacementReference
import Glibc
import PlacementEngine

/// Guests that leave and come on a full fleet, decided by the engine and by plain C.
///
/// A decision is one guest that leaves, one that is learned of, placed and taken in, and all that the index does to be
/// up to date. Draws have a seed, so two runs decide the same; their times differ, their counts do not.
public struct PlacementTrial: Sendable {
  public let hosts: Int
  public let cells: Int
  /// Percent of the CPUs that are taken before and while it measures.
  public let fill: Int
  /// Cells of guests, in turn.
  public let guestCells: [Int]
  /// Different shapes.
  public let shapes: Int
  /// Decisions that are measured; others come before, for what every later decision finds warm.
  public let decisions: Int

  static let cpusPerCell = 64
  static let gibPerCell = 256
  /// A scan looks at every host, so fewer decisions tell its time.
  private static let scansMaximum = 5_000

  public init(hosts: Int, cells: Int, fill: Int, guestCells: [Int], shapes: Int, decisions: Int) {
    (self.hosts, self.cells, self.fill) = (hosts, cells, fill)
    (self.guestCells, self.shapes, self.decisions) = (guestCells, shapes, decisions)
  }

  /// Measures the engine, and plain C when `isCompared`; nil when the fill leaves no guest to remove.
  public func run(isCompared: Bool = true, note: (String) -> Void = { _ in }) -> PlacementFigures? {
    let catalogue = TrialGuest.catalogue(shapes, cells: guestCells)
    note("filling \(hosts) hosts of \(cells) cells to \(fill) %")
    var filled = Guests<FleetIndex.Slot>()
    guard var figures = engine(catalogue, &filled) else { return nil }
    guard isCompared else { return figures }
    note("the same by C, with an index and by a scan")
    var fleet = ReferenceFleet(self, catalogue)
    // It begins with the very fleet that the engine filled: to fill it itself would take far longer than to measure.
    var guests = Guests<cplacement_slot>(random: filled.random)
    guests.all = filled.all.map { (fleet.host(at: $0.place, Int($0.shape)), $0.shape) }
    let index = measure(&fleet, decisions, &guests)
    fleet.scans = true
    let scan = measure(&fleet, min(decisions, Self.scansMaximum), &guests)
    figures.compare(index: index?.times.percent(50) ?? 0, scan: scan?.times.percent(50) ?? 0)
    return figures
  }

  private func engine(_ catalogue: [TrialGuest], _ filled: inout Guests<FleetIndex.Slot>) -> PlacementFigures? {
    var guests = Guests<FleetIndex.Slot>()
    let before = cbench_bytes_in_use()
    var fleet = IndexedFleet(self, catalogue)
    // What the trial itself keeps is not the index's.
    var bytes = Int(cbench_bytes_in_use()) - Int(before)
    self.fill(&fleet, catalogue, &guests)
    filled = guests
    guard let measured = measure(&fleet, decisions, &guests) else { return nil }
    let capacity = CapacityTrial(fleet.index, catalogue.map(\.demand))
    let full = cbench_bytes_in_use()
    fleet = IndexedFleet(self, catalogue)
    bytes += Int(full) - Int(cbench_bytes_in_use())
    return PlacementFigures(
      hosts: hosts, cells: cells, fill: fill, shapes: catalogue.count, decisions: decisions, times: measured,
      bytes_per_cell: Double(bytes) / Double(hosts * cells), capacity_ns: capacity.alike.percent(50),
      capacity_unlike_ns: capacity.unlike.percent(50))
  }

  /// Places guests until the CPUs are taken.
  private func fill<Fleet: TrialFleet & ~Copyable>(
    _ fleet: inout Fleet, _ catalogue: [TrialGuest], _ guests: inout Guests<Fleet.Place>
  ) {
    var cpus = 0
    let wanted = hosts * cells * Self.cpusPerCell * fill / 100
    while cpus < wanted {
      let shape = guests.random.below(catalogue.count)
      guard let place = fleet.place(shape) else { break }
      guests.all.append((place, Int32(shape)))
      cpus += catalogue[shape].demand.total.cpus
    }
  }

  /// Lets one guest leave and another come for each decision.
  private func measure<Fleet: TrialFleet & ~Copyable>(
    _ fleet: inout Fleet, _ decisions: Int, _ guests: inout Guests<Fleet.Place>
  ) -> TrialMeasure? {
    let instructions = cbench_instructions_open()
    var times: [UInt64] = []
    times.reserveCapacity(decisions)
    var (allocations, inLessons): (UInt64, UInt64) = (0, 0)
    var begin = (effort: fleet.effort, instructions: UInt64(0))
    // Long enough that every shape was asked for.
    let warmUp = decisions / 10 + shapes * 10
    for decision in 0..<(decisions + warmUp) where !guests.all.isEmpty {
      if decision == warmUp { begin = (fleet.effort, cbench_instructions(instructions)) }
      let (leaving, shape) = (guests.leave(), guests.random.below(shapes))
      let lessons = fleet.effort.lessons
      let allocated = cbench_allocations()
      let begun = nanoseconds()
      fleet.remove(leaving.place, of: Int(leaving.shape))
      let place = fleet.place(shape)
      let took = nanoseconds() - begun
      let calls = cbench_allocations() - allocated
      if let place { guests.all.append((place, Int32(shape))) }
      guard decision >= warmUp else { continue }
      times.append(took)
      if fleet.effort.lessons == lessons { allocations += calls } else { inLessons += calls }
    }
    guard !times.isEmpty else { return nil }
    let spent = instructions < 0 ? nil : cbench_instructions(instructions) - begin.instructions
    if instructions >= 0 { cbench_instructions_close(instructions) }
    return TrialMeasure(
      times: Times(times), allocations: Int(allocations), allocationsInLessons: Int(inLessons),
      effort: fleet.effort - begin.effort, instructions: spent.map { Int($0) })
  }
}

/// Who is on a fleet, and who comes next.
private struct Guests<Place> {
  var all: [(place: Place, shape: Int32)] = []
  var random = Draw(seed: 2)

  /// Any one of them, who is there no more.
  mutating func leave() -> (place: Place, shape: Int32) {
    let position = random.below(all.count)
    all.swapAt(position, all.count - 1)
    return all.removeLast()
  }
}

/// What was measured of one fleet.
struct TrialMeasure {
  let times: Times
  let allocations: Int
  /// Those of decisions that drew the mix anew.
  let allocationsInLessons: Int
  let effort: FleetIndex.Effort
  /// Nil where the machine does not count them.
  let instructions: Int?
}

/// How long something took each time, in ns, ascending.
struct Times {
  private let all: [UInt64]
  init(_ times: [UInt64]) { all = times.sorted() }
  var count: Int { all.count }
  func percent(_ percent: Int) -> UInt64 { all.isEmpty ? 0 : all[(all.count - 1) * percent / 100] }
}

func nanoseconds() -> UInt64 {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
}

/// Numbers from a seed (SplitMix64), so that every run decides the same.
struct Draw {
  private var state: UInt64
  init(seed: Int) { state = UInt64(truncatingIfNeeded: seed) }

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return Int((z ^ z >> 31) % UInt64(bound))
  }

  mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }
}
