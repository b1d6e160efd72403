import Fleet
import LibvirtXML

/// The domain XML that an operator gave, with the UUID by which the fleet will know the guest.
///
/// libvirt would make a UUID of its own on the host, after the coordinator has committed to one; so a domain without
/// one gets it here.
struct DomainIdentity {
  let guest: GuestID
  let name: String
  let xml: String

  /// - Parameter newUUID: used when the domain has none.
  init(xml: String, newUUID: @autoclosure () -> String = randomUUID()) throws(CommandFailure) {
    do {
      let domain = try DomainDocument(parsing: xml)
      name = domain.name
      if let uuid = domain.uuid {
        guest = GuestID(try Self.canonical(uuid))
        self.xml = xml
        return
      }
      let uuid = newUUID()
      var document = try XMLDocument(parsing: xml, root: "domain", document: "domain")
      var place = 0
      for (index, child) in document.root.children.enumerated() {
        if case .element(let element) = child, element.isPlain, element.name == "name" { place = index + 1 }
      }
      document.root.children.insert(contentsOf: [.text("\n  "), .element(XMLElement("uuid", text: uuid))], at: place)
      guest = GuestID(uuid)
      self.xml = document.text
    } catch {
      throw (error as? CommandFailure) ?? (error as? XMLError).map { CommandFailure($0.refusal) }
        ?? CommandFailure(
          code: "malformed", "\(error)", remedy: "`virsh define --validate` tells more of it", exit: .refused)
    }
  }

  /// A UUID as libvirt prints it, however the document writes it.
  private static func canonical(_ text: String) throws(CommandFailure) -> String {
    let digits = text.lowercased().filter { $0 != "-" }
    guard digits.utf8.count == 32, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }) else {
      throw CommandFailure(
        code: "malformed", "the domain XML's uuid \"\(text)\" is none", remedy: "mend it, or leave <uuid> out",
        exit: .refused)
    }
    var result = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { result += "-" }
      result.append(digit)
    }
    return result
  }

  /// A random UUID of version 4 (RFC 9562) in lower case, as libvirt prints them.
  static func randomUUID() -> String {
    var bytes = (0..<16).map { _ in UInt8.random(in: 0...255) }
    bytes[6] = bytes[6] & 0x0f | 0x40
    bytes[8] = bytes[8] & 0x3f | 0x80
    var text = ""
    for (index, byte) in bytes.enumerated() {
      if [4, 6, 8, 10].contains(index) { text += "-" }
      text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
    return text
  }
}
