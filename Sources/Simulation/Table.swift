/// A fault in a file of a simulation, where it is.
public struct TableError: Error, Sendable, Hashable, CustomStringConvertible {
  public let file: String
  /// From 1; the header is line 1.
  public let line: Int
  public let text: String

  public init(file: String, line: Int, text: String) {
    self.file = file
    self.line = line
    self.text = text
  }

  public var description: String { "\(file):\(line): \(text)" }
}

/// The rows of a CSV file with a known header, numbers and bare words only.
struct Table {
  let file: String
  private(set) var header: [String]
  private let bytes: [UInt8]
  private var position = 0
  private(set) var line = 0

  /// Reads the header.
  init(_ bytes: [UInt8], file: String) throws(TableError) {
    self.file = file
    self.bytes = bytes
    header = []
    guard let first = nextFields() else { throw TableError(file: file, line: 1, text: "the file is empty") }
    header = first.map { String(decoding: $0, as: UTF8.self) }
  }

  func fault(_ text: String) -> TableError { TableError(file: file, line: line, text: text) }

  /// The next row; nil at the end. Empty lines are passed over.
  mutating func next() throws(TableError) -> Row? {
    guard let fields = nextFields() else { return nil }
    guard fields.count == header.count else {
      throw fault("\(fields.count) fields where the header has \(header.count)")
    }
    return Row(fields: fields, table: self)
  }

  private mutating func nextFields() -> [ArraySlice<UInt8>]? {
    while position < bytes.count {
      let rest = bytes[position...]
      let end = rest.firstIndex(of: UInt8(ascii: "\n")) ?? bytes.endIndex
      var text = rest[..<end]
      position = end + 1
      line += 1
      if text.last == UInt8(ascii: "\r") { text.removeLast() }
      if !text.isEmpty { return text.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) }
    }
    return nil
  }

  struct Row {
    let fields: [ArraySlice<UInt8>]
    let table: Table

    func word(_ column: Int) -> String { String(decoding: fields[column], as: UTF8.self) }

    func number(_ column: Int, in range: ClosedRange<Int>) throws(TableError) -> Int {
      guard let value = Int(word(column)), range.contains(value) else {
        throw table.fault(
          "\(table.header[column]) is \"\(word(column).prefix(20))\"; a whole number of \(range.lowerBound) to "
            + "\(range.upperBound) is needed")
      }
      return value
    }

    func seconds(_ column: Int) throws(TableError) -> Double {
      guard let value = Double(word(column)), value.isFinite else {
        throw table.fault("\(table.header[column]) is \"\(word(column).prefix(20))\"; seconds are needed")
      }
      return value
    }
  }

  /// Refuses another header than `columns`.
  func require(_ columns: [String]) throws(TableError) {
    if header == columns { return }
    throw TableError(
      file: file, line: 1,
      text: "the header is \"\(header.joined(separator: ",").prefix(80))\", not \"\(columns.joined(separator: ","))\"")
  }
}

/// Amounts beyond these are no machine's.
enum Limits {
  static let cpus = 4096
  static let gib = 65_536
  static let ids = 0...Int(Int32.max)
  static let kibPerGiB = 1 << 20
}
