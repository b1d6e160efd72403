import Fleet
import NUMA

/// Range checks of decoded fields: everything a peer sends passes one of these before it becomes a value.
///
/// The ranges are wide enough for any machine and narrow enough that sums over one message cannot overflow 64 bits:
/// 2^18 amounts of at most 2^44 KiB add up to less than 2^63.
enum FieldCheck {
  /// 16 PiB in KiB; also the largest count of pages and of milliseconds.
  static let amountMax: Int64 = 1 << 44
  /// Counters stay below half of what SQLite's signed column holds, so that their successor exists everywhere.
  static let counterMax: UInt64 = 1 << 62

  /// A number in a range.
  static func number(
    _ value: Int64, in range: ClosedRange<Int64>, _ field: StaticString
  ) throws(WireError.Kind) -> Int {
    guard range.contains(value) else {
      throw .malformed(field: "\(field)", reason: "\(value) is outside \(range.lowerBound) to \(range.upperBound)")
    }
    return Int(value)
  }

  /// A count of anything, milliseconds among it.
  static func count(_ value: Int64, _ field: StaticString) throws(WireError.Kind) -> Int {
    try number(value, in: 0...amountMax, field)
  }

  /// A number that may be negative: scores, quotas. libvirt shows a cgroup v1 quota without limit as 2^64 / 1000.
  static func signed(_ value: Int64, _ field: StaticString) throws(WireError.Kind) -> Int {
    try number(value, in: -(1 << 55)...1 << 55, field)
  }

  /// A NUMA cell's id, host or guest.
  static func cell(_ value: Int64, _ field: StaticString) throws(WireError.Kind) -> Int {
    try number(value, in: 0...Int64(NodeKind.idLimit - 1), field)
  }

  /// A host CPU's id.
  static func cpu(_ value: Int64, _ field: StaticString) throws(WireError.Kind) -> Int {
    try number(value, in: 0...Int64(CPUKind.idLimit - 1), field)
  }

  /// A count of vcpus or iothreads, or the id of one.
  static func vcpu(_ value: Int64, _ field: StaticString) throws(WireError.Kind) -> Int {
    try number(value, in: 0...Int64(Guest.vcpusLimit), field)
  }

  /// An amount of memory.
  static func memory(_ kib: Int64, _ field: StaticString) throws(WireError.Kind) -> KiB {
    KiB(try number(kib, in: 0...amountMax, field))
  }

  /// A page size; never 0, because amounts are divided by it.
  static func pageSize(_ kib: Int64, _ field: StaticString) throws(WireError.Kind) -> PageSize {
    PageSize(kib: try number(kib, in: 1...1 << 24, field))
  }

  /// A count of pages that together are a possible amount of memory.
  static func pages(_ count: Int64, of size: PageSize, _ field: StaticString) throws(WireError.Kind) -> Int {
    try number(count, in: 0...amountMax / Int64(size.kib), field)
  }

  /// A counter: epoch, generation, sequence, id of a job or plan.
  static func counter(_ value: UInt64, _ field: StaticString) throws(WireError.Kind) -> UInt64 {
    guard value < counterMax else {
      throw .malformed(field: "\(field)", reason: "\(value) is beyond any counter")
    }
    return value
  }

  /// The name of a host or guest, which is never empty.
  static func id<ID: TextID>(_ text: String, _ field: StaticString) throws(WireError.Kind) -> ID {
    guard !text.isEmpty else { throw .missing(field: "\(field)") }
    return ID(text)
  }

  /// A part that must be there.
  static func present(_ isPresent: Bool, _ field: StaticString) throws(WireError.Kind) {
    guard isPresent else { throw .missing(field: "\(field)") }
  }
}
