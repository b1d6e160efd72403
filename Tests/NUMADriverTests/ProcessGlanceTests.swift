import Fleet
import Glibc
import NUMA
import Testing

@testable import NUMADriver

@Suite struct ProcessGlanceTests {
  private let reader = ProcessReader()

  @Test func untouchedProcessLooksTheSame() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    #expect(try reader.glance(at: incarnation) == reader.glance(at: incarnation))
  }

  @Test(.enabled(if: sysconf(Int32(_SC_NPROCESSORS_ONLN)) > 1, "one cpu leaves nothing to pin"))
  func pinnedThreadLooksDifferent() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    let before = try reader.glance(at: incarnation)
    let cpu = try #require(try KernelPinner().affinity(of: incarnation, tid: child.pid).first)
    try KernelPinner().setAffinity(of: incarnation, tid: child.pid, to: [cpu])
    #expect(try reader.glance(at: incarnation) != before)
  }

  @Test func endedProcessIsGone() throws {
    let child = try Child()
    let incarnation = try child.started(as: "sleep")
    child.end()
    let error = #expect(throws: KernelError.self) { try reader.glance(at: incarnation) }
    #expect(error?.kind == .gone)
  }

  @Test func anotherRunOfThePidIsGone() throws {
    let child = try Child()
    var incarnation = try child.started(as: "sleep")
    incarnation.startTicks -= 1
    #expect(throws: KernelError.self) { try reader.glance(at: incarnation) }
  }
}
