/// What may be done to a guest while it runs, with the reason that an operator reads.
public struct Movability: Sendable, Hashable, Codable {
  public var `class`: MovabilityClass
  /// One clause, for example "its numatune is strict, and libvirt changes only restrictive ones while it runs".
  public var reason: String
  /// Why it cannot go to another host while it runs, for example "its memory is encrypted (sev)"; nil when it can.
  public var staysBecause: String?
  public init(_ class: MovabilityClass, because reason: String, staysBecause: String? = nil) {
    self.class = `class`
    self.reason = reason
    self.staysBecause = staysBecause
  }
}

/// From everything to nothing.
public enum MovabilityClass: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
  /// libvirt can move the whole guest to one nodeset.
  case liveMemory
  /// libvirt refuses, libnuma can move the pages; bind policy and cpuset.mems stay as they were.
  case livePages
  /// Threads may move, memory may not.
  case cpuOnly
  /// Only by live migration to another host.
  case migrateOnly
  /// Not at all.
  case fixed

  public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
  private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}
