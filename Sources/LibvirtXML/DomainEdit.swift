import Fleet
import NUMA

/// One edit of a domain document under way: each method makes one element say what it shall, at libvirt's place.
struct DomainEdit {
  private(set) var root: XMLElement
  private let layout: XMLLayout
  private let old: DomainDocument

  init(_ document: DomainDocument) {
    old = document
    root = document.document.root
    layout = XMLLayout(of: root)
  }

  /// The edited document, parsed again.
  func finished() throws(XMLError) -> DomainDocument {
    var document = old.document
    document.root = root
    return try DomainDocument(parsing: document.text)
  }

  // MARK: - Sizes

  /// `<memory>` and, where the balloon was not down, `<currentMemory>`; memory devices come on top.
  mutating func setMemory(_ memory: KiB) throws(XMLError) {
    var total = memory
    for device in root.first("devices")?.all("memory") ?? [] {
      guard let size = device.first("target", "size") else { continue }
      total += try DomainDocument.reader.memory(size)
    }
    guard total != old.memory || root.first("memory") == nil else { return }
    put(XMLElement("memory", ["unit": "KiB"], text: "\(total.count)"))
    if root.first("currentMemory") != nil, old.currentMemory == old.memory || old.currentMemory > total {
      put(XMLElement("currentMemory", ["unit": "KiB"], text: "\(total.count)"))
    }
  }

  /// `<vcpu>`: the number, and the default cpuset of everything without a pin; nil removes it.
  mutating func setVCPUs(_ count: Int, defaultCPUSet: CPUSet?) {
    var vcpu = root.first("vcpu") ?? XMLElement("vcpu")
    if vcpu.text != "\(count)" { vcpu.children = [.text("\(count)")] }
    if vcpu["placement"] != nil || defaultCPUSet != nil { vcpu["placement"] = "static" }
    if defaultCPUSet != old.defaultCPUSet || old.automaticPlacement { vcpu["cpuset"] = defaultCPUSet?.description }
    if let current = vcpu["current"].flatMap({ Int($0) }), current > count { vcpu["current"] = nil }
    put(vcpu)
    if let list = root.first("vcpus"), list.all("vcpu").count != count { remove("vcpus") }
  }

  /// `<iothreads>`, never fewer than disks may already name.
  mutating func setIOThreads(atLeast count: Int) {
    guard count > old.iothreads.count else { return }
    put(XMLElement("iothreads", text: "\(count)"))
  }

  /// `<memoryBacking><hugepages>` for pages larger than the base page.
  mutating func setPageSize(_ size: PageSize) throws(XMLError) {
    let backing = root.first("memoryBacking")
    let sizes = old.memoryBacking.pages.map(\.size)
    if backing?.first("hugepages") != nil {
      guard size != .base, sizes.allSatisfy({ $0 == size }) else {
        let wanted = size == .base ? "base pages" : "pages of \(size)"
        let stated = sizes.first { $0 != size }.map { "pages of \($0)" } ?? "hugepages"
        throw XMLError(.conflict, in: "domain", "it asks for \(stated) and the shape for \(wanted)")
      }
    }
    guard size != .base, sizes.isEmpty else { return }
    var element = backing ?? XMLElement("memoryBacking")
    let page = XMLElement("page", ["size": "\(size.kib)", "unit": "KiB"])
    element.set(
      "hugepages", to: [XMLElement("hugepages", [:], [page])], order: Self.memoryBackingOrder, layout: layout, depth: 2)
    put(element)
  }

  // MARK: - Pins

  /// `<cputune>`: all pins of vcpus, emulator and iothreads as given; scheduler parameters where they are not nil.
  mutating func setPins(
    vcpus: [VCPUPin], emulator: CPUSet?, iothreads: [IOThreadPin], cputune wish: CPUTune
  ) {
    var cputune = root.first("cputune") ?? XMLElement("cputune")
    func set(_ name: String, _ elements: [XMLElement]) {
      cputune.set(name, to: elements, order: Self.cputuneOrder, layout: layout, depth: 2)
    }
    for (name, field) in DomainDocument.cputuneElements {
      guard let value = wish[keyPath: field] else { continue }
      set(name, [XMLElement(name, text: "\(value)")])
    }
    if vcpus != old.pinning.vcpus {
      let present = cputune.all("vcpupin")
      set(
        "vcpupin",
        vcpus.map { pin in
          let unchanged = old.pinning.vcpus.contains(pin) ? present.first { $0["vcpu"] == "\(pin.vcpu)" } : nil
          return unchanged ?? XMLElement("vcpupin", ["vcpu": "\(pin.vcpu)", "cpuset": "\(pin.cpuset)"])
        })
    }
    if emulator != old.pinning.emulator {
      set("emulatorpin", emulator.map { [XMLElement("emulatorpin", ["cpuset": "\($0)"])] } ?? [])
    }
    if iothreads != old.pinning.iothreads {
      let present = cputune.all("iothreadpin")
      set(
        "iothreadpin",
        iothreads.map { pin in
          let unchanged =
            old.pinning.iothreads.contains(pin) ? present.first { $0["iothread"] == "\(pin.iothread)" } : nil
          return unchanged ?? XMLElement("iothreadpin", ["iothread": "\(pin.iothread)", "cpuset": "\(pin.cpuset)"])
        })
    }
    if root.first("cputune") != nil || !cputune.elements.isEmpty { put(cputune) }
  }

  /// `<numatune>` as given.
  mutating func setNUMATune(_ tune: NUMATune) {
    guard tune != old.pinning.numatune else { return }
    var element = root.first("numatune") ?? XMLElement("numatune")
    var memory: [XMLElement] = []
    if tune.automatic {
      memory = [XMLElement("memory", ["mode": (tune.mode ?? .strict).rawValue, "placement": "auto"])]
    } else if let nodeset = tune.nodeset {
      memory = [XMLElement("memory", ["mode": (tune.mode ?? .strict).rawValue, "nodeset": "\(nodeset)"])]
    }
    let memnodes = tune.memnodes.map {
      XMLElement("memnode", ["cellid": "\($0.guestCell)", "mode": $0.mode.rawValue, "nodeset": "\($0.nodeset)"])
    }
    element.set("memory", to: memory, order: Self.numatuneOrder, layout: layout, depth: 2)
    element.set("memnode", to: memnodes, order: Self.numatuneOrder, layout: layout, depth: 2)
    put(element)
  }

  // MARK: - Guest topology

  /// `<cpu>`: a `<topology>` that multiplies to the vcpus, and `<numa>` with these cells unless there are none.
  mutating func setGuestTopology(_ topology: GuestTopology) throws(XMLError) {
    var cpu = root.first("cpu") ?? XMLElement("cpu")
    if GuestTopology.vcpus(of: cpu.first("topology")) != topology.vcpus {
      cpu.set("topology", to: [topology.element], order: Self.cpuOrder, layout: layout, depth: 2)
    }
    if !topology.cells.isEmpty {
      var numa = cpu.first("numa") ?? XMLElement("numa")
      let present = numa.all("cell")
      numa.set(
        "cell", to: topology.cells.map { cellElement($0, among: present) }, order: ["cell", "interconnects"],
        layout: layout, depth: 3)
      cpu.set("numa", to: [numa], order: Self.cpuOrder, layout: layout, depth: 2)
    }
    put(cpu)
  }

  /// The element of one guest cell: the present one with its other attributes, or a new one.
  private func cellElement(_ cell: GuestCell, among present: [XMLElement]) -> XMLElement {
    let index = present.indices.first { (present[$0]["id"] ?? "\($0)") == "\(cell.id)" }
    var element = index.map { present[$0] } ?? XMLElement("cell", ["id": "\(cell.id)"])
    let before = old.guestCells.first { $0.id == cell.id }
    if before?.vcpus != cell.vcpus { element["cpus"] = cell.vcpus.isEmpty ? nil : cell.vcpus.description }
    if before?.memory != cell.memory {
      element["memory"] = "\(cell.memory.count)"
      element["unit"] = "KiB"
    }
    if cell.distances != before?.distances, !cell.distances.isEmpty {
      let siblings = cell.distances.map { XMLElement("sibling", ["id": "\($0.to)", "value": "\($0.value)"]) }
      element.set(
        "distances", to: [XMLElement("distances", [:], siblings)], order: ["distances", "cache"], layout: layout,
        depth: 4)
    }
    return element
  }

  // MARK: - Places

  private mutating func put(_ element: XMLElement) {
    root.set(element.name, to: [element], order: Self.domainOrder, layout: layout, depth: 1)
  }

  private mutating func remove(_ name: String) {
    root.set(name, to: [], order: Self.domainOrder, layout: layout, depth: 1)
  }

  private static let domainOrder = [
    "name", "uuid", "genid", "title", "description", "metadata", "maxMemory", "memory", "currentMemory", "blkiotune",
    "memtune", "memoryBacking", "vcpu", "vcpus", "iothreads", "iothreadids", "defaultiothread", "cputune", "numatune",
    "resource", "sysinfo", "bootloader", "bootloader_args", "os", "idmap", "features", "cpu", "clock",
  ]
  private static let cputuneOrder =
    DomainDocument.cputuneElements.map(\.name) + [
      "vcpupin", "emulatorpin", "iothreadpin", "vcpusched", "emulatorsched", "iothreadsched", "cachetune", "memorytune",
    ]
  private static let numatuneOrder = ["memory", "memnode"]
  private static let cpuOrder = ["model", "vendor", "topology", "cache", "maxphysaddr", "feature", "numa"]
  private static let memoryBackingOrder = [
    "hugepages", "nosharepages", "locked", "source", "access", "allocation", "discard",
  ]
}
