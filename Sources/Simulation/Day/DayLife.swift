/// How long guests stay, as in the recorded events of ten thousand hosts over three days: most are gone within the
/// hour, and of those who are there at any time hardly any leaves within the day. Shapes live equally long there.
enum DayLife {
  /// The part of the residents that arrives anew each day, in thousandths: 26,239 arrivals beside 87,348 residents.
  static let arrivalsPerMille = 300

  /// Each 32nd of the arrivals lives at least so many seconds; the last ones longer than the recording told.
  private static let seconds = [
    60, 70, 83, 97, 114, 134, 156, 184, 215, 251, 292, 342, 402, 476, 558, 653, 766, 904, 1066, 1256, 1477, 1735, 2046,
    2400, 2814, 3320, 4944, 10_363, 20_849, 43_361, 103_827,
  ]
  /// Each 32nd of the residents stays at least so much longer.
  private static let residentSeconds = [4, 73_784, 224_174]

  /// In milliseconds, of a guest that comes; nil for one that stays longer than three days.
  static func arrival(_ random: inout SeededRandom) -> Int? { drawn(seconds, &random) }

  /// In milliseconds, of a guest that is there already.
  static func resident(_ random: inout SeededRandom) -> Int? { drawn(residentSeconds, &random) }

  private static func drawn(_ quantiles: [Int], _ random: inout SeededRandom) -> Int? {
    let part = random.below(32)
    let within = random.below(1000)
    guard part + 1 < quantiles.count else { return nil }
    return quantiles[part] * 1000 + (quantiles[part + 1] - quantiles[part]) * within
  }
}
