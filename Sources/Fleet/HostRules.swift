import NUMA

/// What the operator says of one host beyond what its agent reports: where it stands, and who may go there.
public struct HostRules: Sendable, Hashable, Codable {
  public var host: HostID
  /// Hosts that share a switch or a power supply. A host without one is a rack of its own.
  public var rack: String?
  /// Racks that fail together. A host without one is in the zone that its rack is.
  public var zone: String?
  /// What shapes may ask for, such as `disk=nvme`.
  public var labels: [String]
  /// Why new guests may not go there unless their shape tolerates it, such as `gpu-only`.
  public var taints: [String]
  /// Whether nothing new may be placed on it; guests that are there stay, and are still pinned and mended.
  public var draining: Bool
  /// What a cell's memory carries in MiB a second, 1...10,000,000; 0 to judge by no traffic, nil for the policy's.
  public var bandwidth: Int?

  public init(
    host: HostID, rack: String? = nil, zone: String? = nil, labels: [String] = [], taints: [String] = [],
    draining: Bool = false, bandwidth: Int? = nil
  ) {
    self.host = host
    self.rack = rack
    self.zone = zone
    self.labels = labels
    self.taints = taints
    self.draining = draining
    self.bandwidth = bandwidth
  }
}

extension Policy {
  /// What is said of a host; nothing when it is not listed.
  public func rules(of host: HostID) -> HostRules {
    let index = hosts.partitionIndex { $0.host >= host }
    return index < hosts.count && hosts[index].host == host ? hosts[index] : HostRules(host: host)
  }
}
