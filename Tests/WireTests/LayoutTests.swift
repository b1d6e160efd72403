import Foundation
import Testing

@testable import Wire

/// The layout table against the schemas themselves: a field that the walk does not know would escape its limits.
@Suite struct LayoutTests {
  @Test func everyFieldThatHoldsMoreThanAScalarHasItsRow() throws {
    let schemas = try Schemas()
    #expect(schemas.messages.count > 60)
    var rows = 0
    for message in WireMessage.allCases where message != .scalars {
      let fields = try #require(schemas.messages["\(message)".lowercased()], "\(message) is in no schema")
      for number in 1..<32 {
        let row = WireLayout.field(number, of: message)
        guard let field = fields[number], field.isComposite(in: schemas) else {
          #expect(row == nil, "\(message) has no such field \(number)")
          continue
        }
        rows += 1
        #expect(row.map { "\($0.name)" } == field.name, "\(message) field \(number)")
        #expect((row?.countMax ?? 0 > 1) == field.isRepeated, "\(message).\(field.name)")
        #expect(row.map { matches($0.content, field, schemas) } == true, "\(message).\(field.name)")
      }
      #expect(fields.keys.allSatisfy { $0 < 32 })
    }
    #expect(rows > 150)
    // Messages without a row of their own hold scalars only.
    let known = Set(WireMessage.allCases.map { "\($0)".lowercased() })
    for (name, fields) in schemas.messages where !known.contains(name) {
      #expect(fields.values.allSatisfy { !$0.isComposite(in: schemas) }, "\(name)")
    }
  }

  private func matches(_ content: FieldLayout.Content, _ field: Schemas.Field, _ schemas: Schemas) -> Bool {
    switch content {
    case .message(.scalars):
      schemas.messages[field.type.lowercased()]?.values.allSatisfy { !$0.isComposite(in: schemas) } == true
    case .message(let nested): "\(nested)".lowercased() == field.type.lowercased()
    case .text, .list: field.type == "string"
    case .numbers: field.isRepeated && ["int64", "uint64"].contains(field.type)
    }
  }
}

/// The messages of proto-schemas, read from their text.
struct Schemas {
  struct Field {
    var type: String
    var name: String
    var isRepeated: Bool

    func isComposite(in schemas: Schemas) -> Bool {
      isRepeated || type == "string" || type == "bytes" || schemas.messages[type.lowercased()] != nil
    }
  }

  /// By lower-case name, then by field number.
  private(set) var messages: [String: [Int: Field]] = [:]

  init() throws {
    let root = URL(filePath: #filePath).resolvingSymlinksInPath().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let folder = root.appending(path: "proto-schemas")
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path()).sorted()
    where file.hasSuffix(".proto") {
      var message: String?
      for line in try String(contentsOf: folder.appending(path: file), encoding: .utf8).split(separator: "\n") {
        if let match = line.wholeMatch(of: /(message|enum) (\w+) \{(\})?/) {
          message = match.1 == "message" ? match.2.lowercased() : nil
          if let message { messages[message] = [:] }
        } else if let message, let match = line.wholeMatch(of: /\s+(optional |repeated )?(\w+) (\w+) = (\d+);/),
          let number = Int(match.4)
        {
          messages[message]?[number] = Field(
            type: String(match.2), name: String(match.3), isRepeated: match.1 == "repeated ")
        }
      }
    }
  }
}
