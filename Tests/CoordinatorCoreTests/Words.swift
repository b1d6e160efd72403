import Testing

/// The words after an event's name: places first, then `key value` pairs and flags, in any order.
struct Words {
  let all: [String]
  init(_ all: [String]) { self.all = all }

  subscript(_ index: Int) -> String {
    get throws { try #require(index < all.count ? all[index] : nil, "word \(index) is missing: \(all)") }
  }

  func has(_ flag: String) -> Bool { all.contains(flag) }

  func text(_ key: String) -> String? {
    all.firstIndex(of: key).flatMap { $0 + 1 < all.count ? all[$0 + 1] : nil }
  }

  func int(_ key: String) throws -> Int? {
    try text(key).map { text in try #require(Int(text), "\(key) is no number: \(text)") }
  }

  /// The words before that one, or all of them.
  func before(_ word: String) -> Words { Words(Array(all.prefix { $0 != word })) }

  /// All words from that place on.
  func from(_ index: Int) -> Words { Words(Array(all.dropFirst(index))) }
}
