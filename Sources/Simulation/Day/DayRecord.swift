public import NUMA

/// What happened to one guest's place, in numbers only: what the judge is told, and what a day's digest is made of.
public struct DayRecord: Sendable, Hashable {
  public enum Kind: UInt8, Sendable {
    /// It came, or by the first records was there already.
    case arrived
    /// It ended by itself.
    case left
    /// Somebody pinned its vcpus elsewhere by hand; its memory stays.
    case repinned
    /// Automation began to move it; until that ends it holds both places.
    case moveBegan
    /// It is in its new place.
    case moveEnded
  }

  public var kind: Kind
  /// Since the beginning of the day; below 0 for those that were there already.
  public var milliseconds: Int
  public var guest: Int
  /// Where it is then, or where a move takes it.
  public var host: Int
  /// The CPU of each vcpu; empty where it leaves.
  public var cpus: [Int]
  /// The cell of each guest cell, and the memory of each.
  public var cells: [Int]
  public var memoryPerCell: KiB
  /// What a move copies.
  public var copy: KiB

  public init(
    _ kind: Kind, at milliseconds: Int, guest: Int, host: Int, cpus: [Int] = [], cells: [Int] = [],
    memoryPerCell: KiB = 0, copy: KiB = 0
  ) {
    self.kind = kind
    self.milliseconds = milliseconds
    self.guest = guest
    self.host = host
    self.cpus = cpus
    self.cells = cells
    self.memoryPerCell = memoryPerCell
    self.copy = copy
  }
}

/// FNV-1a over whole numbers.
struct DayDigest: Sendable {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(_ number: Int) {
    value = (value ^ UInt64(bitPattern: Int64(number))) &* 0x0000_0100_0000_01b3
  }

  mutating func add(_ record: DayRecord) {
    add(Int(record.kind.rawValue))
    for number in [record.milliseconds, record.guest, record.host, record.copy.count] { add(number) }
    for number in record.cpus + record.cells { add(number) }
  }
}
