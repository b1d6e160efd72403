public import Fleet
import NUMA

extension Placer {
  /// How many more guests of a shape fit, or why the question makes no sense.
  ///
  /// From the index where amounts say all that the shape asks for; host by host where they do not, and with `byHost`.
  /// Refusals: `malformed`, `unknownHost`.
  public mutating func capacity(for shape: Shape, byHost: Bool = false) -> Result<Capacity, Refusal> {
    if let refusal = refusal(of: shape) { return .failure(refusal) }
    if !byHost, let known = capacityByIndex(for: shape) { return .success(known) }
    var demand = Demand(shape)
    demand.limits = GroupLimits(name: shape.name, id: nil, policy: policy, rooms: rooms)
    var hosts: [(room: HostRoom, fits: Int)] = []
    var full: [HostRoom] = []
    var isExact = !(policy.foldGuestCells && demand.cells.count > 1)
    for room in rooms {
      let count = demand.shortfall(of: room) == nil ? HostCount(demand, on: room, policy: policy) : HostCount()
      isExact = isExact && count.isExact
      if count.fits > 0 { hosts.append((room, count.fits)) } else { full.append(room) }
    }
    var fits = hosts.reduce(0) { $0 + $1.fits }
    if let limits = demand.limits?.limits {
      // What several groups leave together is told by placing only.
      (fits, isExact) = limits.count == 1 ? (limits[0].count(hosts), isExact) : (placedOneByOne(shape), false)
    }
    var capacity = Capacity(fits: fits, isExact: isExact)
    if byHost { capacity.hosts = hosts.map { HostCapacity(host: $0.room.view.id, fits: $0.fits) } }
    if byHost || fits == 0 { capacity.counts = Tally(demand, over: full, policy: policy, isRefused: true).counts }
    return .success(capacity)
  }

  /// The same, and how many fit once a plan is carried out, which is made from the inventory and not kept.
  ///
  /// A guest on its way to another host counts there; on the host that it leaves, as gone.
  public mutating func capacity(
    for shape: Shape, byHost: Bool, after request: PlanRequest?, in inventory: Inventory
  ) -> Result<Capacity, Refusal> {
    let now = capacity(for: shape, byHost: byHost)
    guard let request, case .success(var capacity) = now else { return now }
    let input = PlanningInput(inventory: inventory, policy: policy, parent: 0, request: request)
    let plan = Placer.plan(input)
    var model = FleetModel(input)
    for move in plan.moves { model.apply(move) }
    if case .drain(let host) = request { model.close(host) }
    guard case .success(let then) = model.placer.capacity(for: shape) else { return now }
    capacity.after = CapacityAfter(
      purpose: plan.purpose, fits: then.fits, isExact: then.isExact, moves: plan.moves.count,
      migrations: plan.moves.count { $0.isMigration }, copy: plan.moves.reduce(0) { $0 + $1.copy },
      unmoved: plan.unmoved.count)
    return .success(capacity)
  }

  /// How many are placed one after another, as many as are worth the time.
  private func placedOneByOne(_ shape: Shape) -> Int {
    var placer = self
    for count in 0..<Self.placedMaximum {
      guard let placement = placer.decide(shape, explain: false).placement else { return count }
      placer.reserve(placement, for: shape, as: GuestID("counted \(count)"))
    }
    return Self.placedMaximum
  }

  private static let placedMaximum = 256

  /// The same where the index tells it at once; nil where it does not, and where nothing fits, which wants reasons.
  public mutating func capacityByIndex(for shape: Shape) -> Capacity? {
    if refusal(of: shape) != nil { return nil }
    var demand = Demand(shape)
    demand.limits = GroupLimits(name: shape.name, id: nil, policy: policy, rooms: rooms)
    guard let fits = worth.capacity(for: demand, rooms), fits > 0 else { return nil }
    return Capacity(fits: fits, isExact: true)
  }
}

extension FleetWorth {
  /// How many fit by the index; nil where its amounts say less than the demand asks for.
  mutating func capacity(for demand: Demand, _ rooms: [HostRoom]) -> Int? {
    let sizes = [PageSize.base, .huge2M, .huge1G]
    guard demand.limits == nil, demand.labels.isEmpty, demand.hosts.isEmpty, demand.near.isEmpty, picky == 0,
      wideHosts == 0, sizes.contains(demand.pageSize), demand.hasCertainSharers,
      demand.smt == .prefer || demand.cells.allSatisfy(\.dedicated.isEmpty),
      !policy.foldGuestCells || demand.cells.count == 1,
      let needs = SlotDemand(cells: demand.needs(policy))
    else { return nil }
    // Beyond what an index counts on a cell it only knows a bound.
    return withIndex(rooms) { $0.counts(needs) ? $0.capacity(for: needs) : nil }
  }
}

extension Demand {
  /// Whether amounts tell where its vcpus that share fit: one alone beside others with CPUs of their own needs two CPUs
  /// to share.
  fileprivate var hasCertainSharers: Bool {
    !hasOwnCPUs || !cells.contains { $0.online.count - $0.dedicated.count == 1 }
  }
}

/// How many guests of one demand fit on one host, each guest cell on a host cell of its own.
private struct HostCount {
  private(set) var fits = 0
  /// False where the amounts below say less than what a guest takes.
  private(set) var isExact = true

  /// None.
  init() {}

  init(_ demand: Demand, on room: HostRoom, policy: Policy) {
    isExact = demand.hasCertainSharers
    var needs = demand.needs(policy)
    var spaces = room.cells.indices.map { Self.space(of: room.cells[$0], at: $0, for: demand, on: room, policy) }
    if demand.hasOwnCPUs, demand.smt != .prefer {
      isExact = isExact && demand.emulatorPCPUs == 0
      wholeCores(demand, on: room, policy, &needs, &spaces)
    }
    if !demand.hasCertainSharers {
      // With a CPU to spare none is left alone.
      for index in spaces.indices {
        spaces[index].cpus -= 1
        spaces[index].floating -= policy.crowding
      }
    }
    // Which of its own CPUs come from those that nobody may share is not in the amounts.
    let sharers = demand.isDedicated ? room.cells.filter { $0.confined > 0 } : room.cells
    if demand.hasOwnCPUs, sharers.contains(where: { $0.shared != $0.dedicable }) { isExact = false }
    for index in needs.indices {
      // Whatever the page size is, one amount is enough for it; the others are marks.
      (needs[index].memory, needs[index].hugePages, needs[index].giantPages) = (0, demand.cells[index].memory, 0)
    }
    mark(demand, on: room, &needs, &spaces)
    guard let slots = SlotDemand(cells: needs) else { return }
    // A cell is not counted beyond this.
    if spaces.contains(where: { AvailableSpace.slots(slots.widest, in: $0) >= SlotBlock.slotsMaximum }) {
      isExact = false
    }
    if let count = FleetIndex.capacity(for: slots, on: spaces) {
      fits = count
    } else {
      // As many as would fit if each guest cell were the widest.
      (fits, isExact) = (AvailableSpace.slots(slots.widest, slots.cells.count, in: spaces), false)
    }
  }

  private static func space(
    of cell: CellRoom, at index: Int, for demand: Demand, on room: HostRoom, _ policy: Policy
  ) -> CellSpace {
    var space = CellSpace(cpus: cell.dedicable.count, memory: 0)
    space.floating = cell.shared.count * policy.crowding - cell.confined
    // Where nobody floats nobody has to be left anything.
    if cell.confined == 0, demand.isDedicated { space.floating = cell.dedicable.count * policy.crowding }
    let isBase = room.isBase(demand.pageSize, at: index)
    if cell.hasMemory { space.hugePages = isBase ? min(cell.capacity, cell.freeNow) : cell.free(demand.pageSize) ?? 0 }
    return space
  }

  /// Counts whole cores only, in their threads.
  private mutating func wholeCores(
    _ demand: Demand, on room: HostRoom, _ policy: Policy, _ needs: inout [CellSpace], _ spaces: inout [CellSpace]
  ) {
    let sizes = room.cells.flatMap { $0.cores.filter(\.whole).map(\.threads.count) }
    // Cores of two kinds are counted as if each had the threads of the smaller: fewer fit, never more.
    let threads = max(demand.smt == .isolate ? sizes.max() ?? 1 : sizes.min() ?? 1, 1)
    if sizes.contains(where: { $0 != threads }) { isExact = false }
    for index in spaces.indices { spaces[index].cpus = room.cells[index].cores.count { $0.whole } * threads }
    for (index, cell) in demand.cells.enumerated() {
      let own = cell.dedicated.count
      let taken = demand.smt == .isolate ? own * threads : own
      // A part of a core is none.
      let isWhole = taken % threads == 0
      needs[index].floating += (taken - own) * policy.crowding
      needs[index].cpus = isWhole ? taken : Amounts.memoryLimit
    }
  }

  /// Marks cells near a device that the first guest cell needs, and cells that a group allows one guest only.
  private mutating func mark(
    _ demand: Demand, on room: HostRoom, _ needs: inout [CellSpace], _ spaces: inout [CellSpace]
  ) {
    for (index, cell) in room.cells.enumerated() where demand.limits?.shortfall(ofCell: cell.id, on: room) != nil {
      spaces[index] = CellSpace(cpus: 0, memory: 0)
    }
    let near = demand.deviceCells(on: room.view.topology)
    if demand.limits?.limits.contains(where: \.isOneACell) == true {
      if near != nil { isExact = false }
      for index in spaces.indices { spaces[index].giantPages = 1 }
      for index in needs.indices { needs[index].giantPages = 1 }
    } else if let near {
      for index in spaces.indices { spaces[index].giantPages = near.contains(room.cells[index].id) ? 1 << 20 : 0 }
      needs[0].giantPages = 1
    }
    // Those that come next are bound to the cells of the first.
    if demand.limits?.limits.contains(where: { $0.isOneCell && !$0.isThere(room) }) == true {
      isExact = isExact && demand.isOfLikeCells
      let most = needs.dropFirst().reduce(needs[0]) { $0.widened(to: $1) }
      let roomiest = spaces.indices.map { (slots: AvailableSpace.slots(most, in: spaces[$0]), cell: $0) }
        .sorted { (-$0.slots, $0.cell) < (-$1.slots, $1.cell) }
      for rest in roomiest.dropFirst(needs.count) { spaces[rest.cell] = CellSpace(cpus: 0, memory: 0) }
    }
  }
}

extension GroupLimits.Limit {
  /// Whether a cell takes one member.
  fileprivate var isOneACell: Bool { group.rule == .apart && group.level == .cell && group.domains.isEmpty }
  /// Whether all members are on the cells of the first.
  fileprivate var isOneCell: Bool { group.rule == .together && group.level == .cell }

  /// How many members can come, of so many that each host has room for by itself.
  fileprivate func count(_ hosts: [(room: HostRoom, fits: Int)]) -> Int {
    let all = hosts.reduce(0) { $0 + $1.fits }
    let level = group.level == .cell ? .host : group.level
    let sums = hosts.map { (place: $0.room.rules.place(at: level), fits: $0.fits) }
      .sorted { ($0.place, $0.fits) < ($1.place, $1.fits) }
      .reduce(into: [(place: String, fits: Int)]()) { sums, next in
        if let last = sums.indices.last, sums[last].place == next.place {
          sums[last].fits += next.fits
        } else {
          sums.append(next)
        }
      }
    switch group.rule {
    // Where members are already, only their places are open; else the first decides.
    case .together: return places.isEmpty ? sums.map(\.fits).max() ?? 0 : all
    case .apart where group.level == .cell: return all
    // All newcomers are of one fault domain, so they may be where each other is.
    case .apart where !group.domains.isEmpty: return all
    case .apart: return sums.count
    }
  }
}
