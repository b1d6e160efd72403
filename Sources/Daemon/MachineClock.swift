public import Fleet
import Glibc

/// What surrounds the loop of either daemon: the machine's clocks, its files as text, and the log.
///
/// Cores read no clock; their loops read this one and hand the time in.
public struct MachineClock: Sendable {
  public init() {}

  /// CLOCK_BOOTTIME for deadlines, CLOCK_REALTIME for records.
  public func now() -> Instant {
    Instant(milliseconds: read(CLOCK_BOOTTIME), wallMilliseconds: read(CLOCK_REALTIME))
  }

  /// Names this run of this process: its pid and the time it began.
  public func runID() -> BootID { BootID("\(getpid())-\(read(CLOCK_REALTIME))") }

  private func read(_ clock: clockid_t) -> Int {
    var time = timespec()
    clock_gettime(clock, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }
}
