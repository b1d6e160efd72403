import AgentCore
import Fleet
import NUMA
import Testing

/// A host that behaves: it pins threads, moves pages and writes records as libvirt and the kernel do, so that what an
/// agent reads back is what its commands did.
struct ModelHost {
  var topology: HostTopology
  var facts = HostFacts(kernelVersion: "6.1.0", libvirtVersion: "9.0.0", cgroupVersion: 2)
  /// Nil without libvirt.
  var libvirtAnswers: Bool? = true
  var guests: [ModelGuest] = []
  /// Shares of pages, in percent, that the next memory moves leave behind.
  var leaving: [Int] = []
  /// Libvirt's next changes say that they worked and do nothing.
  var deaf = false
  /// Nil where the kernel lacks it.
  var ksm: ModelKSM?
  /// What it measures; nil where the agent does not look.
  var load: HostLoad?

  /// `host cells 4 cpus 4 mib 4096`.
  init(_ words: Words) throws {
    let (cells, cpus, mib) = (try words.int("cells") ?? 4, try words.int("cpus") ?? 4, try words.int("mib") ?? 4096)
    topology = HostTopology(
      cells: (0..<cells).map {
        Cell(
          id: $0, memoryTotal: KiB(mib: mib), memoryFree: KiB(mib: mib), cpus: CPUSet(($0 * cpus)..<(($0 + 1) * cpus)))
      },
      pcpus: (0..<(cells * cpus)).map {
        PCPU(id: $0, cell: $0 / cpus, socket: $0 / cpus, die: 0, core: $0, siblings: [$0])
      })
  }

  /// Takes a CPU away; no thread may run there any more, whatever libvirt's record says.
  mutating func takeOffline(_ cpu: Int) {
    topology = topology.limited(to: topology.cpus.subtracting([cpu]))
    for index in guests.indices {
      for thread in guests[index].process?.threads.indices ?? 0..<0 {
        guests[index].process?.threads[thread].cpusAllowed.remove(cpu)
      }
    }
  }

  var cells: [CellState] {
    topology.cells.map { cell in
      let used = guests.flatMap(\.pages).reduce(0) { $0 + ($1.cell == cell.id ? $1.pages : 0) }
      let free = cell.memoryTotal.count / 4 - used
      return CellState(
        cell: cell.id, memoryFree: KiB(free * 4),
        pages: [PagePool(size: .base, total: cell.memoryTotal.count / 4, free: free)])
    }
  }

  mutating func change(_ name: String, _ body: (inout ModelGuest) throws -> Void) throws {
    let index = try #require(guests.firstIndex { $0.id == "id-\(name)" }, "the host has no guest \(name)")
    try body(&guests[index])
  }

  /// Does what a command says, and how it ends.
  mutating func carryOut(_ effect: Effect) -> CommandOutcome {
    switch effect {
    case .observeHost(let residency, let withTopology):
      facts.ksm = ksm?.state
      return .observedHost(
        HostObservation(
          topology: withTopology ? topology : nil, facts: facts, cells: cells,
          domains: libvirtAnswers == true ? guests.compactMap(\.record) : nil, libvirtAnswers: libvirtAnswers,
          processes: guests.compactMap { $0.observed(residency: residency) }, hasResidency: residency,
          load: load))
    case .observeGuest(let id, let run):
      let guest = guests.first { $0.id == id.text || (run != nil && $0.process?.incarnation == run) }
      return .observedGuest(
        GuestObservation(
          domain: libvirtAnswers == true ? guest?.record : nil, process: guest?.observed(residency: true),
          cells: cells, online: topology.cpus, libvirtAnswers: libvirtAnswers))
    case .libvirt(let domain, let effect):
      guard libvirtAnswers == true else { return failed(.libvirtDown, "libvirt does not answer") }
      guard let index = guests.firstIndex(where: { $0.record?.uuid == domain }) else {
        return failed(.guestGone, "no domain with that uuid")
      }
      return deaf ? .done(detail: "done", pagesLeft: 0) : carryOut(effect, on: index)
    case .kernel(let run, let effect):
      guard let index = guests.firstIndex(where: { $0.process?.incarnation == run }) else {
        return failed(.guestGone, "no such process")
      }
      return carryOut(effect, on: index)
    case .start(_, let shape, let placement):
      return start(shape, placement)
    case .observeKSM: return .observedKSM(ksm?.state, cells: cells)
    case .setKSM(let setting):
      guard let refusal = deaf ? nil : ksm?.refusal(of: setting) else { return .done(detail: "done", pagesLeft: 0) }
      return .failed(refusal)
    case .migrate(let domain, _, _, _):
      guard libvirtAnswers == true else { return failed(.libvirtDown, "libvirt does not answer") }
      guard guests.contains(where: { $0.record?.uuid == domain }) else {
        return failed(.guestGone, "no domain with that uuid")
      }
      if !deaf { guests.removeAll { $0.record?.uuid == domain } }
      return .done(detail: "512 MiB copied", pagesLeft: 0)
    case .settleMigration:
      guard libvirtAnswers == true else { return failed(.libvirtDown, "libvirt does not answer") }
      return .done(detail: "no migration is under way", pagesLeft: 0)
    }
  }

  private func failed(_ code: Refusal.Code, _ text: String) -> CommandOutcome {
    .failed(Refusal(code, text, remedy: "look at the host"))
  }

  private mutating func nextShareLeft() -> Int { leaving.isEmpty ? 0 : leaving.removeFirst() }

  // MARK: libvirt

  private mutating func carryOut(_ effect: LibvirtEffect, on index: Int) -> CommandOutcome {
    switch effect {
    case .pinVCPU(let vcpu, let cpus, let scope):
      write(scope, index) { pinning in
        pinning.vcpus = (pinning.vcpus.filter { $0.vcpu != vcpu } + [VCPUPin(vcpu: vcpu, cpuset: cpus)])
          .sorted { $0.vcpu < $1.vcpu }
      }
      if scope.touchesLive { guests[index].allow(cpus.intersection(topology.cpus)) { $0.role == .vcpu(vcpu) } }
    case .pinEmulator(let cpus, let scope):
      write(scope, index) { $0.emulator = cpus }
      if scope.touchesLive { guests[index].allow(cpus.intersection(topology.cpus)) { $0.role == .emulator } }
    case .pinIOThread(let id, let cpus, let scope):
      write(scope, index) { pinning in
        pinning.iothreads = pinning.iothreads.filter { $0.iothread != id } + [IOThreadPin(iothread: id, cpuset: cpus)]
      }
      if scope.touchesLive { guests[index].allow(cpus.intersection(topology.cpus)) { $0.role == .iothread(id) } }
    case .setNumatune(let mode, let nodeset, let scope):
      if let now = guests[index].record?.live.numatune?.mode, now != .restrictive {
        return failed(.libvirtRefused, "can't change nodeset for \(now.rawValue) mode for running domain")
      }
      write(scope, index) { $0.numatune = NUMATune(mode: mode ?? $0.numatune?.mode, nodeset: nodeset) }
      _ = guests[index].movePages(to: nodeset.first ?? 0, leaving: nextShareLeft())
    case .setScheduler(let tune, let scope):
      write(scope, index) { $0.cputune.shares = tune.shares ?? $0.cputune.shares }
    case .defineNumatune(let tune):
      write(.config, index) { $0.numatune = tune == NUMATune() ? nil : tune }
    }
    return .done(detail: "done", pagesLeft: 0)
  }

  private mutating func write(_ scope: Scope, _ index: Int, _ body: (inout Pinning) -> Void) {
    if scope.touchesLive, var live = guests[index].record?.live {
      body(&live)
      guests[index].record?.live = live
    }
    if scope.touchesConfig, var config = guests[index].record?.config {
      body(&config)
      guests[index].record?.config = config
    }
  }

  // MARK: Kernel

  private mutating func carryOut(_ effect: KernelEffect, on index: Int) -> CommandOutcome {
    switch effect {
    case .setAffinity(let threads, _):
      for thread in threads { guests[index].allow(thread.cpuset) { $0.tid == thread.tid } }
      return .done(detail: "\(threads.count) threads", pagesLeft: 0)
    case .migratePages(let from, let cell):
      let left = guests[index].movePages(from: from, to: cell, leaving: nextShareLeft())
      return .done(detail: "\(left) pages left", pagesLeft: left)
    case .movePages(let start, _, _, let cell):
      let left = guests[index].movePages(to: cell, leaving: nextShareLeft()) { $0.start == start }
      return .done(detail: "\(left) pages left", pagesLeft: left)
    case .setCPUTune:
      return .done(detail: "done", pagesLeft: 0)
    }
  }

  private mutating func start(_ shape: Shape, _ placement: Placement) -> CommandOutcome {
    guard !guests.contains(where: { $0.id == "id-\(shape.name)" }) else {
      return failed(.libvirtRefused, "domain is already active")
    }
    let pins = placement.pinning.vcpus.map { "\($0.cpuset)" }.joined(separator: ";")
    let words = Words([
      shape.name, "pins", pins, "mem", "\(placement.cells[0].cell)", "mib", "\(shape.memory.mib)",
      "run", "\(900 + guests.count * 10)",
      "numatune", "strict:\(placement.cells[0].cell)",
    ])
    guard let made = try? ModelGuest(domain: words, topology: topology) else {
      return failed(.libvirtRefused, "no such shape")
    }
    guests.append(made)
    return .done(detail: "defined and started", pagesLeft: 0)
  }
}
