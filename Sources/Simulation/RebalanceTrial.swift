public import PlacementEngine

/// The state of a fleet that is to be defragmented: `host,cpu0,ram0[,cpu1,ram1…]` tells what is free on each cell, in
/// CPUs and GiB, `vm,vcpus,ram,cells,host,where` who is there, `where` being cells such as `0+1`.
public struct RebalanceTables: Sendable {
  /// As named in the files, in their order.
  public let hosts: [Int]
  public let guests: [Int]
  public let free: [[CellSpace]]
  public let places: [RebalanceProblem.Guest]

  public init(
    hosts hostBytes: [UInt8], hostsFile: String, guests guestBytes: [UInt8], guestsFile: String
  ) throws(TableError) {
    let (hosts, free, numbers) = try Self.readHosts(hostBytes, file: hostsFile)
    self.hosts = hosts
    self.free = free
    var table = try Table(guestBytes, file: guestsFile)
    try table.require(["vm", "vcpus", "ram", "cells", "host", "where"])
    var guests: [Int] = []
    var known: Set<Int> = []
    var places: [RebalanceProblem.Guest] = []
    while let row = try table.next() {
      let name = try row.number(0, in: Limits.ids)
      guard known.insert(name).inserted else { throw table.fault("vm \(name) is there already") }
      let vcpus = try row.number(1, in: 1...Limits.cpus)
      let gib = try row.number(2, in: 0...Limits.gib)
      let count = try row.number(3, in: 1...Self.cellsMaximum)
      guard let demand = SlotDemand(vcpus: vcpus, gib: gib, cells: count) else {
        throw table.fault("\(vcpus) vcpus and \(gib) GiB cannot be spread evenly over \(count) cells")
      }
      guard let host = numbers[try row.number(4, in: Limits.ids)] else {
        throw table.fault("there is no host \(row.word(4))")
      }
      let cells = try Self.cells(row, count: count, of: free[host].count, table)
      guests.append(name)
      places.append(RebalanceProblem.Guest(need: demand.cells[0], host: host, cells: cells))
    }
    self.guests = guests
    self.places = places
  }

  private static let cellsMaximum = 8

  private static func readHosts(
    _ bytes: [UInt8], file: String
  ) throws(TableError) -> (names: [Int], free: [[CellSpace]], numbers: [Int: Int]) {
    var table = try Table(bytes, file: file)
    let cells = (table.header.count - 1) / 2
    guard (1...cellsMaximum).contains(cells) else {
      throw table.fault("the header has no host,cpu0,ram0 to cpu\(cellsMaximum - 1),ram\(cellsMaximum - 1)")
    }
    try table.require(["host"] + (0..<cells).flatMap { ["cpu\($0)", "ram\($0)"] })
    var names: [Int] = []
    var free: [[CellSpace]] = []
    var numbers: [Int: Int] = [:]
    while let row = try table.next() {
      let name = try row.number(0, in: Limits.ids)
      guard numbers[name] == nil else { throw table.fault("host \(name) is there already") }
      numbers[name] = names.count
      names.append(name)
      var spaces: [CellSpace] = []
      for cell in 0..<cells {
        let cpus = try row.number(1 + cell * 2, in: 0...Limits.cpus)
        let gib = try row.number(2 + cell * 2, in: 0...Limits.gib)
        spaces.append(CellSpace(cpus: cpus, memory: gib * Limits.kibPerGiB))
      }
      free.append(spaces)
    }
    return (names, free, numbers)
  }

  /// The cells of a guest, as `0` or `0+1`.
  private static func cells(
    _ row: Table.Row, count: Int, of hostCells: Int, _ table: Table
  ) throws(TableError) -> [Int] {
    var cells: [Int] = []
    for part in row.word(5).split(separator: "+", omittingEmptySubsequences: false) {
      guard let cell = Int(part), (0..<hostCells).contains(cell), !cells.contains(cell) else {
        throw table.fault("where is \"\(row.word(5).prefix(20))\"; cells of 0 to \(hostCells - 1) are needed")
      }
      cells.append(cell)
    }
    guard cells.count == count else {
      throw table.fault("where is \"\(row.word(5).prefix(20))\", and the guest has \(count) cells")
    }
    return cells
  }
}

/// A fleet defragmented once.
public struct RebalanceTrial: Sendable {
  public let problem: RebalanceProblem
  public let plan: RebalancePlan
  /// Of planning, in the unit of the clock.
  public let duration: UInt64
  /// By the judge's own replay; empty when every move was allowed.
  public let violations: [String]
  /// The part of free CPUs that is in no whole 16 on a cell, before and, by the judge's replay, after.
  public let startFragmentRate: Double
  public let fragmentRate: Double

  public init(_ tables: RebalanceTables, migrations: Int, repins: Bool, clock: () -> UInt64) {
    problem = RebalanceProblem(free: tables.free, guests: tables.places, migrations: migrations, repins: repins)
    let begun = clock()
    plan = RebalancePlan(problem)
    duration = clock() - begun
    let verdict = RebalanceVerdict(of: plan.moves, in: problem)
    violations = verdict.violations
    startFragmentRate = fragmentRateOf(tables.free, wide: problem.wideCPUs)
    fragmentRate = fragmentRateOf(verdict.free, wide: problem.wideCPUs)
  }
}

private func fragmentRateOf(_ free: [[CellSpace]], wide: Int) -> Double {
  var (sum, whole) = (0, 0)
  for cell in free.joined() {
    sum += cell.cpus
    whole += cell.cpus / wide
  }
  return sum == 0 ? 0 : 1 - Double(wide * whole) / Double(sum)
}
