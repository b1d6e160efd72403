import AgentCore
import Fleet
import NUMA

/// A host's KSM that behaves as the kernel's, but merges at once where the kernel takes its time.
struct ModelKSM {
  var state: KSMState
  /// Pages that are merged whenever it runs, and what that saves.
  let pages: Int
  let saved: KiB
  /// So often somebody else has it run right after everything was unmerged.
  var meddling = 0
  /// So often somebody else stops it right after it was told to run.
  var stopping = 0

  init(run: Int, across: Bool, saved: KiB) {
    pages = saved.count / 40
    self.saved = saved
    state = KSMState(run: run, mergeAcrossNodes: across, pagesShared: pages, saved: saved)
  }

  /// Makes a write; why the kernel does not take it.
  mutating func refusal(of setting: KSMSetting) -> Refusal? {
    switch setting {
    case .run(let run):
      set(run: run)
      if run == 2, meddling > 0 {
        meddling -= 1
        set(run: 1)
      }
      if run == 1, stopping > 0 {
        stopping -= 1
        set(run: 0)
      }
    case .mergeAcrossNodes(let across):
      guard across == state.mergeAcrossNodes || state.pagesShared == 0 else {
        return Refusal(.busy, "pages are merged", remedy: "stop ksmtuned")
      }
      state.mergeAcrossNodes = across
    }
    return nil
  }

  private mutating func set(run: Int) {
    state.run = run
    if run == 2 { (state.pagesShared, state.saved) = (0, KiB(0)) }
    if run == 1 { (state.pagesShared, state.saved) = (pages, saved) }
  }
}
