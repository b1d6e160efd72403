import ClusterConfig
import Fleet
import Foundation
import NUMA
import Testing

/// The repository's `cluster-config/`.
let shippedFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  .deletingLastPathComponent().appending(path: "cluster-config").resolvingSymlinksInPath()

func shipped(_ name: String) throws -> String {
  try String(contentsOf: shippedFolder.appending(path: name), encoding: .utf8)
}

@Suite struct ShippedFiles {
  @Test func everyFileInClusterConfigLoads() throws {
    let files = FileManager.default.enumerator(atPath: shippedFolder.path)?.compactMap { $0 as? String } ?? []
    let names = files.filter { $0.hasSuffix(".yaml") }.sorted()
    #expect(names.count >= 5)
    for name in names {
      #expect(throws: Never.self, "\(name)") { try checkAny(shipped(name), file: name) }
    }
  }

  @Test func coordinatorFileMeansWhatItSays() throws {
    let value = try CoordinatorConfiguration(
      parsing: shipped("coordinator.yaml"), file: "cluster-config/coordinator.yaml")
    #expect(value.agentListener == .tcp(host: "0.0.0.0", port: 7447))
    #expect(value.operatorListener == .tcp(host: "0.0.0.0", port: 7448))
    #expect(value.localSocket == "/run/numafleet/operator.sock")
    #expect(value.policyFile == "cluster-config/policy.yaml")
    #expect(value.heartbeatMilliseconds == 2000)
    #expect(value.unreachableMilliseconds == 6000)
    #expect(value.log.level == .info)
    #expect(value.maxHosts == 1000)
    #expect(value.keepEvents == 1_000_000)
  }

  @Test func agentFileMeansWhatItSays() throws {
    let value = try AgentConfiguration(parsing: shipped("agent.yaml"), file: "cluster-config/agent.yaml")
    #expect(value.coordinators.map(\.endpoint) == [.tcp(host: "127.0.0.1", port: 7447)])
    #expect(value.coordinators.map(\.publicKey) == [.file("/etc/numafleet/coordinator.key.pub")])
    #expect(value.libvirtURI == "qemu:///system")
    #expect(value.poll.residencyMilliseconds == 60_000)
    #expect(value.reconnectSpreadMilliseconds == 2000)
    #expect(value.processRules.map(\.name) == ["plain-qemu", "numafleet-workload"])
    #expect(value.driver == .automatic)
  }

  @Test func shippedPolicyIsTheDefaultPolicy() throws {
    #expect(try Policy(parsing: shipped("policy.yaml"), file: "policy.yaml") == Policy())
  }

  @Test func batchFileMeansWhatItSays() throws {
    let batch = try Batch(parsing: shipped("batch.yaml"), file: "cluster-config/batch.yaml")
    #expect(batch.guests.map(\.shape) == ["cluster-config/shapes/small.yaml", "cluster-config/shapes/database.yaml"])
    #expect(batch.guests.map(\.count) == [3, 1])
    let small = try Shape(parsing: shipped("shapes/small.yaml"), file: "small.yaml")
    #expect(batch.guests[0].named(small).map(\.name) == ["small-1", "small-2", "small-3"])
    #expect(batch.guests[1].named(small).map(\.name) == ["orders"])
  }

  @Test func hostsAndGroupsOfAPolicyMeanWhatTheySay() throws {
    let text = """
      kind: policy
      hosts:
        - {host: b, rack: r1, zone: z, labels: [disk=nvme, ssd], taints: [gpu-only], draining: true, bandwidth: 9000}
        - {host: a}
      groups:
        - {name: web, rule: apart, level: host, members: [web-*]}
        - {name: db, rule: apart, level: zone, domains: [[db-a-*], [db-b-*, x]]}
        - {name: job, rule: together, level: rack, members: [job-*], size: 8}
      """
    let policy = try Policy(parsing: text, file: "policy.yaml")
    #expect(policy.hosts.map(\.host) == ["a", "b"])
    #expect(
      policy.rules(of: "b")
        == HostRules(
          host: "b", rack: "r1", zone: "z", labels: ["disk=nvme", "ssd"], taints: ["gpu-only"], draining: true,
          bandwidth: 9000))
    #expect(policy.pressure(on: "b").bandwidth == 9000 && policy.pressure(on: "a").bandwidth == 0)
    #expect(
      policy.groups == [
        GuestGroup(name: "web", rule: .apart, level: .host, members: ["web-*"]),
        GuestGroup(name: "db", rule: .apart, level: .zone, domains: [["db-a-*"], ["db-b-*", "x"]]),
        GuestGroup(name: "job", rule: .together, level: .rack, members: ["job-*"], size: 8),
      ])
  }

  @Test func shapeFileMeansWhatItSays() throws {
    let shape = try Shape(parsing: shipped("shapes/database.yaml"), file: "database.yaml")
    #expect(shape.guestCells == [ShapeCell(vcpus: 4, memory: KiB(gib: 8)), ShapeCell(vcpus: 4, memory: KiB(gib: 8))])
    #expect(shape.cpuClass == .dedicated)
    #expect(shape.pageSize == .huge2M)
    #expect(shape.near == ["8086:1572"])
    let small = try Shape(parsing: shipped("shapes/small.yaml"), file: "small.yaml")
    #expect(small == Shape(name: "small", guestCells: [ShapeCell(vcpus: 2, memory: KiB(mib: 512))]))
  }
}
