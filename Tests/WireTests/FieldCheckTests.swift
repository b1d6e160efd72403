import Fleet
import NUMA
import Testing

@testable import Wire

@Suite struct FieldCheckTests {
  @Test(
    arguments: [
      "3-1", "^5", "0-3,^2", "8192", "0-8192", "99999999999999999999", "1,1", "2,1", "0-3,3-5", " 1", "1 ", "1,", ",1",
      "-1", "1-", "1--2", "a", "0x1", "1,,2", "1\n", "٣",
    ])
  func malformedListsAreRefused(text: String) {
    #expect {
      try IDList.set(text, "cell.cpus") as CPUSet
    } throws: { error in
      if case .malformed(field: "cell.cpus", _)? = error as? WireError.Kind { true } else { false }
    }
    #expect(report(cpus: text) != nil)
  }

  @Test func listsAreReadAsTheModelReadsThem() throws {
    for text in ["", "0", "0-3", "0-3,8", "8191", "0-8191", "1,3,5,63-64,127,128-200"] {
      #expect(try IDList.set(text, "f") as CPUSet == CPUSet(parsing: text))
    }
    var sampler = Sampler(seed: 3)
    for _ in 0..<500 {
      let set: NodeSet = sampler.set()
      #expect(try IDList.set(set.description, "f") == set)
    }
  }

  /// How a report with one cell of these CPUs is refused.
  private func report(cpus: String) -> WireError? {
    let cell = RawMessage.build { $0.text(5, cpus) }
    return refusal(topology: RawMessage.build { $0.nested(1, cell) })
  }

  private func refusal(topology: [UInt8]) -> WireError? {
    let report = RawMessage.build {
      $0.nested(1, [])
      $0.nested(3, topology)
    }
    let bytes = RawMessage.envelope(16, RawMessage.build { $0.nested(2, report) })
    do throws(WireError) {
      _ = try EnvelopeCodec.decodeToCoordinator(bytes)
      return nil
    } catch {
      return error
    }
  }

  @Test func aSoundCellIsAccepted() {
    #expect(report(cpus: "0-3") == nil)
  }

  @Test func numbersOutsideTheirRangeAreRefused() {
    let negative = UInt64(bitPattern: -1)
    let cells: [(field: UInt64, value: UInt64)] = [
      (1, negative), (1, 1024), (2, negative), (2, 1 << 45), (3, negative),
    ]
    for (field, value) in cells {
      let cell = RawMessage.build { $0.number(field, value) }
      #expect(refusal(topology: RawMessage.build { $0.nested(1, cell) })?.refusal.code == .malformed)
    }
    for (field, value): (UInt64, UInt64) in [(1, 8192), (1, negative), (2, 1024), (3, UInt64(bitPattern: -2))] {
      let cpu = RawMessage.build { $0.number(field, value) }
      #expect(refusal(topology: RawMessage.build { $0.nested(2, cpu) })?.refusal.code == .malformed)
    }
  }

  @Test func aPageSizeOfNothingIsRefused() {
    let cell = RawMessage.build { $0.nested(4, RawMessage.build { $0.number(2, 5) }) }
    #expect(refusal(topology: RawMessage.build { $0.nested(1, cell) })?.refusal.code == .malformed)
  }

  @Test func pagesBeyondAnyMachineAreRefused() {
    let pool = RawMessage.build {
      $0.number(1, 1 << 20)
      $0.number(2, 1 << 30)
    }
    let cell = RawMessage.build { $0.nested(4, pool) }
    #expect(refusal(topology: RawMessage.build { $0.nested(1, cell) })?.refusal.code == .malformed)
  }

  @Test func distancesThatAreNoMatrixAreRefused() {
    func matrix(_ ids: [UInt8], _ values: [UInt8]) -> WireError? {
      let matrix = RawMessage.build {
        $0.nested(1, ids)
        $0.nested(2, values)
      }
      return refusal(topology: RawMessage.build { $0.nested(3, matrix) })
    }
    #expect(matrix([0, 1], [10, 20, 20, 10]) == nil)
    #expect(matrix([0, 1], [10, 20, 20]) != nil)
    #expect(matrix([0, 1], [9, 20, 20, 10]) != nil)
    #expect(matrix([1, 0], [10, 20, 20, 10]) != nil)
    #expect(matrix([1, 1], [10, 20, 20, 10]) != nil)
  }

  @Test func countersThatHaveNoSuccessorAreRefused() throws {
    let hello = Hello(softwareVersion: "1", topologyHash: .max, highestEpoch: Epoch(1 << 62))
    let bytes = EnvelopeCodec.encode(plain(ToCoordinator.hello(hello)))
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
    #expect(error.refusal.code == .malformed)
  }

  @Test func aGuestWithoutAnIDIsRefused() throws {
    let report = JobReport(job: 1, guest: "", generation: 1, outcome: .verified)
    let bytes = EnvelopeCodec.encode(plain(ToCoordinator.jobReport(report)))
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
    #expect(error.kind == .missing(field: "job_report.guest"))
  }

  @Test func missingPartsAreRefused() throws {
    let bytes = RawMessage.envelope(16, RawMessage.build { $0.nested(2, []) })
    let error = try #require(throws: WireError.self) { try EnvelopeCodec.decodeToCoordinator(bytes) }
    #expect(error.kind == .missing(field: "report.facts"))
  }
}
