import Fleet
import NUMA

/// What one cell of one host has left for a guest, with everything that others hold taken off.
struct CellRoom: Sendable {
  let id: Int
  /// Online CPUs of the cell that guests may be given at all.
  let usable: CPUSet
  /// CPUs that may still become a guest's own: usable, not reserved, nobody else's.
  let dedicable: CPUSet
  /// CPUs that floating vcpus share: dedicable and not cut off from the scheduler's balancing.
  let shared: CPUSet
  /// Usable CPUs that nobody has for himself, the reserve included: where emulators may go when nothing is shared.
  let undedicated: CPUSet
  /// Cores with at least one dedicable thread, ascending by their first thread.
  let cores: [Core]
  /// Those of them that are cut off from the scheduler's balancing: best for vcpus with CPUs of their own, and of no
  /// use to those that share.
  let isolated: [Core]
  /// Threads of cores that are dedicable as a whole.
  let wholeThreads: Int
  /// Thousandths of floating vcpus that run here, those that could run elsewhere included: they crowd.
  let load: Int
  /// Thousandths of floating vcpus that are held to this cell: they need what the policy promises them here.
  let confined: Int
  /// Whether the cell has memory at all.
  let hasMemory: Bool
  /// KiB of base pages that may still be committed to guests.
  let capacity: Int
  /// KiB of base pages that are free now and not about to be filled by moves in flight.
  let freeNow: Int
  /// Page pools other than the base page's, with what is free now and not claimed.
  let pools: [Pool]
  /// KiB of memory for each usable CPU: the cell's natural ratio, for judging what remains fittable.
  let ratio: Int
  /// What the cell has to do by its host's measure; nil where nothing was measured.
  let strain: CellStrain?

  struct Core: Sendable, Equatable {
    /// Dedicable threads.
    let threads: CPUSet
    /// Whether these are all online threads of the core.
    let whole: Bool
  }

  struct Pool: Sendable, Equatable {
    let size: PageSize
    let freeKiB: Int
    let totalKiB: Int
  }

  /// KiB free now of a page size; nil when the cell has no such pool.
  func free(_ size: PageSize) -> Int? { pools.first { $0.size == size }?.freeKiB }

  /// The cores that so many CPUs of a guest's own come from: the isolated ones where they suffice.
  func coresForOwn(_ count: Int, smt: SMTPolicy) -> [Core] {
    isolated.isEmpty || CoreChoice.shortfall(count, smt: smt, from: isolated) != nil ? cores : isolated
  }

  /// Whether the cell pays and takes the same as another for any guest without memory on either.
  func equals(_ other: CellRoom) -> Bool {
    dedicable.count == other.dedicable.count && shared.count == other.shared.count
      && usable.count == other.usable.count && undedicated.isEmpty == other.undedicated.isEmpty
      && wholeThreads == other.wholeThreads && load == other.load && confined == other.confined
      && hasMemory == other.hasMemory
      && capacity == other.capacity && freeNow == other.freeNow && pools == other.pools && ratio == other.ratio
      && Self.sizes(cores) == Self.sizes(other.cores) && Self.sizes(isolated) == Self.sizes(other.isolated)
  }

  private static func sizes(_ cores: [Core]) -> [Int] {
    cores.map { $0.whole ? $0.threads.count : -$0.threads.count }.sorted()
  }
}

/// What others hold of one cell, added up before the room is made.
struct CellHoldings {
  var dedicated = CPUSet()
  var load = 0
  var confined = 0
  var committed = 0
  /// KiB of base pages that moves in flight have yet to fill.
  var arriving = 0
  /// The same by page size, for pools.
  var arrivingPages: [(size: PageSize, kib: Int)] = []
}

extension CellRoom {
  /// The room of a cell of `topology`.
  init(of cell: Cell, on topology: HostTopology, policy: Policy, held: CellHoldings, strain: CellStrain?) {
    self.strain = strain
    id = cell.id
    usable = cell.cpus.intersection(topology.allowed)
    let reserved = CPUSet(cell.cpus.members.prefix(max(policy.reserve.pcpusPerCell, 0)))
    undedicated = usable.subtracting(held.dedicated)
    dedicable = undedicated.subtracting(reserved)
    shared = dedicable.subtracting(topology.isolated)
    cores = Self.cores(of: dedicable, on: topology)
    isolated = topology.isolated.isEmpty ? [] : cores.filter { $0.threads.isSubset(of: topology.isolated) }
    wholeThreads = cores.reduce(0) { $0 + ($1.whole ? $1.threads.count : 0) }
    load = held.load
    confined = held.confined
    hasMemory = cell.memoryTotal > 0
    let total = Amounts.bounded(cell.memoryTotal)
    let base = cell.basePool
    pools = cell.pages.filter { $0.size != base }.map { pool in
      let arriving = held.arrivingPages.reduce(0) { $0 + ($1.size == pool.size ? $1.kib : 0) }
      return Pool(
        size: pool.size, freeKiB: max(Amounts.kib(pages: pool.free, of: pool.size) - arriving, 0),
        totalKiB: Amounts.kib(pages: pool.total, of: pool.size))
    }
    let pooled = pools.reduce(0) { $0 + $1.totalKiB }
    capacity = max(total - pooled - Amounts.bounded(policy.reserve.memoryPerCell) - held.committed, 0)
    freeNow = max(Amounts.bounded(cell.memoryFree) - held.arriving, 0)
    ratio = total / max(usable.count, 1)
  }

  private static func cores(of dedicable: CPUSet, on topology: HostTopology) -> [Core] {
    var cores: [Core] = []
    var rest = dedicable
    let online = topology.cpus
    while let first = rest.first {
      let siblings = (topology.pcpu(first)?.siblings ?? []).intersection(online).union([first])
      let threads = siblings.intersection(rest)
      cores.append(Core(threads: threads, whole: threads == siblings))
      rest = rest.subtracting(threads)
    }
    return cores
  }
}

extension Cell {
  /// The size of the pool that is ordinary memory; nil when only huge pools are listed.
  var basePool: PageSize? {
    guard let smallest = pages.map(\.size).min(), smallest.kib <= 64 else { return nil }
    return smallest
  }
}
