import Fleet
import NUMA

/// `<cputune>` and `<numatune>`.
extension DomainDocument {
  /// The `cpuset` of an element; an empty one is none, as libvirt reads it.
  static func cpuset(_ element: XMLElement) throws(XMLError) -> CPUSet? {
    guard let set: CPUSet = try reader.list(attribute: "cpuset", of: element), !set.isEmpty else { return nil }
    return set
  }

  static func vcpuPins(_ root: XMLElement) throws(XMLError) -> [VCPUPin] {
    var pins: [VCPUPin] = []
    for element in root.first("cputune")?.all("vcpupin") ?? [] {
      let vcpu = try reader.require(integer: "vcpu", of: element, in: 0...(CPUKind.idLimit - 1))
      pins.append(VCPUPin(vcpu: vcpu, cpuset: try reader.require(list: "cpuset", of: element)))
    }
    return pins
  }

  static func iothreadPins(_ root: XMLElement) throws(XMLError) -> [IOThreadPin] {
    var pins: [IOThreadPin] = []
    for element in root.first("cputune")?.all("iothreadpin") ?? [] {
      let iothread = try reader.require(integer: "iothread", of: element, in: 1...Int(UInt32.max))
      pins.append(IOThreadPin(iothread: iothread, cpuset: try reader.require(list: "cpuset", of: element)))
    }
    return pins
  }

  /// The elements of `<cputune>` that carry scheduler parameters, in libvirt's order.
  static let cputuneElements: [(name: String, field: any WritableKeyPath<CPUTune, Int?> & Sendable)] = [
    ("shares", \.shares), ("period", \.vcpuPeriod), ("quota", \.vcpuQuota), ("global_period", \.globalPeriod),
    ("global_quota", \.globalQuota), ("emulator_period", \.emulatorPeriod), ("emulator_quota", \.emulatorQuota),
    ("iothread_period", \.iothreadPeriod), ("iothread_quota", \.iothreadQuota),
  ]

  static func cputune(_ root: XMLElement) throws(XMLError) -> CPUTune {
    var result = CPUTune()
    guard let cputune = root.first("cputune") else { return result }
    for (name, field) in cputuneElements {
      guard let element = cputune.first(name) else { continue }
      result[keyPath: field] = try reader.integer(element.text, in: Int.min...Int.max, of: "<\(name)>")
    }
    return result
  }

  static func numatune(_ root: XMLElement) throws(XMLError) -> NUMATune? {
    guard let element = root.first("numatune") else { return nil }
    var result = NUMATune()
    if let memory = element.first("memory") {
      result.mode = try mode(memory)
      result.automatic = memory["placement"] == "auto"
      result.nodeset = result.automatic ? nil : try reader.list(attribute: "nodeset", of: memory)
    }
    for memnode in element.all("memnode") {
      result.memnodes.append(
        MemNode(
          guestCell: try reader.require(integer: "cellid", of: memnode, in: 0...(NodeKind.idLimit - 1)),
          mode: try mode(memnode), nodeset: try reader.require(list: "nodeset", of: memnode)))
    }
    result.memnodes.sort { $0.guestCell < $1.guestCell }
    return result
  }

  private static func mode(_ element: XMLElement) throws(XMLError) -> NUMAMode {
    guard let text = element["mode"] else { return .strict }
    guard let mode = NUMAMode(rawValue: text) else {
      let known = NUMAMode.allCases.map(\.rawValue).joined(separator: ", ")
      throw XMLError(.invalid, in: "domain", "<\(element.name) mode=> is \"\(text.prefix(40))\", not one of \(known)")
    }
    return mode
  }
}
