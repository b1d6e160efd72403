import AgentCore
import Dispatch
import Fleet
import NUMADriver
import Synchronization

/// Reads and writes KSM's settings. A write may last as long as the kernel unmerges, and those after it wait, in their
/// order; reading never waits.
final class KSMRunner: Sendable {
  private let root: KernelRoot
  private let writing = DispatchQueue(label: "ksm")
  private let reading = DispatchQueue(label: "ksm reading")
  private let deadlines = DispatchQueue(label: "ksm deadlines")

  init(root: KernelRoot = .machine) { self.root = root }

  func read(_ done: @escaping @Sendable (CommandOutcome) -> Void) {
    reading.async { [root] in
      do throws(KernelError) {
        let state = try HostFactsReader(root: root).readKSM()
        done(.observedKSM(state, cells: try KernelTopology(root: root).cellStates()))
      } catch {
        done(.failed(error.refusal))
      }
    }
  }

  /// Ends at the deadline at the latest. A write that the kernel has begun goes on all the same; one that still waits
  /// then is not made any more.
  func write(
    _ setting: KSMSetting, deadlineMilliseconds: Int, _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    let call = Call(done)
    deadlines.asyncAfter(deadline: .now() + .milliseconds(deadlineMilliseconds)) {
      call.end(
        .failed(
          Refusal(
            .libvirtTimeout, "the kernel did not take KSM's \(setting.words) within \(deadlineMilliseconds) ms",
            remedy: "look at the free memory of the host")))
    }
    writing.async { [root] in
      guard !call.isOver else { return }
      do throws(KernelError) {
        try setting.write(root)
        call.end(.done(detail: "written", pagesLeft: 0))
      } catch {
        call.end(.failed(error.refusal))
      }
    }
  }

  /// One completion, whichever comes first.
  private final class Call: Sendable {
    private let done: Mutex<(@Sendable (CommandOutcome) -> Void)?>

    init(_ done: @escaping @Sendable (CommandOutcome) -> Void) { self.done = Mutex(done) }

    var isOver: Bool { done.withLock { $0 == nil } }

    func end(_ outcome: CommandOutcome) {
      let tell = done.withLock { done in
        defer { done = nil }
        return done
      }
      tell?(outcome)
    }
  }
}

extension KSMSetting {
  fileprivate var words: String {
    switch self {
    case .run(let run): "run \(run)"
    case .mergeAcrossNodes(let across): "merge_across_nodes \(across ? 1 : 0)"
    }
  }

  fileprivate func write(_ root: KernelRoot) throws(KernelError) {
    let writer = KSMWriter(root: root)
    switch self {
    case .run(let run): try writer.setRun(run)
    case .mergeAcrossNodes(let across): try writer.setMergeAcrossNodes(across)
    }
  }
}
