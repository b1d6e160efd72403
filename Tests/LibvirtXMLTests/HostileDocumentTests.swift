import Fleet
import Foundation
import LibvirtXML
import Testing

private func refusal(_ text: String, within limit: Duration = .seconds(5)) throws -> XMLError.Kind? {
  var kind: XMLError.Kind?
  let elapsed = ContinuousClock().measure {
    do throws(XMLError) { _ = try DomainDocument(parsing: text) } catch { kind = error.kind }
  }
  #expect(elapsed < limit)
  return kind
}

@Test func entitiesThatGrowAreRefusedBeforeTheyGrow() throws {
  var text = "<?xml version='1.0'?><!DOCTYPE domain [<!ENTITY a0 'ha'>"
  for level in 1...30 { text += "<!ENTITY a\(level) '&a\(level - 1);&a\(level - 1);'>" }
  #expect(try refusal(text + "]><domain type='kvm'><name>&a30;</name></domain>") == .doctype)
}

@Test func externalEntitiesAreNeverOpened() throws {
  let path = FileManager.default.temporaryDirectory.appendingPathComponent("numafleet-\(UUID().uuidString)")
  try "stolen".write(to: path, atomically: true, encoding: .utf8)
  defer { try? FileManager.default.removeItem(at: path) }
  let body = "<domain type='kvm'><name>&x;</name><memory>1</memory></domain>"
  for declaration in [
    "<!DOCTYPE domain [<!ENTITY x SYSTEM 'file://\(path.path)'>]>",
    "<!DOCTYPE domain SYSTEM 'http://127.0.0.1:9/x.dtd'>",
    "<!DOCTYPE domain PUBLIC 'x' 'file://\(path.path)'>", "<!--c--><!DOCTYPE domain>",
  ] {
    #expect(try refusal(declaration + body) == .doctype)
  }
  // Without a declaration the entity is merely unknown.
  #expect(try refusal(body) == .malformed)
}

@Test func includesAreOnlyElements() throws {
  let text = """
    <domain type='kvm' xmlns:xi='http://www.w3.org/2001/XInclude'><name>a</name><memory>1</memory>
    <metadata><xi:include href='file:///etc/hostname' parse='text'/></metadata></domain>
    """
  #expect(try DomainDocument(parsing: text).text == text)
}

@Test func deepNestingIsRefused() throws {
  func nested(_ levels: Int) -> String {
    "<domain type='kvm'><name>a</name><memory>1</memory>"
      + String(repeating: "<x>", count: levels) + String(repeating: "</x>", count: levels) + "</domain>"
  }
  #expect(try refusal(nested(90)) == nil)
  #expect(try refusal(nested(100)) == .tooDeep)
  #expect(try refusal(nested(100_000)) == .tooDeep)
}

@Test func largeDocumentsAreRefused() throws {
  let start = "<domain type='kvm'><name>a</name><memory>1</memory><metadata>"
  let big = start + String(repeating: "x", count: 10 << 20) + "</metadata></domain>"
  #expect(try refusal(big) == .tooLarge)
  let many = start + String(repeating: "<a/>", count: 150_000) + "</metadata></domain>"
  #expect(try refusal(many) == .tooManyElements)
}

@Test func largeDocumentsWithinTheLimitsAreRead() throws {
  let start = "<domain type='kvm'><name>a</name><memory>1</memory><metadata>"
  let text = start + String(repeating: "x", count: 3 << 20) + "</metadata></domain>"
  #expect(try refusal(text, within: .seconds(10)) == nil)
}

@Test func twentyThousandDevicesAreReadInTime() throws {
  let device = "<hostdev type='pci'><source><address bus='0x21' slot='1' function='0'/></source></hostdev>"
  let mdev = (0..<8000).map { "<hostdev type='mdev'><source><address uuid='\($0)'/></source></hostdev>" }.joined()
  let text =
    "<domain type='kvm'><name>a</name><memory>1</memory><devices>" + String(repeating: device, count: 8000) + mdev
    + "</devices></domain>"
  #expect(try refusal(text, within: .seconds(10)) == nil)
}

@Test(arguments: [
  "", "   ", "not xml", "<", "<domain", "<domain>", "<domain type='kvm'>", "</domain>", "<domain/><domain/>",
  "<domain><a></domain></a>", "<domain a='1' a='2'/>", "<domain>&undefined;</domain>", "<domain a=1/>",
  "<domain><![CDATA[</domain>", "<domain><!-- </domain>", "<?xml", "<domain>\u{0}</domain>", "<domain>\u{1}</domain>",
  "<domain a='<'/>", "<x:domain/>", "<domain xmlns='urn:other'/>", "<>", "<domain></>", "]]>", "<domain <b/>>",
  "<domain type='a>b'", "&#0;<domain/>", "<domain>&#x110000;</domain>", "<!ELEMENT domain ANY><domain/>",
])
func garbageIsAnErrorAndNothingElse(text: String) {
  #expect(throws: XMLError.self) { try DomainDocument(parsing: text) }
}

@Test func anyCutOfARealDocumentIsAnErrorOrADocument() throws {
  let text = try Fixture.domain("rich")
  let bytes = Array(text.utf8)
  for length in stride(from: 0, to: bytes.count, by: 37) {
    _ = try? DomainDocument(parsing: String(decoding: bytes[..<length], as: UTF8.self))
  }
  // A byte changed anywhere must not stop the process either.
  var numbers = Sequence64(seed: 7)
  for _ in 0..<2000 {
    var changed = bytes
    changed[Int.random(in: 0..<bytes.count, using: &numbers)] = UInt8.random(in: 0...127, using: &numbers)
    let text = String(decoding: changed, as: UTF8.self)
    guard let document = try? DomainDocument(parsing: text) else { continue }
    let isUnchanged = document.text.utf8.elementsEqual(text.utf8)
    #expect(isUnchanged)
  }
}

@Test func aDeclaredEncodingDoesNotChangeTheBytes() throws {
  let text =
    "<?xml version='1.0' encoding='ISO-8859-1'?><domain type='kvm'><name>größe</name><memory>1</memory></domain>"
  #expect(try DomainDocument(parsing: text).name == "größe")
}

@Test func refusalsSayWhatToDo() throws {
  let error = #expect(throws: XMLError.self) { try DomainDocument(parsing: "<!DOCTYPE x><domain/>") }
  #expect(error?.refusal.code == .malformed)
  #expect(error?.refusal.description.contains("remove the <!DOCTYPE>") == true)
  #expect(error?.line == 1)
}
