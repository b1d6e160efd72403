/// A range of versions of kernel, libvirt or QEMU that is known to do something which placements must know of.
///
/// The table is data: where a version is mended, the range ends. Distributions carry mends back to older versions, so
/// the words say what to look at and not only what to install.
public struct KnownTrap: Sendable, Hashable {
  public var subject: Subject
  /// The first version that has it; nil: all before `mended` have.
  public var since: Version?
  /// The first version that has it no more.
  public var mended: Version
  /// Without this on the host, the trap does no harm.
  public var harms: Condition
  public var severity: Finding.Severity
  /// What goes wrong.
  public var harm: String
  public var remedy: String

  /// Whose version it is.
  public enum Subject: String, Sendable, Hashable { case kernel, libvirt }

  /// What must be there for the trap to snap.
  public enum Condition: Sendable, Hashable {
    case guests, pinnedGuests, strictGuests, strictGuestsOfSeveralCells, cgroupV2
  }

  /// What a host has of what traps need.
  public struct Bait: Sendable, Hashable {
    public var guests: Int
    public var pinned: Int
    public var strict: Int
    public var strictOfSeveralCells: Int
    public init(guests: Int, pinned: Int, strict: Int, strictOfSeveralCells: Int) {
      self.guests = guests
      self.pinned = pinned
      self.strict = strict
      self.strictOfSeveralCells = strictOfSeveralCells
    }
  }

  /// Major, minor and release; numbers that are missing are 0.
  public struct Version: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var numbers: [Int]
    public init(_ major: Int, _ minor: Int, _ release: Int = 0) { numbers = [major, minor, release] }

    /// The first three numbers of a text such as `6.1.0-13-amd64`; nil when it has not two of them.
    public init?(_ text: String) {
      let parts = text.split(whereSeparator: { !$0.isNumber }).prefix(3).compactMap { Int($0) }
      guard parts.count >= 2 else { return nil }
      self.init(parts[0], parts[1], parts.count > 2 ? parts[2] : 0)
    }

    public var description: String {
      numbers.last == 0 ? "\(numbers[0]).\(numbers[1])" : "\(numbers[0]).\(numbers[1]).\(numbers[2])"
    }

    public static func < (a: Self, b: Self) -> Bool { a.numbers.lexicographicallyPrecedes(b.numbers) }
  }
}

extension KnownTrap {
  /// Every trap, as it is told.
  public static let all: [KnownTrap] = [
    KnownTrap(
      subject: .kernel, mended: Version(5, 15), harms: .cgroupV2, severity: .warning,
      harm: "with cgroup v2 a change of cpuset.mems moves no pages, although libvirt reports success",
      remedy: "boot kernel 5.15 or later, or allow live_pages in policy.yaml, which moves them by libnuma"),
    KnownTrap(
      subject: .libvirt, mended: Version(1, 2, 9), harms: .guests, severity: .error,
      harm: "it knows no memnode (before 1.2.7) or no iothreadpin, so that parts of a placement are lost",
      remedy: "upgrade libvirt"),
    KnownTrap(
      subject: .libvirt, since: Version(1, 2, 9), mended: Version(5, 1), harms: .strictGuests, severity: .warning,
      harm: "memory of a starting guest is allocated before its nodeset holds, and begins on other cells",
      remedy: "upgrade libvirt to 5.1 or later, and look at new guests with numafleet doctor"),
    KnownTrap(
      subject: .libvirt, since: Version(1, 2, 9), mended: Version(7, 1), harms: .pinnedGuests, severity: .warning,
      harm: "systemctl daemon-reload resets the cgroups of guests, and the pins in them",
      remedy: "upgrade libvirt to 7.1 or later; until then run numafleet plan repair after each daemon-reload"),
    KnownTrap(
      subject: .libvirt, since: Version(1, 2, 9), mended: Version(8, 0), harms: .strictGuests, severity: .warning,
      harm: "a new nodeset of a running strict guest is accepted, but QEMU's own policy stays on the old cells",
      remedy: "upgrade libvirt to 8.0 or later, which refuses it, and keep virsh numatune --live off strict guests"),
    KnownTrap(
      subject: .libvirt, since: Version(8, 10), mended: Version(9, 5), harms: .strictGuestsOfSeveralCells,
      severity: .warning,
      harm: "strict guests of several cells may fail to start, or begin on the wrong cell (mended in 9.2, 9.4 and 9.5)",
      remedy: "upgrade libvirt to 9.5 or later; after each start look at them with numafleet doctor"),
  ]

  /// The traps that a host with such guests is in, with its version in words.
  public static func traps(of facts: HostFacts, with bait: Bait) -> [(trap: KnownTrap, version: String)] {
    all.compactMap { trap in
      let text = trap.subject == .kernel ? facts.kernelVersion : facts.libvirtVersion
      guard let text, let version = Version(text), version < trap.mended, trap.since.map({ version >= $0 }) ?? true
      else { return nil }
      let snaps =
        switch trap.harms {
        case .guests: bait.guests > 0
        case .pinnedGuests: bait.pinned > 0
        case .strictGuests: bait.strict > 0
        case .strictGuestsOfSeveralCells: bait.strictOfSeveralCells > 0
        case .cgroupV2: facts.cgroupVersion == 2 && bait.guests > 0
        }
      return snaps ? (trap, text) : nil
    }
  }
}
