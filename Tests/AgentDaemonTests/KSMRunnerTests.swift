import AgentCore
import Fleet
import Foundation
import NUMADriver
import Testing

@testable import numafleet_agent

/// KSM's files in a folder; `run` is a pipe, on which a write lasts until somebody reads, as the kernel's does until
/// all is unmerged.
@Suite struct KSMRunnerTests {
  let folder: URL
  let runner: KSMRunner

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "ksm-\(UUID().uuidString)")
    let ksm = folder.appending(path: "sys/kernel/mm/ksm")
    try FileManager.default.createDirectory(at: ksm, withIntermediateDirectories: true)
    try "1\n".write(to: ksm.appending(path: "merge_across_nodes"), atomically: false, encoding: .utf8)
    try #require(mkfifo(ksm.appending(path: "run").path(), 0o600) == 0)
    runner = KSMRunner(root: KernelRoot(prefix: String(folder.path().trimmingSuffix("/"))))
  }

  private func write(_ setting: KSMSetting, within milliseconds: Int) async -> CommandOutcome {
    await withCheckedContinuation { continuation in
      runner.write(setting, deadlineMilliseconds: milliseconds) { continuation.resume(returning: $0) }
    }
  }

  private var across: String? {
    try? String(contentsOf: folder.appending(path: "sys/kernel/mm/ksm/merge_across_nodes"), encoding: .utf8)
  }

  @Test func aWriteThatLastsEndsAtItsDeadlineAndOthersWaitForIt() async throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    for setting in [KSMSetting.run(2), .mergeAcrossNodes(false)] {
      guard case .failed(let refusal) = await write(setting, within: 50) else {
        Issue.record("\(setting) did not wait")
        return
      }
      #expect(refusal.code == .libvirtTimeout)
    }
    #expect(across == "1\n")
    // The kernel has ended what it was asked; what had waited beyond its deadline is not made any more.
    let pipe = open(folder.appending(path: "sys/kernel/mm/ksm/run").path(), O_RDONLY | O_NONBLOCK)
    try #require(pipe >= 0)
    defer { close(pipe) }
    #expect(await write(.run(1), within: 60_000) == .done(detail: "written", pagesLeft: 0))
    #expect(across == "1\n")
    var bytes = [UInt8](repeating: 0, count: 8)
    let count = read(pipe, &bytes, 8)
    #expect(String(decoding: bytes.prefix(max(0, count)), as: UTF8.self) == "21")
    #expect(await write(.mergeAcrossNodes(false), within: 60_000) == .done(detail: "written", pagesLeft: 0))
    #expect(across == "0\n")
  }
}

extension String {
  fileprivate func trimmingSuffix(_ suffix: String) -> Substring {
    hasSuffix(suffix) ? dropLast(suffix.count) : self[...]
  }
}
