import CLinux
public import Fleet
import NUMA

/// What changes when somebody pins, plugs or unplugs a thread of a process or writes its cpuset: two equal glances
/// mean that a whole reading would find the same threads with the same masks.
///
/// It costs one system call for each thread and three small files for the process, where the whole reading costs a file
/// for each thread. Only the main thread's cells are looked at, for a cgroup of a guest is written as a whole.
public struct ProcessGlance: Sendable, Hashable {
  fileprivate var tids: [Int] = []
  /// The words of each thread's mask, one thread after the other.
  fileprivate var masks: [UInt64] = []
  /// `Mems_allowed_list` of the main thread.
  fileprivate var mems: [UInt8] = []
}

extension ProcessReader {
  /// Glances at a process of this machine, or throws `gone`.
  public func glance(at incarnation: Incarnation) throws(KernelError) -> ProcessGlance {
    let call = "glance at process \(incarnation.pid)"
    try ProcessStat(incarnation, root: root, call: call)
    var glance = ProcessGlance()
    glance.tids = try threadIDs(of: incarnation)
    var words = [UInt64](repeating: 0, count: CPUKind.idLimit / 64)
    for tid in glance.tids {
      let filled = clinux_sched_getaffinity(pid_t(tid), &words, words.count)
      // A thread that has just ended makes this glance differ from the next.
      if filled > 0 { glance.masks.append(contentsOf: words[..<Int(filled)]) }
    }
    let path = "/proc/\(incarnation.pid)/status"
    guard let bytes = try root.bytesIfPresent(path) else { throw .gone(incarnation, call: call) }
    for line in ByteLines(bytes) where line.first == UInt8(ascii: "M") {
      if let value = line.value(of: "Mems_allowed_list:") { glance.mems = Array(value) }
    }
    return glance
  }
}
