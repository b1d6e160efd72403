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
}
