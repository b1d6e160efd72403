import Glibc
import PlacementEngine
import Simulation
import Testing

@Suite struct PackingTests {
  private static func bytes(_ name: String) throws -> [UInt8] {
    let folder = #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let file = try #require(fopen("/\(folder)/Tables/\(name).csv", "r"))
    defer { fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 1 << 20)
    let count = fread(&bytes, 1, bytes.count, file)
    return Array(bytes[..<count])
  }

  private static func hosts(_ first: Int) throws -> [FleetIndex.Host] {
    try TrialHosts(bytes("hosts"), file: "hosts.csv", first: first).hosts
  }

  private static func requests(_ name: String) throws -> [TrialRequests.Request] {
    try TrialRequests(bytes("requests-\(name)"), file: name).requests
  }

  /// Percent of vcpus lost, with every assignment judged.
  private func lost(_ name: String, on first: Int, batch: Bool = false) throws -> Double {
    let hosts = try Self.hosts(first)
    let requests = try Self.requests(name)
    let trial =
      batch ? PackingTrial(batch: requests, on: hosts, groups: true) : PackingTrial(requests, on: hosts, groups: true)
    let places = zip(trial.slots, requests).map { slot, request in
      slot.map { slot in (host: slot.host, cells: request.demand.cells.indices.map { slot.cells[$0] }) }
    }
    #expect(violations(of: places, for: requests, on: hosts, groups: true).isEmpty)
    return trial.lostPercent
  }

  /// The mean that is aimed at is 2.0; what was never looked at while this was made loses 1.4.
  @Test func littleIsLostOnTheFewestHostsThatCouldDo() throws {
    let sequences = [("C1", 1340), ("C2", 1174), ("C3", 1443)]
    #expect(try sequences.reduce(0) { try $0 + lost($1.0, on: $1.1) } / 3 <= 1.6)
  }

  @Test func hardlyAnythingIsLostOnAllHosts() throws { #expect(try lost("C1", on: 1710) <= 0.1) }

  @Test func lessIsLostWhenTheOrderIsFree() throws { #expect(try lost("C1", on: 1340, batch: true) <= 0.4) }

  @Test func theSameRequestsGetTheSamePlaces() throws {
    let requests = Array(try Self.requests("C1").prefix(500))
    let hosts = try Self.hosts(150)
    let first = PackingTrial(requests, on: hosts, groups: true)
    #expect(first.slots.contains { $0 == nil } && first.placed > 300)
    #expect(first.slots == PackingTrial(requests, on: hosts, groups: true).slots)
  }

  /// Online the small guest takes half of the only room for the large one.
  @Test func batchPlacesAllWhereOneOrderCan() throws {
    let text = "0,2,2,1,none,0,-1\n1,4,4,1,none,0,-1\n2,2,2,1,none,0,-1\n"
    let requests = try TrialRequests(Array((Self.header + text).utf8), file: "r").requests
    let free = [CellSpace(cpus: 4, memory: 4 << 20), CellSpace(cpus: 4, memory: 4 << 20)]
    let fleet = FleetIndex([FleetIndex.Host(rack: 0, free: free)])
    let wanted = requests.map { BatchPlacement.Request($0.demand, rule: $0.rule, group: $0.group) }
    let batch = BatchPlacement(wanted, on: fleet)
    #expect(batch.placesAll && batch.vcpusPlaced == 8)
    let more = BatchPlacement(wanted + [wanted[1]], on: fleet)
    #expect(!more.placesAll && more.vcpusPlaced == 8)
  }

  // MARK: - The judge

  private static let header = "req,vcpus,ram,cells,strategy,group,domain\n"

  @Test(
    arguments: [
      ("0,5,1,1,none,0,-1\n", [(0, [0])], "request 0 does not fit on host 0 cell 0"),
      ("0,2,9,1,none,0,-1\n", [(0, [0])], "request 0 does not fit on host 0 cell 0"),
      ("0,2,2,2,none,0,-1\n", [(0, [1, 1])], "request 0 has no place of its own on host 0"),
      ("0,2,2,2,none,0,-1\n", [(0, [0])], "request 0 has no place of its own on host 0"),
      ("0,2,2,1,none,0,-1\n", [(9, [0])], "request 0 has no place of its own on host 9"),
      ("0,2,2,1,none,0,-1\n", [(0, [2])], "request 0 has no place of its own on host 0"),
      ("0,1,1,1,aff,3,-1\n1,1,1,1,aff,3,-1\n", [(0, [0]), (1, [0])], "request 1: group 3 is on two racks"),
      ("0,1,1,1,anti,3,-1\n1,1,1,1,anti,3,-1\n", [(0, [0]), (0, [1])], "request 1: group 3 is twice on host 0"),
      ("0,1,1,1,fd,3,1\n1,1,1,1,fd,3,2\n", [(0, [0]), (0, [1])], "request 1: two domains of group 3 on rack 0"),
    ] as [(String, [(Int, [Int])], String)])
  func judgeFindsWhatIsWrong(text: String, places: [(Int, [Int])], expected: String) throws {
    let requests = try TrialRequests(Array((Self.header + text).utf8), file: "r").requests
    let free = [CellSpace(cpus: 4, memory: 4 << 20), CellSpace(cpus: 4, memory: 4 << 20)]
    let hosts = [FleetIndex.Host(rack: 0, free: free), FleetIndex.Host(rack: 1, free: free)]
    let found = violations(of: places.map { (host: $0.0, cells: $0.1) }, for: requests, on: hosts, groups: true)
    #expect(found.count == 1 && found.first?.hasPrefix(expected) == true, "\(found)")
  }
}
