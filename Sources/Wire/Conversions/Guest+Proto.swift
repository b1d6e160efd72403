import Fleet
import NUMA

extension ProtoIncarnation {
  init(_ incarnation: Incarnation) {
    pid = Int64(incarnation.pid)
    startTicks = incarnation.startTicks
  }
}

extension Incarnation {
  init(_ proto: ProtoIncarnation) throws(WireError.Kind) {
    self.init(
      pid: try FieldCheck.number(proto.pid, in: 1...Int64(Int32.max), "incarnation.pid"),
      startTicks: try FieldCheck.counter(proto.startTicks, "incarnation.start_ticks"))
  }
}

extension ProtoGuest {
  init(_ guest: Guest) {
    id = guest.id.text
    name = guest.name
    switch guest.kind {
    case .domain(let type): domainType = type
    case .process(let rule): processRule = rule
    }
    state = guest.state.proto
    if let incarnation = guest.incarnation { self.incarnation = ProtoIncarnation(incarnation) }
    persistent = guest.persistent
    vcpusMaximum = Int64(guest.vcpusMaximum)
    vcpusOnline = guest.vcpusOnline.description
    memoryKib = Int64(guest.memory.count)
    pageSizeKib = Int64(guest.pageSize.kib)
    guestCells = guest.guestCells.map { ProtoGuestCell($0) }
    live = ProtoPinning(guest.live)
    if let config = guest.config { self.config = ProtoPinning(config) }
    if let cpuset = guest.defaultCPUSet { defaultCpuset = cpuset.description }
    iothreads = guest.iothreads.map { Int64($0) }
    threads = guest.threads.map { ProtoGuestThread($0) }
    regions = guest.regions.map { ProtoMemoryRegion($0) }
    residency = guest.residency.map { ProtoCellResidency($0) }
    vfio = guest.vfio
    locked = guest.locked
    movability = ProtoMovability(guest.movability)
  }
}

extension Guest {
  init(_ proto: ProtoGuest) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasLive, "guest.live")
    try FieldCheck.present(proto.hasMovability, "guest.movability")
    self.init(
      id: try FieldCheck.id(proto.id, "guest.id"), name: proto.name, kind: try GuestKind(proto.kind),
      state: try GuestState(proto.state, "guest.state"),
      incarnation: proto.hasIncarnation ? try Incarnation(proto.incarnation) : nil,
      persistent: proto.persistent,
      vcpusMaximum: try FieldCheck.vcpu(proto.vcpusMaximum, "guest.vcpus_maximum"),
      vcpusOnline: try IDList.set(proto.vcpusOnline, "guest.vcpus_online"),
      memory: try FieldCheck.memory(proto.memoryKib, "guest.memory_kib"),
      pageSize: try FieldCheck.pageSize(proto.pageSizeKib, "guest.page_size_kib"),
      guestCells: try proto.guestCells.map { cell throws(WireError.Kind) in try GuestCell(cell) },
      live: try Pinning(proto.live), config: proto.hasConfig ? try Pinning(proto.config) : nil,
      defaultCPUSet: proto.hasDefaultCpuset ? try IDList.set(proto.defaultCpuset, "guest.default_cpuset") : nil,
      iothreads: try proto.iothreads.map { id throws(WireError.Kind) in try FieldCheck.count(id, "guest.iothreads") },
      threads: try proto.threads.map { thread throws(WireError.Kind) in try GuestThread(thread) },
      regions: try proto.regions.map { region throws(WireError.Kind) in try MemoryRegion(region) },
      residency: try proto.residency.map { pages throws(WireError.Kind) in try CellResidency(pages) },
      vfio: proto.vfio, locked: proto.locked, movability: try Movability(proto.movability))
  }
}

extension GuestKind {
  init(_ proto: ProtoGuest.OneOf_Kind?) throws(WireError.Kind) {
    switch proto {
    case .domainType(let type): self = .domain(type: type)
    case .processRule(let rule): self = .process(rule: rule)
    case nil: throw .unknownValue(field: "guest.kind")
    }
  }
}

extension ProtoGuestCell {
  init(_ cell: GuestCell) {
    id = Int64(cell.id)
    vcpus = cell.vcpus.description
    memoryKib = Int64(cell.memory.count)
    distances = cell.distances.map { distance in
      var proto = ProtoGuestCellDistance()
      proto.to = Int64(distance.to)
      proto.value = Int64(distance.value)
      return proto
    }
  }
}

extension GuestCell {
  init(_ proto: ProtoGuestCell) throws(WireError.Kind) {
    self.init(
      id: try FieldCheck.cell(proto.id, "guest_cell.id"), vcpus: try IDList.set(proto.vcpus, "guest_cell.vcpus"),
      memory: try FieldCheck.memory(proto.memoryKib, "guest_cell.memory_kib"),
      distances: try proto.distances.map { distance throws(WireError.Kind) in
        GuestCellDistance(
          to: try FieldCheck.cell(distance.to, "guest_cell.distances.to"),
          value: try FieldCheck.count(distance.value, "guest_cell.distances.value"))
      })
  }
}

extension ProtoGuestThread {
  init(_ thread: GuestThread) {
    tid = Int64(thread.tid)
    switch thread.role {
    case .vcpu(let id):
      role = .vcpu
      roleID = Int64(id)
    case .iothread(let id):
      role = .iothread
      roleID = Int64(id)
    case .emulator: role = .emulator
    case .worker: role = .worker
    }
    name = thread.name
    cpusAllowed = thread.cpusAllowed.description
    memsAllowed = thread.memsAllowed.description
  }
}

extension GuestThread {
  init(_ proto: ProtoGuestThread) throws(WireError.Kind) {
    self.init(
      tid: try FieldCheck.number(proto.tid, in: 1...Int64(Int32.max), "thread.tid"),
      role: try ThreadRole(proto), name: proto.name,
      cpusAllowed: try IDList.set(proto.cpusAllowed, "thread.cpus_allowed"),
      memsAllowed: try IDList.set(proto.memsAllowed, "thread.mems_allowed"))
  }
}

extension ThreadRole {
  init(_ proto: ProtoGuestThread) throws(WireError.Kind) {
    switch proto.role {
    case .vcpu: self = .vcpu(try FieldCheck.vcpu(proto.roleID, "thread.role_id"))
    case .iothread: self = .iothread(try FieldCheck.count(proto.roleID, "thread.role_id"))
    case .emulator: self = .emulator
    case .worker: self = .worker
    case .unspecified, .UNRECOGNIZED: throw .unknownValue(field: "thread.role")
    }
  }
}

extension ProtoMemoryRegion {
  init(_ region: MemoryRegion) {
    start = region.start
    sizeKib = Int64(region.size.count)
    if let guestCell = region.guestCell { self.guestCell = Int64(guestCell) }
    policy = region.policy
    residency = region.residency.map { ProtoCellResidency($0) }
  }
}

extension MemoryRegion {
  init(_ proto: ProtoMemoryRegion) throws(WireError.Kind) {
    self.init(
      start: proto.start, size: try FieldCheck.memory(proto.sizeKib, "region.size_kib"),
      guestCell: proto.hasGuestCell ? try FieldCheck.cell(proto.guestCell, "region.guest_cell") : nil,
      policy: proto.policy,
      residency: try proto.residency.map { pages throws(WireError.Kind) in try CellResidency(pages) })
  }
}

extension ProtoCellResidency {
  init(_ residency: CellResidency) {
    cell = Int64(residency.cell)
    pageSizeKib = Int64(residency.pageSize.kib)
    pages = Int64(residency.pages)
  }
}

extension CellResidency {
  init(_ proto: ProtoCellResidency) throws(WireError.Kind) {
    let size = try FieldCheck.pageSize(proto.pageSizeKib, "residency.page_size_kib")
    self.init(
      cell: try FieldCheck.cell(proto.cell, "residency.cell"), pageSize: size,
      pages: try FieldCheck.pages(proto.pages, of: size, "residency.pages"))
  }
}

extension ProtoMovability {
  init(_ movability: Movability) {
    `class` = movability.class.proto
    reason = movability.reason
    if let stays = movability.staysBecause { staysBecause = stays }
  }
}

extension Movability {
  init(_ proto: ProtoMovability) throws(WireError.Kind) {
    self.init(
      try MovabilityClass(proto.class, "movability.class"), because: proto.reason,
      staysBecause: proto.hasStaysBecause ? proto.staysBecause : nil)
  }
}
