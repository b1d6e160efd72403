/// A set of small non-negative ids, kept as a bitmap.
///
/// `CPUSet` and `NodeSet` are this type under two tags, so that a set of CPUs is never passed where a set of
/// NUMA nodes is meant. Values are canonical (no trailing zero word): equal sets are equal values.
public struct IDSet<Kind: IDKind>: Sendable, Hashable {
  @usableFromInline var words: [UInt64]

  /// The empty set.
  public init() { words = [] }

  /// A set of the given ids. Ids must lie in `0..<Kind.idLimit`.
  public init(_ ids: some Sequence<Int>) {
    words = []
    for id in ids { insert(id) }
  }

  /// Adds one id.
  public mutating func insert(_ id: Int) {
    invariant(id >= 0 && id < Kind.idLimit, "an id outside 0..<\(Kind.idLimit) entered a set")
    let word = id >> 6
    while words.count <= word { words.append(0) }
    words[word] |= 1 << UInt64(id & 63)
  }

  /// Adds every id of a range, a word at a time. The range must lie in `0..<Kind.idLimit`.
  public mutating func insert(_ range: ClosedRange<Int>) {
    invariant(
      range.lowerBound >= 0 && range.upperBound < Kind.idLimit, "a range outside 0..<\(Kind.idLimit) entered a set")
    let (first, last) = (range.lowerBound >> 6, range.upperBound >> 6)
    while words.count <= last { words.append(0) }
    for word in first...last {
      let low = word == first ? UInt64.max << UInt64(range.lowerBound & 63) : .max
      let high = word == last ? UInt64.max >> UInt64(63 - range.upperBound & 63) : .max
      words[word] |= low & high
    }
  }

  /// Adds a range of ids, a word at a time: a peer's list may name thousands of wide ranges.
  public mutating func insert(contentsOf range: ClosedRange<Int>) {
    insert(range.upperBound)
    invariant(range.lowerBound >= 0, "an id outside 0..<\(Kind.idLimit) entered a set")
    for word in (range.lowerBound >> 6)...(range.upperBound >> 6) {
      let low = max(range.lowerBound - word << 6, 0)
      let high = min(range.upperBound - word << 6, 63)
      words[word] |= (UInt64.max >> UInt64(63 - high)) & (UInt64.max << UInt64(low))
    }
  }

  /// Removes one id; absent ids are ignored.
  public mutating func remove(_ id: Int) {
    guard id >= 0, id >> 6 < words.count else { return }
    words[id >> 6] &= ~(1 << UInt64(id & 63))
    trim()
  }

  /// Whether the id is a member.
  public func contains(_ id: Int) -> Bool {
    guard id >= 0, id >> 6 < words.count else { return false }
    return words[id >> 6] & (1 << UInt64(id & 63)) != 0
  }

  /// Whether the set has no member.
  public var isEmpty: Bool { words.isEmpty }

  /// The number of members.
  public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

  /// The smallest member.
  public var first: Int? {
    for (index, word) in words.enumerated() where word != 0 { return index << 6 + word.trailingZeroBitCount }
    return nil
  }

  /// The largest member.
  public var last: Int? {
    guard let word = words.last else { return nil }
    return (words.count - 1) << 6 + 63 - word.leadingZeroBitCount
  }

  /// The members in ascending order.
  public var members: [Int] {
    var result: [Int] = []
    result.reserveCapacity(count)
    for (index, word) in words.enumerated() {
      var rest = word
      while rest != 0 {
        result.append(index << 6 + rest.trailingZeroBitCount)
        rest &= rest - 1
      }
    }
    return result
  }

  /// Members of either set.
  public func union(_ other: Self) -> Self {
    var result = words.count >= other.words.count ? self : other
    let shorter = words.count >= other.words.count ? other : self
    for (index, word) in shorter.words.enumerated() { result.words[index] |= word }
    return result
  }

  /// Members of both sets.
  public func intersection(_ other: Self) -> Self {
    var result = Self()
    result.words = zip(words, other.words).map { $0 & $1 }
    result.trim()
    return result
  }

  /// Members of this set that are not in the other.
  public func subtracting(_ other: Self) -> Self {
    var result = self
    for index in 0..<min(words.count, other.words.count) { result.words[index] &= ~other.words[index] }
    result.trim()
    return result
  }

  /// Whether every member is also in the other set.
  public func isSubset(of other: Self) -> Bool { subtracting(other).isEmpty }

  /// Whether the sets share no member.
  public func isDisjoint(with other: Self) -> Bool { intersection(other).isEmpty }

  /// Adds every member of the other set.
  public mutating func formUnion(_ other: Self) { self = union(other) }

  private mutating func trim() {
    while words.last == 0 { words.removeLast() }
  }
}

/// What an `IDSet` counts, and the largest number of ids the kernel can have of it.
public protocol IDKind: Sendable, Hashable {
  /// Ids lie in `0..<idLimit`.
  static var idLimit: Int { get }
  /// The singular noun for error texts.
  static var noun: String { get }
}

/// Tag of CPU ids. 8192 is the largest `CONFIG_NR_CPUS` of x86-64.
public enum CPUKind: IDKind {
  public static var idLimit: Int { 8192 }
  public static var noun: String { "cpu" }
}

/// Tag of NUMA node ids. 1024 is the kernel's largest `MAX_NUMNODES`.
public enum NodeKind: IDKind {
  public static var idLimit: Int { 1024 }
  public static var noun: String { "node" }
}

/// A set of CPU ids, host or guest, as in `Cpus_allowed_list` or `<vcpu cpuset>`.
public typealias CPUSet = IDSet<CPUKind>

/// A set of NUMA node ids, as in `Mems_allowed_list` or `<numatune nodeset>`.
public typealias NodeSet = IDSet<NodeKind>

extension IDSet: ExpressibleByArrayLiteral {
  /// A set of the listed ids.
  public init(arrayLiteral elements: Int...) { self.init(elements) }
}
