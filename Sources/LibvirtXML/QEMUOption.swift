/// The value of one QEMU option, `sub,key=value,key=value` or a JSON object, as a list of keys and values.
struct QEMUOption {
  /// In order; a key may come more than once (`cpus`, `host-nodes`). The value of a leading word has the implied key.
  let pairs: [(key: String, value: String)]

  /// Splits a value. `implied` is the key of a first part without one, as `type` in `-numa node,…`.
  init(_ text: String, implied: String) throws(QEMUCommandLineError) {
    if text.hasPrefix("{") {
      pairs = try JSONObject(parsing: text).pairs
      return
    }
    var result: [(String, String)] = []
    for part in Self.split(text) {
      if let equals = part.firstIndex(of: "=") {
        result.append((String(part[..<equals]), String(part[part.index(after: equals)...])))
      } else if result.isEmpty {
        result.append((implied, part))
      } else {
        // A later word alone is a switch: `foo` is `foo=on` and `nofoo` is `foo=off`.
        let isOff = part.hasPrefix("no") && part.utf8.count > 2
        result.append((isOff ? String(part.dropFirst(2)) : part, isOff ? "off" : "on"))
      }
    }
    pairs = result
  }

  /// The last value of a key, which is the one that QEMU takes.
  subscript(key: String) -> String? { pairs.last { $0.key == key }?.value }

  /// All values of a key.
  func all(_ key: String) -> [String] { pairs.filter { $0.key == key }.map(\.value) }

  /// Splits at single commas; two commas are one in the value.
  private static func split(_ text: String) -> [String] {
    var parts = [""]
    var rest = text[...]
    while let character = rest.popFirst() {
      if character != "," {
        parts[parts.count - 1].append(character)
      } else if rest.first == "," {
        rest.removeFirst()
        parts[parts.count - 1].append(",")
      } else {
        parts.append("")
      }
    }
    return parts
  }
}

/// A JSON object as QEMU's options have it: nested values flattened, lists as repeated keys.
struct JSONObject {
  private(set) var pairs: [(key: String, value: String)] = []
  private var rest: Substring.UnicodeScalarView
  private static let depthMaximum = 16

  init(parsing text: String) throws(QEMUCommandLineError) {
    rest = Substring(text).unicodeScalars
    try value(key: "", depth: 0)
    skipBlanks()
    guard rest.isEmpty else { throw QEMUCommandLineError("text follows a JSON object") }
  }

  private mutating func value(key: String, depth: Int) throws(QEMUCommandLineError) {
    guard depth < Self.depthMaximum else { throw QEMUCommandLineError("a JSON value is nested too deep") }
    skipBlanks()
    switch rest.first {
    case "{":
      try members(until: "}") { (object: inout JSONObject) throws(QEMUCommandLineError) in
        let name = try object.string()
        try object.expect(":")
        try object.value(key: key.isEmpty ? name : "\(key).\(name)", depth: depth + 1)
      }
    case "[":
      try members(until: "]") { (object: inout JSONObject) throws(QEMUCommandLineError) in
        try object.value(key: key, depth: depth + 1)
      }
    case "\"": pairs.append((key, try string()))
    default:
      let word = String(String.UnicodeScalarView(rest.prefix { !",]} \t\n".unicodeScalars.contains($0) }))
      guard !word.isEmpty else { throw QEMUCommandLineError("a JSON value is cut off") }
      rest = rest.dropFirst(word.unicodeScalars.count)
      pairs.append((key, word == "true" ? "on" : word == "false" ? "off" : word))
    }
  }

  private mutating func members(
    until end: Unicode.Scalar, _ member: (inout JSONObject) throws(QEMUCommandLineError) -> Void
  ) throws(QEMUCommandLineError) {
    rest.removeFirst()
    skipBlanks()
    if rest.first == end {
      rest.removeFirst()
      return
    }
    while true {
      try member(&self)
      skipBlanks()
      guard let next = rest.popFirst(), next == "," || next == end else {
        throw QEMUCommandLineError("a JSON object is cut off")
      }
      if next == end { return }
    }
  }

  private mutating func string() throws(QEMUCommandLineError) -> String {
    try expect("\"")
    var result = String.UnicodeScalarView()
    while let scalar = rest.popFirst() {
      if scalar == "\"" { return String(result) }
      guard scalar == "\\" else {
        result.append(scalar)
        continue
      }
      switch rest.popFirst() {
      case "n": result.append("\n")
      case "t": result.append("\t")
      case "u":
        let digits = String(String.UnicodeScalarView(rest.prefix(4)))
        guard digits.utf8.count == 4, let code = UInt32(digits, radix: 16) else {
          throw QEMUCommandLineError("a JSON escape is malformed")
        }
        rest = rest.dropFirst(4)
        result.append(Unicode.Scalar(code) ?? "\u{fffd}")
      case let other?: result.append(other)
      case nil: break
      }
    }
    throw QEMUCommandLineError("a JSON string is cut off")
  }

  private mutating func expect(_ scalar: Unicode.Scalar) throws(QEMUCommandLineError) {
    skipBlanks()
    guard rest.popFirst() == scalar else { throw QEMUCommandLineError("a JSON object lacks its \"\(scalar)\"") }
  }

  private mutating func skipBlanks() {
    rest = rest.drop { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r" }
  }
}
