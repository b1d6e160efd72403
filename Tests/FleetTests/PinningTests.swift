import Fleet
import NUMA
import Testing

/// A pinning is found by id, and its cputune has libvirt's names.
@Suite struct PinningTests {
  @Test func entriesAreSortedAndFound() {
    #expect(Sample.pinning.vcpus.map(\.vcpu) == [0, 1])
    #expect(Sample.pinning.cpuset(ofVCPU: 1) == [1] && Sample.pinning.cpuset(ofVCPU: 2) == nil)
    #expect(Sample.pinning.cpuset(ofIOThread: 1) == [2] && Sample.pinning.cpuset(ofIOThread: 0) == nil)
    #expect(Sample.pinning.cell(ofGuestCell: 0) == 0 && Sample.pinning.cell(ofGuestCell: 1) == nil)
  }

  @Test func onlyAPinningOfNothingIsEmpty() {
    #expect(Pinning().isEmpty)
    #expect(!Pinning(emulator: []).isEmpty)
    #expect(!Pinning(cputune: CPUTune(shares: 1)).isEmpty)
  }

  @Test func cputuneHasLibvirtsNamesInItsOrder() {
    #expect(
      Sample.pinning.cputune.parameters.map { "\($0.name)=\($0.value)" } == [
        "cpu_shares=100", "vcpu_period=100000", "vcpu_quota=-1", "global_period=100001", "global_quota=5000",
        "emulator_period=100002", "emulator_quota=5001", "iothread_period=100003", "iothread_quota=5002",
      ])
    #expect(CPUTune().parameters.isEmpty)
    #expect(CPUTune(emulatorQuota: 7000).parameters.map(\.name) == ["emulator_quota"])
  }

  @Test func scopeTellsWhatItTouches() {
    #expect(Scope.allCases.map(\.touchesLive) == [true, false, true])
    #expect(Scope.allCases.map(\.touchesConfig) == [false, true, true])
  }
}
