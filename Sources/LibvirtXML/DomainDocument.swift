public import Fleet
public import NUMA

/// A domain as `virDomainGetXMLDesc` gives it or an operator writes it, read for what concerns placement.
///
/// See libvirt's formatdomain. Everything else in the document is kept, not understood: edits give a new document
/// whose other bytes are the old ones.
public struct DomainDocument: Sendable {
  /// `<domain type=…>`: `kvm`, `qemu`, `test`.
  public let type: String
  /// `<name>`: the owner's choice, for people only.
  public let name: String
  /// `<uuid>`; nil in a document that was never defined.
  public let uuid: String?
  /// `<vcpu>N</vcpu>`: vcpus that may be plugged.
  public let vcpusMaximum: Int
  /// Vcpus that are plugged: `<vcpus>` where it is, the first `current=` otherwise.
  public let vcpusOnline: CPUSet
  /// `<vcpu cpuset=…>`; nil without it or with automatic placement, which ignores it.
  public let defaultCPUSet: CPUSet?
  /// `<vcpu placement='auto'>`: numad chooses at start.
  public let automaticPlacement: Bool
  /// `<memory>`: what the guest has at boot, memory devices included.
  public let memory: KiB
  /// `<currentMemory>`: what the balloon leaves it.
  public let currentMemory: KiB
  /// `<cpu><numa><cell>`, ascending by id.
  public let guestCells: [GuestCell]
  /// Pins, numatune and cputune; its `memory` is empty, because libvirt does not know where pages are.
  public let pinning: Pinning
  /// `<memoryBacking>`.
  public let memoryBacking: MemoryBacking
  /// Ids of the iothreads, ascending.
  public let iothreads: [Int]
  /// Devices of the host that the guest uses through VFIO: PCI addresses, and `mdev:UUID` for mediated ones.
  public let hostDevices: [String]
  /// The type of `<launchSecurity>`, for example `sev`; nil without.
  public let launchSecurity: String?

  let document: XMLDocument
  static let reader = XMLReader(document: "domain")

  /// The most iothreads read; libvirt has no limit, and a guest has as many as disks at most.
  static let iothreadsMaximum = 1024

  /// Parses a domain document, live, inactive or written by hand.
  public init(parsing text: String) throws(XMLError) {
    try self.init(try XMLDocument(parsing: text, root: "domain", document: "domain"))
  }

  init(_ document: XMLDocument) throws(XMLError) {
    let root = document.root
    let reader = Self.reader
    self.document = document
    type = try reader.require(attribute: "type", of: root)
    name = try reader.require("name", in: root).text
    uuid = root.first("uuid")?.text
    (vcpusMaximum, vcpusOnline) = try Self.vcpus(root)
    automaticPlacement = root.first("vcpu")?["placement"] == "auto"
    defaultCPUSet = automaticPlacement ? nil : try root.first("vcpu").flatMap(Self.cpuset)
    guestCells = try Self.guestCells(root)
    let cellMemory = guestCells.reduce(0) { $0 + $1.memory }
    let stated = try root.first("memory").map { (memory) throws(XMLError) in try reader.memory(memory) } ?? 0
    guard stated > 0 || cellMemory > 0 else { throw XMLError(.missing, in: "domain", "<domain> has no <memory>") }
    memory = stated > 0 ? stated : cellMemory
    currentMemory =
      try root.first("currentMemory").map { (memory) throws(XMLError) in try reader.memory(memory) } ?? memory
    pinning = Pinning(
      vcpus: try Self.vcpuPins(root), emulator: try root.first("cputune", "emulatorpin").flatMap(Self.cpuset),
      iothreads: try Self.iothreadPins(root), numatune: try Self.numatune(root), cputune: try Self.cputune(root))
    memoryBacking = try MemoryBacking(root)
    iothreads = try Self.iothreads(root)
    hostDevices = try Self.hostDevices(root)
    launchSecurity = root.first("launchSecurity").map { $0["type"] ?? "unknown" }
  }

  /// The document's text. It is the text that was parsed, byte by byte, until an edit changes something.
  public var text: String { document.text }

  /// What pages back the guest: one size for all of it.
  public var pageSize: PageSize { memoryBacking.pageSize }

  private static func vcpus(_ root: XMLElement) throws(XMLError) -> (maximum: Int, online: CPUSet) {
    let limit = 1...CPUKind.idLimit
    guard let vcpu = root.first("vcpu") else { return (1, [0]) }
    let maximum = try reader.integer(vcpu.text, in: limit, of: "<vcpu>")
    let current = try reader.integer(attribute: "current", of: vcpu, in: 1...maximum) ?? maximum
    guard let list = root.first("vcpus") else { return (maximum, CPUSet(0..<current)) }
    var online = CPUSet()
    for element in list.all("vcpu") where element["enabled"] != "no" {
      online.insert(try reader.require(integer: "id", of: element, in: 0...(maximum - 1)))
    }
    return (maximum, online)
  }

  private static func guestCells(_ root: XMLElement) throws(XMLError) -> [GuestCell] {
    var cells: [GuestCell] = []
    let ids = 0...(NodeKind.idLimit - 1)
    for element in root.first("cpu", "numa")?.all("cell") ?? [] {
      let id = try reader.integer(attribute: "id", of: element, in: ids) ?? cells.count
      guard !cells.contains(where: { $0.id == id }) else {
        throw XMLError(.invalid, in: "domain", "guest cell \(id) is listed twice")
      }
      var distances: [GuestCellDistance] = []
      for sibling in element.first("distances")?.all("sibling") ?? [] {
        distances.append(
          GuestCellDistance(
            to: try reader.require(integer: "id", of: sibling, in: ids),
            value: try reader.require(integer: "value", of: sibling, in: 10...255)))
      }
      let memory = try reader.require(attribute: "memory", of: element)
      cells.append(
        GuestCell(
          id: id, vcpus: try reader.list(attribute: "cpus", of: element) ?? [],
          memory: try reader.memory(memory, unit: element["unit"], of: "<cell memory=>"), distances: distances))
    }
    return cells.sorted { $0.id < $1.id }
  }

  private static func iothreads(_ root: XMLElement) throws(XMLError) -> [Int] {
    var ids: [Int] = []
    for element in root.first("iothreadids")?.all("iothread") ?? [] {
      ids.append(try reader.require(integer: "id", of: element, in: 1...Int(UInt32.max)))
    }
    guard ids.count <= iothreadsMaximum else {
      throw XMLError(.invalid, in: "domain", "<iothreadids> has more than \(iothreadsMaximum) iothreads")
    }
    guard let count = root.first("iothreads") else { return ids.sorted() }
    // libvirt gives the iothreads without an id the lowest free ones.
    let total = try reader.integer(count.text, in: 0...iothreadsMaximum, of: "<iothreads>")
    var next = 1
    while ids.count < total {
      if !ids.contains(next) { ids.append(next) }
      next += 1
    }
    return ids.sorted()
  }
}
