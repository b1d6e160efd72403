public import Fleet

/// What a process must be to be found: all criteria that are given must hold.
public struct ProcessPattern: Sendable, Hashable {
  /// The whole of `/proc/PID/comm`, at most 15 bytes.
  public var comm: String?
  /// With a slash: what `/proc/PID/exe` points to. Without: the last component of that or of the first argument.
  public var executable: String?
  /// A text that one argument of `/proc/PID/cmdline` contains.
  public var argumentContains: String?
  /// A file that holds the pid.
  public var pidFile: String?

  public init(
    comm: String? = nil, executable: String? = nil, argumentContains: String? = nil, pidFile: String? = nil
  ) {
    self.comm = comm
    self.executable = executable
    self.argumentContains = argumentContains
    self.pidFile = pidFile
  }

  /// Without criteria nothing is found, lest every process become a guest.
  var isEmpty: Bool { comm == nil && executable == nil && argumentContains == nil && pidFile == nil }
}

/// Finds processes by pattern in one pass over /proc; kernel threads and zombies never match.
///
/// One pass costs one small file for each process of the host, whatever the number of patterns, and one or two more
/// for those that could match. Patterns with a pid file cost nothing beyond that file.
public struct ProcessFinder: Sendable {
  let root: KernelRoot

  /// Largest pid file that is believed; a pid has at most 7 digits.
  static let pidFileBytesMaximum = 64

  /// A finder on the given machine, this one by default.
  public init(root: KernelRoot = .machine) { self.root = root }

  /// The processes of each pattern, in the order of the patterns, each ascending by pid.
  public func find(_ patterns: [ProcessPattern]) throws(KernelError) -> [[Incarnation]] {
    var found = Array(repeating: [Incarnation](), count: patterns.count)
    var scanned: [Int] = []
    for (index, pattern) in patterns.enumerated() where !pattern.isEmpty {
      guard let file = pattern.pidFile else {
        scanned.append(index)
        continue
      }
      // The pid file of a guest that is not running is absent or stale; neither is an error of the search.
      guard let bytes = try root.bytesIfPresent(file, expecting: 64), bytes.count <= Self.pidFileBytesMaximum,
        let pid = bytes[...].trimmed.decimal, pid > 0, let stat = try ProcessStat(pid: pid, root: root),
        try matches(stat, pattern)
      else { continue }
      found[index] = [stat.incarnation]
    }
    if scanned.isEmpty { return found }
    for pid in root.numbersIfPresent("/proc") ?? [] {
      guard let stat = try ProcessStat(pid: pid, root: root) else { continue }
      for index in scanned where try matches(stat, patterns[index]) { found[index].append(stat.incarnation) }
    }
    return found
  }

  /// The processes of one pattern, ascending by pid.
  public func find(_ pattern: ProcessPattern) throws(KernelError) -> [Incarnation] { try find([pattern])[0] }

  private func matches(_ stat: ProcessStat, _ pattern: ProcessPattern) throws(KernelError) -> Bool {
    if stat.isKernelThread || stat.hasEnded { return false }
    if let comm = pattern.comm, comm != stat.comm { return false }
    let needsArguments = pattern.argumentContains != nil || pattern.executable?.contains("/") == false
    let arguments = needsArguments ? try root.arguments(ofPID: stat.pid) : []
    if let executable = pattern.executable {
      let link = root.link("/proc/\(stat.pid)/exe")
      if executable.contains("/") {
        // A program that was replaced while it runs, as by a package upgrade, is marked so.
        guard link == executable || link == executable + " (deleted)" else { return false }
      } else {
        let names = [link, arguments.first].map { $0?.split(separator: "/").last.map(String.init) }
        guard names.contains(executable) else { return false }
      }
    }
    if let text = pattern.argumentContains { return arguments.contains { $0.contains(text) } }
    return true
  }
}

extension KernelRoot {
  /// The arguments of a process; empty for a kernel thread, a zombie and a process that is gone.
  func arguments(ofPID pid: Int) throws(KernelError) -> [String] {
    guard let bytes = try bytesIfPresent("/proc/\(pid)/cmdline"), !bytes.isEmpty else { return [] }
    return bytes.split(separator: 0, omittingEmptySubsequences: false).map(\.text).dropLast(bytes.last == 0 ? 1 : 0)
  }
}
