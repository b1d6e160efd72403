/// Typed names and counters: one type per kind of id, so that no call can confuse them.
public protocol TextID: Sendable, Hashable, Comparable, Codable, ExpressibleByStringLiteral, CustomStringConvertible {
  var text: String { get }
  init(_ text: String)
}

extension TextID {
  public init(stringLiteral value: String) { self.init(value) }
  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(String.self)) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
  public static func < (a: Self, b: Self) -> Bool { a.text < b.text }
  public var description: String { text }
}

/// A counter that only rises.
public protocol Counter: Sendable, Hashable, Comparable, Codable, ExpressibleByIntegerLiteral, CustomStringConvertible {
  var number: UInt64 { get }
  init(_ number: UInt64)
}

extension Counter {
  public init(integerLiteral value: UInt64) { self.init(value) }
  public init(from decoder: any Decoder) throws { self.init(try decoder.singleValueContainer().decode(UInt64.self)) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(number)
  }
  public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
  public var next: Self { Self(number + 1) }
  public var description: String { "\(number)" }
}

/// A host, by the name its key is registered under; never by what a message claims.
public struct HostID: TextID {
  public let text: String
  public init(_ text: String) { self.text = text }
}

/// A guest: the domain's UUID, or `HOST/process/PID@START` for a process that libvirt does not know.
public struct GuestID: TextID {
  public let text: String
  public init(_ text: String) { self.text = text }
}

extension GuestID {
  /// Whether it names something that libvirt does not know, a process or a setting of the host, of which libvirt's
  /// silence says nothing.
  public var isProcess: Bool { text.contains("/") }

  /// Stands for the KSM of a host in jobs, which count a generation of their own for it; no guest has this id.
  public static func ksm(of host: HostID) -> GuestID { GuestID("\(host)/ksm") }
}

/// One boot of one host (`/proc/sys/kernel/random/boot_id`); jobs of an earlier boot are void.
public struct BootID: TextID {
  public let text: String
  public init(_ text: String) { self.text = text }
}

/// One run of one process: its pid and the start time in clock ticks since boot (`/proc/PID/stat`, field 22).
/// A pid alone may be reused by another process while a job is on its way.
public struct Incarnation: Sendable, Hashable, Codable, CustomStringConvertible {
  public var pid: Int
  public var startTicks: UInt64
  public init(pid: Int, startTicks: UInt64) {
    self.pid = pid
    self.startTicks = startTicks
  }
  public var description: String { "\(pid)@\(startTicks)" }
}

/// A plan, numbered by the coordinator's store.
public struct PlanID: Counter {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// A job, numbered by the coordinator's store.
public struct JobID: Counter {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// Counts the placements decided for one guest; an agent refuses a job older than the newest it has seen.
public struct Generation: Counter {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// Counts the terms of coordinators; an agent refuses the jobs of an older term.
public struct Epoch: Counter {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// What time it is, given to a core by its loop: monotonic for deadlines, wall clock for records only.
public struct Instant: Sendable, Hashable, Comparable {
  /// Milliseconds of CLOCK_BOOTTIME; never goes back, goes on during suspend.
  public var milliseconds: Int
  /// Milliseconds since 1970 (CLOCK_REALTIME); may jump, so nothing is decided by it.
  public var wallMilliseconds: Int
  public init(milliseconds: Int, wallMilliseconds: Int) {
    self.milliseconds = milliseconds
    self.wallMilliseconds = wallMilliseconds
  }
  public static func < (a: Instant, b: Instant) -> Bool { a.milliseconds < b.milliseconds }
  /// This moment and some milliseconds more.
  public func advanced(byMilliseconds more: Int) -> Instant {
    Instant(milliseconds: milliseconds + more, wallMilliseconds: wallMilliseconds + more)
  }
}
