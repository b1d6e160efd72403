import Fleet
import NUMA

extension ProtoHostTopology {
  init(_ topology: HostTopology) {
    cells = topology.cells.map { ProtoCell($0) }
    pcpus = topology.pcpus.map { ProtoPCPU($0) }
    if let distances = topology.distances { self.distances = ProtoDistanceMatrix(distances) }
    l3Groups = topology.l3Groups.map { ProtoL3Group($0) }
    devices = topology.devices.map { ProtoPCIDevice($0) }
    offline = topology.offline.description
    isolated = topology.isolated.description
    nohzFull = topology.nohzFull.description
    allowed = topology.allowed.description
  }
}

extension HostTopology {
  init(_ proto: ProtoHostTopology) throws(WireError.Kind) {
    self.init(
      cells: try proto.cells.map { cell throws(WireError.Kind) in try Cell(cell) },
      pcpus: try proto.pcpus.map { cpu throws(WireError.Kind) in try PCPU(cpu) },
      distances: proto.hasDistances ? try DistanceMatrix(wire: proto.distances) : nil,
      l3Groups: try proto.l3Groups.map { group throws(WireError.Kind) in try L3Group(group) },
      devices: try proto.devices.map { device throws(WireError.Kind) in try PCIDevice(device) },
      offline: try IDList.set(proto.offline, "topology.offline"),
      isolated: try IDList.set(proto.isolated, "topology.isolated"),
      nohzFull: try IDList.set(proto.nohzFull, "topology.nohz_full"),
      allowed: try IDList.set(proto.allowed, "topology.allowed") as CPUSet)
  }
}

extension ProtoCell {
  init(_ cell: Cell) {
    id = Int64(cell.id)
    memoryTotalKib = Int64(cell.memoryTotal.count)
    memoryFreeKib = Int64(cell.memoryFree.count)
    pages = cell.pages.map { ProtoPagePool($0) }
    cpus = cell.cpus.description
  }
}

extension Cell {
  init(_ proto: ProtoCell) throws(WireError.Kind) {
    self.init(
      id: try FieldCheck.cell(proto.id, "cell.id"),
      memoryTotal: try FieldCheck.memory(proto.memoryTotalKib, "cell.memory_total_kib"),
      memoryFree: try FieldCheck.memory(proto.memoryFreeKib, "cell.memory_free_kib"),
      pages: try proto.pages.map { pool throws(WireError.Kind) in try PagePool(pool) },
      cpus: try IDList.set(proto.cpus, "cell.cpus"))
  }
}

extension ProtoPagePool {
  init(_ pool: PagePool) {
    pageSizeKib = Int64(pool.size.kib)
    total = Int64(pool.total)
    free = Int64(pool.free)
  }
}

extension PagePool {
  init(_ proto: ProtoPagePool) throws(WireError.Kind) {
    let size = try FieldCheck.pageSize(proto.pageSizeKib, "page_pool.page_size_kib")
    self.init(
      size: size, total: try FieldCheck.pages(proto.total, of: size, "page_pool.total"),
      free: try FieldCheck.pages(proto.free, of: size, "page_pool.free"))
  }
}

extension ProtoPCPU {
  init(_ cpu: PCPU) {
    id = Int64(cpu.id)
    if let cell = cpu.cell { self.cell = Int64(cell) }
    socket = Int64(cpu.socket)
    die = Int64(cpu.die)
    core = Int64(cpu.core)
    siblings = cpu.siblings.description
  }
}

extension PCPU {
  init(_ proto: ProtoPCPU) throws(WireError.Kind) {
    // The kernel numbers packages, dies and cores as the firmware does: sparse, and -1 where it does not tell.
    let numbers: ClosedRange<Int64> = -1...Int64(Int32.max)
    self.init(
      id: try FieldCheck.cpu(proto.id, "pcpu.id"),
      cell: proto.hasCell ? try FieldCheck.cell(proto.cell, "pcpu.cell") : nil,
      socket: try FieldCheck.number(proto.socket, in: numbers, "pcpu.socket"),
      die: try FieldCheck.number(proto.die, in: numbers, "pcpu.die"),
      core: try FieldCheck.number(proto.core, in: numbers, "pcpu.core"),
      siblings: try IDList.set(proto.siblings, "pcpu.siblings"))
  }
}

extension ProtoDistanceMatrix {
  init(_ matrix: DistanceMatrix) {
    ids = matrix.ids.map { Int64($0) }
    values = matrix.values.map { Int64($0) }
  }
}

extension DistanceMatrix {
  init(wire proto: ProtoDistanceMatrix) throws(WireError.Kind) {
    let ids = try proto.ids.map { id throws(WireError.Kind) in try FieldCheck.cell(id, "distances.ids") }
    let values = try proto.values.map { value throws(WireError.Kind) in
      try FieldCheck.number(value, in: 10...255, "distances.values")
    }
    guard values.count == ids.count * ids.count, zip(ids, ids.dropFirst()).allSatisfy({ $0 < $1 }) else {
      throw .malformed(field: "distances", reason: "\(values.count) values are no square of \(ids.count) ascending ids")
    }
    let rows = ids.indices.map { Array(values[($0 * ids.count)..<(($0 + 1) * ids.count)]) }
    guard let matrix = DistanceMatrix(ids: ids, rows: rows) else {
      throw .malformed(field: "distances", reason: "the values are no matrix")
    }
    self = matrix
  }
}

extension ProtoL3Group {
  init(_ group: L3Group) {
    id = Int64(group.id)
    sizeKib = Int64(group.size.count)
    cpus = group.cpus.description
  }
}

extension L3Group {
  init(_ proto: ProtoL3Group) throws(WireError.Kind) {
    self.init(
      id: try FieldCheck.signed(proto.id, "l3_group.id"),
      size: try FieldCheck.memory(proto.sizeKib, "l3_group.size_kib"),
      cpus: try IDList.set(proto.cpus, "l3_group.cpus"))
  }
}

extension ProtoPCIDevice {
  init(_ device: PCIDevice) {
    address = device.address
    classID = device.classID
    vendor = device.vendor
    self.device = device.device
    if let driver = device.driver { self.driver = driver }
    if let cell = device.cell { self.cell = Int64(cell) }
  }
}

extension PCIDevice {
  init(_ proto: ProtoPCIDevice) throws(WireError.Kind) {
    self.init(
      address: proto.address, classID: proto.classID, vendor: proto.vendor, device: proto.device,
      driver: proto.hasDriver ? proto.driver : nil,
      cell: proto.hasCell ? try FieldCheck.cell(proto.cell, "pci_device.cell") : nil)
  }
}
