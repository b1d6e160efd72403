import Fleet
import NUMA
import SwiftProtobuf

extension ProtoPolicy {
  init(_ policy: Policy) {
    reserve = .with {
      $0.pcpusPerCell = Int64(policy.reserve.pcpusPerCell)
      $0.memoryPerCellKib = Int64(policy.reserve.memoryPerCell.count)
    }
    overcommitPercent = Int64(policy.overcommitPercent)
    smt = policy.smt.proto
    weights = .with {
      $0.contention = Int64(policy.weights.contention)
      $0.locality = Int64(policy.weights.locality)
      $0.fragmentation = Int64(policy.weights.fragmentation)
    }
    if policy.pressure != .none { pressure = ProtoPressureRules(policy.pressure) }
    livePages = policy.livePages
    driver = policy.driver.proto
    driverByHost = policy.driverByHost.map { choice in
      var proto = ProtoHostDriver()
      proto.host = choice.host.text
      proto.driver = choice.driver.proto
      return proto
    }
    scope = policy.scope.proto
    foldGuestCells = policy.foldGuestCells
    hosts = policy.hosts.map { ProtoHostRules($0) }
    groups = policy.groups.map { ProtoGuestGroup($0) }
    automation = ProtoAutomationRules(policy.automation)
    drift = policy.drift.proto
    driftByGuest = policy.driftByGuest.map { rule in
      .with {
        $0.guest = rule.guest
        $0.drift = rule.drift.proto
      }
    }
  }
}

extension Policy {
  init(_ proto: ProtoPolicy) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasReserve, "policy.reserve")
    try FieldCheck.present(proto.hasWeights, "policy.weights")
    self.init(
      reserve: Reserve(
        pcpusPerCell: try FieldCheck.cpu(proto.reserve.pcpusPerCell, "policy.reserve.pcpus_per_cell"),
        memoryPerCell: try FieldCheck.memory(proto.reserve.memoryPerCellKib, "policy.reserve.memory_per_cell_kib")),
      overcommitPercent: try FieldCheck.count(proto.overcommitPercent, "policy.overcommit_percent"),
      smt: try SMTPolicy(proto.smt, "policy.smt"),
      weights: Weights(
        contention: try FieldCheck.count(proto.weights.contention, "policy.weights.contention"),
        locality: try FieldCheck.count(proto.weights.locality, "policy.weights.locality"),
        fragmentation: try FieldCheck.count(proto.weights.fragmentation, "policy.weights.fragmentation")),
      pressure: proto.hasPressure ? try PressureRules(proto.pressure) : .none,
      livePages: proto.livePages, driver: try DriverChoice(proto.driver, "policy.driver"),
      driverByHost: try proto.driverByHost.map { choice throws(WireError.Kind) in
        HostDriver(
          host: try FieldCheck.id(choice.host, "policy.driver_by_host.host"),
          driver: try DriverChoice(choice.driver, "policy.driver_by_host.driver"))
      },
      scope: try Scope(proto.scope, "policy.scope"), foldGuestCells: proto.foldGuestCells,
      hosts: try proto.hosts.map { rules throws(WireError.Kind) in try HostRules(rules) },
      groups: try proto.groups.map { group throws(WireError.Kind) in try GuestGroup(group) },
      automation: proto.hasAutomation ? try AutomationRules(proto.automation) : AutomationRules(manage: .all),
      drift: try DriftRule(proto.drift == .unspecified ? .mend : proto.drift, "policy.drift"),
      driftByGuest: try proto.driftByGuest.map { rule throws(WireError.Kind) in
        GuestDrift(guest: rule.guest, drift: try DriftRule(rule.drift, "policy.drift_by_guest.drift"))
      })
  }
}

extension ProtoHostRules {
  init(_ rules: HostRules) {
    host = rules.host.text
    if let rack = rules.rack { self.rack = rack }
    if let zone = rules.zone { self.zone = zone }
    labels = rules.labels
    taints = rules.taints
    draining = rules.draining
    if let bandwidth = rules.bandwidth { self.bandwidth = Int64(bandwidth) }
  }
}

extension HostRules {
  init(_ proto: ProtoHostRules) throws(WireError.Kind) {
    self.init(
      host: try FieldCheck.id(proto.host, "policy.hosts.host"), rack: proto.hasRack ? proto.rack : nil,
      zone: proto.hasZone ? proto.zone : nil, labels: proto.labels, taints: proto.taints, draining: proto.draining,
      bandwidth: proto.hasBandwidth ? try FieldCheck.count(proto.bandwidth, "policy.hosts.bandwidth") : nil)
  }
}

extension ProtoGuestGroup {
  init(_ group: GuestGroup) {
    name = group.name
    rule = group.rule.proto
    level = group.level.proto
    members = group.members
    domains = group.domains.map { domain in
      var proto = ProtoFaultDomain()
      proto.members = domain
      return proto
    }
    if let size = group.size { self.size = Int64(size) }
  }
}

extension GuestGroup {
  init(_ proto: ProtoGuestGroup) throws(WireError.Kind) {
    self.init(
      name: proto.name, rule: try GroupRelation(proto.rule, "policy.groups.rule"),
      level: try GroupLevel(proto.level, "policy.groups.level"), members: proto.members,
      domains: proto.domains.map(\.members),
      size: proto.hasSize ? try FieldCheck.count(proto.size, "policy.groups.size") : nil)
  }
}
