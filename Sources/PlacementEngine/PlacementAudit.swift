import Fleet
import NUMA

/// Checks one placement against one state of its host.
struct PlacementAudit {
  private(set) var found: [Violation] = []
  let host: AuditedHost
  let policy: Policy

  init(host: AuditedHost, policy: Policy) {
    self.host = host
    self.policy = policy
  }

  /// A guest cell as it is checked, of a shape or of a running guest.
  private struct Wanted {
    let id: Int
    let vcpus: [Int]
    /// Those that must have a CPU of their own.
    let owners: CPUSet
    let memory: Int
    /// KiB that have to be copied or allocated on the new cell.
    let arriving: Int
  }

  // MARK: A new guest

  mutating func check(_ placement: Placement, of shape: Shape) {
    var next = 0
    let wanted = shape.guestCells.enumerated().map { index, cell in
      let vcpus = Array(next..<(next + max(cell.vcpus, 0)))
      next += vcpus.count
      var owners = CPUSet()
      if shape.cpuClass == .dedicated { owners = CPUSet(vcpus) }
      if shape.cpuClass == .mixed { owners = CPUSet(vcpus.prefix(max(cell.dedicatedVCPUs, 0))) }
      return Wanted(
        id: index, vcpus: vcpus, owners: owners, memory: cell.memory.count, arriving: cell.memory.count)
    }
    if host.view.liveness != .connected { report(nil, "liveness", "the host is not heard of") }
    if !shape.hosts.isEmpty, !shape.hosts.contains(placement.host) {
      report(nil, "hosts", "the shape names other hosts")
    }
    checkCells(placement, wanted, guest: nil, mayShare: policy.foldGuestCells)
    checkCPUs(placement, wanted, guest: nil)
    checkMemory(placement, wanted, guest: nil, pageSize: shape.pageSize)
    checkDevices(placement, near: shape.near)
    if placement.pinning.memory != holding(placement, wanted) {
      report(nil, "memory", "the pinning's memory is not on its cells")
    }
    if shape.cpuClass != .floating { checkThreads(placement, wanted, smt: shape.smt) }
    let own = placement.pinning.emulator ?? []
    if shape.cpuClass != .floating, shape.emulatorPCPUs > 0,
      own.count != shape.emulatorPCPUs || !own.isSubset(of: placement.dedicated)
    {
      report(nil, "emulator", "the emulator has \(own) and not \(shape.emulatorPCPUs) pcpus of its own")
    }
    if placement.pinning.iothreads.count != shape.iothreads { report(nil, "iothreads", "not every iothread is pinned") }
    for cell in host.view.topology.cells {
      let vcpus = zip(placement.cells, wanted).reduce(0) {
        $0 + ($1.0.cell == cell.id ? $1.1.vcpus.count - $1.1.owners.count : 0)
      }
      let left = shared(of: cell, besides: nil).subtracting(placement.dedicated)
      let limit = left.count * policy.overcommitPercent * 10
      if vcpus > 0, confined(to: cell, besides: nil) + vcpus * 1000 > limit {
        report(nil, "overcommit", "cell \(cell.id) cannot carry \(vcpus) more floating vcpus")
      }
    }
    checkScore(placement, guest: nil)
  }

  // MARK: A running guest

  mutating func check(_ move: Move, _ guest: AuditedGuest) {
    let placement = move.placement
    let targets = placement.pinning.memory
    let online = guest.guest.vcpusOnline
    let wanted = guest.cells.enumerated().map { index, cell in
      let target = targets.first { $0.guestCell == cell.id }
      let vcpus = cell.vcpus.members.filter { online.isEmpty || online.contains($0) }
      return Wanted(
        id: cell.id, vcpus: placement.pinning.vcpus.isEmpty ? [] : vcpus, owners: guest.owners,
        memory: AuditedGuest.sane(cell.memory.count),
        arriving: target.map { guest.away(index, from: $0.cell) } ?? 0)
    }
    checkMovability(move, guest)
    checkCells(placement, wanted, guest: guest.id, mayShare: policy.foldGuestCells || targets.isEmpty)
    checkCPUs(placement, wanted, guest: guest.id)
    if placement.pinning.vcpus.isEmpty, guest.masks.isEmpty == false, placement.pinning.emulator == nil {
      report(guest.id, "pins", "no thread gets a pin")
    }
    var pinned = CPUSet(0..<max(min(guest.guest.vcpusMaximum, 4096), 0))
    // A vcpu of a process that is not plugged has no thread, and no libvirt remembers a pin for it.
    if case .process = guest.guest.kind { pinned = guest.guest.vcpusOnline }
    for vcpu in pinned.members where !placement.pinning.vcpus.isEmpty {
      if placement.pinning.cpuset(ofVCPU: vcpu) == nil { report(guest.id, "pins", "vcpu \(vcpu) has no pin") }
    }
    if !targets.isEmpty {
      if targets != holding(placement, wanted) {
        report(guest.id, "memory", "the pinning's memory is not on its cells")
      }
      checkMemory(placement, wanted, guest: guest.id, pageSize: guest.pageSize)
      checkDevices(
        placement,
        near: guest.guest.vfio.filter { address in
          host.view.topology.devices.contains { $0.address == address }
        })
    } else {
      for (index, cell) in guest.cells.enumerated() {
        let place = placement.cells.first { $0.guestCell == cell.id }?.cell
        if let home = guest.home(of: index), home != place {
          report(
            guest.id, "memory", "guest cell \(cell.id)'s threads go to cell \(place ?? -1), its memory stays on \(home)"
          )
        }
      }
    }
    checkNumatune(move, guest)
    checkScore(placement, guest: guest.id)
    // The guest touches and frees memory all the time, so what was planned need not be exact, only not another matter.
    let copy = wanted.reduce(0) { $0 + $1.arriving }
    let memory = wanted.reduce(0) { $0 + $1.memory }
    if abs(AuditedGuest.sane(move.copy.count) - copy) * 4 > max(memory, 4096) {
      report(guest.id, "copy", "\(move.copy) are said to be copied, it is \(KiB(copy))")
    }
  }

  // MARK: A guest of another host

  mutating func checkArrival(of move: Move, _ guest: AuditedGuest) {
    let placement = move.placement
    let online = guest.guest.vcpusOnline
    let wanted = guest.cells.map { cell in
      let memory = AuditedGuest.sane(cell.memory.count)
      let vcpus = cell.vcpus.members.filter { online.isEmpty || online.contains($0) }
      return Wanted(id: cell.id, vcpus: vcpus, owners: guest.owners, memory: memory, arriving: memory)
    }
    if host.view.liveness != .connected { report(guest.id, "liveness", "the host is not heard of") }
    checkCells(placement, wanted, guest: guest.id, mayShare: policy.foldGuestCells)
    checkCPUs(placement, wanted, guest: guest.id)
    for vcpu in 0..<max(min(guest.guest.vcpusMaximum, 4096), 0) where placement.pinning.cpuset(ofVCPU: vcpu) == nil {
      report(guest.id, "pins", "vcpu \(vcpu) has no pin")
    }
    if placement.pinning.iothreads.map(\.iothread) != guest.guest.iothreads.sorted() {
      report(guest.id, "iothreads", "not every iothread is pinned")
    }
    if placement.pinning.memory != holding(placement, wanted) {
      report(guest.id, "memory", "the pinning's memory is not on its cells")
    }
    checkMemory(placement, wanted, guest: guest.id, pageSize: guest.pageSize)
    checkTune(placement.pinning, guest)
    for cell in host.view.topology.cells {
      let vcpus = zip(placement.cells, wanted).reduce(0) {
        $0 + ($1.0.cell == cell.id ? $1.1.vcpus.count { !guest.owners.contains($0) } : 0)
      }
      let left = shared(of: cell, besides: guest.id).subtracting(placement.dedicated)
      let limit = left.count * policy.overcommitPercent * 10
      if vcpus > 0, confined(to: cell, besides: guest.id) + vcpus * 1000 > limit {
        report(guest.id, "overcommit", "cell \(cell.id) cannot carry \(vcpus) more floating vcpus")
      }
    }
    checkScore(placement, guest: guest.id)
    if move.copy.count < wanted.reduce(0, { $0 + $1.memory }) {
      report(guest.id, "copy", "\(move.copy) are said to be copied, the guest has more memory")
    }
  }

  /// On another host nothing of the old numatune may stay; restrictive binds no guest cell of several to its cell.
  private mutating func checkTune(_ pinning: Pinning, _ guest: AuditedGuest) {
    let nodes = NodeSet(pinning.memory.map(\.cell).filter { host.has($0) })
    guard !nodes.isEmpty else { return }
    guard let tune = pinning.numatune, tune.nodeset == nodes, !tune.automatic else {
      return report(guest.id, "numatune", "its nodeset is not the cells of its memory, \(nodes)")
    }
    guard guest.cells.count > 1 else { return }
    if tune.mode == .restrictive { report(guest.id, "numatune", "restrictive binds none of its guest cells") }
    for target in pinning.memory {
      let memnode = tune.memnodes.first { $0.guestCell == target.guestCell }
      if memnode?.nodeset.members != [target.cell] {
        report(guest.id, "numatune", "memnode \(target.guestCell) is not on the guest cell's host cell")
      }
    }
  }

  private mutating func checkMovability(_ move: Move, _ guest: AuditedGuest) {
    let movability = guest.guest.movability
    if move.movability.class != movability.class { report(guest.id, "movability", "planned on another movability") }
    if movability.class == .fixed || movability.class == .migrateOnly {
      report(guest.id, "movability", "a guest that is \(movability.class.rawValue) cannot be moved while it runs")
      return
    }
    let targets = move.placement.pinning.memory
    if targets.isEmpty { return }
    let byPages = policy.livePages.contains { $0 == "*" || $0 == guest.guest.name || $0 == guest.id.text }
    switch movability.class {
    case .liveMemory where guest.cells.count == 1: break
    case .liveMemory, .livePages:
      if !byPages { report(guest.id, "movability", "its memory moves by livePages only, which is off for it") }
      let named = guest.cells.allSatisfy { cell in guest.guest.regions.contains { $0.guestCell == cell.id } }
      if guest.cells.count > 1, !named {
        report(guest.id, "movability", "its mappings cannot be told apart by guest cell")
      }
      checkMixing(targets, guest)
    default: report(guest.id, "movability", "its memory cannot move: it is \(movability.class.rawValue)")
    }
  }

  /// libnuma moves all that a guest has on a cell, so two guest cells must never meet on one on the way.
  private mutating func checkMixing(_ targets: [GuestCellPlacement], _ guest: AuditedGuest) {
    for (index, cell) in guest.cells.enumerated() {
      guard let home = guest.home(of: index), let target = targets.first(where: { $0.guestCell == cell.id })?.cell,
        target != home
      else { continue }
      for (other, otherCell) in guest.cells.enumerated() where other != index {
        let otherTarget = targets.first { $0.guestCell == otherCell.id }?.cell
        if guest.home(of: other) == home || guest.home(of: other) == target || otherTarget == target {
          report(guest.id, "mixing", "pages of guest cells \(cell.id) and \(otherCell.id) would mix on the way")
        }
      }
    }
  }

  private mutating func checkNumatune(_ move: Move, _ guest: AuditedGuest) {
    let pinning = move.placement.pinning
    guard let tune = pinning.numatune else { return }
    if pinning.memory.isEmpty { return report(guest.id, "numatune", "its memory stays, and its numatune would change") }
    let nodes = NodeSet(
      pinning.memory.filter { target in
        guest.cells.contains { $0.id == target.guestCell && $0.memory.count > 0 }
      }.map(\.cell).filter { host.has($0) })
    if tune.nodeset != nodes { report(guest.id, "numatune", "its nodeset is not the cells of its memory, \(nodes)") }
    if guest.guest.movability.class == .liveMemory, guest.cells.count == 1, tune.mode != .restrictive {
      report(guest.id, "numatune", "libvirt takes a new nodeset of a running guest in mode restrictive only")
    }
    for memnode in tune.memnodes {
      let target = pinning.memory.first { $0.guestCell == memnode.guestCell }?.cell
      if memnode.nodeset.count != 1 || memnode.nodeset.first != target {
        report(guest.id, "numatune", "memnode \(memnode.guestCell) is not on the guest cell's host cell")
      }
    }
  }

  private mutating func report(_ guest: GuestID?, _ rule: String, _ text: String) {
    found.append(Violation(host: host.view.id, guest: guest, rule: rule, text: text))
  }
}

// MARK: - What both kinds must obey

extension PlacementAudit {
  /// The cells of the guest cells that have memory.
  private func holding(_ placement: Placement, _ wanted: [Wanted]) -> [GuestCellPlacement] {
    placement.cells.filter { place in wanted.contains { $0.id == place.guestCell && $0.memory > 0 } }
  }

  private mutating func checkCells(_ placement: Placement, _ wanted: [Wanted], guest: GuestID?, mayShare: Bool) {
    if placement.cells.map(\.guestCell) != wanted.map(\.id) {
      report(guest, "cells", "not every guest cell has one host cell")
    }
    var seen: [Int] = []
    for place in placement.cells {
      guard host.has(place.cell) else {
        report(guest, "cells", "the host has no cell \(place.cell)")
        continue
      }
      if seen.contains(place.cell), !mayShare { report(guest, "distinct", "two guest cells share cell \(place.cell)") }
      seen.append(place.cell)
      let vcpus = wanted.first { $0.id == place.guestCell }?.vcpus ?? []
      if !vcpus.isEmpty, host.cpus(of: place.cell).isDisjoint(with: host.allowed) {
        report(guest, "cpuless", "cell \(place.cell) has no cpus for guests")
      }
    }
  }

  private mutating func checkCPUs(_ placement: Placement, _ wanted: [Wanted], guest: GuestID?) {
    let pinning = placement.pinning
    let others = host.owned(besides: guest)
    var given = CPUSet()
    for place in placement.cells {
      let want = wanted.first { $0.id == place.guestCell }
      for vcpu in want?.vcpus ?? [] {
        guard let mask = pinning.cpuset(ofVCPU: vcpu), !mask.isEmpty else {
          report(guest, "pins", "vcpu \(vcpu) has no pin")
          continue
        }
        if !mask.isSubset(of: host.cpus(of: place.cell)) {
          report(guest, "pins", "vcpu \(vcpu) is pinned to \(mask), outside cell \(place.cell)")
        }
        if !mask.isDisjoint(with: host.reserved) {
          report(guest, "reserve", "vcpu \(vcpu) is pinned to reserved pcpus")
        }
        if want?.owners.contains(vcpu) == true {
          if mask.count != 1 || !mask.isDisjoint(with: given) || !mask.isSubset(of: placement.dedicated) {
            report(guest, "dedicated", "vcpu \(vcpu) has \(mask) and not one pcpu of its own")
          }
          given.formUnion(mask)
        } else if !mask.isDisjoint(with: host.view.topology.isolated) {
          report(guest, "isolated", "floating vcpu \(vcpu) is pinned to pcpus that the scheduler does not balance")
        }
      }
    }
    var all = pinning.vcpus.map { ("vcpu \($0.vcpu)", $0.cpuset) }
    all += pinning.iothreads.map { ("iothread \($0.iothread)", $0.cpuset) }
    if let emulator = pinning.emulator { all.append(("the emulator", emulator)) }
    for (who, mask) in all {
      if mask.isEmpty { report(guest, "pins", "\(who) has an empty pin") }
      if !mask.isSubset(of: host.allowed) {
        report(guest, "allowed", "\(who) is pinned to \(mask), guests may have \(host.allowed)")
      }
      let taken = mask.intersection(others)
      if !taken.isEmpty {
        report(guest, "dedicated", "\(who) is pinned to \(taken), which another guest has for itself")
      }
    }
    let taken = placement.dedicated.intersection(others)
    if !taken.isEmpty { report(guest, "dedicated", "pcpus \(taken) belong to another guest") }
  }

  private mutating func checkMemory(_ placement: Placement, _ wanted: [Wanted], guest: GuestID?, pageSize: PageSize) {
    for cell in host.view.topology.cells {
      let here = wanted.filter { want in placement.cells.contains { $0.guestCell == want.id && $0.cell == cell.id } }
      let memory = here.reduce(0) { $0 + $1.memory }
      let arriving = here.reduce(0) { $0 + $1.arriving }
      guard memory > 0 else { continue }
      if cell.memoryTotal.count <= 0 { report(guest, "memoryless", "cell \(cell.id) has no memory") }
      let free = host.free(pageSize, on: cell, besides: guest)
      if arriving > free {
        let rule = host.isOrdinary(pageSize, on: cell) ? "free" : "pages"
        report(
          guest, rule, "\(arriving) KiB of \(pageSize) pages go to cell \(cell.id), where \(max(free, 0)) are free")
      }
      guard host.isOrdinary(pageSize, on: cell), arriving > 0 else { continue }
      let left = host.unpromised(cell, besides: guest, policy: policy)
      if memory > left {
        report(guest, "capacity", "cell \(cell.id) gets \(memory) KiB, \(max(left, 0)) are not promised")
      }
    }
  }

  private mutating func checkDevices(_ placement: Placement, near: [String]) {
    guard let first = placement.cells.first?.cell else { return }
    for name in near {
      let devices = host.view.topology.devices.filter { device in
        let pair = "\(device.vendor):\(device.device)".lowercased()
        let wanted = name.lowercased()
        return device.address.lowercased() == wanted || pair == wanted
          || pair.split(separator: ":").map { $0.hasPrefix("0x") ? $0.dropFirst(2) : $0 }.joined(separator: ":")
            == wanted
      }
      if devices.isEmpty { report(nil, "device", "the host has no device \(name)") }
      if !devices.isEmpty, !devices.contains(where: { $0.cell == nil || $0.cell == first }) {
        report(nil, "device", "guest cell 0 is on cell \(first), device \(name) is not")
      }
    }
  }

  private mutating func checkThreads(_ placement: Placement, _ wanted: [Wanted], smt: SMTPolicy) {
    let owners = wanted.reduce(CPUSet()) { $0.union($1.owners) }
    let used = placement.pinning.vcpus.reduce(CPUSet()) { owners.contains($1.vcpu) ? $0.union($1.cpuset) : $0 }
    for cpu in used.members {
      let siblings = (host.view.topology.pcpu(cpu)?.siblings ?? [cpu]).intersection(host.online)
      if smt == .require, !siblings.isSubset(of: used) {
        report(nil, "smt", "pcpu \(cpu)'s core \(siblings) is not the guest's as a whole")
      }
      if smt == .isolate, siblings.intersection(used).count != 1 || !siblings.isSubset(of: placement.dedicated) {
        report(nil, "smt", "pcpu \(cpu)'s core \(siblings) is not left idle beside it")
      }
    }
  }

  private mutating func checkScore(_ placement: Placement, guest: GuestID?) {
    let sum = placement.terms.reduce(0) { $0 + $1.value }
    if sum != placement.score { report(guest, "score", "the score is \(placement.score), its terms make \(sum)") }
  }

  /// CPUs of a cell that floating vcpus share.
  func shared(of cell: Cell, besides guest: GuestID?) -> CPUSet {
    cell.cpus.intersection(host.allowed).subtracting(host.reserved).subtracting(host.view.topology.isolated)
      .subtracting(host.owned(besides: guest))
  }

  /// Thousandths of floating vcpus that are held to a cell.
  func confined(to cell: Cell, besides guest: GuestID?) -> Int {
    var load = 0
    for other in host.guests where other.id != guest { load += held(other, to: cell) }
    for claim in host.view.claims where claim.guest != guest {
      let there = host.guests.first { $0.id == claim.guest }.map { held($0, to: cell) } ?? 0
      for floating in claim.floating where floating.cell == cell.id {
        load += max(0, min(max(floating.vcpus, 0), 4096) * 1000 - there)
      }
    }
    return load
  }

  /// Thousandths of a guest's vcpus without CPUs of their own that may run nowhere else.
  private func held(_ guest: AuditedGuest, to cell: Cell) -> Int {
    guest.masks.reduce(0) { load, mask in
      let wide = (mask ?? host.allowed).intersection(host.online)
      let isHeld = !wide.isEmpty && wide.isSubset(of: cell.cpus) && !wide.isSubset(of: guest.owned)
      return isHeld ? load + 1000 : load
    }
  }
}
