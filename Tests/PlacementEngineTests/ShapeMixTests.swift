import Testing

@testable import PlacementEngine

@Suite struct ShapeMixTests {
  /// Free CPUs cost most where they run out before memory.
  @Test func freeCPUsArePricedWhereTheyAreScarce() {
    let mix = ShapeMix()
    let gib = 1 << 20
    let scarce = mix.measure(onto: [CellSpace(cpus: 60, memory: 200 * gib)]).emptiness
    #expect(scarce > 0)
    #expect(mix.measure(onto: [CellSpace(cpus: 60, memory: 100 * gib)]).emptiness == scarce / 3)
    let both = [CellSpace(cpus: 60, memory: 100 * gib), CellSpace(cpus: 0, memory: 100 * gib)]
    #expect(mix.measure(onto: both).emptiness == scarce)
  }
}
