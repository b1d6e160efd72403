import Fleet
import FoundationEssentials

/// Values as JSON text with sorted keys.
enum JSONText {
  /// Several lines, for people and programs.
  static func document(_ value: some Encodable) -> String { text(value, [.prettyPrinted]) }

  /// One line, for streams.
  static func line(_ value: some Encodable) -> String { text(value, []) }

  /// `{"error": {"code", "message", "remedy"}}`, with an explanation beside it where there is one.
  static func failure(_ failure: CommandFailure) -> String {
    struct Document: Encodable {
      let error: [String: String]
      let explanation: Explanation?
    }
    let error = ["code": failure.code, "message": failure.message, "remedy": failure.remedy]
    return document(Document(error: error, explanation: failure.explanation))
  }

  private static func text(_ value: some Encodable, _ formatting: JSONEncoder.OutputFormatting) -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = formatting.union([.sortedKeys, .withoutEscapingSlashes])
    do {
      // Swift calls the only value of an enum's case "_0"; nobody should have to know that.
      let tree = try JSONDecoder().decode(JSONValue.self, from: encoder.encode(value)).withoutAnonymousKeys
      return escaped(String(decoding: try encoder.encode(tree), as: UTF8.self))
    } catch {
      return
        "{\"error\":{\"code\":\"encoding\",\"message\":\"the answer could not be written as JSON\",\"remedy\":\"\"}}"
    }
  }

  /// JSON whose strings hold nothing deceptive: such a scalar can stand only inside a string, where `\u` says the same.
  private static func escaped(_ json: String) -> String {
    guard json.unicodeScalars.contains(where: { isDeceptive($0) && $0 != "\n" }) else { return json }
    return json.unicodeScalars.reduce(into: "") { result, scalar in
      guard isDeceptive(scalar), scalar != "\n" else { return result.unicodeScalars.append(scalar) }
      for unit in String(scalar).utf16 {
        let digits = String(unit, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
  }
}

/// Any JSON.
enum JSONValue: Codable {
  case null
  case flag(Bool)
  case integer(Int)
  case natural(UInt64)
  case number(Double)
  case text(String)
  case list([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .flag(value)
    } else if let value = try? container.decode(Int.self) {
      self = .integer(value)
    } else if let value = try? container.decode(UInt64.self) {
      self = .natural(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .list(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .flag(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .natural(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .list(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  /// The same with every `{"_0": x}` replaced by `x`.
  var withoutAnonymousKeys: JSONValue {
    switch self {
    case .list(let items): return .list(items.map(\.withoutAnonymousKeys))
    case .object(let members):
      if members.count == 1, let value = members["_0"] { return value.withoutAnonymousKeys }
      return .object(members.mapValues(\.withoutAnonymousKeys))
    default: return self
    }
  }
}
