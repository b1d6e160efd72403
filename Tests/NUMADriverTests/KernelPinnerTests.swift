import Fleet
import Glibc
import NUMA
import Testing

@testable import NUMADriver

@Suite struct KernelPinnerTests {
  private let pinner = KernelPinner()

  /// The CPUs that this test process, and so its children, may use.
  private func ownCPUs() throws -> CPUSet {
    let own = try ProcessReader().incarnation(ofPID: Int(getpid()))
    return try pinner.affinity(of: own, tid: own.pid)
  }

  @Test func pinsAThreadAndTheKernelShowsIt() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    let cpu = try #require(try ownCPUs().last)
    try pinner.setAffinity(of: incarnation, tid: child.pid, to: [cpu])
    #expect(try pinner.affinity(of: incarnation, tid: child.pid) == [cpu])
    #expect(try ProcessReader().threads(of: incarnation).map(\.cpusAllowed) == [[cpu]])
  }

  @Test func pinsChosenThreadsOnly() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    let cpu = try #require(try ownCPUs().first)
    #expect(try pinner.setAffinity(of: incarnation, to: [cpu], where: { $0 == .vcpu(0) }) == [])
    #expect(try pinner.setAffinity(of: incarnation, to: [cpu], where: { $0 == .worker }) == [child.pid])
    #expect(try pinner.affinity(of: incarnation, tid: child.pid) == [cpu])
  }

  @Test func anotherRunOfThePidIsRefused() throws {
    let child = try Child()
    var incarnation = try child.started(as: "sleep")
    let before = try pinner.affinity(of: incarnation, tid: child.pid)
    let cpu = try #require(before.first)
    incarnation.startTicks -= 1
    let error = #expect(throws: KernelError.self) {
      try pinner.setAffinity(of: incarnation, tid: child.pid, to: [cpu])
    }
    #expect(error?.kind == .gone)
    incarnation.startTicks += 1
    #expect(try pinner.affinity(of: incarnation, tid: child.pid) == before)
  }

  @Test func threadOfAnotherProcessIsRefused() throws {
    let (child, other) = (try Child(), try Child())
    let incarnation = try child.started(as: "sleep")
    let cpus = try ownCPUs()
    let error = #expect(throws: KernelError.self) {
      try pinner.setAffinity(of: incarnation, tid: other.pid, to: cpus)
    }
    #expect(error?.kind == .gone)
    #expect(error?.message == "process \(child.pid) has no thread \(other.pid)")
  }

  @Test func endedProcessIsGone() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    child.end()
    let error = #expect(throws: KernelError.self) {
      try pinner.setAffinity(of: incarnation, tid: child.pid, to: [0])
    }
    #expect(error?.kind == .gone)
  }

  @Test func emptySetIsRefused() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    let error = #expect(throws: KernelError.self) { try pinner.setAffinity(of: incarnation, tid: child.pid, to: []) }
    #expect(error?.kind == .refused)
  }

  @Test func absentCPUChangesNothingEvenBesideARealOne() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    let before = try pinner.affinity(of: incarnation, tid: child.pid)
    let real = try #require(before.first)
    for cpuset: CPUSet in [[8000], [real, 8000]] {
      let error = #expect(throws: KernelError.self) {
        try pinner.setAffinity(of: incarnation, tid: child.pid, to: cpuset)
      }
      #expect(error?.kind == .outsideCPUSet)
      #expect(error?.message == "cpus 8000 are offline or do not exist")
      #expect(try pinner.affinity(of: incarnation, tid: child.pid) == before)
    }
  }
}
