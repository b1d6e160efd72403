/// The checks that no guest is lost by, each by name, so that a simulator can show what breaks without one.
///
/// In every build but one with `-DMUTANTS`, which only tests make, `isOn` is true and costs nothing. In that build one
/// check can be switched off, and `numafleet simulate mutants` must then find a violation: a check whose absence
/// nobody notices is either useless or badly watched.
public enum SafetyCheck: String, Sendable, Hashable, CaseIterable {
  /// An agent refuses a job that is not newer than the newest it has seen of the guest.
  case generation
  /// An agent refuses the jobs of a coordinator that it does not obey.
  case epoch
  /// What jobs in flight have claimed is taken.
  case claim
  /// Nothing leaves a coordinator before the write that it depends on is durable.
  case durableBeforeSend = "durable-before-send"
  /// What an agent goes back to is durable before it acts.
  case intentBeforeAct = "intent-before-act"
  /// A job is verified by what was read back, not by what was asked for.
  case verifyBeforeReport = "verify-before-report"
  /// A job that fails half way is taken back.
  case rollback

  #if MUTANTS
    /// The check that is switched off; set before anything runs, and never while it does.
    public nonisolated(unsafe) static var disabled: SafetyCheck?

    public var isOn: Bool { Self.disabled != self }
  #else
    /// Always true in this build.
    @inlinable public var isOn: Bool { true }
  #endif
}
