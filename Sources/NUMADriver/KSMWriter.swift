import Glibc

/// Writes KSM's settings, on a thread that may wait: the kernel ends unmerging before it answers.
public struct KSMWriter: Sendable {
  let root: KernelRoot

  static let folder = "/sys/kernel/mm/ksm"

  /// A writer on the given machine, this one by default.
  public init(root: KernelRoot = .machine) { self.root = root }

  /// Writes `run`: 0 stops, 1 runs, 2 unmerges all pages and stops.
  ///
  /// - Throws: with ENOMEM when not all could be unmerged; the kernel has then stopped KSM.
  public func setRun(_ run: Int) throws(KernelError) {
    try root.write("\(run)", to: "\(Self.folder)/run")
  }

  /// Writes `merge_across_nodes`.
  ///
  /// - Throws: `busy` while pages are merged.
  public func setMergeAcrossNodes(_ across: Bool) throws(KernelError) {
    do {
      try root.write(across ? "1" : "0", to: "\(Self.folder)/merge_across_nodes")
    } catch {
      throw Self.error(of: error)
    }
  }

  /// The error with its reason: only merged pages make the kernel say EBUSY here.
  static func error(of error: KernelError) -> KernelError {
    guard error.errno == EBUSY else { return error }
    return KernelError(
      .busy, errno: error.errno, call: error.call, "pages are merged, and the kernel takes it only while none is",
      remedy: "stop whoever starts KSM meanwhile, for example ksmtuned, and ask again")
  }
}
