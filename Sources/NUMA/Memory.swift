/// An amount of memory in KiB (1,024 bytes), the unit of libvirt's XML and of /proc.
public struct KiB: Sendable, Hashable, Comparable, Codable, ExpressibleByIntegerLiteral, CustomStringConvertible {
  /// The number of KiB.
  public var count: Int

  /// An amount of `count` KiB.
  public init(_ count: Int) { self.count = count }
  /// An amount of `value` KiB.
  public init(integerLiteral value: Int) { count = value }
  /// An amount given in MiB (1,024 KiB).
  public init(mib: Int) { count = mib * 1024 }
  /// An amount given in GiB (1,048,576 KiB).
  public init(gib: Int) { count = gib * 1_048_576 }
  /// An amount given in bytes, rounded down.
  public init(bytes: Int) { count = bytes / 1024 }

  /// Whole MiB, rounded down.
  public var mib: Int { count / 1024 }

  /// Reads a plain number of KiB.
  public init(from decoder: any Decoder) throws { count = try decoder.singleValueContainer().decode(Int.self) }
  /// Writes a plain number of KiB.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(count)
  }

  /// For people: `512 KiB`, `96 MiB`, `1.5 GiB`.
  public var description: String {
    if count >= 1_048_576 {
      // Whole and tenth apart, so that no amount a host may report overflows.
      let (whole, tenth) = (count / 1_048_576, count % 1_048_576 * 10 / 1_048_576)
      return tenth == 0 ? "\(whole) GiB" : "\(whole).\(tenth) GiB"
    }
    return count >= 1024 ? "\(count / 1024) MiB" : "\(count) KiB"
  }

  public static func < (a: KiB, b: KiB) -> Bool { a.count < b.count }
  public static func + (a: KiB, b: KiB) -> KiB { KiB(a.count + b.count) }
  public static func - (a: KiB, b: KiB) -> KiB { KiB(a.count - b.count) }
  public static func * (a: KiB, b: Int) -> KiB { KiB(a.count * b) }
  public static func += (a: inout KiB, b: KiB) { a.count += b.count }
  public static func -= (a: inout KiB, b: KiB) { a.count -= b.count }
}

/// The size of a page in KiB: 4, 2048 or 1048576 on x86-64, other values elsewhere.
public struct PageSize: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
  /// KiB per page.
  public let kib: Int

  /// A page of `kib` KiB.
  public init(kib: Int) { self.kib = kib }

  /// The base page of x86-64, 4 KiB.
  public static let base = PageSize(kib: 4)
  /// 2 MiB.
  public static let huge2M = PageSize(kib: 2048)
  /// 1 GiB.
  public static let huge1G = PageSize(kib: 1_048_576)

  /// Reads a plain number of KiB.
  public init(from decoder: any Decoder) throws { kib = try decoder.singleValueContainer().decode(Int.self) }
  /// Writes a plain number of KiB.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(kib)
  }

  public static func < (a: PageSize, b: PageSize) -> Bool { a.kib < b.kib }
  /// For people: `4 KiB`, `2 MiB`, `1 GiB`.
  public var description: String { KiB(kib).description }
}

/// One pool of pages of one size on one cell (`/sys/devices/system/node/nodeN/hugepages`, `<pages>`).
public struct PagePool: Sendable, Hashable, Codable {
  /// The size of each page.
  public var size: PageSize
  /// Pages in the pool.
  public var total: Int
  /// Pages nobody uses.
  public var free: Int

  public init(size: PageSize, total: Int, free: Int) {
    self.size = size
    self.total = total
    self.free = free
  }
}
