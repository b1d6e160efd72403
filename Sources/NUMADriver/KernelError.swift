public import Fleet
import Glibc
import NUMA

/// Why the kernel did not tell or did not do something: the call, what it said, and what to do.
public struct KernelError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What a caller may decide by.
  public let kind: Kind
  /// The call's errno; 0 when no call failed.
  public let errno: Int32
  /// The call or file, for example `sched_setaffinity(thread 4711, cpus 2-3)`.
  public let call: String
  /// What is wrong, without a final period.
  public let message: String
  /// What the reader can do.
  public let remedy: String

  /// What went wrong, coarsely.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// A file or folder does not exist on this kernel.
    case absent
    /// The process or thread has ended, or its pid belongs to another one now.
    case gone
    /// The caller lacks a right (EPERM, EACCES).
    case denied
    /// CPUs or cells that the process's cgroup, or the machine, does not have.
    case outsideCPUSet
    /// The target cell lacks free pages.
    case noRoom
    /// A file holds something else than the kernel's documentation says.
    case malformed
    /// This module does not do it, and nothing was changed.
    case refused
    /// Something is in use that must not be for this (EBUSY).
    case busy
    /// A call failed for another reason.
    case failed
  }

  init(_ kind: Kind, errno: Int32 = 0, call: String, _ message: String, remedy: String) {
    self.kind = kind
    self.errno = errno
    self.call = call
    self.message = message
    self.remedy = remedy
  }

  /// One line: the call, what is wrong, what to do.
  public var description: String { remedy.isEmpty ? "\(call): \(message)" : "\(call): \(message); \(remedy)" }

  /// The same as a value for reports and the wire.
  public var refusal: Refusal {
    let code: Refusal.Code =
      switch kind {
      case .gone: .guestGone
      case .denied: .notPermitted
      case .outsideCPUSet:
        switch errno {
        case ENODEV: .unknownCell
        case EACCES: .notMovable
        default: .cpuOutsideParent
        }
      case .malformed: .malformed
      case .refused: .unsupported
      case .noRoom: .noRoom
      case .busy: .busy
      case .absent, .failed: .kernelRefused
      }
    return Refusal(code, "\(call): \(message)", remedy: remedy)
  }
}

extension KernelError {
  static func malformed(_ path: String, found: String, expected: String) -> KernelError {
    let shown = found.count > 80 ? "\(found.prefix(80))…" : found
    return KernelError(
      .malformed, call: path, "expected \(expected), found \"\(shown)\"",
      remedy: "report the file and `uname -a` if this kernel really prints that")
  }

  static func gone(_ incarnation: Incarnation, call: String, _ message: String? = nil) -> KernelError {
    KernelError(
      .gone, errno: ESRCH, call: call, message ?? "process \(incarnation.pid) has ended",
      remedy: "list the guests again")
  }

  /// The error of a file under /proc or /sys.
  static func file(_ verb: String, _ path: String, errno code: Int32) -> KernelError {
    let call = "\(verb) \(path)"
    switch code {
    case ENOENT, ENOTDIR:
      return KernelError(
        .absent, errno: code, call: call, text(code), remedy: "check that /proc, /sys and cgroups are mounted")
    case ESRCH:
      return KernelError(.gone, errno: code, call: call, "the process has ended", remedy: "list the guests again")
    case EPERM, EACCES:
      return KernelError(.denied, errno: code, call: call, text(code), remedy: "run as root, outside of a container")
    default:
      return KernelError(.failed, errno: code, call: call, text(code), remedy: "see errno(3), error \(code)")
    }
  }

  /// errno's text without its first capital, as it stands inside a sentence here.
  static func text(_ code: Int32) -> String {
    guard let text = strerror(code) else { return "error \(code)" }
    let words = String(cString: text)
    return words.prefix(1).lowercased() + words.dropFirst()
  }
}
