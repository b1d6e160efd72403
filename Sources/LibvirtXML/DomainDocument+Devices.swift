import NUMA

/// Devices of the host that make the guest's memory immovable.
extension DomainDocument {
  /// What VFIO pins the guest's memory for, in document order and once each.
  static func hostDevices(_ root: XMLElement) throws(XMLError) -> [String] {
    var found: [String] = []
    var seen: Set<String> = []
    func add(_ device: String) { if seen.insert(device).inserted { found.append(device) } }
    for device in root.first("devices")?.elements ?? [] where device.isPlain {
      let address = device.first("source", "address")
      switch (device.name, device["type"]) {
      case ("hostdev", "pci"), ("interface", "hostdev"), ("disk", "nvme"):
        guard let address else { continue }
        add(try pciAddress(address))
      case ("hostdev", "mdev"): add("mdev:\(address?["uuid"] ?? "unknown")")
      case ("interface", "vdpa"): add("vdpa:\(device.first("source")?["dev"] ?? "unknown")")
      default: continue
      }
    }
    return found
  }

  /// Domain, bus, slot and function of an `<address>`, for example `0000:21:00.0`.
  private static func pciAddress(_ element: XMLElement) throws(XMLError) -> String {
    func part(_ name: String, _ range: ClosedRange<Int>) throws(XMLError) -> Int {
      let text = element[name] ?? "0"
      let digits = text.hasPrefix("0x") ? Int(text.dropFirst(2), radix: 16) : Int(text)
      guard let digits, range.contains(digits) else {
        throw XMLError(.invalid, in: "domain", "<address \(name)=> is \"\(text.prefix(20))\"")
      }
      return digits
    }
    let domain = hexadecimal(try part("domain", 0...0xffff_ffff), digits: 4)
    let bus = hexadecimal(try part("bus", 0...255), digits: 2)
    let slot = hexadecimal(try part("slot", 0...31), digits: 2)
    return "\(domain):\(bus):\(slot).\(try part("function", 0...7))"
  }
}
