import Fleet
import NUMA

/// One step of a job and what takes it back.
struct JobStep: Sendable, Hashable {
  enum Work: Sendable, Hashable {
    case act(Effect)
    /// Reads the guest again and compares its memory with the wish; moves what is left once more.
    case checkMemory
    /// Reads the guest again and compares everything.
    case verify
  }
  var name: String
  var work: Work
  var undo: Effect?
  var deadlineMilliseconds: Int

  init(_ name: String, _ work: Work, undo: Effect? = nil, deadlineMilliseconds: Int = 10_000) {
    self.name = name
    self.work = work
    self.undo = undo
    self.deadlineMilliseconds = deadlineMilliseconds
  }
}

/// Turns a wish into steps, in the order that never leaves a thread far from its memory: widen the affinity,
/// move the memory, check where it is, narrow the affinity, write the config, verify all.
struct JobSteps {
  let guest: Guest
  let desired: Pinning
  let before: Pinning
  let scope: Scope
  let driver: DriverChoice
  /// Whether libvirt's config can be written now.
  let libvirtAnswers: Bool
  /// Whether an agent before this one has begun, so that threads may no longer be where they were.
  var isHalfWay = false
  /// The definition before that agent began; nil where it is what it is now.
  var configBefore: Pinning?
  /// What the kernel gives a cgroup that nobody has set: 1024 shares on v1, weight 100 on v2.
  var defaultShares = 100

  /// A gigabyte a second is slow for a machine and fast for an emulated one; the floor covers small guests.
  private var memoryDeadline: Int { 60_000 + guest.memory.mib * 20 }

  func all() -> [JobStep] {
    var steps: [JobStep] = []
    if scope.touchesLive {
      let memory = memorySteps()
      if !memory.isEmpty {
        steps += affinitySteps(widened: true) + memory
        steps.append(JobStep("check memory", .checkMemory, deadlineMilliseconds: 30_000))
      }
      steps += affinitySteps(widened: false) + cputuneSteps(scope: .live)
    }
    if scope.touchesConfig, guest.persistent, libvirtAnswers { steps += configSteps() }
    steps.append(JobStep("verify", .verify, deadlineMilliseconds: 30_000))
    return steps
  }

  // MARK: Affinity

  private func affinitySteps(widened: Bool) -> [JobStep] {
    driver == .libvirt ? libvirtAffinity(widened: widened) : kernelAffinity(widened: widened)
  }

  private func libvirtAffinity(widened: Bool) -> [JobStep] {
    let uuid = guest.id.text
    let word = widened ? "widen" : "pin"
    var steps: [JobStep] = []
    for pin in desired.vcpus {
      let old = before.cpuset(ofVCPU: pin.vcpu) ?? fallback
      guard widened ? !pin.cpuset.isSubset(of: old) : true else { continue }
      let target = widened ? pin.cpuset.union(old) : pin.cpuset
      steps.append(
        JobStep(
          "\(word) vcpu \(pin.vcpu)", .act(.libvirt(domain: uuid, .pinVCPU(pin.vcpu, target, .live))),
          undo: .libvirt(domain: uuid, .pinVCPU(pin.vcpu, old, .live))))
    }
    if let emulator = desired.emulator {
      let old = before.emulator ?? fallback
      if !widened || !emulator.isSubset(of: old) {
        let target = widened ? emulator.union(old) : emulator
        steps.append(
          JobStep(
            "\(word) emulator", .act(.libvirt(domain: uuid, .pinEmulator(target, .live))),
            undo: .libvirt(domain: uuid, .pinEmulator(old, .live))))
      }
    }
    for pin in desired.iothreads where !widened {
      let old = before.cpuset(ofIOThread: pin.iothread) ?? fallback
      steps.append(
        JobStep(
          "pin iothread \(pin.iothread)", .act(.libvirt(domain: uuid, .pinIOThread(pin.iothread, pin.cpuset, .live))),
          undo: .libvirt(domain: uuid, .pinIOThread(pin.iothread, old, .live))))
    }
    return steps
  }

  private func kernelAffinity(widened: Bool) -> [JobStep] {
    guard let incarnation = guest.incarnation else { return [] }
    var now: [ThreadAffinity] = []
    var old: [ThreadAffinity] = []
    for thread in guest.threads {
      guard let wanted = desired.cpuset(of: thread.role) else { continue }
      now.append(ThreadAffinity(tid: thread.tid, cpuset: widened ? wanted.union(thread.cpusAllowed) : wanted))
      let recorded = isHalfWay ? before.cpuset(of: thread.role) : nil
      old.append(ThreadAffinity(tid: thread.tid, cpuset: recorded ?? thread.cpusAllowed))
    }
    guard !now.isEmpty else { return [] }
    return [
      JobStep(
        "\(widened ? "widen" : "pin") \(now.count) threads",
        .act(.kernel(incarnation, .setAffinity(now, widensCgroup: guest.kind.isDomain))),
        undo: .kernel(incarnation, .setAffinity(old, widensCgroup: guest.kind.isDomain)))
    ]
  }

  /// What a thread without a pin of its own has in libvirt.
  private var fallback: CPUSet {
    guest.defaultCPUSet ?? guest.threads.reduce(into: CPUSet()) { $0.formUnion($1.cpusAllowed) }
  }

  // MARK: Memory

  /// Steps that move what is not where it should be; none when all of it is.
  func memorySteps() -> [JobStep] {
    // libvirt's live nodeset puts all guest cells on the same cells, so it serves only a wish that wants just that.
    let isWhole = NodeSet(desired.memory.map(\.cell)).count <= 1
    let usesLibvirt = driver == .libvirt && guest.movability.class == .liveMemory && isWhole
    var steps: [JobStep] = []
    if usesLibvirt, let nodeset = desired.numatune?.nodeset ?? wishedNodeset {
      let record = guest.live.numatune
      if record?.nodeset != nodeset {
        // An untuned guest becomes strict by its first nodeset unless the mode is sent with it.
        let old = record?.nodeset ?? NodeSet(before.memory.map(\.cell))
        steps.append(
          JobStep(
            "numatune nodeset \(nodeset)",
            .act(.libvirt(domain: guest.id.text, .setNumatune(mode: .restrictive, nodeset: nodeset, .live))),
            undo: old.isEmpty
              ? nil : .libvirt(domain: guest.id.text, .setNumatune(mode: .restrictive, nodeset: old, .live)),
            deadlineMilliseconds: memoryDeadline))
        return steps
      }
    }
    guard let incarnation = guest.incarnation else { return [] }
    for target in desired.memory where guest.memoryElsewhere(than: target) > 0 {
      steps += pageSteps(target, incarnation)
    }
    return steps
  }

  private var wishedNodeset: NodeSet? {
    desired.memory.isEmpty ? nil : NodeSet(desired.memory.map(\.cell))
  }

  /// migrate_pages where a whole host cell may be emptied of the guest; move_pages over the mapping where another
  /// guest cell shares the cell and must stay, or is on the target already and must not come along on the way back.
  private func pageSteps(_ target: GuestCellPlacement, _ incarnation: Incarnation) -> [JobStep] {
    let from = NodeSet(
      guest.residency(ofGuestCell: target.guestCell).filter { $0.pages > 0 && $0.cell != target.cell }.map(\.cell))
    let hasCompany = guest.cellsToPlace.contains { other in
      guard other.id != target.guestCell else { return false }
      let stays = desired.cell(ofGuestCell: other.id) != target.cell
      return guest.residency(ofGuestCell: other.id).contains {
        $0.pages > 0 && ((stays && from.contains($0.cell)) || $0.cell == target.cell)
      }
    }
    let old = before.cell(ofGuestCell: target.guestCell)
    if !hasCompany {
      return [
        JobStep(
          "migrate pages of guest cell \(target.guestCell) from \(from) to \(target.cell)",
          .act(.kernel(incarnation, .migratePages(from: from, to: target.cell))),
          undo: old.map { .kernel(incarnation, .migratePages(from: [target.cell], to: $0)) },
          deadlineMilliseconds: memoryDeadline)
      ]
    }
    return guest.regions.filter { $0.guestCell == target.guestCell }.map { region in
      // A mapping has pages of one size; a hugetlb one moves page by huge page.
      let pageSize = region.residency.first?.pageSize ?? .base
      func move(to cell: Int) -> Effect {
        .kernel(incarnation, .movePages(start: region.start, size: region.size, pageSize: pageSize, to: cell))
      }
      return JobStep(
        "move mapping of guest cell \(target.guestCell) to \(target.cell)", .act(move(to: target.cell)),
        undo: old.map { move(to: $0) }, deadlineMilliseconds: memoryDeadline)
    }
  }

  // MARK: Tuning and config

  private func cputuneSteps(scope: Scope) -> [JobStep] {
    guard !desired.cputune.parameters.isEmpty else { return [] }
    let old = before.cputune.restricted(to: desired.cputune, defaultShares: defaultShares)
    if driver == .libvirt {
      return [
        JobStep(
          "cputune", .act(.libvirt(domain: guest.id.text, .setScheduler(desired.cputune, scope))),
          undo: old.parameters.isEmpty ? nil : .libvirt(domain: guest.id.text, .setScheduler(old, scope)))
      ]
    }
    guard let incarnation = guest.incarnation else { return [] }
    // Of a process nobody has recorded what it had.
    let known = guest.kind.isDomain && !old.parameters.isEmpty
    return [
      JobStep(
        "cputune", .act(.kernel(incarnation, .setCPUTune(desired.cputune))),
        undo: known ? .kernel(incarnation, .setCPUTune(old)) : nil)
    ]
  }

  private func configSteps() -> [JobStep] {
    let uuid = guest.id.text
    var steps: [JobStep] = []
    let config = guest.config ?? Pinning()
    func add(_ name: String, _ effect: LibvirtEffect, undo: LibvirtEffect?) {
      steps.append(
        JobStep(
          "config \(name)", .act(.libvirt(domain: uuid, effect)), undo: undo.map { .libvirt(domain: uuid, $0) }))
    }
    // What an agent before this one has written already is written again, so that it can be taken back.
    let old = isHalfWay ? configBefore ?? config : config
    for pin in desired.vcpus
    where config.cpuset(ofVCPU: pin.vcpu) != pin.cpuset || old.cpuset(ofVCPU: pin.vcpu) != pin.cpuset {
      let back = old.cpuset(ofVCPU: pin.vcpu) ?? fallback
      add("vcpupin \(pin.vcpu)", .pinVCPU(pin.vcpu, pin.cpuset, .config), undo: .pinVCPU(pin.vcpu, back, .config))
    }
    if let emulator = desired.emulator, config.emulator != emulator || old.emulator != emulator {
      add("emulatorpin", .pinEmulator(emulator, .config), undo: .pinEmulator(old.emulator ?? fallback, .config))
    }
    for pin in desired.iothreads
    where config.cpuset(ofIOThread: pin.iothread) != pin.cpuset || old.cpuset(ofIOThread: pin.iothread) != pin.cpuset {
      let back = old.cpuset(ofIOThread: pin.iothread) ?? fallback
      add(
        "iothreadpin \(pin.iothread)", .pinIOThread(pin.iothread, pin.cpuset, .config),
        undo: .pinIOThread(pin.iothread, back, .config))
    }
    if let numatune = desired.numatune {
      let record = old.numatune ?? NUMATune()
      add("numatune", .defineNumatune(numatune.over(record)), undo: .defineNumatune(record))
    }
    if !desired.cputune.parameters.isEmpty {
      let back = old.cputune.restricted(to: desired.cputune, defaultShares: defaultShares)
      add(
        "cputune", .setScheduler(desired.cputune, .config),
        undo: back.parameters.isEmpty ? nil : .setScheduler(back, .config))
    }
    return steps
  }
}

extension CPUTune {
  /// The values of the parameters that the other one sets, so that exactly those can be put back; the kernel's defaults
  /// where nothing was set.
  func restricted(to other: CPUTune, defaultShares: Int) -> CPUTune {
    func old(_ now: Int?, _ wanted: Int?, default fallback: Int) -> Int? { wanted == nil ? nil : now ?? fallback }
    let (period, noQuota) = (100_000, -1)
    return CPUTune(
      shares: old(shares, other.shares, default: defaultShares),
      vcpuPeriod: old(vcpuPeriod, other.vcpuPeriod, default: period),
      vcpuQuota: old(vcpuQuota, other.vcpuQuota, default: noQuota),
      globalPeriod: old(globalPeriod, other.globalPeriod, default: period),
      globalQuota: old(globalQuota, other.globalQuota, default: noQuota),
      emulatorPeriod: old(emulatorPeriod, other.emulatorPeriod, default: period),
      emulatorQuota: old(emulatorQuota, other.emulatorQuota, default: noQuota),
      iothreadPeriod: old(iothreadPeriod, other.iothreadPeriod, default: period),
      iothreadQuota: old(iothreadQuota, other.iothreadQuota, default: noQuota))
  }
}
