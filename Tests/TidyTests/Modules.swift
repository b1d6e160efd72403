/// The house: every module and what it may import. A new arrow is a decision, so it is made here.
enum Modules {
  /// No IO, no clock, no randomness: only these imports and the standard library.
  static let pure = [
    "NUMA", "Fleet", "PlacementEngine", "CoordinatorCore", "AgentCore", "LibvirtXML", "Wire", "ClusterConfig",
    "Simulation",
  ]
  static let executables = [
    "numafleet", "numafleet-agent", "numafleet-coordinator", "numa-workload", "placement-benchmark",
  ]

  /// The C libraries and the one Swift module that each belongs to.
  static let foreign = [
    "CZeroMQ": ["ZeroMQTransport"], "CLibvirt": ["LibvirtDriver"], "CNUMA": ["NUMADriver"], "CLibXML2": ["LibvirtXML"],
    "CLinux": ["ZeroMQTransport", "NUMADriver"], "CWireReference": ["numafleet"], "CZlib": ["numafleet"],
    "CPlacementReference": ["PlacementTrials"], "CBenchCounters": ["PlacementTrials"],
    "GRDB": ["Store"], "SwiftProtobuf": ["Wire"], "Yams": ["ClusterConfig"],
    "Hummingbird": ["Dashboard"], "HeapModule": ["Simulation"],
  ]

  /// What the operating system and Swift's own packages give; edges and executables may have them.
  static let system: Set = [
    "Glibc", "Synchronization", "Foundation", "FoundationEssentials", "Dispatch", "Logging", "OrderedCollections",
  ]

  /// What each library may import; a C or package module needs its entry in `foreign` too.
  static let libraries: [String: Set<String>] = [
    "NUMA": [],
    "Fleet": ["NUMA"],
    "PlacementEngine": ["Fleet", "NUMA", "OrderedCollections"],
    "CoordinatorCore": ["Fleet", "NUMA", "PlacementEngine", "OrderedCollections"],
    "AgentCore": ["Fleet", "NUMA", "OrderedCollections"],
    "LibvirtXML": ["Fleet", "NUMA", "CLibXML2"],
    "Wire": ["Fleet", "NUMA", "SwiftProtobuf"],
    "ClusterConfig": ["Fleet", "NUMA", "Yams"],
    "Simulation": ["Fleet", "NUMA", "PlacementEngine", "CoordinatorCore", "AgentCore", "Wire", "Store", "HeapModule"],
    "ZeroMQTransport": system.union(["CZeroMQ", "CLinux"]),
    "LibvirtDriver": system.union(["CLibvirt", "LibvirtXML", "Fleet", "NUMA"]),
    "NUMADriver": system.union(["CNUMA", "CLinux", "Fleet", "NUMA"]),
    "Store": system.union(["GRDB", "CoordinatorCore", "Fleet", "NUMA"]),
    "Daemon": system.union(["Fleet"]),
    "PlacementTrials": system.union(["PlacementEngine", "CPlacementReference", "CBenchCounters"]),
    "Dashboard": system.union(["Hummingbird", "Fleet", "NUMA"]),
  ]

  /// Whether a module may import another.
  static func allows(_ module: String, toImport imported: String) -> Bool {
    if let owners = foreign[imported] { return owners.contains(module) }
    if let allowed = libraries[module] { return allowed.contains(imported) }
    guard executables.contains(module) else { return false }
    return libraries[imported] != nil || system.contains(imported) || imported == "ArgumentParser"
  }
}
