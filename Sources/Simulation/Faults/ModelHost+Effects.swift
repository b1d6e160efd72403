import AgentCore
import Fleet
import NUMA

/// What commands do to the host, and how the calls end.
extension ModelHost {
  /// Carries one effect out, with the fault that was set for it if there is one. The second value names the fault.
  mutating func carryOut(_ effect: Effect) -> (CommandOutcome, CallFault?) {
    switch effect {
    case .observeHost, .observeGuest, .migrate, .settleMigration, .observeKSM, .setKSM:
      return (.failed(Self.refusal(.kernelRefused, "it is no effect on one host")), nil)
    case .libvirt(let domain, let effect):
      let fault = libvirtFaults.isEmpty ? nil : libvirtFaults.removeFirst()
      return (call(fault, isMoving: false) { $0.libvirt(effect, on: GuestID(domain), half: fault == .doesHalf) }, fault)
    case .kernel(let run, let effect):
      let fault = kernelFaults.isEmpty ? nil : kernelFaults.removeFirst()
      return (call(fault, isMoving: true) { $0.kernel(effect, on: run, half: fault == .doesHalf) }, fault)
    case .start(let domainXML, let shape, let placement):
      let fault = libvirtFaults.isEmpty ? nil : libvirtFaults.removeFirst()
      return (call(fault, isMoving: false) { $0.start(domainXML, shape, placement) }, fault)
    }
  }

  private mutating func call(
    _ fault: CallFault?, isMoving: Bool, _ body: (inout ModelHost) -> CommandOutcome
  ) -> CommandOutcome {
    switch fault {
    case .fails: return .failed(Self.refusal(.libvirtRefused, "internal error: the call failed"))
    case .failsAfterwards:
      _ = body(&self)
      return .failed(Self.refusal(.libvirtRefused, "internal error: the call failed after it had worked"))
    case .lies: return .done(detail: "done", pagesLeft: 0)
    case .doesHalf, nil: return body(&self)
    }
  }

  static func refusal(_ code: Refusal.Code, _ text: String) -> Refusal {
    Refusal(code, text, remedy: "look at the host")
  }

  // MARK: libvirt

  private mutating func libvirt(_ effect: LibvirtEffect, on id: GuestID, half: Bool) -> CommandOutcome {
    guard let index = index(of: id) else { return .failed(Self.refusal(.guestGone, "no domain with that uuid")) }
    if effect.scope.touchesLive, !guests[index].isRunning {
      return .failed(Self.refusal(.libvirtRefused, "domain is not running"))
    }
    switch effect {
    case .pinVCPU(let vcpu, let cpus, let scope):
      guard let mask = usable(cpus, scope) else { return Self.invalid }
      write(scope, index) { $0.setVCPU(vcpu, cpus) }
      if scope.touchesLive, !half { guests[index].masks[vcpu] = mask }
    case .pinEmulator(let cpus, let scope):
      guard let mask = usable(cpus, scope) else { return Self.invalid }
      write(scope, index) { $0.emulator = cpus }
      if scope.touchesLive, !half { guests[index].emulatorMask = mask }
    case .setNumatune(let mode, let nodeset, let scope):
      if scope.touchesLive, let now = guests[index].live.numatune?.mode, now != .restrictive {
        return .failed(
          Self.refusal(.libvirtRefused, "can't change nodeset for \(now.rawValue) mode of a running domain"))
      }
      write(scope, index) { $0.numatune = NUMATune(mode: mode ?? $0.numatune?.mode, nodeset: nodeset) }
      if scope.touchesLive, let cell = nodeset.first {
        for guestCell in guests[index].cells.indices { _ = move(index, guestCell, to: cell, percent: half ? 50 : 100) }
      }
    case .defineNumatune(let tune):
      write(.config, index) { $0.numatune = tune == NUMATune() ? nil : tune }
    case .pinIOThread, .setScheduler:
      break
    }
    return .done(detail: "done", pagesLeft: 0)
  }

  private static let invalid = CommandOutcome.failed(refusal(.libvirtRefused, "Invalid argument: no such cpu"))

  /// The part of a mask that is online; nil when there is none, which the kernel refuses. A definition may name any.
  private func usable(_ cpus: CPUSet, _ scope: Scope = .live) -> CPUSet? {
    let mask = cpus.intersection(topology.cpus)
    return mask.isEmpty && scope.touchesLive ? nil : mask
  }

  private mutating func write(_ scope: Scope, _ index: Int, _ body: (inout Pinning) -> Void) {
    if scope.touchesLive { body(&guests[index].live) }
    if scope.touchesConfig { body(&guests[index].config) }
  }

  /// `domainXML` of a simulated fleet is `UUID NAME VCPUS`.
  private mutating func start(_ domainXML: String, _ shape: Shape, _ placement: Placement) -> CommandOutcome {
    let words = domainXML.split(separator: " ").map(String.init)
    guard words.count == 3, let vcpus = Int(words[2]) else {
      return .failed(Self.refusal(.malformed, "no domain XML"))
    }
    let id = GuestID(words[0])
    guard index(of: id) == nil else { return .failed(Self.refusal(.duplicate, "domain \(words[0]) is there")) }
    var pinning = placement.pinning
    pinning.memory = []
    let guest = ModelGuest(
      id: id, name: words[1], vcpus: vcpus, cells: shape.guestCells.map(\.memory), host: topology, pinning: pinning)
    guard fits(guest) else {
      return .failed(Self.refusal(.noPages, "cannot allocate memory"))
    }
    guests.append(guest)
    boot(guests.count - 1)
    return .done(detail: "defined and started", pagesLeft: 0)
  }

  // MARK: Kernel

  private mutating func kernel(_ effect: KernelEffect, on run: Incarnation, half: Bool) -> CommandOutcome {
    guard let index = guests.firstIndex(where: { $0.run == run }) else {
      return .failed(Self.refusal(.guestGone, "process \(run) has ended"))
    }
    switch effect {
    case .setAffinity(let threads, _):
      for thread in threads.prefix(half ? threads.count / 2 : threads.count) {
        guard let mask = usable(thread.cpuset) else { return Self.invalid }
        if thread.tid == run.pid { guests[index].emulatorMask = mask }
        let vcpu = thread.tid - run.pid - 1
        if guests[index].masks.indices.contains(vcpu) { guests[index].masks[vcpu] = mask }
      }
      return .done(detail: "\(threads.count) threads", pagesLeft: 0)
    case .migratePages(let from, let cell):
      let left = guests[index].cells.indices.reduce(0) {
        $0 + move(index, $1, from: from, to: cell, percent: half ? 50 : 100)
      }
      return .done(detail: "\(left) pages left", pagesLeft: left)
    case .movePages(let start, _, _, let cell):
      let guestCell = Int((0x7000_0000_0000 - start) >> 36)
      guard guests[index].cells.indices.contains(guestCell) else { return Self.invalid }
      let left = move(index, guestCell, to: cell, percent: half ? 50 : 100)
      return .done(detail: "\(left) pages left", pagesLeft: left)
    case .setCPUTune:
      return .done(detail: "done", pagesLeft: 0)
    }
  }

  /// Moves pages of a guest cell, as many as fit and as the share allows; the pages that should have moved and did not.
  private mutating func move(
    _ index: Int, _ guestCell: Int, from: NodeSet? = nil, to cell: Int, percent: Int
  ) -> Int {
    guard topology.cells.indices.contains(cell) else { return 0 }
    var left = 0
    for source in topology.cells.indices where source != cell && (from?.contains(source) ?? true) {
      let there = guests[index].resident[guestCell][source]
      let moved = min(there * percent / 100, free(on: cell)) / 4 * 4
      guests[index].resident[guestCell][source] -= moved
      guests[index].resident[guestCell][cell] += moved
      left += (there - moved) / 4
    }
    return left
  }
}

extension Pinning {
  mutating func setVCPU(_ vcpu: Int, _ cpus: CPUSet) {
    vcpus = (vcpus.filter { $0.vcpu != vcpu } + [VCPUPin(vcpu: vcpu, cpuset: cpus)]).sorted { $0.vcpu < $1.vcpu }
  }
}
