import Glibc

/// The code that a daemon ran only to start: reading its configuration, parsing its arguments.
public enum StartupPages {
  /// Gives the pages of all code that is mapped now back to the page cache; what runs again is mapped again at once,
  /// so that resident memory is what the daemon uses and not what it once used.
  ///
  /// Only mappings that are executable and not writable are given back: nothing in them can have been changed.
  public static func release() {
    guard let maps = try? TextFile.read("/proc/self/maps") else { return }
    for line in maps.split(separator: "\n") {
      // START-END PERMISSIONS OFFSET DEVICE INODE PATH
      let fields = line.split(separator: " ", maxSplits: 5)
      guard fields.count == 6, fields[1] == "r-xp", fields[5].contains("/") else { continue }
      let ends = fields[0].split(separator: "-").compactMap { UInt(String($0), radix: 16) }
      guard ends.count == 2, ends[0] < ends[1] else { continue }
      madvise(UnsafeMutableRawPointer(bitPattern: ends[0]), Int(ends[1] - ends[0]), MADV_DONTNEED)
    }
  }
}
