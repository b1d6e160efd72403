/// How many members groups of one rack come to have, learned from those seen so far.
///
/// Groups never say that they are complete, and in recorded requests a third of them double after a long silence. So
/// the chance that a group grows on is the part of those that were once as large which did; a few large groups are
/// presumed, because none has grown yet when the first decisions are made.
struct GroupSizes: Sendable {
  /// By number of members: groups that came to have as many.
  private var reached = (0...membersMaximum).map { $0 <= presumedMembers ? presumedGroups : 0 }

  /// 5 to 40 groups of 12 to 17 members lose alike.
  private static let presumedGroups = 10
  static let presumedMembers = 14
  /// Members beyond these are not expected.
  private static let membersMaximum = 40

  /// Counts a group that has now got so many members.
  mutating func count(_ members: Int) {
    if members == 1 { reached[0] += 1 }
    if members <= Self.membersMaximum { reached[members] += 1 }
  }

  /// How many more a group of so many members may yet get.
  func comers(after members: Int) -> Comers {
    guard members < Self.membersMaximum else { return Comers() }
    let groups = max(reached[members], 1)
    return Comers(chances: reached[(members + 1)...].map { Comers.certain * $0 / groups })
  }
}

/// How many guests are still to come, as far as that can be told.
struct Comers: Sendable, Hashable {
  /// That at least 1, 2, 3 and so on come, in parts of `certain`; descending.
  private let chances: [Int]

  static let certain = 1 << 16
  /// What is less likely is left out: one in 50.
  private static let unlikely = certain / 50

  /// Nobody.
  init() { chances = [] }

  /// Exactly so many.
  init(_ count: Int) { chances = Array(repeating: Self.certain, count: max(count, 0)) }

  init(chances: [Int]) { self.chances = Array(chances.prefix { $0 >= Self.unlikely }) }

  /// As many as may come at all.
  var most: Int { chances.count }
  /// How many come on average, in parts of `certain`.
  var mean: Int { chances.reduce(0, +) }

  /// The chance that at least so many come.
  func chance(of count: Int) -> Int { count <= 0 ? Self.certain : count <= chances.count ? chances[count - 1] : 0 }

  /// These and others that come or stay away for reasons of their own.
  func joined(by others: Comers) -> Comers {
    if most == 0 { return others }
    var sums = Array(repeating: 0, count: most + others.most)
    for number in 0...others.most {
      let exactly = others.chance(of: number) - others.chance(of: number + 1)
      if exactly == 0 { continue }
      for count in sums.indices { sums[count] += exactly * chance(of: count + 1 - number) }
    }
    return Comers(chances: sums.map { $0 / Self.certain })
  }

  /// How many of `others` find no room on average, where so many of both fit, if all of these come before them.
  func lost(of others: Comers, in room: Int) -> Int {
    (0..<others.most).reduce(0) { $0 + others.chances[$1] * chance(of: room - $1) / Self.certain }
  }
}
