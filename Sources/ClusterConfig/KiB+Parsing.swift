public import NUMA

extension KiB {
  /// Parses an amount with its unit, `512MiB`, `4GiB` or `4G`; a bare number is refused, because libvirt would read
  /// KiB, QEMU MiB and a person either.
  public init(parsing text: some StringProtocol) throws(AmountError) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let unit = text[digits.endIndex...].drop { $0 == " " }
    guard !digits.isEmpty else {
      throw AmountError(text: String(text), reason: "it does not begin with a whole number")
    }
    let shift: Int
    switch unit {
    case "KiB", "K": shift = 0
    case "MiB", "M": shift = 10
    case "GiB", "G": shift = 20
    case "TiB", "T": shift = 30
    case "": throw AmountError(text: String(text), reason: "the unit is missing")
    default: throw AmountError(text: String(text), reason: "the unit \"\(unit.prefix(12))\" is unknown")
    }
    // 1 PiB in KiB: sums of thousands of such amounts still fit an Int.
    guard let number = Int(digits), number <= (1 << 40) >> shift else {
      throw AmountError(text: String(text), reason: "it is beyond 1024 TiB")
    }
    self.init(number << shift)
  }
}

/// Why a text is not an amount of memory.
public struct AmountError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The text as it was given.
  public let text: String
  /// What is wrong with it.
  public let reason: String

  /// One line with both and the allowed units.
  public var description: String {
    "\(quoted(text)) is no amount of memory: \(reason); "
      + "write a whole number with KiB, MiB, GiB or TiB, for example 512MiB"
  }
}
