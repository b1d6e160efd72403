import Fleet
import Glibc
import NUMA
import Testing

@testable import NUMADriver

@Suite struct KSMWriterTests {
  private static let folder = "/sys/kernel/mm/ksm"

  @Test func settingsAreWrittenWhereTheyAreRead() throws {
    let dump = try MachineDump("sysfs/five-cells", [.set("\(Self.folder)/pages_sharing", "6")])
    let (reader, writer) = (HostFactsReader(root: dump.root), KSMWriter(root: dump.root))
    #expect(try reader.readKSM() == KSMState(run: 0, mergeAcrossNodes: true, pagesShared: 0, saved: 24))
    for run in [2, 1, 0] {
      try writer.setRun(run)
      #expect(try reader.readKSM()?.run == run)
    }
    for across in [false, true] {
      try writer.setMergeAcrossNodes(across)
      #expect(try reader.readKSM()?.mergeAcrossNodes == across)
    }
  }

  @Test func aKernelWithoutItHasNothingToWrite() throws {
    let dump = try MachineDump("sysfs/five-cells", [.remove(Self.folder)])
    let error = try #require(throws: KernelError.self) { try KSMWriter(root: dump.root).setRun(2) }
    #expect(error.kind == .absent)
  }

  /// A write of which the kernel takes nothing is told: /dev/full has no room for any.
  @Test func aWriteThatIsNotTakenIsTold() throws {
    let dump = try MachineDump("sysfs/five-cells", [.remove("\(Self.folder)/merge_across_nodes")])
    try #require(symlink("/dev/full", dump.folder + "\(Self.folder)/merge_across_nodes") == 0)
    defer { unlink(dump.folder + "\(Self.folder)/merge_across_nodes") }
    let error = try #require(throws: KernelError.self) { try KSMWriter(root: dump.root).setMergeAcrossNodes(false) }
    #expect(error.errno == ENOSPC && error.kind == .failed)
  }

  /// The kernel itself says it in the emulated machine: `Scenarios/foreign`.
  @Test func pagesThatAreMergedAreInTheWay() {
    let busy = KSMWriter.error(of: .file("write \"0\" to", "\(Self.folder)/merge_across_nodes", errno: EBUSY))
    #expect(busy.kind == .busy && busy.refusal.code == .busy)
    #expect(busy.refusal.remedy.contains("ksmtuned"))
    let other = KernelError.file("write \"0\" to", "\(Self.folder)/merge_across_nodes", errno: EPERM)
    #expect(KSMWriter.error(of: other).kind == .denied)
  }
}
