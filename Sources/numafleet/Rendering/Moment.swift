/// A wall-clock time as UTC text.
struct Moment: CustomStringConvertible {
  /// Milliseconds since 1970.
  let wallMilliseconds: Int

  /// `2026-11-23 15:51:57Z`; a dash for 0, which means "never".
  var description: String {
    if wallMilliseconds <= 0 { return "-" }
    let seconds = wallMilliseconds / 1000
    let (year, month, day) = Self.date(daysSince1970: seconds / 86_400)
    let (hour, minute, second) = (seconds % 86_400 / 3600, seconds % 3600 / 60, seconds % 60)
    return "\(year)-\(two(month))-\(two(day)) \(two(hour)):\(two(minute)):\(two(second))Z"
  }

  private func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

  /// The Gregorian date of a day, by counting eras of 400 years that begin on 1 March.
  static func date(daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
    let days = daysSince1970 + 719_468
    let era = days / 146_097
    let dayOfEra = days % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shifted = (5 * dayOfYear + 2) / 153
    let month = shifted < 10 ? shifted + 3 : shifted - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
  }
}

/// A stretch of time for people: `850 ms`, `12 s`, `5 min`, `3 h`.
func span(milliseconds: Int) -> String {
  switch milliseconds {
  case ..<1000: "\(milliseconds) ms"
  case ..<120_000: "\(milliseconds / 1000) s"
  case ..<7_200_000: "\(milliseconds / 60_000) min"
  default: "\(milliseconds / 3_600_000) h"
  }
}
