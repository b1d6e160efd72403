import CPlacementReference
import Glibc
import PlacementEngine

/// Guests that leave and come on a full fleet, decided by the engine and by plain C.
struct PlacementTrial {
  let hosts: Int
  let cells: Int
  /// Percent of the CPUs that are taken before and while it measures.
  let fill: Int
  let guestCells: [Int]
  /// Different shapes.
  let shapes: Int
  let decisions: Int

  private static let cpusPerCell = 64
  private static let gibPerCell = 256

  struct Guest {
    let count: Int
    let cpus: Int
    let gib: Int
    let demand: SlotDemand
  }

  /// How long decisions took, in ns, ascending.
  struct Times {
    var all: [UInt64]
    func percent(_ percent: Int) -> UInt64 { all[(all.count - 1) * percent / 100] }
  }

  func run(_ console: Console) throws(CommandFailure) -> PlacementFigures {
    let catalogue = self.catalogue()
    console.note("filling \(hosts) hosts of \(cells) cells to \(fill) %")
    let before = cplacement_bytes_in_use()
    let engine = Engine(self, catalogue)
    let ours = try engine.measure(self)
    let bytes = Int(cplacement_bytes_in_use()) - Int(before)
    console.note("the same by C, with an index and by a scan")
    let index = try Reference(self, catalogue, find: cplacement_find).measure(self)
    let scan = try Reference(self, catalogue, find: cplacement_scan).measure(self)
    return PlacementFigures(
      hosts: hosts, cells: cells, fill: fill, shapes: catalogue.count, decisions: decisions, p50_ns: ours.percent(50),
      p99_ns: ours.percent(99), min_ns: ours.percent(0), c_index_ns: index.percent(50), c_scan_ns: scan.percent(50),
      ratio_to_c_index: Double(ours.percent(50)) / Double(max(index.percent(50), 1)),
      bytes_per_cell: Double(bytes) / Double(hosts * cells))
  }

  /// Shapes of 1 to 16 CPUs and 1 to 8 GiB for each of them on each guest cell, the small ones more often.
  private func catalogue() -> [Guest] {
    var random = Draw(seed: 1)
    var guests: [Guest] = []
    while guests.count < shapes {
      let count = guestCells[guests.count % guestCells.count]
      let cpus = 1 << random.below(5)
      let gib = cpus * (1 + random.below(8))
      let cell = CellSpace(cpus: cpus, memory: gib << 20)
      guard let demand = SlotDemand(cells: Array(repeating: cell, count: count)) else { continue }
      guests.append(Guest(count: count, cpus: cpus, gib: gib, demand: demand))
    }
    return guests
  }

  /// The engine on its own fleet. A reference value, so that measuring moves no index.
  private final class Engine {
    private var index: FleetIndex
    private let catalogue: [Guest]
    private var placed: [(FleetIndex.Slot, Int)] = []

    init(_ trial: PlacementTrial, _ catalogue: [Guest]) {
      let cell = CellSpace(cpus: cpusPerCell, memory: gibPerCell << 20)
      index = FleetIndex(
        (0..<trial.hosts).map { _ in FleetIndex.Host(rack: 0, free: Array(repeating: cell, count: trial.cells)) })
      self.catalogue = catalogue
    }

    func measure(_ trial: PlacementTrial) throws(CommandFailure) -> Times {
      try trial.measure(catalogue) { shape in
        let demand = catalogue[shape].demand
        index.learn(demand)
        guard let slot = index.place(demand) else { return false }
        index.take(slot, for: demand)
        placed.append((slot, shape))
        return true
      } remove: { position in
        let (slot, shape) = placed[position]
        placed[position] = placed[placed.count - 1]
        placed.removeLast()
        index.giveBack(slot, of: catalogue[shape].demand)
      }
    }
  }

  /// The C program on its own fleet.
  private final class Reference {
    typealias Find = (OpaquePointer?, Int32, Int32, Int32) -> cplacement_slot
    private let fleet: OpaquePointer?
    private let catalogue: [Guest]
    private let find: Find
    private var placed: [(cplacement_slot, Int)] = []

    init(_ trial: PlacementTrial, _ catalogue: [Guest], find: @escaping Find) {
      fleet = cplacement_new(
        Int32(trial.hosts), Int32(trial.cells), Int32(PlacementTrial.cpusPerCell), Int32(PlacementTrial.gibPerCell))
      self.catalogue = catalogue
      self.find = find
    }

    deinit { if let fleet { cplacement_free(fleet) } }

    func measure(_ trial: PlacementTrial) throws(CommandFailure) -> Times {
      try trial.measure(catalogue) { shape in
        let guest = catalogue[shape]
        let slot = find(fleet, Int32(guest.count), Int32(guest.cpus), Int32(guest.gib))
        if slot.host < 0 { return false }
        cplacement_change(fleet, slot, Int32(guest.cpus), Int32(guest.gib), 1)
        placed.append((slot, shape))
        return true
      } remove: { position in
        let (slot, shape) = placed[position]
        placed[position] = placed[placed.count - 1]
        placed.removeLast()
        cplacement_change(fleet, slot, Int32(catalogue[shape].cpus), Int32(catalogue[shape].gib), -1)
      }
    }
  }

  /// Fills the fleet, then lets one guest leave and another come for each decision. The draws are the same for all.
  private func measure(
    _ catalogue: [Guest], place: (Int) -> Bool, remove: (Int) -> Void
  ) throws(CommandFailure) -> Times {
    var random = Draw(seed: 2)
    var count = 0
    var cpus = 0
    let wanted = hosts * cells * Self.cpusPerCell * fill / 100
    while cpus < wanted {
      let shape = random.below(catalogue.count)
      guard place(shape) else { break }
      cpus += catalogue[shape].demand.total.cpus
      count += 1
    }
    guard count > 0 else {
      throw CommandFailure(usage: "--fill \(fill) leaves nothing to remove; ask for more")
    }
    var times: [UInt64] = []
    times.reserveCapacity(decisions)
    // The first tenth warms up what every later decision finds warm.
    for decision in 0..<(decisions + decisions / 10) where count > 0 {
      let (leaving, shape) = (random.below(count), random.below(catalogue.count))
      let begun = nanoseconds()
      remove(leaving)
      let isPlaced = place(shape)
      let took = nanoseconds() - begun
      count += isPlaced ? 0 : -1
      if decision >= decisions / 10 { times.append(took) }
    }
    return Times(all: times.sorted())
  }

  private func nanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
  }
}

/// Numbers from a seed (SplitMix64), so that every run decides the same.
private struct Draw {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func below(_ bound: Int) -> Int {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return Int((z ^ z >> 31) % UInt64(bound))
  }
}

/// What `numafleet bench placement` prints.
struct PlacementFigures: Encodable {
  var hosts, cells, fill, shapes, decisions: Int
  var p50_ns, p99_ns, min_ns, c_index_ns, c_scan_ns: UInt64
  var ratio_to_c_index, bytes_per_cell: Double

  var text: String {
    """
    fleet:         \(hosts) hosts of \(cells) cells, \(fill) % full, \(shapes) shapes
    remove, decide, update: \(min_ns) ns (least), \(p50_ns) ns (p50), \(p99_ns) ns (p99)
    C by an index: \(c_index_ns) ns (p50); by a scan: \(c_scan_ns) ns (p50)
    ratio:         \(Int((ratio_to_c_index * 100).rounded())) % of the index's time
    memory:        \(Int(bytes_per_cell.rounded())) bytes for each cell
    """
  }
}
