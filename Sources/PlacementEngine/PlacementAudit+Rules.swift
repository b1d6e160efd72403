import Fleet
import NUMA

/// What every guest must obey, a new one, one that runs and one that comes from another host.
extension PlacementAudit {
  /// The cells of the guest cells that have memory.
  func holding(_ placement: Placement, _ wanted: [Wanted]) -> [GuestCellPlacement] {
    placement.cells.filter { place in wanted.contains { $0.id == place.guestCell && $0.memory > 0 } }
  }

  mutating func checkCells(_ placement: Placement, _ wanted: [Wanted], guest: GuestID?, mayShare: Bool) {
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

  mutating func checkCPUs(_ placement: Placement, _ wanted: [Wanted], guest: GuestID?) {
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

  mutating func checkMemory(_ placement: Placement, _ wanted: [Wanted], guest: GuestID?, pageSize: PageSize) {
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

  mutating func checkDevices(_ placement: Placement, near: [String]) {
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

  mutating func checkThreads(_ placement: Placement, _ wanted: [Wanted], smt: SMTPolicy) {
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

  /// No cell that it comes to may carry more floating vcpus than the policy allows.
  mutating func checkCrowding(_ placement: Placement, _ wanted: [Wanted], guest: GuestID?) {
    for cell in host.view.topology.cells {
      let vcpus = zip(placement.cells, wanted).reduce(0) { sum, pair in
        sum + (pair.0.cell == cell.id ? pair.1.vcpus.count { !pair.1.owners.contains($0) } : 0)
      }
      let left = shared(of: cell, besides: guest).subtracting(placement.dedicated)
      let limit = left.count * policy.overcommitPercent * 10
      if vcpus > 0, confined(to: cell, besides: guest) + vcpus * 1000 > limit {
        report(guest, "overcommit", "cell \(cell.id) cannot carry \(vcpus) more floating vcpus")
      }
    }
  }

  mutating func checkScore(_ placement: Placement, guest: GuestID?) {
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
