import Fleet
import NUMA

/// What a host's cells have to do, as it measured it, and what of it is one guest's.
///
/// Nobody measures guests one by one: those that share a cell's CPUs are taken to use them alike, each vcpu no more
/// than one. CPUs that a guest has for itself are taken to be as busy as can be, for nobody waits for them: what is
/// left of the cell's time was spent on the others.
struct HostStrain: Sendable {
  /// In the order of the topology's cells, without the guest that was taken off; nil where nothing was measured.
  private(set) var cells: [CellStrain?]
  /// What that guest uses, by cell.
  private(set) var uses: [Use]

  /// What a guest uses, on one cell or in all.
  struct Use: Sendable, Equatable {
    /// Thousandths of a CPU's time, of the CPUs that it shares.
    var busy = 0
    /// MiB a second.
    var traffic = 0

    static func + (a: Use, b: Use) -> Use { Use(busy: a.busy + b.busy, traffic: a.traffic + b.traffic) }

    /// The use of so many of its vcpus that share, and of all.
    func share(_ floating: Int, of allFloating: Int, _ vcpus: Int, of allVCPUs: Int) -> Use {
      Use(
        busy: Amounts.share(of: busy, part: floating, total: allFloating),
        traffic: Amounts.share(of: traffic, part: vcpus, total: allVCPUs))
    }
  }

  /// All that the guest uses.
  var use: Use { uses.reduce(Use(), +) }

  /// `footprints` are of all guests that run, the one that is taken off among them. Nil where the host tells nothing.
  init?(of host: HostView, _ footprints: [Footprint], without guest: GuestID?) {
    guard let load = host.load else { return nil }
    let topology = host.topology
    cells = topology.cells.map { _ in nil }
    uses = topology.cells.map { _ in Use() }
    var own = CPUSet()
    for footprint in footprints { own.formUnion(footprint.dedicated ?? []) }
    let taken = footprints.first { $0.guest == guest }
    for (index, cell) in topology.cells.enumerated() {
      guard let seen = load.cell(cell.id), seen.busy != nil || seen.bandwidth != nil else { continue }
      let apart = own.intersection(cell.cpus)
      let shared = cell.cpus.subtracting(own.union(topology.isolated)).count
      cells[index] = CellStrain(
        shared: shared,
        busy: seen.busy.map { min(max($0 * 10 * cell.cpus.count - apart.count * 1000, 0), shared * 1000) },
        traffic: seen.bandwidth.map { min(max($0, 0), Self.trafficLimit) })
      guard let taken else { continue }
      uses[index] = use(of: taken, among: footprints, at: index, cell)
      cells[index] = cells[index]?.adding(Use(busy: -uses[index].busy, traffic: -uses[index].traffic))
    }
  }

  /// What one guest uses of a cell that it was not taken off.
  func use(of guest: Footprint, among all: [Footprint], at index: Int, _ cell: Cell) -> Use {
    let floating = all.reduce(0) { $0 + $1.load[index] }
    let everything = all.reduce(0) { $0 + $1.weight(at: index, cell) }
    let strain = cells[index]
    return Use(
      busy: min(Amounts.share(of: strain?.busy ?? 0, part: guest.load[index], total: floating), guest.load[index]),
      traffic: Amounts.share(of: strain?.traffic ?? 0, part: guest.weight(at: index, cell), total: everything))
  }

  /// More than any machine has, in MiB a second; what is reported beyond is not believed.
  private static let trafficLimit = 2 * PressureRules.bandwidthMax
}

extension Footprint {
  /// Thousandths of vcpus that run on a cell, those with CPUs of their own among them.
  func weight(at index: Int, _ cell: Cell) -> Int {
    load[index] + (dedicated?.intersection(cell.cpus).count ?? 0) * 1000
  }
}

extension CellStrain {
  /// What a cell has to do when a guest comes, or with less than nothing when it goes.
  func adding(_ use: HostStrain.Use) -> CellStrain {
    CellStrain(shared: shared, busy: busy.map { $0 + use.busy }, traffic: traffic.map { $0 + use.traffic })
  }
}
