import PlacementEngine
import Simulation
import Testing

@Suite struct ChurnTests {
  private func trial(_ events: String) throws -> ChurnTrial {
    let shapes = try TrialShapes(Array("f,vcpus,ram,cells,p\n0,16,4,1,0.5\n1,32,8,2,0.5\n".utf8), file: "s")
    let table = try TrialEvents(Array(("t,op,vm,f\n" + events).utf8), file: "e", shapes: shapes)
    let cell = CellSpace(cpus: 24, memory: 64 << 20)
    var ticks: UInt64 = 0
    return ChurnTrial(table.events, on: [FleetIndex.Host(rack: 0, free: [cell, cell])]) {
      ticks += 5
      return ticks
    }
  }

  @Test func whoFitsNowhereIsRefusedAndWhoLeavesMakesRoom() throws {
    let trial = try trial("-1,+,0,0\n0,+,1,1\n1,-,0,0\n2,+,2,1\n3,+,3,0\n")
    #expect(trial.vcpusAsked == 80)
    #expect(trial.vcpusRefused == 48)
    #expect(trial.refusedPercent == 60)
    #expect(trial.durations == [5, 5, 5, 5])
  }

  /// At time 0 a guest of 16 is on one cell: 8 and 24 CPUs are free, of which 16 in one piece.
  @Test func samplesTellHowBrokenUpFreeCPUsAre() throws {
    let one = try trial("-1,+,0,0\n0,+,1,1\n")
    #expect(one.meanFragmentRate == 0.5)
    #expect(one.meanWideSlots == 0)
    let none = try trial("-1,+,0,0\n-0.5,-,0,0\n0,+,1,0\n")
    #expect(abs(none.meanFragmentRate - 1.0 / 3) < 1e-9)
    #expect(none.meanWideSlots == 1)
  }
}
