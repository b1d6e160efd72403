public import PlacementEngine

/// Requests of a packing: `req,vcpus,ram,cells,strategy,group,domain` in order of arrival, `ram` in GiB.
public struct TrialRequests: Sendable {
  public struct Request: Sendable {
    public let name: Int
    public let demand: SlotDemand
    public let rule: GroupRule?
    public let group: Int
  }

  public let requests: [Request]

  public init(_ bytes: [UInt8], file: String) throws(TableError) {
    var table = try Table(bytes, file: file)
    try table.require(["req", "vcpus", "ram", "cells", "strategy", "group", "domain"])
    var requests: [Request] = []
    var known: Set<Int> = []
    while let row = try table.next() {
      let name = try row.number(0, in: Limits.ids)
      guard known.insert(name).inserted else { throw table.fault("request \(name) is there already") }
      let vcpus = try row.number(1, in: 1...Limits.cpus)
      let gib = try row.number(2, in: 0...Limits.gib)
      let cells = try row.number(3, in: 1...SlotDemand.cellsMaximum)
      guard let demand = SlotDemand(vcpus: vcpus, gib: gib, cells: cells) else {
        throw table.fault("\(vcpus) vcpus and \(gib) GiB cannot be spread evenly over \(cells) cells")
      }
      let rule = try Self.rule(row, table)
      let group = rule == nil ? 0 : try row.number(5, in: Limits.ids)
      requests.append(Request(name: name, demand: demand, rule: rule, group: group))
    }
    self.requests = requests
  }

  private static func rule(_ row: Table.Row, _ table: Table) throws(TableError) -> GroupRule? {
    switch row.word(4) {
    case "none": return nil
    case "aff": return .sameRack
    case "anti": return .distinctHosts
    case "fd": return .distinctRacks(domain: try row.number(6, in: Limits.ids))
    case let other: throw table.fault("strategy \"\(other.prefix(20))\" is none of none, aff, anti, fd")
    }
  }
}

/// Requests placed for good, or refused.
public struct PackingTrial: Sendable {
  /// By request; nil where it was refused.
  public private(set) var slots: [FleetIndex.Slot?] = []
  public private(set) var vcpusAsked = 0
  public private(set) var vcpusPlaced = 0

  /// All requests at once, in whatever order places the most vcpus.
  public init(batch requests: [TrialRequests.Request], on hosts: [FleetIndex.Host], groups: Bool) {
    let batch = BatchPlacement(
      requests.map { BatchPlacement.Request($0.demand, rule: groups ? $0.rule : nil, group: $0.group) },
      on: FleetIndex(hosts))
    slots = batch.slots
    vcpusPlaced = batch.vcpusPlaced
    vcpusAsked = requests.reduce(0) { $0 + $1.demand.total.cpus }
  }

  /// One after another.
  public init(_ requests: [TrialRequests.Request], on hosts: [FleetIndex.Host], groups: Bool) {
    var placement = GroupPlacement(FleetIndex(hosts))
    for request in requests {
      let slot = placement.place(request.demand, rule: groups ? request.rule : nil, group: request.group)
      slots.append(slot)
      vcpusAsked += request.demand.total.cpus
      if slot != nil { vcpusPlaced += request.demand.total.cpus }
    }
  }

  public var placed: Int { slots.reduce(0) { $0 + ($1 == nil ? 0 : 1) } }
  public var lostPercent: Double { 100 * Double(vcpusAsked - vcpusPlaced) / Double(max(vcpusAsked, 1)) }
}
