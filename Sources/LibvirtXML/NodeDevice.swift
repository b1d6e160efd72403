public import NUMA

/// Reads a nodedev document (`virNodeDeviceGetXMLDesc`), see libvirt's formatnode.
extension PCIDevice {
  /// The PCI device that the document describes; nil when it describes a device of another bus.
  public init?(parsing text: String) throws(XMLError) {
    let root = try XMLDocument(parsing: text, root: "device", document: "nodedev").root
    let reader = XMLReader(document: "nodedev")
    guard let pci = root.all("capability").first(where: { $0["type"] == "pci" }) else { return nil }
    func number(_ name: String, _ range: ClosedRange<Int>) throws(XMLError) -> Int {
      try reader.integer(try reader.require(name, in: pci).text, in: range, of: "<\(name)>")
    }
    let domain = hexadecimal(try number("domain", 0...0xffff_ffff), digits: 4)
    let bus = hexadecimal(try number("bus", 0...255), digits: 2)
    let slot = hexadecimal(try number("slot", 0...31), digits: 2)
    let function = try number("function", 0...7)
    var cell: Int?
    if let numa = pci.first("numa") {
      // The kernel writes -1 where the firmware does not tell.
      let node = try reader.require(integer: "node", of: numa, in: -1...(NodeKind.idLimit - 1))
      cell = node >= 0 ? node : nil
    }
    self.init(
      address: "\(domain):\(bus):\(slot).\(function)", classID: pci.first("class")?.text ?? "",
      vendor: pci.first("vendor")?["id"] ?? "", device: pci.first("product")?["id"] ?? "",
      driver: root.first("driver", "name")?.text, cell: cell)
  }
}

/// Lower-case hexadecimal with leading zeros.
func hexadecimal(_ number: Int, digits: Int) -> String {
  let text = String(number, radix: 16)
  return String(repeating: "0", count: max(0, digits - text.utf8.count)) + text
}
