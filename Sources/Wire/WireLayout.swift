/// What one field may hold.
struct FieldLayout {
  var name: StaticString
  var content: Content
  /// Entries of a list; 1 for a field that is no list.
  var countMax: Int

  enum Content {
    case message(WireMessage)
    case text(bytesMax: Int)
    /// A set of ids in list format.
    case list
    /// Varints, packed or not.
    case numbers
  }

  static func message(_ name: StaticString, _ message: WireMessage, atMost countMax: Int = 1) -> FieldLayout {
    FieldLayout(name: name, content: .message(message), countMax: countMax)
  }
  static func text(_ name: StaticString, bytesMax: Int = 65_536, atMost countMax: Int = 1) -> FieldLayout {
    FieldLayout(name: name, content: .text(bytesMax: bytesMax), countMax: countMax)
  }
  static func list(_ name: StaticString) -> FieldLayout { FieldLayout(name: name, content: .list, countMax: 1) }
  static func numbers(_ name: StaticString, atMost countMax: Int) -> FieldLayout {
    FieldLayout(name: name, content: .numbers, countMax: countMax)
  }
}

/// Which fields of which message hold more than a scalar, and how much each may hold.
///
/// A test reads proto-schemas and fails when a field lacks its row here. Where the numbers come from: 1,024 cells and
/// 8,192 CPUs are the kernel's largest; 4,096 vcpus QEMU's; 4,096 guests a host's in a report are ours; lists in an
/// operator's reply are bounded by `WireLimits` and a million entries.
enum WireLayout {
  /// Field numbers stay below this, so that the table is one flat array.
  private static let fieldsMax = 32

  private static let table: [FieldLayout?] = {
    var table = [FieldLayout?](repeating: nil, count: WireMessage.allCases.count * fieldsMax)
    for rows in [agentRows, operatorRows] {
      for message in WireMessage.allCases {
        for number in 1..<fieldsMax {
          guard let field = rows[message]?[number] else { continue }
          table[message.rawValue * fieldsMax + number] = field
        }
      }
    }
    return table
  }()

  /// The row of a field; nil for scalars and for fields that this version does not know.
  static func field(_ number: Int, of message: WireMessage) -> FieldLayout? {
    number < fieldsMax ? table[message.rawValue * fieldsMax + number] : nil
  }
}
