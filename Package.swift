// swift-tools-version: 6.2
import PackageDescription

// Every target of ours is built under the same strict rules: a dependency that shows in a
// module's face must say `public import`, and a warning is an error.
//
// MUTANTS lets a simulator switch a safety check off. Debug builds, which tests make, have it; release builds only when
// somebody asks for it with `-Xswiftc -DMUTANTS`.
let strict: [SwiftSetting] = [
  .define("MUTANTS", .when(configuration: .debug)),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

// Moments at which tests end a daemon as a power cut would; a release has none of them.
let failPoints = SwiftSetting.define("FAILPOINTS", .when(configuration: .debug))

func library(
  _ name: String, _ dependencies: [Target.Dependency] = [], settings: [SwiftSetting] = []
) -> Target {
  .target(name: name, dependencies: dependencies, exclude: excluded[name] ?? [], swiftSettings: strict + settings)
}

func executable(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, exclude: excluded[name] ?? [], swiftSettings: strict)
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
  .testTarget(
    name: name, dependencies: dependencies, exclude: excluded[name] ?? [], resources: resources, swiftSettings: strict)
}

// Files that tests read by path, not by the compiler.
let excluded: [String: [String]] = [
  "placement-benchmark": ["thresholds.txt"],
  "AgentCoreTests": ["Transcripts"],
  "CommandTests": ["Snapshots"],
  "CoordinatorCoreTests": ["Transcripts"],
  "EndToEndTests": ["Scenarios"],
  "PlacementEngineTests": ["Scenarios"],
  "SimulationTests": ["Tables"],
  "StoreTests": ["Schemas"],
  "WireTests": ["Golden"],
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
  name: "numafleet",
  products: [
    .executable(name: "numafleet", targets: ["numafleet"]),
    .executable(name: "numafleet-coordinator", targets: ["numafleet-coordinator"]),
    .executable(name: "numafleet-agent", targets: ["numafleet-agent"]),
    .executable(name: "placement-benchmark", targets: ["placement-benchmark"]),
  ],
  dependencies: [
    // The command line: subcommands, help and completion that users of Swift tools know.
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    // One logging face for both daemons.
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    // The wire's encoding.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
    // SQLite with migrations and checked statements.
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
    // The priority queue of the fault simulator's clock.
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    // YAML for cluster-config, with line marks in its errors.
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // C libraries: touched by exactly one Swift module each.
    .systemLibrary(name: "CZeroMQ", providers: [.apt(["libzmq3-dev"])]),
    .systemLibrary(name: "CLibvirt", providers: [.apt(["libvirt-dev"])]),
    .systemLibrary(name: "CNUMA", providers: [.apt(["libnuma-dev"])]),
    .systemLibrary(name: "CLibXML2", pkgConfig: "libxml-2.0", providers: [.apt(["libxml2-dev"])]),
    // Reads gzipped and plain tables of simulations alike.
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    // GNU-only calls that Glibc's module hides: sched affinity masks, eventfd, pidfd.
    .target(name: "CLinux"),
    // Best fit in plain C, the yardstick of `numafleet bench placement`.
    .target(name: "CPlacementReference"),
    // What a benchmark counts of its own process: allocations, and instructions where the machine tells.
    .target(name: "CBenchCounters"),
    // The same wire exchange in bare C, the yardstick of `numafleet bench wire`.
    .target(name: "CWireReference", linkerSettings: [.linkedLibrary("zmq")]),

    // Pure modules: no IO, no clock, no randomness, no Foundation.
    library("NUMA"),
    library("Fleet", ["NUMA"]),
    library("PlacementEngine", ["Fleet", "NUMA"]),
    // The engine on recorded fleets, and whole fleets of the real cores under faults.
    library("Simulation", ["AgentCore", "CoordinatorCore", "Fleet", "NUMA", "PlacementEngine", "Store", "Wire", heap]),
    library("CoordinatorCore", ["Fleet", "NUMA", "PlacementEngine"]),
    library("AgentCore", ["Fleet", "NUMA"]),
    library("LibvirtXML", ["Fleet", "NUMA", "CLibXML2"]),
    library("Wire", ["Fleet", "NUMA", protobuf]),
    library("ClusterConfig", ["Fleet", "NUMA", yams]),

    // Edge modules: IO, one foreign library each.
    library("ZeroMQTransport", ["CZeroMQ", "CLinux"]),
    library("LibvirtDriver", ["CLibvirt", "LibvirtXML", "Fleet", "NUMA"]),
    library("NUMADriver", ["CNUMA", "CLinux", "Fleet", "NUMA"]),
    library("Store", ["CoordinatorCore", "Fleet", "NUMA", grdb]),
    // What surrounds the loop of either daemon: clocks, files, the log.
    library("Daemon", ["Fleet", logging], settings: [failPoints]),
    // What the engine is measured by, and what its answers are checked by.
    library("PlacementTrials", ["PlacementEngine", "CPlacementReference", "CBenchCounters"]),

    // Composition roots.
    executable(
      "numafleet-coordinator",
      [
        "CoordinatorCore", "PlacementEngine", "Fleet", "NUMA", "Wire", "ClusterConfig", "ZeroMQTransport", "Store",
        "Daemon", argumentParser, logging,
      ]),
    executable(
      "numafleet-agent",
      [
        "AgentCore", "Fleet", "NUMA", "Wire", "ClusterConfig", "ZeroMQTransport", "LibvirtDriver", "LibvirtXML",
        "NUMADriver", "Daemon", argumentParser, logging,
      ]),
    executable(
      "numafleet",
      [
        "Fleet", "NUMA", "Wire", "ClusterConfig", "ZeroMQTransport", "LibvirtXML", "Daemon", "CWireReference",
        "CZlib", "PlacementEngine", "PlacementTrials", "Simulation", "Store", "CoordinatorCore", argumentParser,
      ]),
    // The engine's speed, memory and work, held against thresholds.
    executable("placement-benchmark", ["PlacementTrials"]),
    // Something to place, for the demo and the end-to-end tests.
    executable("numa-workload", [argumentParser]),

    tests("NUMATests", ["NUMA"]),
    tests("FleetTests", ["Fleet", "NUMA"]),
    tests("PlacementEngineTests", ["PlacementEngine", "PlacementTrials", "Fleet", "NUMA"]),
    tests("SimulationTests", ["Simulation", "PlacementEngine", "AgentCore", "Fleet", "NUMA"]),
    tests("CoordinatorCoreTests", ["CoordinatorCore", "PlacementEngine", "Fleet", "NUMA"]),
    tests("AgentCoreTests", ["AgentCore", "Fleet", "NUMA"]),
    tests("AgentDaemonTests", ["numafleet-agent", "AgentCore", "ClusterConfig", "Fleet", "NUMA", logging]),
    tests("ClusterConfigTests", ["ClusterConfig", "Fleet", "NUMA"]),
    tests("WireTests", ["Wire", "Fleet", "NUMA", protobuf]),
    tests("StoreTests", ["Store", "CoordinatorCore", "Fleet", "NUMA", grdb]),
    tests("LibvirtXMLTests", ["LibvirtXML", "Fleet", "NUMA"]),
    tests("LibvirtDriverTests", ["LibvirtDriver", "LibvirtXML", "Fleet", "NUMA"]),
    tests("NUMADriverTests", ["NUMADriver", "Fleet", "NUMA"]),
    tests("ZeroMQTransportTests", ["ZeroMQTransport", "CZeroMQ", "CLinux", "CWireReference"]),
    tests(
      "CommandTests",
      ["numafleet", "Fleet", "NUMA", "ClusterConfig", "Wire", "ZeroMQTransport", "LibvirtXML", argumentParser]),
    // The executables are dependencies so that they are built and lie beside the test bundle.
    tests(
      "EndToEndTests",
      [
        "numafleet", "numafleet-agent", "numafleet-coordinator", "numa-workload", "Wire", "ZeroMQTransport", "Fleet",
        "NUMA", grdb,
      ]),
    tests("TidyTests", []),
  ],
  swiftLanguageModes: [.v6]
)
