import CPlacementReference
import PlacementEngine

/// A fleet that guests come to and leave in a trial.
///
/// Only `remove` and `place` are timed; who is there is the trial's own book, and no part of a decision.
protocol TrialFleet: ~Copyable {
  associatedtype Place
  mutating func remove(_ place: Place, of shape: Int)
  mutating func place(_ shape: Int) -> Place?
  var effort: FleetIndex.Effort { get }
}

/// A shape of a trial, as the engine and as plain C see it.
struct TrialGuest {
  let count: Int
  let cpus: Int
  let gib: Int
  let demand: SlotDemand

  /// Shapes of 1 to 16 CPUs and 1 to 8 GiB for each of them on each guest cell.
  static func catalogue(_ shapes: Int, cells: [Int]) -> [TrialGuest] {
    var random = Draw(seed: 1)
    var guests: [TrialGuest] = []
    while guests.count < shapes {
      let count = cells[guests.count % cells.count]
      let cpus = 1 << random.below(5)
      let gib = cpus * (1 + random.below(8))
      let cell = CellSpace(cpus: cpus, memory: gib << 20)
      guard let demand = SlotDemand(cells: Array(repeating: cell, count: count)) else { continue }
      guests.append(TrialGuest(count: count, cpus: cpus, gib: gib, demand: demand))
    }
    return guests
  }
}

/// The engine's.
struct IndexedFleet: TrialFleet {
  private(set) var index: FleetIndex
  private let demands: [SlotDemand]

  init(_ trial: PlacementTrial, _ catalogue: [TrialGuest]) {
    let cell = CellSpace(cpus: PlacementTrial.cpusPerCell, memory: PlacementTrial.gibPerCell << 20)
    index = FleetIndex(
      (0..<trial.hosts).map { _ in FleetIndex.Host(rack: 0, free: Array(repeating: cell, count: trial.cells)) })
    demands = catalogue.map(\.demand)
  }

  var effort: FleetIndex.Effort { index.effort }

  mutating func remove(_ place: FleetIndex.Slot, of shape: Int) { index.giveBack(place, of: demands[shape]) }

  mutating func place(_ shape: Int) -> FleetIndex.Slot? {
    index.learn(demands[shape])
    guard let slot = index.place(demands[shape]) else { return nil }
    index.take(slot, for: demands[shape])
    return slot
  }
}

/// The C program's.
struct ReferenceFleet: TrialFleet, ~Copyable {
  /// By a look at every host instead of the index.
  var scans = false
  private let fleet: OpaquePointer?
  private let catalogue: [(count: Int32, cpus: Int32, gib: Int32)]

  init(_ trial: PlacementTrial, _ catalogue: [TrialGuest]) {
    fleet = cplacement_new(
      Int32(trial.hosts), Int32(trial.cells), Int32(PlacementTrial.cpusPerCell), Int32(PlacementTrial.gibPerCell))
    self.catalogue = catalogue.map { (Int32($0.count), Int32($0.cpus), Int32($0.gib)) }
  }

  deinit { if let fleet { cplacement_free(fleet) } }

  var effort: FleetIndex.Effort { FleetIndex.Effort() }

  /// Hosts a guest where the engine placed it.
  mutating func host(at place: FleetIndex.Slot, _ shape: Int) -> cplacement_slot {
    let (count, cpus, gib) = catalogue[shape]
    let cells = (0..<Int(count)).reduce(UInt32(0)) { $0 | 1 << UInt32(place.cells[$1]) }
    let slot = cplacement_slot(host: Int32(place.host), cells: cells)
    cplacement_change(fleet, slot, cpus, gib, 1)
    return slot
  }

  mutating func remove(_ place: cplacement_slot, of shape: Int) {
    cplacement_change(fleet, place, catalogue[shape].cpus, catalogue[shape].gib, -1)
  }

  mutating func place(_ shape: Int) -> cplacement_slot? {
    let (count, cpus, gib) = catalogue[shape]
    let slot = scans ? cplacement_scan(fleet, count, cpus, gib) : cplacement_find(fleet, count, cpus, gib)
    if slot.host < 0 { return nil }
    cplacement_change(fleet, slot, cpus, gib, 1)
    return slot
  }
}
