public import Fleet
import NUMA

extension Shape {
  /// Validates the text of a shape file; what it leaves out has the default of `Shape.init`.
  public init(parsing text: String, file: String, overriding settings: [String] = []) throws(ConfigurationError) {
    let document = try Document(text, file: file, overriding: settings)
    try self.init(try document.section(.shape, ShapeKey.self))
  }

  /// A shape within another file.
  init(_ value: Value) throws(ConfigurationError) { try self.init(try Section<ShapeKey>(value)) }

  private init(_ section: Section<ShapeKey>) throws(ConfigurationError) {
    let list = try section.required(.guest_cells, example: "[{vcpus: 4, memory: 8GiB}]")
    var cells: [ShapeCell] = []
    for item in try list.items() { cells.append(try ShapeCell(item)) }
    guard (1...8).contains(cells.count) else {
      throw list.position.error("guest_cells has \(cells.count) items; allowed: 1...8")
    }
    self.init(guestCells: cells)
    name = try section[.name]?.word() ?? name
    cpuClass = try section[.cpu_class]?.choice() ?? cpuClass
    smt = try section[.smt]?.choice() ?? smt
    pageSize = try section[.page_size]?.pageSize() ?? pageSize
    mode = try section[.mode]?.choice() ?? mode
    if let value = section[.near] { for item in try value.items() { near.append(try item.deviceName()) } }
    emulatorPCPUs = try section[.emulator_pcpus]?.number(in: 0...64) ?? emulatorPCPUs
    iothreads = try section[.iothreads]?.number(in: 0...64) ?? iothreads
    if let value = section[.hosts] { for item in try value.items() { hosts.append(HostID(try item.word())) } }
    if let value = section[.labels] { for item in try value.items() { labels.append(try item.label()) } }
    if let value = section[.tolerates] { for item in try value.items() { tolerates.append(try item.label()) } }
    if let contradiction = contradictions().first { throw list.position.error(contradiction) }
  }
}

private enum ShapeKey: String, SectionKey {
  case kind, name, guest_cells, cpu_class, smt, page_size, mode, near, emulator_pcpus, iothreads, hosts, labels
  case tolerates
}

private enum ShapeCellKey: String, SectionKey {
  case vcpus, memory, dedicated_vcpus
}

extension ShapeCell {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<ShapeCellKey>(value)
    let vcpus = try section.required(.vcpus, example: "4").number(in: 0...Guest.vcpusLimit)
    self.init(
      vcpus: vcpus, memory: try section.required(.memory, example: "8GiB").amount(in: KiB(mib: 1)...KiB(gib: 65_536)),
      dedicatedVCPUs: try section[.dedicated_vcpus]?.number(in: 0...Guest.vcpusLimit) ?? 0)
  }
}

extension Value {
  /// A PCI address or a vendor:device pair.
  func deviceName() throws(ConfigurationError) -> String {
    let text = try text()
    guard isDeviceName(text) else {
      throw bad("a PCI address such as 0000:21:00.0 or a vendor:device pair such as 8086:1572")
    }
    return text
  }
}

/// Whether a text is a PCI address (`0000:21:00.0`) or a vendor:device pair (`8086:1572`).
public func isDeviceName(_ text: String) -> Bool {
  let parts = text.split(separator: ":", omittingEmptySubsequences: false)
  func isHex(_ part: Substring, _ count: Int) -> Bool {
    part.utf8.count == count && part.allSatisfy { $0.isASCII && $0.isHexDigit }
  }
  if parts.count == 2 { return isHex(parts[0], 4) && isHex(parts[1], 4) }
  guard parts.count == 3, isHex(parts[0], 4), isHex(parts[1], 2) else { return false }
  let slot = parts[2].split(separator: ".", omittingEmptySubsequences: false)
  return slot.count == 2 && isHex(slot[0], 2) && isHex(slot[1], 1)
}
