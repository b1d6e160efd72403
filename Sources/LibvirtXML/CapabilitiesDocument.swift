public import NUMA

/// What `virConnectGetCapabilities` tells of a host: its cells, CPUs, page pools, distances and caches.
///
/// See libvirt's formatcaps. Free amounts are 0, because capabilities do not tell them. Parts that a host may lack
/// (distances, caches, page pools, memory of a cell, CPUs of a cell) may be absent; `<host>`, `<topology>`, `<cells>`
/// and the ids in them may not.
public struct CapabilitiesDocument: Sendable, Hashable {
  /// Cells, online CPUs, distances and L3 groups; devices and the kernel's CPU sets are empty.
  public let topology: HostTopology
  /// `<uuid>` of the host; nil where libvirt could not tell.
  public let hostUUID: String?
  /// `<arch>` of the host's CPU, for example `x86_64`.
  public let architecture: String?
  /// `<iommu support='yes'>`.
  public let hasIOMMU: Bool
  /// Page sizes that the host's CPU offers, ascending.
  public let pageSizes: [PageSize]
  /// What guests can be run, one for each `<guest><arch><domain>`.
  public let guestTypes: [GuestType]

  /// One `<domain type=…>` of one `<arch name=…>` that the hypervisor can run.
  public struct GuestType: Sendable, Hashable {
    /// `hvm`, `xen`…
    public let osType: String
    /// `<arch name=…>`, for example `x86_64`.
    public let architecture: String
    /// `kvm`, `qemu`, `test`…
    public let domainType: String
  }

  private static let reader = XMLReader(document: "capabilities")

  /// Parses a capabilities document.
  public init(parsing text: String) throws(XMLError) {
    let root = try XMLDocument(parsing: text, root: "capabilities", document: "capabilities").root
    let reader = Self.reader
    let host = try reader.require("host", in: root)
    let cells = try reader.require("cells", in: try reader.require("topology", in: host)).all("cell")
    guard !cells.isEmpty else { throw XMLError(.missing, in: reader.document, "<cells> has no <cell>") }
    topology = try Self.topology(cells, cache: host.first("cache"))
    hostUUID = host.first("uuid")?.text
    architecture = host.first("cpu", "arch")?.text
    hasIOMMU = host.first("iommu")?["support"] == "yes"
    var sizes: [PageSize] = []
    for pages in host.first("cpu")?.all("pages") ?? [] { sizes.append(try Self.pageSize(pages)) }
    pageSizes = sizes.sorted()
    guestTypes = root.all("guest").flatMap { guest in
      guest.all("arch").flatMap { arch in
        arch.all("domain").map {
          GuestType(
            osType: guest.first("os_type")?.text ?? "hvm", architecture: arch["name"] ?? "",
            domainType: $0["type"] ?? "")
        }
      }
    }
  }

  private static func topology(_ elements: [XMLElement], cache: XMLElement?) throws(XMLError) -> HostTopology {
    // A CPU without a place in the machine is offline where others have one, and merely unknown where none has.
    let tellsPlaces = elements.contains { $0.first("cpus")?.all("cpu").contains { $0["core_id"] != nil } ?? false }
    var cells: [Cell] = []
    var pcpus: [PCPU] = []
    var offline = CPUSet()
    for element in elements {
      let id = try reader.require(integer: "id", of: element, in: 0...(NodeKind.idLimit - 1))
      guard !cells.contains(where: { $0.id == id }) else {
        throw XMLError(.invalid, in: reader.document, "cell \(id) is listed twice")
      }
      var online = CPUSet()
      for cpu in element.first("cpus")?.all("cpu") ?? [] {
        let pcpu = try pcpu(cpu, cell: id)
        guard !online.contains(pcpu.id), !offline.contains(pcpu.id) else {
          throw XMLError(.invalid, in: reader.document, "cpu \(pcpu.id) of cell \(id) is listed twice")
        }
        if tellsPlaces, cpu["core_id"] == nil {
          offline.insert(pcpu.id)
        } else {
          online.insert(pcpu.id)
          pcpus.append(pcpu)
        }
      }
      var pages: [PagePool] = []
      for pool in element.all("pages") {
        let total = try reader.integer(pool.text, in: 0...XMLReader.bytesMaximum, of: "<pages>")
        pages.append(PagePool(size: try pageSize(pool), total: total, free: 0))
      }
      let memory = try element.first("memory").map { (memory) throws(XMLError) in try reader.memory(memory) }
      cells.append(Cell(id: id, memoryTotal: memory ?? 0, memoryFree: 0, pages: pages, cpus: online))
    }
    let topology = HostTopology(
      cells: cells, pcpus: pcpus, distances: try distances(elements), l3Groups: try l3Groups(cache), offline: offline)
    if let contradiction = topology.contradictions().first {
      throw XMLError(.invalid, in: reader.document, contradiction)
    }
    return topology
  }

  private static func pcpu(_ element: XMLElement, cell: Int) throws(XMLError) -> PCPU {
    let ids = 0...Int(Int32.max)
    let id = try reader.require(integer: "id", of: element, in: 0...(CPUKind.idLimit - 1))
    let socket = try reader.integer(attribute: "socket_id", of: element, in: -1...ids.upperBound) ?? 0
    let die = try reader.integer(attribute: "die_id", of: element, in: -1...ids.upperBound) ?? 0
    let core = try reader.integer(attribute: "core_id", of: element, in: ids) ?? id
    var siblings: CPUSet = try reader.list(attribute: "siblings", of: element) ?? []
    siblings.insert(id)
    return PCPU(id: id, cell: cell, socket: max(socket, 0), die: max(die, 0), core: core, siblings: siblings)
  }

  private static func pageSize(_ element: XMLElement) throws(XMLError) -> PageSize {
    let size = try reader.require(attribute: "size", of: element)
    let kib = try reader.memory(size, unit: element["unit"], of: "<pages size=>").count
    guard kib > 0 else { throw XMLError(.invalid, in: reader.document, "a page size is 0") }
    return PageSize(kib: kib)
  }

  /// The matrix where every cell states its distance to every cell; nil where one is missing.
  private static func distances(_ elements: [XMLElement]) throws(XMLError) -> DistanceMatrix? {
    var ids: [Int] = []
    for element in elements {
      ids.append(try reader.require(integer: "id", of: element, in: 0...(NodeKind.idLimit - 1)))
    }
    var rows: [[Int]] = []
    for element in elements {
      guard let siblings = element.first("distances")?.all("sibling") else { return nil }
      var row = [Int?](repeating: nil, count: ids.count)
      for sibling in siblings {
        let to = try reader.require(integer: "id", of: sibling, in: 0...(NodeKind.idLimit - 1))
        let value = try reader.require(integer: "value", of: sibling, in: 0...255)
        if let column = ids.firstIndex(of: to) { row[column] = value }
      }
      guard !row.contains(nil) else { return nil }
      rows.append(row.compactMap { $0 })
    }
    return DistanceMatrix(ids: ids, rows: rows)
  }

  private static func l3Groups(_ cache: XMLElement?) throws(XMLError) -> [L3Group] {
    var groups: [L3Group] = []
    for bank in cache?.all("bank") ?? [] where bank["level"] == "3" {
      let size = try reader.memory(bank["size"] ?? "0", unit: bank["unit"], of: "<bank size=>")
      groups.append(
        L3Group(
          id: try reader.require(integer: "id", of: bank, in: 0...Int(Int32.max)), size: size,
          cpus: try reader.require(list: "cpus", of: bank)))
    }
    return groups.sorted { ($0.id, $0.cpus.first ?? 0) < ($1.id, $1.cpus.first ?? 0) }
  }
}
