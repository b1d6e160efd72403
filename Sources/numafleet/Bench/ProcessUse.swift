import Glibc

/// What a process uses, from /proc/PID.
struct ProcessUse {
  let pid: pid_t

  /// VmRSS in KiB.
  func residentKiB() throws(CommandFailure) -> Int { try number(after: "VmRSS:", in: "status") }

  /// Pss in KiB: pages shared with others counted in part.
  func proportionalKiB() throws(CommandFailure) -> Int { try number(after: "Pss:", in: "smaps_rollup") }

  /// User and system time of all threads, living and ended, in milliseconds; whole ticks of 10 ms.
  func cpuMilliseconds() throws(CommandFailure) -> Int {
    let text = try read("stat")
    // The name in parentheses may hold spaces; utime and stime are the 14th and 15th field of all.
    let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
    guard fields.count > 12, let user = Int(fields[11]), let system = Int(fields[12]) else { throw unreadable("stat") }
    return (user + system) * 1000 / max(1, sysconf(Int32(_SC_CLK_TCK)))
  }

  private func number(after word: String, in file: String) throws(CommandFailure) -> Int {
    for line in try read(file).split(separator: "\n") where line.hasPrefix(word) {
      let parts = line.split { $0 == " " || $0 == "\t" }
      if parts.count > 1, let value = Int(parts[1]) { return value }
    }
    throw unreadable(file)
  }

  private func read(_ file: String) throws(CommandFailure) -> String {
    do { return try readText("/proc/\(pid)/\(file)", kind: "process") } catch { throw unreadable(file) }
  }

  private func unreadable(_ file: String) -> CommandFailure {
    CommandFailure(file: "/proc/\(pid)/\(file) cannot be read", remedy: "the process has ended; see its log")
  }
}
