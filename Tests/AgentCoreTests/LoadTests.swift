import Fleet
import NUMA
import Testing

@testable import AgentCore

@Suite struct LoadTests {
  /// Load changes with every look, so it must not make a report of each.
  @Test func loadAloneIsNoReasonForAReport() {
    var view = HostView()
    view.facts = HostFacts(kernelVersion: "6.1")
    var busier = view
    busier.load = HostLoad(cpuPressure: 90, cells: [CellLoad(cell: 0, busy: 99, fileCache: 5, bandwidth: 7)])
    #expect(!busier.differsMaterially(from: view))
    busier.facts?.irqbalanceBanned = [1]
    #expect(busier.differsMaterially(from: view))
  }

  /// A coordinator that judges cells by two reports in a row has both within a minute, however little else happens.
  @Test func aBusyCellIsInAReportWithinHalfAMinute() throws {
    var scene = try Scene()
    for line in ["guest db", "connect 0", "welcome 0 topology", "finish", "+2000 tick", "finish"] {
      _ = try scene.run(line)
    }
    func reports(seconds: Int, busy: (Int) -> Int) throws -> [(second: Int, busy: Int?)] {
      var found: [(second: Int, busy: Int?)] = []
      for second in stride(from: 2, through: seconds, by: 2) {
        scene.host.load = HostLoad(cells: [CellLoad(cell: 0, busy: busy(second))])
        let known = scene.outputs.count
        for line in ["+2000 tick", "finish"] { _ = try scene.run(line) }
        for message in scene.outputs.dropFirst(known).flatMap(\.messages) {
          if case .report(let report) = message.envelope.payload { found.append((second, report.load?.cell(0)?.busy)) }
        }
      }
      return found
    }
    let quiet = try reports(seconds: 120) { 20 + $0 % 60 }
    #expect(quiet.count == 4, "load changes with every look, and only what is due anyway goes out")
    let pressed = try reports(seconds: 60) { _ in 97 }
    #expect(pressed.map(\.busy) == [97, 97] && pressed[0].second <= 30)
  }
}
