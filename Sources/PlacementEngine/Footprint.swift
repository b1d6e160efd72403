import Fleet
import NUMA

/// What one running guest holds of its host: CPUs of its own, floating load, and memory by cell.
///
/// Read from what the kernel shows (thread masks, pages by cell) and from libvirt's record only where the kernel
/// has nothing to say. All arrays are in the order of the host's cells.
struct Footprint: Sendable {
  let guest: GuestID
  /// The vcpus up to the maximum, ascending; the threads of a process that has none.
  let vcpus: [VCPUMask]
  /// CPUs that vcpus have each for itself: the only one of its mask, and in no other's mask. Where other vcpus share,
  /// the emulator must keep off them too, as it does when we placed it: otherwise nobody can tell what was meant. Nil
  /// where there is none.
  let dedicated: CPUSet?
  /// Whether that holds for every online vcpu: pinned 1:1.
  let isDedicated: Bool
  /// Thousandths of a vcpu that run on each cell when every other vcpu spreads evenly over its mask.
  let load: [Int]
  /// The part of `load` that has no other cell to go to: 1000 for each vcpu that is held to this one.
  let confined: [Int]
  /// Each guest cell's resident KiB of RAM on each cell.
  let resident: [[Int]]
  /// Memory of each guest cell in KiB.
  let memory: [Int]
  /// KiB that the guest shall have on each cell once it has touched all its memory: `memory` in the proportions of
  /// `resident`, or where it is bound while nothing is resident.
  let committed: [Int]
  /// The only cell that each guest cell may have memory on, where numatune leaves just one.
  let bound: [Int?]
  let pageSize: PageSize

  /// One vcpu and where it may run.
  struct VCPUMask: Sendable {
    let vcpu: Int
    let online: Bool
    /// Nil where nothing confines it.
    let mask: CPUSet?

    /// Whether it has one of these CPUs for itself, or finds it when it is plugged.
    func owns(of dedicated: CPUSet?) -> Bool {
      guard let dedicated, let mask else { return false }
      return mask.count == 1 && mask.isSubset(of: dedicated)
    }
  }

  /// The footprint of a guest that runs; nil for one that does not.
  init?(of guest: Guest, on topology: HostTopology) {
    guard guest.isRunning else { return nil }
    self.guest = guest.id
    pageSize = guest.pageSize
    vcpus = guest.vcpuMasks
    let dedicated = Self.ownCPUs(vcpus, emulator: guest.emulatorMask)
    self.dedicated = dedicated
    let floating = vcpus.filter { !$0.owns(of: dedicated) }
    isDedicated = dedicated != nil && !floating.contains { $0.online }
    (load, confined) = Self.load(floating, on: topology)
    let cells = guest.boundedCells
    memory = cells.map { Amounts.bounded($0.memory) }
    resident = guest.residentByGuestCell(cells, on: topology)
    let allowed = cells.map { guest.boundWeights(of: $0.id, on: topology) }
    bound = allowed.map { $0.reduce(0, +) == 1 ? $0.firstIndex(of: 1) : nil }
    var committed = topology.cells.map { _ in 0 }
    for (index, amount) in memory.enumerated() {
      let weights = resident[index].contains { $0 > 0 } ? resident[index] : allowed[index]
      let total = weights.reduce(0, +)
      for cell in committed.indices { committed[cell] += Amounts.share(of: amount, part: weights[cell], total: total) }
    }
    self.committed = committed
  }

  /// Resident KiB on one cell, all guest cells.
  func resident(onCellAt index: Int) -> Int { resident.reduce(0) { $0 + $1[index] } }

  /// The cell that holds most of a guest cell's memory, the lowest of equals; where it is bound when none is resident.
  func home(ofGuestCellAt index: Int) -> Int? {
    guard let most = resident[index].max(), most > 0 else { return bound[index] }
    return resident[index].firstIndex(of: most)
  }

  private static func ownCPUs(_ vcpus: [VCPUMask], emulator: CPUSet?) -> CPUSet? {
    var single = CPUSet()
    var shared = CPUSet()
    for vcpu in vcpus where vcpu.online {
      guard let mask = vcpu.mask, !mask.isEmpty else { return nil }
      if mask.count == 1, mask.isDisjoint(with: single) { single.formUnion(mask) } else { shared.formUnion(mask) }
    }
    var own = single.subtracting(shared)
    if !shared.isEmpty {
      guard let emulator else { return nil }
      shared.formUnion(emulator)
      own = own.subtracting(emulator)
    }
    if own.isEmpty { return nil }
    // An offline vcpu with a CPU of its own finds it when it is plugged, so nobody else may have it.
    for vcpu in vcpus where !vcpu.online {
      if let mask = vcpu.mask, mask.count == 1, mask.isDisjoint(with: shared) { own.formUnion(mask) }
    }
    return own
  }

  private static func load(_ vcpus: [VCPUMask], on topology: HostTopology) -> (all: [Int], confined: [Int]) {
    let allowed = topology.allowed.intersection(topology.cpus)
    var load = topology.cells.map { _ in 0 }
    var confined = load
    var lastMask: CPUSet?
    var shares = load
    for vcpu in vcpus where vcpu.online {
      let mask = vcpu.mask ?? allowed
      if mask != lastMask {
        let width = mask.intersection(topology.cpus).count
        shares = topology.cells.map { width == 0 ? 0 : 1000 * mask.intersection($0.cpus).count / width }
        lastMask = mask
      }
      for index in load.indices {
        load[index] += shares[index]
        if shares[index] == 1000 { confined[index] += 1000 }
      }
    }
    return (load, confined)
  }
}
