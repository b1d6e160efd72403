import Fleet
import NUMA
import PlacementEngine

/// The hosts of a day as they are, and an engine of its own that fills them on the eve and counts what would fit.
struct DayFleet: Sendable {
  let policy: Policy
  var placer: Placer
  private(set) var views: [HostView]
  /// By number; nil for guests that are not there.
  private(set) var guests: [DayGuest?] = []
  /// Numbers of those who are there, in no order that means anything, and where in it each guest is.
  private(set) var present: [Int] = []
  private var positions: [Int] = []
  private(set) var cpusUsed = 0
  private(set) var records: [DayRecord] = []

  init(hosts: Int, policy: Policy) {
    self.policy = policy
    views = (0..<hosts).map(DayHost.view)
    placer = Placer(inventory: Inventory(hosts: views), policy: policy)
  }

  var inventory: Inventory { Inventory(hosts: views) }

  // MARK: Coming and going

  /// Places a new guest, on one host where somebody else has chosen it; false where it fits nowhere.
  mutating func admit(_ number: Int, shape: Int, isFixed: Bool, on chosen: Int? = nil, at milliseconds: Int) -> Bool {
    let kind = DayShape.all[shape]
    var wanted = kind.shape
    wanted.hosts = chosen.map { [DayHost.id($0)] } ?? []
    guard let placement = placer.decide(wanted, explain: false).placement else {
      if chosen == nil { placer.learn(refused: kind.shape) }
      return false
    }
    take(number, shape, isFixed: isFixed, placement, at: milliseconds)
    return true
  }

  /// A new guest is where somebody has placed it.
  mutating func take(_ number: Int, _ shape: Int, isFixed: Bool, _ placement: Placement, at milliseconds: Int) {
    let host = DayHost.number(of: placement.host)
    let guest = DayGuest(number: number, shape: shape, isFixed: isFixed, host: host)
    while guests.count <= number {
      guests.append(nil)
      positions.append(-1)
    }
    guests[number] = guest
    positions[number] = present.count
    present.append(number)
    cpusUsed += DayShape.all[shape].vcpus
    views[host].guests.append(guest.observed(placement.pinning))
    refresh(host)
    record(.arrived, number, placement.pinning, at: milliseconds)
  }

  /// A guest ends by itself, in the middle of a move too; false where it is not there.
  mutating func dismiss(_ number: Int, at milliseconds: Int) -> Bool {
    guard let guest = guest(number) else { return false }
    views[guest.host].guests.removeAll { $0.id == guest.id }
    if let target = guest.target { releaseClaim(of: guest, on: target) }
    refresh(guest.host)
    guests[number] = nil
    let position = positions[number]
    present.swapAt(position, present.count - 1)
    positions[present[position]] = position
    present.removeLast()
    cpusUsed -= DayShape.all[guest.shape].vcpus
    records.append(DayRecord(.left, at: milliseconds, guest: number, host: guest.host))
    return true
  }

  func guest(_ number: Int) -> DayGuest? { guests.indices.contains(number) ? guests[number] : nil }

  /// As last seen on its host.
  func observed(_ number: Int) -> Guest? {
    guard let guest = guest(number) else { return nil }
    return views[guest.host].guests.first { $0.id == guest.id }
  }

  // MARK: Moving

  /// Holds the new place of a move beside the old one; what is to be copied.
  mutating func begin(_ number: Int, to target: Int, _ pinning: Pinning, at milliseconds: Int) -> KiB {
    guard let guest = guest(number), let observed = observed(number) else { return 0 }
    let isHere = guest.host == target
    let present = observed.home
    let leaving = pinning.memory.filter { !isHere || present.cell(ofGuestCell: $0.guestCell) != $0.cell }
    let part = KiB(observed.memory.count / max(pinning.memory.count, 1))
    views[target].claims.append(
      Claim(
        job: JobID(UInt64(number) + 1), host: DayHost.id(target), guest: guest.id,
        dedicated: pinning.vcpus.reduce(CPUSet()) { $0.union($1.cpuset) },
        memory: leaving.map { MemoryClaim(cell: $0.cell, pageSize: .base, amount: part) }))
    guests[number]?.target = target
    guests[number]?.copy = KiB(part.count * leaving.count)
    refresh(target)
    record(.moveBegan, number, pinning, on: target, at: milliseconds)
    return guests[number]?.copy ?? 0
  }

  /// The guest is in its new place, and the old one is free.
  mutating func finish(_ number: Int, _ pinning: Pinning, at milliseconds: Int) {
    guard let guest = guest(number), let target = guest.target else { return }
    releaseClaim(of: guest, on: target)
    record(.moveEnded, number, pinning, on: target, at: milliseconds)
    var moved = guest
    moved.host = target
    moved.target = nil
    moved.copy = 0
    views[guest.host].guests.removeAll { $0.id == guest.id }
    views[target].guests.append(moved.observed(pinning))
    guests[number] = moved
    if guest.host != target { refresh(guest.host) }
    refresh(target)
  }

  /// Somebody pins the vcpus of a guest of one cell to the free CPUs of the other by hand, and leaves its memory; false
  /// where there are not enough of them.
  mutating func repin(_ number: Int, at milliseconds: Int) -> Bool {
    guard let guest = guest(number), guest.target == nil, DayShape.all[guest.shape].cells == 1,
      let index = views[guest.host].guests.firstIndex(where: { $0.id == guest.id })
    else { return false }
    let view = views[guest.host]
    var taken = CPUSet()
    for other in view.guests { for pin in other.live.vcpus { taken.formUnion(pin.cpuset) } }
    for claim in view.claims { taken.formUnion(claim.dedicated) }
    let home = view.guests[index].regions.first?.residency.first?.cell ?? 0
    let free = view.topology.cells[(home + 1) % DayHost.cells].cpus.subtracting(taken).members
    guard free.count >= view.guests[index].vcpusMaximum else { return false }
    for vcpu in view.guests[index].live.vcpus.indices {
      views[guest.host].guests[index].live.vcpus[vcpu].cpuset = [free[vcpu]]
    }
    views[guest.host].guests[index].seeThreads()
    refresh(guest.host)
    var pinning = views[guest.host].guests[index].live
    pinning.memory = [GuestCellPlacement(guestCell: 0, cell: home)]
    record(.repinned, number, pinning, at: milliseconds)
    return true
  }

  private mutating func releaseClaim(of guest: DayGuest, on host: Int) {
    views[host].claims.removeAll { $0.guest == guest.id }
    refresh(host)
  }

  /// What is free follows from who is there, and the engine is told.
  private mutating func refresh(_ host: Int) {
    for cell in views[host].topology.cells.indices {
      var free = views[host].topology.cells[cell].memoryTotal.count
      for guest in views[host].guests {
        for pages in guest.residency where pages.cell == cell { free -= pages.pages * pages.pageSize.kib }
      }
      views[host].topology.cells[cell].memoryFree = KiB(max(free, 0))
      views[host].topology.cells[cell].pages[0].free = max(free, 0) / 4
    }
    placer.update(views[host])
  }

  private mutating func record(
    _ kind: DayRecord.Kind, _ number: Int, _ pinning: Pinning, on host: Int? = nil, at milliseconds: Int
  ) {
    guard let guest = guests[number] else { return }
    let shape = DayShape.all[guest.shape]
    records.append(
      DayRecord(
        kind, at: milliseconds, guest: number, host: host ?? guest.host, cpus: pinning.vcpus.flatMap(\.cpuset.members),
        cells: pinning.memory.map(\.cell), memoryPerCell: KiB(shape.memory.count / shape.cells),
        copy: guest.copy))
  }
}

/// One guest of a day.
struct DayGuest: Sendable, Hashable {
  let number: Int
  /// Index in `DayShape.all`.
  let shape: Int
  /// Whether its memory is encrypted, so that nothing moves it.
  let isFixed: Bool
  var host: Int
  /// The host that it moves to, its own included; nil while it does not move.
  var target: Int?
  /// What that copies.
  var copy = KiB(0)

  init(number: Int, shape: Int, isFixed: Bool, host: Int) {
    self.number = number
    self.shape = shape
    self.isFixed = isFixed
    self.host = host
  }

  var id: GuestID { Self.id(number) }

  static func id(_ number: Int) -> GuestID { GuestID("g" + padded(number, 7)) }
  static func number(of guest: GuestID) -> Int { Int(guest.text.dropFirst()) ?? -1 }

  /// As its host would report it with that pinning.
  func observed(_ pinning: Pinning) -> Guest {
    let kind = DayShape.all[shape]
    let vcpus = kind.vcpus / kind.cells
    let memory = KiB(kind.memory.count / kind.cells)
    let cells = (0..<kind.cells).map { cell in
      GuestCell(id: cell, vcpus: CPUSet((0..<vcpus).map { cell * vcpus + $0 }), memory: memory)
    }
    let regions = cells.map { cell in
      let home = pinning.cell(ofGuestCell: cell.id) ?? 0
      return MemoryRegion(
        start: UInt64(cell.id + 1) << 40, size: memory, guestCell: cell.id, policy: "bind:\(home)",
        residency: [CellResidency(cell: home, pageSize: .base, pages: memory.count / 4)])
    }
    var record = pinning
    record.memory = []
    var guest = Guest(
      id: id, name: id.text, kind: .domain(type: "kvm"), state: .running,
      incarnation: Incarnation(pid: 1000 + number, startTicks: 1), persistent: true, vcpusMaximum: kind.vcpus,
      vcpusOnline: CPUSet(Array(0..<kind.vcpus)), memory: kind.memory, guestCells: kind.cells > 1 ? cells : [],
      live: record, config: record, regions: regions, residency: regions.flatMap(\.residency), movability: movability)
    guest.seeThreads()
    return guest
  }

  private var movability: Movability {
    if isFixed {
      let reason = "its memory is encrypted (sev)"
      return Movability(.cpuOnly, because: reason, staysBecause: reason)
    }
    return Movability(
      .livePages, because: "its numatune mode is strict, and libvirt changes only restrictive ones while it runs")
  }
}

extension Guest {
  /// Where its memory is, whole guest cells as they are in a day.
  var home: Pinning {
    Pinning(
      memory: regions.compactMap { region in
        guard let guestCell = region.guestCell, let cell = region.residency.first?.cell else { return nil }
        return GuestCellPlacement(guestCell: guestCell, cell: cell)
      })
  }

  /// Its threads have the masks of its live pins.
  fileprivate mutating func seeThreads() {
    let first = incarnation?.pid ?? 1
    let cells = regions.flatMap { $0.residency.map(\.cell) }
    let main = live.emulator ?? CPUSet(live.vcpus.flatMap(\.cpuset.members))
    threads =
      [GuestThread(tid: first, role: .emulator, name: "qemu", cpusAllowed: main, memsAllowed: NodeSet(cells))]
      + live.vcpus.map { pin in
        GuestThread(
          tid: first + 1 + pin.vcpu, role: .vcpu(pin.vcpu), name: "CPU \(pin.vcpu)/KVM", cpusAllowed: pin.cpuset,
          memsAllowed: NodeSet(cells))
      }
  }
}
