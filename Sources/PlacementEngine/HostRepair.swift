import Fleet
import NUMA

/// Mends one host step by step on a model of it: each guest is placed once, on what the moves before it left.
struct HostRepair {
  private(set) var moves: [(move: Move, before: Footprint)] = []
  private(set) var unmoved: [UnmovedGuest] = []
  private var view: HostView
  private let policy: Policy
  private var handled: [GuestID]

  init(_ view: HostView, policy: Policy, leaving: [GuestID] = []) {
    self.view = view
    self.policy = policy
    handled = leaving
  }

  /// Places guests with findings until none is left that was not looked at.
  mutating func run(budget: inout Int) {
    while let (examined, found) = nextCandidate() {
      let guest = examined.guest
      handled.append(guest.id)
      let evidence = found.map { "\($0.kind.rawValue): \($0.evidence)" }.joined(separator: "; ")
      let hasDrifted = found.contains { $0.kind == .drifted }
      if hasDrifted, policy.drift(of: guest) != .mend {
        leave(guest, "the policy's drift is \(policy.drift(of: guest).rawValue) for it (\(evidence))")
        continue
      }
      // A drifted guest is placed as if it were where it was wanted: its shape is what was wanted, not what it shows.
      let wanted = hasDrifted ? view.asWanted(guest.id, policy: policy) : view
      let replacement = decide(guest, in: wanted, budget: max(budget, 1))
      let decision = replacement.decision
      budget = max(budget - replacement.steps, 0)
      guard let placement = decision.placement else {
        leave(guest, "\(decision.refusal?.description ?? "it was refused") (\(evidence))")
        continue
      }
      let move = Move(
        guest, on: view, to: placement, instead: replacement.present, reason: evidence,
        explanation: decision.explanation)
      let differs =
        hasDrifted || found.contains { $0.kind == .configDiffers || $0.kind == .kernelDiffers }
        || found.contains { $0.kind == .emulatorOnDedicated || $0.kind == .pinnedAcrossIsolated }
          && !examined.hasOthers(of: placement)
      if move.copy == 0, !differs, examined.hasPins(of: placement) {
        leave(
          guest,
          "it is already where it is best as far as it may move: \(evidence); it is "
            + "\(guest.movability.class.rawValue), because \(guest.movability.reason)")
        continue
      }
      moves.append((move, examined.footprint))
      view = view.after(move, policy: policy)
    }
    yieldToOthers()
  }

  /// Where a guest goes: to where it was wanted if nothing speaks against that any more, or to the best place.
  private func decide(_ guest: Guest, in wanted: HostView, budget: Int) -> Replacement {
    if wanted != view, let placement = wish(of: guest, in: wanted) {
      return Replacement(decision: Decision(placement: placement, refusal: nil))
    }
    var placer = Placer(policy: policy)
    placer.update(wanted)
    return placer.replaceCounting(
      wanted.guests.first { $0.id == guest.id } ?? guest, on: view.id, cells: nil, explain: true, budget: budget)
  }

  /// The pins that were wanted of a drifted guest, while it would be rightly placed with them.
  private func wish(of guest: Guest, in wanted: HostView) -> Placement? {
    let examination = HostExamination(wanted, policy: policy)
    guard var pinning = view.wish(of: guest.id)?.pinning,
      let examined = examination.guests.first(where: { $0.guest.id == guest.id }),
      !examination.findings(of: examined).contains(where: { $0.severity != .info && $0.kind.isMendedByPlacing })
    else { return nil }
    let ids = view.topology.cells.map(\.id)
    let cells = examined.cells.enumerated().compactMap { index, cell in
      examined.footprint.home(ofGuestCellAt: index).map { GuestCellPlacement(guestCell: cell.id, cell: ids[$0]) }
    }
    // Memory that went elsewhere meanwhile is for the placer to weigh.
    guard pinning.memory.allSatisfy({ cells.contains($0) }) else { return nil }
    if pinning.memory.isEmpty { pinning.numatune = nil }
    let numatune = pinning.numatune
    pinning = pinning.filled(from: guest.live)
    pinning.numatune = numatune
    return Placement(
      host: view.id, cells: cells, pinning: pinning, dedicated: examined.footprint.dedicated ?? [], score: 0, terms: [])
  }

  /// Takes CPUs that later moves made somebody's own out of the shared masks that earlier moves were given.
  private mutating func yieldToOthers() {
    for index in moves.indices {
      var others = CPUSet()
      for (other, entry) in moves.enumerated() where other != index { others.formUnion(entry.move.placement.dedicated) }
      moves[index].move.placement.yield(others)
    }
  }

  private mutating func leave(_ guest: Guest, _ reason: String) {
    unmoved.append(UnmovedGuest(guest: guest.id, guestName: guest.name, host: view.id, reason: reason))
  }

  /// Guests with CPUs of their own come first, so that those who share then know what is left to share; among them
  /// those who have more wrong with them than a neighbour, then the largest, then by id.
  private func nextCandidate() -> (ExaminedGuest, [Finding])? {
    let examination = HostExamination(view, policy: policy)
    guard examination.isSound else { return nil }
    var best: (guest: ExaminedGuest, found: [Finding], rank: [Int])?
    for examined in examination.guests where !handled.contains(examined.guest.id) {
      let found = examination.findings(of: examined).filter { $0.severity != .info && $0.kind.isMendedByPlacing }
      guard !found.isEmpty else { continue }
      let rank = [
        examined.footprint.dedicated == nil ? 1 : 0, found.contains { $0.kind.isOfPlace } ? 0 : 1,
        -examined.reach.count,
        -Amounts.bounded(examined.guest.memory),
      ]
      if best.map({ rank.lexicographicallyPrecedes($0.rank) }) ?? true { best = (examined, found, rank) }
    }
    return best.map { ($0.guest, $0.found) }
  }
}

extension Placement {
  /// Leaves CPUs to others in every mask that keeps something without them; an emulator falls back on its guest's own.
  mutating func yield(_ others: CPUSet) {
    func without(_ mask: CPUSet) -> CPUSet {
      let rest = mask.subtracting(others)
      if !rest.isEmpty { return rest }
      return dedicated.isEmpty ? mask : dedicated
    }
    for index in pinning.vcpus.indices { pinning.vcpus[index].cpuset = without(pinning.vcpus[index].cpuset) }
    for index in pinning.iothreads.indices {
      pinning.iothreads[index].cpuset = without(pinning.iothreads[index].cpuset)
    }
    pinning.emulator = pinning.emulator.map(without)
  }
}

extension Finding.Kind {
  /// Whether the guest is in the wrong place by itself, not only in another's way or on a differing record.
  var isOfPlace: Bool { self == .remoteMemory || self == .vcpusAcrossCells || self == .floating }

  /// Whether placing the guest anew on its host mends it; what wants another start, another host or other settings of
  /// the host is only told.
  var isMendedByPlacing: Bool {
    switch self {
    case .remoteMemory, .vcpusAcrossCells, .floating, .overlappingPins, .configDiffers, .kernelDiffers,
      .drifted, .emulatorOnDedicated, .sharedSiblings, .outsideParent, .pinnedAcrossIsolated:
      true
    case .foreignBalancer, .numaBalancing, .ksmAcrossNodes, .libvirtDown, .overcommittedCell, .widerThanCell,
      .strictNearFull, .hugepagesShort, .deviceElsewhere, .interruptsOnDedicated, .parentRestricted, .knownTrap,
      .pressedCell:
      false
    }
  }
}

extension ExaminedGuest {
  /// Whether every online vcpu already has the mask that a placement gives it.
  func hasPins(of placement: Placement) -> Bool {
    if guest.hasOnlyWorkers { return footprint.vcpus.allSatisfy { $0.mask == placement.pinning.emulator } }
    return guest.runsVCPUs(as: placement.pinning)
  }
}

extension ExaminedGuest {
  /// Whether emulator and iothreads already have the masks that a placement gives them.
  func hasOthers(of placement: Placement) -> Bool {
    let pinning = placement.pinning
    if let emulator = pinning.emulator, emulator != guest.emulatorMask { return false }
    return guest.threads.allSatisfy { thread in
      guard case .iothread(let id) = thread.role, let mask = pinning.cpuset(ofIOThread: id) else { return true }
      return mask == thread.cpusAllowed
    }
  }
}

extension HostView {
  /// The host as it will be once a move is done.
  func after(_ move: Move, policy: Policy) -> HostView {
    after(move.placement.pinning, of: move.guest, policy: policy)
  }

  /// The host as it would be if a guest's threads were where they were wanted; its memory is where it is.
  fileprivate func asWanted(_ id: GuestID, policy: Policy) -> HostView {
    guard let wish = wish(of: id), let guest = guests.first(where: { $0.id == id }) else { return self }
    var pinning = wish.pinning.filled(from: guest.live)
    pinning.memory = []
    return after(pinning, of: id, policy: policy)
  }

  private func after(_ pinning: Pinning, of id: GuestID, policy: Policy) -> HostView {
    guard let index = guests.firstIndex(where: { $0.id == id }) else { return self }
    var view = self
    let guest = guests[index]
    view.guests[index] = guest.after(pinning, on: topology, policy: policy)
    guard let before = Footprint(of: guest, on: topology), let after = Footprint(of: view.guests[index], on: topology)
    else { return view }
    view.load = shiftedLoad(of: id, from: before, to: after)
    guard !pinning.memory.isEmpty else { return view }
    let more = topology.cells.indices.map { after.resident(onCellAt: $0) - before.resident(onCellAt: $0) }
    view.topology.fill(more, guest.pageSize)
    return view
  }
}

extension Guest {
  /// The guest as it will be with a pinning of ours.
  fileprivate func after(_ pinning: Pinning, on topology: HostTopology, policy: Policy) -> Guest {
    var guest = self
    guest.live.vcpus = pinning.vcpus
    guest.live.emulator = pinning.emulator
    guest.live.iothreads = pinning.iothreads
    if movability.class == .liveMemory, boundedCells.count == 1, let tune = pinning.numatune {
      guest.live.numatune = tune
    }
    if policy.scope.touchesConfig, guest.config != nil {
      guest.config?.vcpus = pinning.vcpus
      guest.config?.emulator = pinning.emulator
      guest.config?.iothreads = pinning.iothreads
      if let tune = pinning.numatune { guest.config?.numatune = tune }
    }
    for index in guest.threads.indices {
      let mask: CPUSet? =
        switch guest.threads[index].role {
        case .vcpu(let vcpu): pinning.cpuset(ofVCPU: vcpu)
        case .iothread(let id): pinning.cpuset(ofIOThread: id)
        case .emulator, .worker: pinning.emulator
        }
      if let mask { guest.threads[index].cpusAllowed = mask }
    }
    guard !pinning.memory.isEmpty, let footprint = Footprint(of: self, on: topology) else { return guest }
    let size = max(pageSize.kib, 1)
    guest.regions = boundedCells.enumerated().map { index, cell in
      let target = pinning.cell(ofGuestCell: cell.id)
      // Memory that is not touched yet will be on the new cell too; one page stands for it.
      let pages = max(footprint.resident[index].reduce(0, +) / size, 1)
      return MemoryRegion(
        start: UInt64(index), size: cell.memory, guestCell: cell.id, policy: "default",
        residency: target.map { [CellResidency(cell: $0, pageSize: pageSize, pages: pages)] } ?? [])
    }
    guest.residency = guest.regions.flatMap(\.residency)
    return guest
  }
}
