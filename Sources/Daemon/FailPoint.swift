#if FAILPOINTS
  import Glibc
  import Synchronization
#endif

/// A named moment at which a test ends the process as a power cut would: with `NUMAFLEET_FAILPOINT=NAME` the first time
/// that it is reached, with `NAME:3` the third time.
///
/// Only debug builds have it (build setting `FAILPOINTS`): of a release neither a name nor the variable is a part.
public enum FailPoint {
  /// Ends the process here with SIGKILL when the environment names this moment and `condition` holds for the nth time.
  @inlinable @inline(__always)
  public static func reach(_ name: StaticString, when condition: @autoclosure () -> Bool = true) {
    #if FAILPOINTS
      if condition() { hit(name) }
    #endif
  }

  #if FAILPOINTS
    /// The moment that the environment names.
    private static let wanted = getenv("NUMAFLEET_FAILPOINT").map { String(cString: $0) }?.split(separator: ":") ?? []
    /// How often it must still be reached.
    private static let left = Mutex(wanted.count > 1 ? Int(wanted[1]) ?? 1 : 1)

    @usableFromInline
    static func hit(_ name: StaticString) {
      guard let wanted = wanted.first, wanted == name.description else { return }
      let isDue = left.withLock { left in
        left -= 1
        return left == 0
      }
      if isDue { kill(getpid(), SIGKILL) }
    }
  #endif
}
