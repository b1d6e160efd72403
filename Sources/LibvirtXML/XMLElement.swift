/// One element as a value, which remembers where it stood in the document as long as nobody changes it.
package struct XMLElement: Sendable {
  /// The name as written, with its prefix.
  package let name: String
  /// Whether it is in no namespace, as all elements of libvirt are; elements of others are kept, never read.
  package let isPlain: Bool
  /// Namespace declarations and attributes as written, declarations first.
  package var attributes: [XMLAttribute] { didSet { (startTag, whole) = (nil, nil) } }
  /// What is between its tags, in order.
  package var children: [XMLNode] { didSet { whole = nil } }
  /// The bytes from `<` to before `>` or `/>`; nil after a change of the attributes.
  private(set) var startTag: Range<Int>?
  /// The bytes of the whole element; nil after any change in it.
  private(set) var whole: Range<Int>?

  /// A new element.
  package init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], _ children: [XMLElement] = []) {
    self.name = name
    isPlain = true
    self.attributes = attributes.map { XMLAttribute(name: $0.key, value: $0.value) }
    self.children = children.map { .element($0) }
  }

  /// A new element with text in it.
  package init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String) {
    self.init(name, attributes)
    children = [.text(text)]
  }

  /// An element of a parsed document.
  init(
    name: String, isPlain: Bool, attributes: [XMLAttribute], children: [XMLNode], extent: XMLScanner.Extent
  ) {
    self.name = name
    self.isPlain = isPlain
    self.attributes = attributes
    self.children = children
    startTag = extent.startTag
    whole = extent.whole
  }

  /// The value of an attribute. Setting nil removes it, setting an equal value changes nothing.
  package subscript(attribute: String) -> String? {
    get { attributes.first { $0.name == attribute }?.value }
    set {
      guard newValue != self[attribute] else { return }
      let index = attributes.firstIndex { $0.name == attribute }
      switch (index, newValue) {
      case (let index?, let value?): attributes[index].value = value
      case (let index?, nil): attributes.remove(at: index)
      case (nil, let value?): attributes.append(XMLAttribute(name: attribute, value: value))
      case (nil, nil): break
      }
    }
  }

  /// The child elements, those of other namespaces too.
  package var elements: [XMLElement] {
    children.compactMap { if case .element(let element) = $0 { element } else { nil } }
  }

  /// The child elements of that name.
  package func all(_ name: String) -> [XMLElement] { elements.filter { $0.isPlain && $0.name == name } }

  /// The first child element of that name.
  package func first(_ name: String) -> XMLElement? {
    for case .element(let element) in children where element.isPlain && element.name == name { return element }
    return nil
  }

  /// The first element at the end of a path of names.
  package func first(_ path: String...) -> XMLElement? {
    path.reduce(XMLElement?.some(self)) { $0?.first($1) }
  }

  /// The text directly in it, without blanks around it.
  package var text: String {
    var result = ""
    for child in children {
      switch child {
      case .text(let text), .cdata(let text): result += text
      default: break
      }
    }
    return result.withoutOuterBlanks
  }

  /// Whether both say the same: names, attributes in any order, children without blanks and comments.
  package func says(theSameAs other: XMLElement) -> Bool {
    guard name == other.name, isPlain == other.isPlain, attributes.count == other.attributes.count else { return false }
    guard attributes.allSatisfy({ other[$0.name] == $0.value }), text == other.text else { return false }
    let (mine, others) = (elements, other.elements)
    return mine.count == others.count && zip(mine, others).allSatisfy { $0.says(theSameAs: $1) }
  }
}

/// One attribute or namespace declaration.
package struct XMLAttribute: Sendable, Hashable {
  package let name: String
  package var value: String
}

/// What stands in an element.
package enum XMLNode: Sendable {
  case element(XMLElement)
  case text(String)
  case cdata(String)
  case comment(String)
  case instruction(target: String, content: String)

  /// Whether it is text of blanks only.
  var isBlank: Bool {
    if case .text(let text) = self { text.withoutOuterBlanks.isEmpty } else { false }
  }
}

extension StringProtocol {
  /// The text without leading and trailing XML white space.
  var withoutOuterBlanks: String {
    let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0a || $0 == 0x0d }
    let rest = utf8.drop(while: isBlank)
    return String(decoding: rest.reversed().drop(while: isBlank).reversed(), as: UTF8.self)
  }
}
