/// Guests that belong together or must not: affinity, anti-affinity and fault domains.
///
/// Who is a member follows from the names of guests, so that guests that were started by hand count as well, and a
/// group needs no memory of its own.
public struct GuestGroup: Sendable, Hashable, Codable {
  public var name: String
  public var rule: GroupRelation
  /// Where the rule holds.
  public var level: GroupLevel
  /// Names or ids of guests; `*` stands for any characters.
  public var members: [String]
  /// Fault domains of an `apart` group, each with its members: only members of different ones are kept apart.
  /// Empty when every member is kept apart from every other.
  public var domains: [[String]]
  /// How many members a `together` group will have, for which its first member looks for room; nil when only the
  /// members' names tell.
  public var size: Int?

  public init(
    name: String, rule: GroupRelation, level: GroupLevel, members: [String] = [], domains: [[String]] = [],
    size: Int? = nil
  ) {
    self.name = name
    self.rule = rule
    self.level = level
    self.members = members
    self.domains = domains
    self.size = size
  }

  /// Whether a guest of that name or id is a member, and of which fault domain: those of `domains` count from 0, and
  /// members without one have nil.
  public func membership(name: String, id: GuestID? = nil) -> Membership? {
    func matches(_ pattern: String) -> Bool {
      matchesPattern(name, pattern) || id.map { matchesPattern($0.text, pattern) } ?? false
    }
    if let domain = domains.firstIndex(where: { $0.contains(where: matches) }) { return Membership(domain: domain) }
    return members.contains(where: matches) ? Membership(domain: nil) : nil
  }

  public struct Membership: Sendable, Hashable {
    public var domain: Int?
  }

  /// Members that can be expected: as many as the operator says, or as it names, or `unnamed` where it names a pattern.
  public func expectedSize(unnamed: Int) -> Int {
    if let size { return size }
    let patterns = members + domains.flatMap { $0 }
    return patterns.contains { $0.contains("*") } ? unnamed : patterns.count
  }
}

/// What the members of a group are to each other.
public enum GroupRelation: String, Sendable, Hashable, Codable, CaseIterable {
  case together, apart
}

/// What the members of a group share or do not share.
public enum GroupLevel: String, Sendable, Hashable, Codable, CaseIterable {
  /// One NUMA cell of one host.
  case cell
  case host, rack, zone
}

/// Whether a text matches a pattern in which `*` stands for any characters, none included.
public func matchesPattern(_ text: String, _ pattern: String) -> Bool {
  // Without copies where strings are UTF-8 already, because every guest of a report is held against every pattern.
  let found = text.utf8.withContiguousStorageIfAvailable { text in
    pattern.utf8.withContiguousStorageIfAvailable { pattern in matches(text, pattern) }
  }
  if let found, let found { return found }
  return Array(text.utf8).withUnsafeBufferPointer { text in
    Array(pattern.utf8).withUnsafeBufferPointer { pattern in matches(text, pattern) }
  }
}

private func matches(_ text: UnsafeBufferPointer<UInt8>, _ pattern: UnsafeBufferPointer<UInt8>) -> Bool {
  var (at, next) = (0, 0)
  var star: (pattern: Int, text: Int)?
  while at < text.count {
    if next < pattern.count, pattern[next] == UInt8(ascii: "*") {
      star = (next, at)
      next += 1
    } else if next < pattern.count, pattern[next] == text[at] {
      (at, next) = (at + 1, next + 1)
    } else if let last = star {
      // The last star takes one more character.
      star = (last.pattern, last.text + 1)
      (at, next) = (last.text + 1, last.pattern + 1)
    } else {
      return false
    }
  }
  return pattern[next...].allSatisfy { $0 == UInt8(ascii: "*") }
}
