import NUMA

/// Arithmetic on amounts that a host reported, which must never trap however absurd they are.
enum Amounts {
  /// No machine has more: 4 PiB in KiB. Eight of these multiply with a weight of 1000 without overflow.
  static let memoryLimit = 1 << 42

  /// An amount in KiB within 0 and the limit.
  static func bounded(_ amount: KiB) -> Int { min(max(amount.count, 0), memoryLimit) }

  /// The KiB of so many pages, within 0 and the limit.
  static func kib(pages: Int, of size: PageSize) -> Int {
    let (product, overflow) = max(pages, 0).multipliedReportingOverflow(by: max(size.kib, 0))
    return overflow ? memoryLimit : min(product, memoryLimit)
  }

  /// A product that never traps; the largest number where it would.
  static func product(_ a: Int, _ b: Int) -> Int {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? .max >> 1 : product
  }

  /// `whole` times `part` over `total`, rounded down; `part` must not exceed `total`. 0 when `total` is 0.
  static func share(of whole: Int, part: Int, total: Int) -> Int {
    guard total > 0 else { return 0 }
    return total.dividingFullWidth(whole.multipliedFullWidth(by: min(part, total))).quotient
  }

  /// Thousandths as a decimal for people: 2500 is `2.5`.
  static func decimal(milli: Int) -> String {
    let rest = milli % 1000
    if rest == 0 { return "\(milli / 1000)" }
    return rest % 100 == 0
      ? "\(milli / 1000).\(rest / 100)" : "\(milli / 1000).\(rest / 10 < 10 ? "0" : "")\(rest / 10)"
  }
}
