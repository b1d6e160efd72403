public import Fleet

/// Why a document of libvirt could not be read or edited.
public struct XMLError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of fault it is.
  public enum Kind: String, Sendable, Hashable {
    /// More bytes, levels or elements than any document of libvirt has.
    case tooLarge, tooDeep, tooManyElements
    /// The document brings a DTD, which libvirt never writes and an attacker may.
    case doctype
    /// It is not well-formed XML.
    case malformed
    /// A part that every document of its sort has is absent.
    case missing
    /// A part has a value that it cannot have.
    case invalid
    /// What shall be written contradicts what the document says.
    case conflict
  }

  /// What kind of fault it is, for programs.
  public let kind: Kind
  /// The sort of document: `capabilities`, `domain`, `nodedev`.
  public let document: String
  /// What is wrong, without a final period.
  public let message: String
  /// The line it is on, where known; lines count from 1.
  public let line: Int?

  init(_ kind: Kind, in document: String, _ message: String, line: Int? = nil) {
    self.kind = kind
    self.document = document
    self.message = message
    self.line = line
  }

  /// One line that names the document, the line and the fault.
  public var description: String {
    "the \(document) XML\(line.map { ", line \($0)," } ?? "") cannot be used: \(message)"
  }

  /// The same for an operator or a coordinator, with what to do.
  public var refusal: Refusal { Refusal(.malformed, description, remedy: remedy) }

  private var remedy: String {
    switch kind {
    case .tooLarge, .tooDeep, .tooManyElements: "shrink the document, most often its <metadata>"
    case .doctype: "remove the <!DOCTYPE> declaration; libvirt's documents have none"
    case .malformed, .missing, .invalid: "correct the document, for a domain with virsh edit, and try again"
    case .conflict: "change the shape or the document so that both say the same"
    }
  }
}
