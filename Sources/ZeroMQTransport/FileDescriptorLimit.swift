import Glibc

/// How many files and sockets the process may have open: each connection is one.
public enum FileDescriptorLimit {
  private static let openFiles = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)

  /// Raises the limit to at least `needed` and gives the limit that then holds. libzmq may end the process when
  /// it cannot open one, so a daemon asks for 4 for each peer and 4096 more at its start, and refuses to start without.
  /// Throws `.fileDescriptorLimit` if the hard limit is lower and may not be raised.
  @discardableResult
  public static func raise(toAtLeast needed: Int) throws(TransportError) -> Int {
    var limit = rlimit()
    guard getrlimit(openFiles, &limit) == 0 else {
      throw .system(call: "getrlimit", reason: reason(errno))
    }
    if limit.rlim_cur >= rlim_t(needed) { return Int(clamping: limit.rlim_cur) }
    let allowed = Int(clamping: limit.rlim_max)
    limit.rlim_cur = rlim_t(needed)
    limit.rlim_max = max(limit.rlim_max, rlim_t(needed))
    guard setrlimit(openFiles, &limit) == 0 else {
      throw .fileDescriptorLimit(needed: needed, allowed: allowed)
    }
    return needed
  }
}
