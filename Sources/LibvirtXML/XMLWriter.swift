/// Writes an element: unchanged parts with their own bytes, changed ones as libvirt writes them.
extension XMLElement {
  /// Appends the element; `source` is the document that its extents point into.
  func write(into output: inout [UInt8], from source: [UInt8]) {
    if let whole {
      output += source[whole]
      return
    }
    if let startTag {
      output += source[startTag]
    } else {
      output.append(0x3c)
      output += name.utf8
      for attribute in attributes {
        output.append(0x20)
        output += attribute.name.utf8
        output += "='".utf8
        Self.escape(attribute.value, inAttribute: true, into: &output)
        output.append(0x27)
      }
    }
    if children.isEmpty {
      output += "/>".utf8
      return
    }
    output.append(0x3e)
    for child in children { child.write(into: &output, from: source) }
    output += "</".utf8
    output += name.utf8
    output.append(0x3e)
  }

  /// Appends a text with the marks of XML replaced by references, as `virBufferEscapeString` does.
  static func escape(_ text: String, inAttribute: Bool, into output: inout [UInt8]) {
    for byte in text.utf8 {
      switch byte {
      case 0x26: output += "&amp;".utf8
      case 0x3c: output += "&lt;".utf8
      case 0x3e: output += "&gt;".utf8
      case 0x27 where inAttribute: output += "&apos;".utf8
      case 0x22 where inAttribute: output += "&quot;".utf8
      case 0x0d: output += "&#13;".utf8
      case 0x0a where inAttribute: output += "&#10;".utf8
      case 0x09 where inAttribute: output += "&#9;".utf8
      default: output.append(byte)
      }
    }
  }
}

extension XMLNode {
  func write(into output: inout [UInt8], from source: [UInt8]) {
    switch self {
    case .element(let element): element.write(into: &output, from: source)
    case .text(let text): XMLElement.escape(text, inAttribute: false, into: &output)
    case .cdata(let text):
      output += "<![CDATA[".utf8
      output += text.utf8
      output += "]]>".utf8
    case .comment(let text):
      output += "<!--".utf8
      output += text.utf8
      output += "-->".utf8
    case .instruction(let target, let content):
      output += "<?\(target)\(content.isEmpty ? "" : " ")\(content)?>".utf8
    }
  }
}
