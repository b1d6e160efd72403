public import NUMA

/// What forbids a change before anything is touched: the same check for `--dry-run`, for the coordinator before a
/// job is committed, and for the agent before it acts on a fresh observation.
///
/// libvirt accepts some changes that corrupt a placement (a nodeset for a guest with memnodes only) and refuses
/// others half way, so nothing is tried that is not known to be possible.
public struct Preflight: Sendable {
  /// The host's cells and CPUs, with the free amounts of the newest observation.
  public var topology: HostTopology
  public var facts: HostFacts
  /// Whether libnuma may move pages where libvirt refuses.
  public var livePages: Bool

  public init(topology: HostTopology, facts: HostFacts, livePages: Bool) {
    self.topology = topology
    self.facts = facts
    self.livePages = livePages
  }

  /// The first reason why `desired` may not be applied to the guest; nil when it may.
  public func refusal(of desired: Pinning, for guest: Guest, scope: Scope) -> Refusal? {
    if scope.touchesLive, guest.state != .running && guest.state != .paused {
      return Refusal(
        .notRunning, "\(quoted(guest)) does not run", remedy: "start it, or use --config to change its next start")
    }
    if scope == .config, !guest.persistent {
      return Refusal(
        .notPersistent, "\(quoted(guest)) has no persistent definition", remedy: "use --live, or define the domain")
    }
    if desired.isEmpty {
      return Refusal(.malformed, "the change asks for nothing", remedy: "name at least one pin, nodeset or quota")
    }
    return cpusetRefusal(desired, guest) ?? cputuneRefusal(desired.cputune) ?? nodeRefusal(desired)
      ?? guestCellRefusal(desired, guest) ?? modeRefusal(desired, guest, scope)
      ?? (scope.touchesLive ? memoryRefusal(desired, guest) : nil)
  }

  // MARK: CPUs

  private func cpusetRefusal(_ desired: Pinning, _ guest: Guest) -> Refusal? {
    for pin in desired.vcpus {
      guard (0..<guest.vcpusMaximum).contains(pin.vcpu) else {
        return Refusal(
          .malformed, "\(quoted(guest)) has no vcpu \(pin.vcpu)", remedy: "it has vcpus 0-\(guest.vcpusMaximum - 1)")
      }
    }
    if case .process = guest.kind, let stray = desired.vcpus.first(where: { guest.thread(ofVCPU: $0.vcpu) == nil }) {
      return Refusal(
        .malformed, "\(quoted(guest)) has no thread of vcpu \(stray.vcpu)",
        remedy: "use --emulator, which pins every thread of a process")
    }
    for pin in desired.iothreads where !guest.iothreads.contains(pin.iothread) {
      let have =
        guest.iothreads.isEmpty ? "it has none" : "it has \(guest.iothreads.map(String.init).joined(separator: ","))"
      return Refusal(.malformed, "\(quoted(guest)) has no iothread \(pin.iothread)", remedy: have)
    }
    let sets = desired.vcpus.map(\.cpuset) + desired.iothreads.map(\.cpuset) + (desired.emulator.map { [$0] } ?? [])
    return sets.lazy.compactMap { refusal(of: $0) }.first
  }

  /// Why a thread may not be given this cpuset on this host; nil when it may.
  public func refusal(of cpuset: CPUSet) -> Refusal? {
    if cpuset.isEmpty {
      return Refusal(.emptyCPUSet, "the cpuset is empty", remedy: "name at least one of cpus \(topology.allowed)")
    }
    let unknown = cpuset.subtracting(topology.cpus).subtracting(topology.offline)
    if !unknown.isEmpty {
      return Refusal(.cpuOutsideHost, "the host has no cpu \(unknown)", remedy: "it has cpus \(topology.cpus)")
    }
    let asleep = cpuset.intersection(topology.offline)
    if !asleep.isEmpty {
      return Refusal(.cpuOffline, "cpu \(asleep) is offline", remedy: "online it, or choose from \(topology.cpus)")
    }
    let outside = cpuset.subtracting(topology.allowed)
    if !outside.isEmpty {
      return Refusal(
        .cpuOutsideParent, "cpu \(outside) lies outside the cpuset of the guests' parent cgroup",
        remedy: "choose from \(topology.allowed), or widen AllowedCPUs of machine.slice")
    }
    return nil
  }

  private func cputuneRefusal(_ tune: CPUTune) -> Refusal? {
    let range = facts.cgroupVersion == 1 ? 2...262_144 : 1...10_000
    if let shares = tune.shares, !range.contains(shares) {
      return Refusal(
        .malformed, "\(shares) is no valid cpu share here",
        remedy: "cgroup v\(facts.cgroupVersion ?? 2) allows \(range.lowerBound) to \(range.upperBound)")
    }
    for (name, value) in tune.parameters where name.hasSuffix("period") && !(1000...1_000_000).contains(value) {
      return Refusal(.malformed, "\(name) of \(value) µs is out of range", remedy: "use 1000 to 1000000 µs")
    }
    for (name, value) in tune.parameters where name.hasSuffix("quota") && value != -1 && value < 1000 {
      return Refusal(
        .malformed, "\(name) of \(value) µs is out of range", remedy: "use at least 1000 µs, or -1 for none")
    }
    return nil
  }

  // MARK: Memory

  func nodeRefusal(_ desired: Pinning) -> Refusal? {
    var wanted = NodeSet(desired.memory.map(\.cell))
    if let nodeset = desired.numatune?.nodeset {
      if nodeset.isEmpty {
        return Refusal(.malformed, "the nodeset is empty", remedy: "name at least one of cells \(topology.memoryNodes)")
      }
      wanted.formUnion(nodeset)
    }
    for memnode in desired.numatune?.memnodes ?? [] { wanted.formUnion(memnode.nodeset) }
    let unknown = wanted.subtracting(topology.nodes)
    if !unknown.isEmpty {
      return Refusal(.unknownCell, "the host has no cell \(unknown)", remedy: "it has cells \(topology.nodes)")
    }
    let empty = wanted.subtracting(topology.memoryNodes)
    if !empty.isEmpty {
      return Refusal(.noPages, "cell \(empty) has no memory", remedy: "choose from cells \(topology.memoryNodes)")
    }
    return nil
  }

  private func guestCellRefusal(_ desired: Pinning, _ guest: Guest) -> Refusal? {
    let named = desired.memory.map(\.guestCell) + (desired.numatune?.memnodes ?? []).map(\.guestCell)
    let have = guest.cellsToPlace.map(\.id)
    guard let unknown = named.first(where: { !have.contains($0) }) else { return nil }
    return Refusal(
      .malformed, "\(quoted(guest)) has no guest cell \(unknown)",
      remedy: "it has \(have.map(String.init).joined(separator: ","))")
  }

  /// libvirt keeps no mode without a nodeset, so a mode alone changes nothing where there is none.
  private func modeRefusal(_ desired: Pinning, _ guest: Guest, _ scope: Scope) -> Refusal? {
    guard let mode = desired.numatune?.mode, desired.numatune?.nodeset == nil else { return nil }
    let layers = (scope.touchesLive ? [guest.live] : []) + (scope.touchesConfig ? [guest.config ?? Pinning()] : [])
    guard layers.contains(where: { $0.numatune?.nodeset == nil }) else { return nil }
    return Refusal(
      .malformed, "mode \(mode.rawValue) needs a nodeset, and \(quoted(guest)) has none",
      remedy: "name it with --nodeset")
  }

  private func memoryRefusal(_ desired: Pinning, _ guest: Guest) -> Refusal? {
    // A guest that was started without numatune can be given restrictive live, and no other mode.
    let present = guest.live.numatune?.mode ?? guest.live.numatune?.memnodes.first?.mode
    if let mode = desired.numatune?.mode, mode != present ?? .restrictive {
      let now = present.map { "with numatune mode \($0.rawValue)" } ?? "without numatune"
      return Refusal(
        .modeUnchangeable, "\(quoted(guest)) runs \(now), which cannot change to \(mode.rawValue) live",
        remedy: "use --config, which takes effect at the next start")
    }
    if let blind = desired.memory.first(where: { !guest.tellsMemory(ofGuestCell: $0.guestCell) }) {
      return Refusal(
        .unsupported,
        "the memory of guest cell \(blind.guestCell) of \(quoted(guest)) cannot be told from that of the others",
        remedy: "restart it with a memnode for each guest cell, or move only its vcpus")
    }
    let moves = desired.memory.contains { target in
      guest.memoryElsewhere(than: target) > 0
    }
    let retunes = desired.numatune?.nodeset.map { $0 != guest.live.numatune?.nodeset } ?? false
    guard moves || retunes else { return nil }
    switch guest.movability.class {
    case .liveMemory:
      break
    case .livePages:
      guard livePages else {
        return Refusal(
          .livePagesOff, "the memory of \(quoted(guest)) moves only by libnuma (livePages): \(guest.movability.reason)",
          remedy: "list it under live_pages in policy.yaml, or use --config and restart it")
      }
      guard !desired.memory.isEmpty else {
        return Refusal(
          .notMovable,
          "libvirt does not change the nodeset of \(quoted(guest)) while it runs: \(guest.movability.reason)",
          remedy: "use numafleet place, which moves its pages, or --config")
      }
    case .cpuOnly, .migrateOnly, .fixed:
      return Refusal(
        .notMovable,
        "the memory of \(quoted(guest)) cannot move (\(guest.movability.class.rawValue)): \(guest.movability.reason)",
        remedy: "move only its vcpus, or use --config and restart it")
    }
    return pagesRefusal(desired, guest)
  }

  /// What would have to be copied must be free on the target now; the kernel does not wait for it.
  private func pagesRefusal(_ desired: Pinning, _ guest: Guest) -> Refusal? {
    for cell in NodeSet(desired.memory.map(\.cell)).members {
      let targets = desired.memory.filter { $0.cell == cell }
      let needed = targets.reduce(KiB(0)) { $0 + guest.memoryElsewhere(than: $1) }
      guard needed > 0, let free = topology.cell(cell)?.free(guest.pageSize) else { continue }
      if needed > free {
        return Refusal(
          .noPages,
          "cell \(cell) has \(free) free in pages of \(guest.pageSize), \(quoted(guest)) needs \(needed) there",
          remedy: "free pages on cell \(cell), or choose another cell")
      }
    }
    return nil
  }

  private func quoted(_ guest: Guest) -> String { "guest \(guest.name)" }
}

extension Cell {
  /// What is free in pages of that size.
  public func free(_ size: PageSize) -> KiB {
    size == .base ? memoryFree : KiB((pool(size)?.free ?? 0) * size.kib)
  }
}

extension Guest {
  /// What of one guest cell's RAM is resident on other cells than the target.
  public func memoryElsewhere(than target: GuestCellPlacement) -> KiB {
    residency(ofGuestCell: target.guestCell).reduce(0) {
      $0 + ($1.cell == target.cell ? 0 : KiB($1.pages * $1.pageSize.kib))
    }
  }

  /// Whether the mappings of one guest cell's RAM are known, so that its place can be proved.
  public func tellsMemory(ofGuestCell guestCell: Int) -> Bool {
    guestCells.count <= 1 || regions.contains { $0.guestCell == guestCell }
  }

  /// Where one guest cell's RAM is: its mappings, or the whole process where mappings could not be told apart.
  public func residency(ofGuestCell guestCell: Int) -> [CellResidency] {
    let own = regions.filter { $0.guestCell == guestCell }
    return own.isEmpty ? (guestCells.count <= 1 ? residency : []) : own.flatMap(\.residency)
  }

  /// The cell that holds most of a guest cell's RAM; nil when none is resident.
  public func majorityCell(ofGuestCell guestCell: Int) -> Int? {
    var best: (cell: Int, kib: Int)?
    let all = residency(ofGuestCell: guestCell)
    for cell in NodeSet(all.map(\.cell)).members {
      let kib = all.reduce(0) { $0 + ($1.cell == cell ? $1.pages * $1.pageSize.kib : 0) }
      if kib > (best?.kib ?? 0) { best = (cell, kib) }
    }
    return best?.cell
  }
}
