/// Splits Swift source into tokens and string literals, far enough for the rules of this suite and no further.
///
/// It knows comments (nested ones too), strings (raw, multi-line, with interpolations in any depth), words and single
/// punctuation marks. Regex literals it does not know.
struct SwiftScanner {
  /// A word, a number or one punctuation mark outside comments and strings.
  struct Token: Equatable {
    var text: String
    var line: Int
    /// Whether nothing is between it and the token before it.
    var isJoined = false
  }

  /// The text of one string literal on one line, without its interpolations.
  struct Literal: Equatable {
    var text: String
    var line: Int
  }

  private(set) var tokens: [Token] = []
  private(set) var literals: [Literal] = []

  private let bytes: [UInt8]
  private var position = 0
  private var line = 1
  /// Where the newest token ended.
  private var end = -1

  init(_ text: String) {
    bytes = Array(text.utf8)
    scanCode(insideInterpolation: false)
  }

  private func byte(_ ahead: Int = 0) -> UInt8 { position + ahead < bytes.count ? bytes[position + ahead] : 0 }

  private mutating func scanCode(insideInterpolation: Bool) {
    var parentheses = 0
    while position < bytes.count {
      let current = byte()
      switch current {
      case Ascii.newline:
        line += 1
        position += 1
      case Ascii.slash where byte(1) == Ascii.slash: skipLineComment()
      case Ascii.slash where byte(1) == Ascii.star: skipBlockComment()
      case Ascii.quote,
        Ascii.hash where opensString():
        scanString()
      case _ where Ascii.isWord(current): scanWord()
      case Ascii.space, Ascii.tab: position += 1
      default:
        if current == Ascii.open { parentheses += 1 }
        if current == Ascii.close {
          if insideInterpolation, parentheses == 0 {
            position += 1
            return
          }
          parentheses -= 1
        }
        add(String(UnicodeScalar(current)), from: position)
        position += 1
        end = position
      }
    }
  }

  private mutating func scanWord() {
    let start = position
    while Ascii.isWord(byte()) { position += 1 }
    add(String(decoding: bytes[start..<position], as: UTF8.self), from: start)
    end = position
  }

  private mutating func add(_ text: String, from start: Int) {
    tokens.append(Token(text: text, line: line, isJoined: start == end))
  }

  private mutating func skipLineComment() {
    while position < bytes.count, byte() != Ascii.newline { position += 1 }
  }

  private mutating func skipBlockComment() {
    var depth = 0
    repeat {
      if byte() == Ascii.slash, byte(1) == Ascii.star {
        depth += 1
        position += 2
      } else if byte() == Ascii.star, byte(1) == Ascii.slash {
        depth -= 1
        position += 2
      } else {
        if byte() == Ascii.newline { line += 1 }
        position += 1
      }
    } while depth > 0 && position < bytes.count
  }

  /// Whether hashes, or none, and a quote come next.
  private func opensString() -> Bool {
    var ahead = 0
    while byte(ahead) == Ascii.hash { ahead += 1 }
    return byte(ahead) == Ascii.quote
  }

  private func hashes(at ahead: Int, are count: Int) -> Bool {
    (0..<count).allSatisfy { byte(ahead + $0) == Ascii.hash }
  }

  private mutating func scanString() {
    var hashCount = 0
    while byte() == Ascii.hash {
      hashCount += 1
      position += 1
    }
    let isMultiLine = byte(1) == Ascii.quote && byte(2) == Ascii.quote
    let quotes = isMultiLine ? 3 : 1
    position += quotes
    var text: [UInt8] = []
    func literal() -> Literal { Literal(text: String(decoding: text, as: UTF8.self), line: line) }
    while position < bytes.count {
      if byte() == Ascii.quote, (0..<quotes).allSatisfy({ byte($0) == Ascii.quote }),
        hashes(at: quotes, are: hashCount)
      {
        position += quotes + hashCount
        break
      }
      if byte() == Ascii.backslash, hashes(at: 1, are: hashCount) {
        let escaped = byte(1 + hashCount)
        position += 1 + hashCount
        if escaped == Ascii.open {
          position += 1
          scanCode(insideInterpolation: true)
          continue
        }
        // An escaped quote or backslash must not be read as the string's own.
        if escaped != Ascii.newline {
          text.append(escaped)
          position += 1
          continue
        }
      }
      if byte() == Ascii.newline {
        literals.append(literal())
        text = []
        line += 1
        position += 1
        if isMultiLine { continue }
        return
      }
      text.append(byte())
      position += 1
    }
    literals.append(literal())
  }
}

/// The bytes that matter to the scanner.
enum Ascii {
  static let tab: UInt8 = 9
  static let newline: UInt8 = 10
  static let space: UInt8 = 32
  static let quote: UInt8 = 34
  static let hash: UInt8 = 35
  static let open: UInt8 = 40
  static let close: UInt8 = 41
  static let star: UInt8 = 42
  static let slash: UInt8 = 47
  static let backslash: UInt8 = 92

  static func isWord(_ byte: UInt8) -> Bool {
    (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte == 95 || byte >= 128
  }
}
