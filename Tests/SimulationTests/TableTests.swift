import PlacementEngine
import Simulation
import Testing

@Suite struct TableTests {
  private static let hosts = "host,rack,cpu0,ram0\n7,0,4,8\n"
  private static let requests = "req,vcpus,ram,cells,strategy,group,domain\n"
  private static let shapes = "f,vcpus,ram,cells,p\n0,2,4,1,0.5\n"

  @Test func tablesAreRead() throws {
    let fleet = try TrialHosts(Array("host,rack,cpu0,ram0,cpu1,ram1\r\n7,3,4,8,0,0\r\n\r\n".utf8), file: "h")
    #expect(fleet.names == [7])
    #expect(fleet.hosts[0].rack == 3)
    #expect(fleet.hosts[0].free == [CellSpace(cpus: 4, memory: 8 << 20), CellSpace(cpus: 0, memory: 0)])
    let asked = try TrialRequests(Array((Self.requests + "1,8,16,2,fd,5,2\n").utf8), file: "r").requests
    #expect(asked[0].demand.cells == Array(repeating: CellSpace(cpus: 4, memory: 8 << 20), count: 2))
    #expect(asked[0].rule == .distinctRacks(domain: 2))
  }

  @Test(arguments: [
    ("", "h:1: the file is empty"),
    ("host,rack\n", "h:1: the header has no host,rack,cpu0,ram0"),
    ("host,rack,cpu,ram\n", "h:1: the header is \"host,rack,cpu,ram\", not \"host,rack,cpu0,ram0\""),
    (hosts + "7,0,4,8\n", "h:3: host 7 is there already"),
    (hosts + "8,0,-4,8\n", "h:3: cpu0 is \"-4\""),
    (hosts + "8,0,4,99999999999999999999\n", "h:3: ram0 is \"99999999999999999999\""),
    (hosts + "\n8,0,4\n", "h:4: 3 fields where the header has 4"),
    (hosts + "\u{0}\u{FF},0,4,1", "h:3: host is"),
  ])
  func faultsOfHostsNameTheirLine(text: String, expected: String) {
    let error = #expect(throws: TableError.self) { try TrialHosts(Array(text.utf8), file: "h") }
    #expect(error?.description.hasPrefix(expected) == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    ("1,0,16,1,none,0,-1\n", "r:2: vcpus is \"0\""),
    ("1,9,16,2,none,0,-1\n", "r:2: 9 vcpus and 16 GiB cannot be spread evenly over 2 cells"),
    ("1,9,16,9,none,0,-1\n", "r:2: cells is \"9\""),
    ("1,8,16,1,near,0,-1\n", "r:2: strategy \"near\" is none of none, aff, anti, fd"),
    ("1,8,16,1,fd,0,-1\n", "r:2: domain is \"-1\""),
    ("1,8,16,1,none,0,-1\n1,8,16,1,none,0,-1\n", "r:3: request 1 is there already"),
  ])
  func faultsOfRequestsNameTheirLine(text: String, expected: String) {
    let error = #expect(throws: TableError.self) { try TrialRequests(Array((Self.requests + text).utf8), file: "r") }
    #expect(error?.description.hasPrefix(expected) == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    ("0,+,1,3\n", "e:2: there is no shape 3"), ("0,-,1,0\n", "e:2: guest 1 leaves, but is not there"),
    ("0,+,1,0\n0,+,1,0\n", "e:3: guest 1 is there already"),
    ("5,+,1,0\n4,-,1,0\n", "e:3: time goes back from 5.0 to 4.0"),
    ("nan,+,1,0\n", "e:2: t is \"nan\""), ("0,*,1,0\n", "e:2: op \"*\" is neither + nor -"),
  ])
  func faultsOfEventsNameTheirLine(text: String, expected: String) throws {
    let shapes = try TrialShapes(Array(Self.shapes.utf8), file: "s")
    let error = #expect(throws: TableError.self) {
      try TrialEvents(Array(("t,op,vm,f\n" + text).utf8), file: "e", shapes: shapes)
    }
    #expect(error?.description.hasPrefix(expected) == true, "\(String(describing: error))")
  }
}
