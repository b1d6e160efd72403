import Fleet
import Glibc

/// What `/proc/PID/stat` says: the fields that tell processes apart.
struct ProcessStat {
  let pid: Int
  /// At most 15 bytes; may contain blanks, parentheses and anything else.
  let comm: String
  let state: UInt8
  /// PF_* of include/linux/sched.h.
  let flags: UInt64
  let threads: Int
  let startTicks: UInt64

  static let kernelThread: UInt64 = 0x0020_0000

  /// Reads the stat file of a pid; nil when there is no such process.
  init?(pid: Int, root: KernelRoot) throws(KernelError) {
    let path = "/proc/\(pid)/stat"
    guard let bytes = try root.bytesIfPresent(path, expecting: 1024) else { return nil }
    let line = bytes[...].trimmed
    // The name stands between the first "(" and the last ")", because it may itself contain either.
    guard let open = line.firstIndex(of: UInt8(ascii: "(")), let close = line.lastIndex(of: UInt8(ascii: ")")),
      open < close
    else { throw .malformed(path, found: line.text, expected: "PID (COMM) STATE …, see proc(5)") }
    // Field 3 of proc(5) is the first one behind the name.
    let rest = line[(close + 1)...].fields(limit: 20)
    guard rest.count == 20, let state = rest[0].first, let flags = UInt64(rest[6], radix: 10),
      let threads = rest[17].decimal, let start = UInt64(rest[19], radix: 10)
    else { throw .malformed(path, found: line.text, expected: "at least 22 fields, see proc(5)") }
    self.pid = pid
    comm = line[(open + 1)..<close].text
    self.state = state
    self.flags = flags
    self.threads = threads
    startTicks = start
  }

  /// Reads the stat file of that run of a process, or throws `gone` when it has ended or its pid is reused.
  @discardableResult
  init(_ incarnation: Incarnation, root: KernelRoot, call: String) throws(KernelError) {
    guard let stat = try ProcessStat(pid: incarnation.pid, root: root), !stat.hasEnded else {
      throw .gone(incarnation, call: call)
    }
    guard stat.startTicks == incarnation.startTicks else {
      throw .gone(
        incarnation, call: call,
        "pid \(incarnation.pid) now belongs to another process (start \(stat.startTicks), "
          + "expected \(incarnation.startTicks))")
    }
    self = stat
  }

  var incarnation: Incarnation { Incarnation(pid: pid, startTicks: startTicks) }
  var isKernelThread: Bool { flags & Self.kernelThread != 0 }

  /// A zombie leader with other threads is a living process whose main thread has returned.
  var hasEnded: Bool { (state == UInt8(ascii: "Z") && threads <= 1) || state == UInt8(ascii: "X") }
}
