import Fleet

/// A list of words that has one number for each word on the wire.
///
/// One exhaustive switch, from word to number, is written by hand; the way back is found from it, so that the two
/// cannot disagree and a new word does not compile until it has a number.
protocol WireEnumeration: CaseIterable {
  associatedtype Proto: Equatable
  var proto: Proto { get }
}

extension WireEnumeration {
  /// The word of a number; unspecified and unknown numbers are refused.
  init(_ proto: Proto, _ field: StaticString) throws(WireError.Kind) {
    guard let word = Self.allCases.first(where: { $0.proto == proto }) else {
      throw .unknownValue(field: "\(field)")
    }
    self = word
  }
}
