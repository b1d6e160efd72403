import Fleet
import Foundation
import LibvirtXML
import NUMA
import Testing

@testable import numafleet

/// `numafleet simulate`: tables in, figures and assignments out.
@Suite struct Simulate {
  private static let requests =
    "req,vcpus,ram,cells,strategy,group,domain\n3,4,8,2,none,0,-1\n4,2,4,1,none,0,-1\n5,8,1,1,none,0,-1\n"
  /// `host,rack,cpu0,ram0,cpu1,ram1` and one host of two cells with 4 CPUs and 8 GiB, gzipped.
  private static let hosts =
    "1f8b0800000000000203cbc82f2ed1294a4cced6492e283500b2720d402c4310cb90cb5cc740c744c70284b90094b69cbb2a000000"

  private let folder = FileManager.default.temporaryDirectory.appending(path: "simulate-\(UUID().uuidString)")

  private func file(_ name: String, _ content: Data) throws -> String {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let url = folder.appending(path: name)
    try content.write(to: url)
    return url.path
  }

  private func hostsFile() throws -> String {
    try file("hosts.csv.gz", Data(try #require(ReferenceServer.bytes(hexadecimal: Self.hosts))))
  }

  @Test func packingPlacesAndWritesAssignments() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let requests = try file("requests.csv", Data(Self.requests.utf8))
    let out = folder.appending(path: "out.csv").path
    let run = try Run(
      "simulate packing --hosts \(try hostsFile()) --requests \(requests) --assignments \(out) --json")
    #expect(run.exit == .done, "\(run.out)")
    let figures = try #require(try JSONSerialization.jsonObject(with: Data(run.out.utf8)) as? [String: Any])
    #expect(figures["placed"] as? Int == 2 && figures["requests"] as? Int == 3)
    #expect(figures["demanded_vcpus"] as? Int == 14 && figures["placed_vcpus"] as? Int == 6)
    #expect(try String(contentsOfFile: out, encoding: .utf8) == "req,host,cells\n3,7,0+1\n4,7,0\n")
  }

  @Test func churnTellsWhatItRefused() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let shapes = try file("shapes.csv", Data("f,vcpus,ram,cells,p\n0,3,1,1,1\n".utf8))
    let events = try file("events.csv", Data("t,op,vm,f\n-1,+,0,0\n0,+,1,0\n1,+,2,0\n2,-,0,0\n3,+,3,0\n".utf8))
    let run = try Run("simulate churn --hosts \(try hostsFile()) --shapes \(shapes) --events \(events) -o json")
    let figures = try #require(try JSONSerialization.jsonObject(with: Data(run.out.utf8)) as? [String: Any])
    #expect(abs((figures["rejected_vcpu_percent"] as? Double ?? 0) - 100.0 / 3) < 0.001)
    let keys = ["mean_fragment_rate", "mean_free_32c2_slots", "p50_ns", "p99_ns", "rejected_vcpu_percent"]
    #expect(figures.keys.sorted() == keys)
  }

  /// Two halves of a whole 16 on the cells of one host come together.
  @Test func rebalanceTellsFiguresAndWritesMoves() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let hosts = try file("hosts.csv", Data("host,cpu0,ram0,cpu1,ram1\n3,8,64,8,64\n9,0,0,0,0\n".utf8))
    let guests = try file("vms.csv", Data("vm,vcpus,ram,cells,host,where\n7,8,16,1,3,1\n8,4,8,2,9,0+1\n".utf8))
    let out = folder.appending(path: "out.csv").path
    let run = try Run(
      "simulate rebalance --hosts \(hosts) --guests \(guests) --migrations 1 --moves \(out) --json")
    #expect(run.exit == .done, "\(run.out)")
    let figures = try #require(try JSONSerialization.jsonObject(with: Data(run.out.utf8)) as? [String: Any])
    let keys = ["cross_host_moves", "fragment_rate", "same_host_moves", "seconds", "start_fragment_rate"]
    #expect(figures.keys.sorted() == keys)
    #expect(figures["start_fragment_rate"] as? Double == 1 && figures["fragment_rate"] as? Double == 0)
    #expect(figures["same_host_moves"] as? Int == 1 && figures["cross_host_moves"] as? Int == 0)
    #expect(
      try String(contentsOfFile: out, encoding: .utf8)
        == "step,vm,from_host,from_where,to_host,to_where\n1,7,3,1,3,0\n")
    let kept = try Run("simulate rebalance --hosts \(hosts) --guests \(guests) --migrations 0 --no-repins")
    #expect(kept.out.contains("100.00 % of free CPUs, 100.00 % after the moves"), "\(kept.out)")
    #expect(throws: (any Error).self) {
      try Run("simulate rebalance --hosts \(hosts) --guests \(guests) --migrations=-1")
    }
  }

  /// Keys of the documents are those that JSON.md lists.
  private func listed(_ command: String) throws -> String {
    let path = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/Sources/JSON.md"
    let lines = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    return String(try #require(lines.first { $0.hasPrefix("| `\(command)` |") }))
  }

  @Test func dayTellsBothArms() throws {
    let run = try Run("simulate day --hosts 3 --hours 1 --fill 70 --seed 9 --json")
    #expect(run.exit == .done, "\(run.out)")
    let figures = try #require(try JSONSerialization.jsonObject(with: Data(run.out.utf8)) as? [String: Any])
    let days = try #require(figures["days"] as? [[String: Any]])
    #expect(days.map { $0["automation"] as? Bool } == [false, true])
    #expect(days.allSatisfy { $0["ping_pong"] as? Int == 0 && $0["violations"] as? Int == 0 })
    let shapes = try #require(days[0]["shapes"] as? [[String: Any]])
    #expect(shapes.first?["shape"] as? String == "2c1")
    let row = try listed("simulate day")
    for key in Array(figures.keys) + days[0].keys + (shapes.first?.keys.map { $0 } ?? []) {
      #expect(row.contains("`\(key)`") || row.contains("`\(key)[]`"), "\(key)")
    }
    let off = try Run("simulate day --hosts 3 --hours 1 --fill 70 --seed 9 --auto off")
    #expect(off.out.contains("automation off") && !off.out.contains("automation on"))
    #expect(off.out.contains("digest:     \(try #require(days[0]["digest"] as? String))"), "\(off.out)")
    #expect(throws: (any Error).self) { try Run("simulate day --hosts 0") }
  }

  @Test func whatIfCountsOnHostsOfAKindOrAFile() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let shape = "--vcpus 64 --memory 128GiB --guest-cells 2 --dedicated"
    let run = try Run("simulate whatif --hosts 7 --topology 2x44x180GiB \(shape) --json")
    #expect(run.exit == .done, "\(run.out)")
    let figures = try #require(try JSONSerialization.jsonObject(with: Data(run.out.utf8)) as? [String: Any])
    #expect(figures["fits"] as? Int == 7 && figures["is_exact"] as? Bool == true)
    let row = try listed("simulate whatif")
    for key in figures.keys { #expect(row.contains("`\(key)`") || row.contains("`\(key)[]`"), "\(key)") }
    // The same machine, as libvirt and as this command tell it.
    let fixtures = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    let machine = fixtures.appending(path: "Fixtures/hosts/two-sockets-smt/capabilities.xml")
    let topology = try CapabilitiesDocument(parsing: try String(contentsOf: machine, encoding: .utf8)).topology
    let view = HostView(
      id: "a", liveness: .connected, facts: HostFacts(kernelVersion: "6.8"), topology: topology, guests: [])
    let json = try file("topology.json", Data(JSONText.document(TopologyDocument(view)).utf8))
    let small = "--vcpus 2 --memory 1GiB --dedicated"
    let byXML = try Run("simulate whatif --hosts 10 --topology \(machine.path) \(small)").out
    #expect(byXML == (try Run("simulate whatif --hosts 10 --topology \(json) \(small)").out))
    let pairs = topology.cells.reduce(0) { $0 + $1.cpus.count / 2 }
    #expect(byXML == "fits:      \(10 * pairs) on 10 hosts\na host:    \(pairs) by itself\n", "\(byXML)")
  }

  @Test func whatIfNamesWhatItCannotUse() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let shape = "--vcpus 2 --memory 1GiB"
    let policy = try file("policy.yaml", Data("kind: policy\nreserve: {pcpus_per_cell: 4}\n".utf8))
    let none = try Run("simulate whatif --hosts 2 --topology 1x4x8GiB \(shape) --policy \(policy)")
    #expect(none.out.hasPrefix("fits:      0 on 2 hosts") && none.out.contains("no room:"), "\(none.out)")
    let bad = try file("bad.json", Data("{}".utf8))
    for (kind, text) in [
      ("/nonexistent", "No such file"), (bad, "is neither libvirt's capabilities nor"),
      ("2x0x1GiB", "is no kind of host"), ("2x4x1parsec", "is no kind of host"),
      (try file("bad.xml", Data("<capabilities/>".utf8)), "bad.xml"),
    ] {
      let run = try Run("simulate whatif --hosts 2 --topology \(kind) \(shape) --json")
      #expect(run.exit == .usage && run.out.contains(text), "\(run.out)")
    }
    #expect(throws: (any Error).self) { try Run("simulate whatif --hosts 2 --topology 1x4x8GiB") }
  }

  @Test func badTablesAndPathsAreNamed() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let requests = try file("requests.csv", Data("req,vcpus\n".utf8))
    let bad = try Run("simulate packing --hosts \(try hostsFile()) --requests \(requests) --json")
    #expect(bad.exit == .usage && bad.out.contains("requests.csv:1: the header is"), "\(bad.out)")
    let missing = try Run("simulate packing --hosts /nonexistent --requests \(requests) --json")
    #expect(missing.exit == .usage && missing.out.contains("/nonexistent: No such file"), "\(missing.out)")
    let damaged = try file("damaged.gz", Data([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff, 0xff, 0xff]))
    let broken = try Run("simulate packing --hosts \(damaged) --requests \(requests) --json")
    #expect(broken.exit == .usage && broken.out.contains("damaged"), "\(broken.out)")
  }

  @Test func benchOfPlacementRunsSmall() throws {
    let run = try Run("bench placement --hosts 20 --cells 2 --fill 50 --decisions 200 --json")
    let figures = try #require(try JSONSerialization.jsonObject(with: Data(run.out.utf8)) as? [String: Any])
    #expect(figures["hosts"] as? Int == 20 && figures["cells"] as? Int == 2 && figures["fill"] as? Int == 50)
    #expect(figures["p50_ns"] as? Int ?? 0 > 0 && figures["c_index_ns"] as? Int ?? 0 > 0)
    // Zero in release only: without optimization, whole vectors are allocated.
    #expect(figures["allocations_per_decision"] is Double)
    let wrong = try Run("bench placement --hosts 1 --cells 2 --guest-cells 8 --json")
    #expect(wrong.exit == .usage && wrong.out.contains("do not fit on hosts of 2"))
  }
}
