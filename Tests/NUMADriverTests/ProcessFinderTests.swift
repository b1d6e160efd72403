import Fleet
import Glibc
import Testing

@testable import NUMADriver

@Suite struct ProcessFinderTests {
  private func find(_ pattern: ProcessPattern, _ edits: [MachineDump.Edit] = []) throws -> [Int] {
    let dump = try MachineDump("procfs/two-cell-qemu", edits)
    return try ProcessFinder(root: dump.root).find(pattern).map(\.pid)
  }

  @Test func eachCriterionFinds() throws {
    #expect(try find(ProcessPattern(comm: "qemu-system-x86")) == [212])
    #expect(try find(ProcessPattern(executable: "/usr/bin/qemu-system-x86_64")) == [212])
    #expect(try find(ProcessPattern(executable: "qemu-system-x86_64")) == [212])
    #expect(try find(ProcessPattern(argumentContains: "id=iothread1")) == [212])
  }

  @Test func allCriteriaMustHold() throws {
    #expect(try find(ProcessPattern(comm: "qemu-system-x86", argumentContains: "other")) == [])
    #expect(try find(ProcessPattern(comm: "qemu", executable: "qemu-system-x86_64")) == [])
    #expect(try find(ProcessPattern(executable: "/bin/qemu-system-x86_64")) == [])
    #expect(try find(ProcessPattern()) == [])
  }

  @Test func replacedProgramIsStillFound() throws {
    // The link of a program whose file was replaced by an upgrade.
    let dump = try MachineDump("procfs/two-cell-qemu", [.remove("/proc/212/exe")])
    #expect(symlink("/usr/bin/qemu-system-x86_64 (deleted)", dump.folder + "/proc/212/exe") == 0)
    defer { unlink(dump.folder + "/proc/212/exe") }
    let found = try ProcessFinder(root: dump.root).find(ProcessPattern(executable: "/usr/bin/qemu-system-x86_64"))
    #expect(found.map(\.pid) == [212])
  }

  @Test func pidFileFindsAndStaleOnesDoNot() throws {
    let pattern = ProcessPattern(pidFile: "/run/q.pid")
    #expect(try find(pattern) == [])
    #expect(try find(pattern, [.set("/run/q.pid", "212")]) == [212])
    #expect(try find(pattern, [.set("/run/q.pid", "213")]) == [])
    #expect(try find(pattern, [.set("/run/q.pid", "-1")]) == [])
    #expect(try find(pattern, [.set("/run/q.pid", "twelve")]) == [])
    #expect(try find(ProcessPattern(comm: "other", pidFile: "/run/q.pid"), [.set("/run/q.pid", "212")]) == [])
  }

  @Test func kernelThreadsAndZombiesAreNotGuests() throws {
    let tail = "0 0 0 0 0 0 0 0 20 0 1 0 1327 0 0"
    let kernelThread = "212 (qemu-system-x86) S 2 0 0 0 -1 2129984 \(tail)"
    let zombie = "212 (qemu-system-x86) Z 1 0 0 0 -1 4194304 \(tail)"
    for stat in [kernelThread, zombie] {
      #expect(try find(ProcessPattern(comm: "qemu-system-x86"), [.set("/proc/212/stat", stat)]) == [])
    }
  }

  @Test func onePassServesSeveralPatterns() throws {
    let child = try Child(["/bin/sleep", "1001"])
    let incarnation = try child.started(as: "sleep")
    let found = try ProcessFinder().find([
      ProcessPattern(argumentContains: "no such argument anywhere \(getpid())"),
      ProcessPattern(comm: "sleep", argumentContains: "1001"), ProcessPattern(executable: "sleep"),
    ])
    #expect(found[0] == [] || found[0].map(\.pid) == [Int(getpid())])
    #expect(found[1].contains(incarnation))
    #expect(found[2].contains(incarnation))
  }
}
